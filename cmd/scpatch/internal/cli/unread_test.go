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

// TestUnreadFiles gives every command an object whose relocations are not read,
// and objects with a second copy of the code. All commands must fail, and none
// may change the file.
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
			if code != ExitInput || !strings.Contains(errs, c.want) {
				t.Errorf("%v %s: exit %d: %s, want %s", args, c.name, code, errs, c.want)
			}
		}
		if after, err := os.ReadFile(path); err != nil || !slices.Equal(after, b) {
			t.Errorf("%s has changed (%v)", c.name, err)
		}
	}
}
