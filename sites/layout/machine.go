// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

// CheckMachine returns an error unless the file is for a 64-bit Power processor.
func CheckMachine(f *elfrw.File) error {
	if m := elf.Machine(f.Header().Machine); m != elf.EM_PPC64 {
		return errkind.WrongMachine.Errorf("machine is %v, want EM_PPC64 (compile for powerpc64le)", m)
	}
	return nil
}

// CheckABI returns an error if e_flags names an ABI other than ELFv2 (ELFv2 §4.1: the
// low two bits are its version, and 0 leaves it open).
func CheckABI(f *elfrw.File) error {
	if flags := f.Header().Flags; flags&3 != 0 && flags&3 != 2 {
		return errkind.WrongMachine.Errorf("e_flags is 0x%x: ABI version %d, want 2 (compile with -mabi=elfv2)", flags, flags&3)
	}
	return nil
}
