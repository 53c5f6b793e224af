// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

// TestCheckHeader changes e_machine and e_flags of an object.
func TestCheckHeader(t *testing.T) {
	const machineField, flagsField = 18, 48 // byte offsets in the ELF header
	const foreign = "machine is EM_X86_64, want EM_PPC64 (compile for powerpc64le)"
	const abi = "e_flags is 0x%x: ABI version %d, want 2 (compile with -mabi=elfv2)"
	b, err := os.ReadFile("../../testdata/obj/gcc-p8-O2-sites.o")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		machine          elf.Machine
		flags            uint32
		machineErr, want string // empty for none
	}{
		{elf.EM_PPC64, 2, "", ""},
		{elf.EM_PPC64, 0, "", ""},
		{elf.EM_PPC64, 1, "", fmt.Sprintf(abi, 1, 1)},
		{elf.EM_PPC64, 3, "", fmt.Sprintf(abi, 3, 3)},
		{elf.EM_PPC64, 0x10, "", ""}, // the other bits say nothing about the ABI
		{elf.EM_PPC64, 0x12, "", ""},
		{elf.EM_PPC64, 0x15, "", fmt.Sprintf(abi, 0x15, 1)},
		{elf.EM_X86_64, 2, foreign, ""},
	} {
		binary.LittleEndian.PutUint16(b[machineField:], uint16(c.machine))
		binary.LittleEndian.PutUint32(b[flagsField:], c.flags)
		f, err := elfrw.New(b)
		if err != nil {
			t.Fatal(err)
		}
		for name, check := range map[string]struct {
			err  error
			want string
		}{"CheckMachine": {CheckMachine(f), c.machineErr}, "CheckABI": {CheckABI(f), c.want}} {
			got := ""
			if check.err != nil {
				got = check.err.Error()
			}
			if got != check.want || got != "" && errkind.Of(check.err) != errkind.WrongMachine {
				t.Errorf("%s, %v, flags 0x%x: %q, want %q", name, c.machine, c.flags, got, check.want)
			}
		}
	}
}

// TestRuntime tests the names of the run times, and other names and numbers.
func TestRuntime(t *testing.T) {
	for r, name := range map[Runtime]string{Inline: "inline", Trampoline: "trampoline", None: "none"} {
		if got, err := ParseRuntime(name); r.String() != name || got != r || err != nil {
			t.Errorf("%d is %q; %q is %d, %v", r, r, name, got, err)
		}
	}
	for r, name := range map[Runtime]string{3: "3", 255: "255"} {
		if r.String() != name {
			t.Errorf("%d is %q, want %q", uint8(r), r, name)
		}
	}
	for _, name := range []string{"", "Inline", "3", "none "} {
		if got, err := ParseRuntime(name); err == nil {
			t.Errorf("%q is %v, want an error", name, got)
		}
	}
}
