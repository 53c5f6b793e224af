// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestVersions verifies a program that uses two versions of a key of a library.
func TestVersions(t *testing.T) {
	tooltest.Need(t, gcc, "ld.lld")
	src, err := filepath.Abs("testdata/versions.S")
	if err != nil {
		t.Fatal(err)
	}
	dir := build(t, "verify-versions", func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "map"), []byte("V1 { }; V2 { } V1;\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		execute(t, dir, gcc, "-c", src, "-o", "main.o")
		execute(t, dir, gcc, "-DLIBRARY", "-c", src, "-o", "lib.o")
		for name, link := range linkers {
			execute(t, dir, slices.Concat(link, []string{"-nostdlib", "-shared", "-Wl,--version-script=map", "lib.o", "-o", name + ".so"})...)
			execute(t, dir, slices.Concat(link, []string{"-nostdlib", "-pie", "-Wl,-e,v_old", "main.o", "./" + name + ".so", "-o", name})...)
		}
	})
	for name := range linkers {
		f, err := elfrw.New(readFile(t, filepath.Join(dir, name+".so")))
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(f, Options{User: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"__SCK__op@V1", "__SCK__op@V2", "__SCK__plain"} {
			if !slices.ContainsFunc(p.dynamic, func(s symbol) bool { return s.name == want }) {
				t.Errorf("%s.so: no symbol %s", name, want)
			}
		}
		b := readFile(t, filepath.Join(dir, name))
		r, err := check(b, Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			t.Errorf("%s: %v", name, &r.Faults[i])
		}
		if r.Sites != 2 {
			t.Errorf("%s: %d sites, want 2", name, r.Sites)
		}
		d := newDamage(t, b)
		d.branch("v_old.site", "__SCS__op", 0)
		if r, err = check(d.b, Options{User: true}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantFault(t, r, "v_old+0x14", "but the key holds something unknown here (it belongs to another unit)")
	}
}

func TestSameKey(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"op", "op", true}, {"op", "op@V1", true}, {"op@V1", "op", true}, {"op@V1", "op@V1", true},
		{"op@V1", "op@V2", false}, {"op", "ops", false}, {"op@V1", "oq@V1", false},
	} {
		if got := sameKey(c.a, c.b); got != c.want {
			t.Errorf("sameKey(%s, %s) is %v", c.a, c.b, got)
		}
	}
	if got := plainVersion("op@@V2"); got != "op@V2" {
		t.Errorf("plainVersion gives %s", got)
	}
}
