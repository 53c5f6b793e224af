// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// formSites is the number of sites in testdata/forms.S: those of the two tables,
// and the calls of stubs that are in none.
const (
	formSites     = 17
	unlistedSites = 2
)

// TestForms verifies every form in an object and in all that becomes of it.
func TestForms(t *testing.T) {
	dir := buildForms(t)
	for _, name := range shapes() {
		r, err := check(readFile(t, filepath.Join(dir, name)), Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			t.Errorf("%s: %v", name, &r.Faults[i])
		}
		// Those that go through the key are out, got, pcout, save and kept.
		if r.Sites != formSites || r.Direct != 7 {
			t.Errorf("%s: %d sites, %d direct", name, r.Sites, r.Direct)
		}
	}
}

// TestStubs verifies calls that need every kind of stub.
func TestStubs(t *testing.T) {
	dir := buildForms(t)
	for _, name := range append(slices.Collect(maps.Keys(farLinks)), "far.o") {
		r, err := check(readFile(t, filepath.Join(dir, name)), Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			t.Errorf("%s: %v", name, &r.Faults[i])
		}
		if r.Sites != 7 || r.Direct != 7 {
			t.Errorf("%s: %d sites, %d direct", name, r.Sites, r.Direct)
		}
	}
}

// TestFormsRun runs the programs: what is verified works.
func TestFormsRun(t *testing.T) {
	dir := buildForms(t)
	for _, name := range append(slices.Collect(maps.Keys(farLinks)), "bfd.exe", "bfd.pie", "bfd.so", "lld.exe", "lld.pie", "lld.so") {
		execute(t, dir, "qemu-ppc64le", "-cpu", "power10", "-L", "/usr/powerpc64le-linux-gnu", "./"+name)
	}
}

// TestStripped takes the symbols away. Where every name is gone a save cannot be
// proven, and whether a callee preserves r2 shows only in its first instructions;
// what does not depend on that is right as before.
func TestStripped(t *testing.T) {
	dir := buildForms(t)
	for _, name := range shapes()[1:] {
		out := build(t, "verify-stripped-"+name, func(out string) {
			execute(t, dir, "powerpc64le-linux-gnu-strip", "-o", filepath.Join(out, "stripped"), name)
		})
		r, err := check(readFile(t, filepath.Join(out, "stripped")), Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Sites != formSites-unlistedSites { // the stubs have no names
			t.Errorf("%s: %d sites", name, r.Sites)
		}
		var unproven []string
		for i := range r.Faults {
			f := &r.Faults[i]
			if !strings.HasPrefix(f.What, "restores r2 without a save: ") {
				t.Errorf("%s: %v", name, f)
			}
			unproven = append(unproven, f.Symbol)
		}
		if len(unproven) == 0 && filepath.Ext(name) != ".so" {
			t.Errorf("%s: every save is proven without symbols", name)
		}
	}
}
