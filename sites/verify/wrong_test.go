// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestWrong wants sites refused of which each part is right, in the object and in
// what either linker makes of it: the verdict is the same.
func TestWrong(t *testing.T) {
	tool(t, gcc)
	src, err := filepath.Abs("testdata/wrong.S")
	if err != nil {
		t.Fatal(err)
	}
	dir := build(t, "verify-wrong", func(dir string) {
		execute(t, dir, gcc, "-c", src, "-o", "wrong.o")
		for name, link := range linkers {
			execute(t, dir, slices.Concat(link, []string{"-nostdlib", "-static", "-Wl,-e,v_right", "-Wl,-Ttext=0x10010000,--section-start=.far=0x20000000", "wrong.o", "-o", name})...)
		}
	})
	faults := map[string]string{
		"v_entered":   "something else than the call may lead to the restore behind it",
		"v_table":     "something else than the call may lead to the restore behind it",
		"v_frameless": "r2 is saved where the function may have no frame of its own",
		"v_far":       "the entry's stub __SCJ__far is out of reach",
	}
	for _, name := range []string{"wrong.o", "bfd", "lld"} {
		want := len(faults)
		if name == "wrong.o" {
			want-- // how far it will be shows when it is linked
		}
		r, err := check(readFile(t, filepath.Join(dir, name)), Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			if f := &r.Faults[i]; f.What != faults[f.Symbol] {
				t.Errorf("%s: %v", name, f)
			}
		}
		if len(r.Faults) != want || r.Sites != 5 {
			t.Errorf("%s: %d sites, %d faults, want %d", name, r.Sites, len(r.Faults), want)
		}
	}
}
