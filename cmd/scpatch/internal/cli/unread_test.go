// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
)

// TestUnreadFiles gives every command an object whose relocations it does not read,
// and objects with a second copy of the code. All refuse; none changes the file.
func TestUnreadFiles(t *testing.T) {
	for _, c := range []struct {
		name, object, section string
		typ                   uint32
		want                  string
	}{
		{"crel.o", "gcc-p8-O2-sites.o", ".rela.text", 0x40000014, `section ".rela.text": relocations of type SHT_CREL are not read`},
		{"rel.o", "gcc-p8-O2-sites.o", ".rela.data.rel", 9, `section ".rela.data.rel": relocations of type SHT_REL are not read`},
		{"new.o", "gcc-p8-O2-sites.o", ".rela.text", 0x61234567, `section ".rela.text": sections of the unknown type 0x61234567`},
		{"slim.o", "bad-slimlto.o", "", 0, "a slim LTO object has no code"},
		{"fat.o", "odd-fatlto.o", "", 0, "a second copy of the code"},
	} {
		b := clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", c.object))
		if c.section != "" {
			f, err := elfrw.New(b)
			if err != nil {
				t.Fatal(err)
			}
			s, ok := f.SectionByName(c.section)
			if !ok {
				t.Fatalf("no section %s", c.section)
			}
			b = slices.Clone(b)
			binary.LittleEndian.PutUint32(b[f.Header().Shoff+uint64(s.Index)*64+4:], c.typ)
		}
		path := filepath.Join(t.TempDir(), c.name)
		clitest.WriteFile(t, path, b)
		for _, args := range [][]string{
			nil, {"-n"}, {"--user"}, {"--module"}, {"--runtime=none"}, {"list"}, {"list", "--user", "--json"}, {"verify"}, {"verify", "--user"},
		} {
			_, errs, code := runCommand(append(slices.Clone(args), path)...)
			if code != exitInput || !strings.Contains(errs, c.want) {
				t.Errorf("%v %s: exit %d: %s, want %s", args, c.name, code, errs, c.want)
			}
		}
		if after, err := os.ReadFile(path); err != nil || !slices.Equal(after, b) {
			t.Errorf("%s has changed (%v)", c.name, err)
		}
	}
}

// TestE2EFatLTO does what the message about a fat LTO object says, and wants the
// patched code in a program that is linked with -flto.
func TestE2EFatLTO(t *testing.T) {
	w := newWorkshop(t)
	want := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc.txt")))
	objects := []string{"main.o", "calls.o", "keys.o", "targets.o"}
	for _, o := range objects {
		w.object(o, "gcc-p8-O2", "usc_"+strings.TrimSuffix(o, ".o")+".c", "-fPIE", "-flto", "-ffat-lto-objects")
	}
	calls := filepath.Join(w.dir, "calls.o")
	_, errs, code := runCommand("--user", "--runtime=none", calls)
	_, advice, ok := strings.Cut(errs, "or remove it: ")
	if code != exitInput || !ok {
		t.Fatalf("exit %d: %s", code, errs)
	}
	advice, _, _ = strings.Cut(advice, " [")
	execute(t, w.dir, []string{"sh", "-c", "powerpc64le-linux-gnu-" + advice + " calls.o"})
	scpatch(t, mode{"none", []string{"--user", "--runtime=trampoline"}}, calls)
	lto := slices.Concat(w.compilers["gcc-p8-O2"], []string{"-fPIE", "-flto", "-pie"}, objects, []string{"-o", "program"})
	execute(t, w.dir, lto)
	if got := w.execute(t, "./program"); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	if out := string(execute(t, w.dir, []string{"powerpc64le-linux-gnu-objdump", "-d", "program"})); !strings.Contains(out, "<__SCS__usc_op>") {
		t.Error("no call of a stub is left in the program")
	}
}
