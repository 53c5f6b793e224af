// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/reloc"
)

// TestPatchedVerifies patches every committed object for every place and run
// time. verify must accept each output.
func TestPatchedVerifies(t *testing.T) {
	objects, err := filepath.Glob(clitest.RepoPath("testdata", "obj", "*.o"))
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range [][]string{
		nil, {"--module"}, {"--user", "--allow-shadow"}, {"--user", "--runtime=none"}, {"--runtime=trampoline"},
		{"--runtime=none"}, {"--module", "--runtime=none"}, {"--module", "--runtime=trampoline"}, {"--table-only"},
	} {
		t.Run(strings.Join(options, " "), func(t *testing.T) {
			shared := slices.DeleteFunc(slices.Clone(options), func(o string) bool { return o == "--allow-shadow" || o == "--table-only" })
			sites := 0
			for _, in := range objects {
				out := filepath.Join(t.TempDir(), filepath.Base(in))
				if _, _, code := runCommand(slices.Concat(options, []string{"-o", out, in})...); code > ExitKept {
					continue // rejected
				}
				said, errs, code := runCommand(slices.Concat([]string{"verify", "--json"}, shared, []string{out})...)
				if code != ExitDone {
					t.Errorf("%s: exit %d\n%s", in, code, errs)
					continue
				}
				var report struct{ Checked int }
				if err := json.Unmarshal([]byte(said), &report); err != nil {
					t.Fatal(err)
				}
				sites += report.Checked
			}
			if sites < 500 {
				t.Errorf("%d sites were checked", sites)
			}
		})
	}
}

// TestModuleOnTrampoline sends a site of a patched module back to its
// trampoline, for a key of the module and for one of the kernel.
func TestModuleOnTrampoline(t *testing.T) {
	b := clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", "module.o"))
	for _, key := range []string{"mod_op", "kernel_key"} {
		name := filepath.Join(t.TempDir(), "module.o")
		clitest.WriteFile(t, name, b)
		if _, errs, code := runCommand("--module", name); code != ExitDone {
			t.Fatalf("exit %d: %s", code, errs)
		}
		retarget(t, name, "__SCS__"+key, "__SCT__"+key)
		_, errs, code := runCommand("verify", name)
		if want := "the record says save-stub, found a call to __SCT__" + key; code != ExitInput || !strings.Contains(errs, want) {
			t.Errorf("exit %d, want %s\n%s", code, want, errs)
		}
	}
}

// retarget makes the first call to one symbol call another.
func retarget(t *testing.T, name, from, to string) {
	t.Helper()
	b := clitest.ReadFile(t, name)
	f, err := elf.NewFile(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	index := func(name string) uint32 {
		i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == name })
		return uint32(i + 1)
	}
	text := f.Section(".rela.text")
	for at := text.Offset; at < text.Offset+text.FileSize; at += reloc.RelaSize {
		if r := b[at+8:]; elf.R_PPC64(binary.LittleEndian.Uint32(r)) == elf.R_PPC64_REL24 && binary.LittleEndian.Uint32(r[4:]) == index(from) {
			binary.LittleEndian.PutUint32(r[4:], index(to))
			clitest.WriteFile(t, name, b)
			return
		}
	}
	t.Fatalf("%s: no call to %s", name, from)
}
