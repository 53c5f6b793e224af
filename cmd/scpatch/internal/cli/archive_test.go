// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
)

// TestCheckMembers reads back members that are not as planned, and one that is no
// longer an object.
func TestCheckMembers(t *testing.T) {
	member := func(name string, data []byte) string {
		pad := strings.Repeat("\n", len(data)%2)
		return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n%s%s", name, 0, 0, 0, "644", len(data), data, pad)
	}
	object := clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", "gcc-p8-O2-update.o"))
	f, err := elfrw.New(object)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := makePlan(f, sites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	image, err := new(patcher).apply(plan)
	if err != nil {
		t.Fatal(err)
	}
	var patched bytes.Buffer
	if _, err := image.WriteTo(&patched); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		second []byte
		want   string
	}{
		{patched.Bytes(), ""},
		{object, "y.o: "},
		{[]byte("text"), "y.o: not an ELF64 little-endian file"},
	} {
		a, err := elfrw.NewArchive([]byte("!<arch>\n" + member("x.o/", object) + member("y.o/", c.second)))
		if err != nil {
			t.Fatal(err)
		}
		err = checkMembers(a, map[int]filePlan{1: plan})
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("error is %v, want %q", err, c.want)
		}
	}
}

// TestGlobalsStay patches every object in all ways and checks that it still defines
// the same global symbols. So the index of an archive keeps its names, and a linker
// takes the same members.
func TestGlobalsStay(t *testing.T) {
	globals := func(f *elfrw.File) (names []string) {
		for i := f.FirstGlobal(); i < f.NumSymbols(); i++ {
			if s := f.Symbol(i); !s.Undefined() {
				names = append(names, string(f.SymbolName(s)))
			}
		}
		return names
	}
	objects, err := filepath.Glob(clitest.RepoPath("testdata", "obj", "*.*o"))
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, path := range objects {
		for _, place := range []sites.Place{sites.Kernel, sites.Module, sites.User} {
			for _, runtime := range []sites.Runtime{sites.Inline, sites.Trampoline, sites.None} {
				f, err := open(t.Context(), path)
				if err != nil {
					continue
				}
				plan, err := makePlan(f, sites.Options{Place: place, Runtime: runtime, AllowShadow: place == sites.User, ShadowStack: "stack"})
				if err != nil {
					continue
				}
				p := &patcher{strip: true}
				image, err := p.apply(plan)
				if err != nil {
					continue
				}
				var b bytes.Buffer
				if _, err := image.WriteTo(&b); err != nil {
					t.Fatal(err)
				}
				out, err := elfrw.New(b.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(globals(f), globals(out)); diff != "" {
					t.Errorf("%s, %v, %v:\n%s", path, place, runtime, diff)
				}
				if !image.Unchanged() {
					changed++
				}
				f.Close()
			}
		}
	}
	if changed < 200 {
		t.Errorf("%d objects were changed", changed)
	}
}
