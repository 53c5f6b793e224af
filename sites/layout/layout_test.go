// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// TestColdParent tests the names that GCC and LLVM give to cold parts, and
// others.
func TestColdParent(t *testing.T) {
	for name, want := range map[string]string{
		"f.cold": "f", "f.cold.3": "f", "f.part.0.cold": "f.part.0", "f.cold.12.x": "f",
		"f": "", "f.colder": "", "f.cold0": "", ".cold": "", ".cold.1": "", "": "", "cold": "",
	} {
		parent, ok := ColdParent(name)
		if ok != (want != "") || ok && parent != want {
			t.Errorf("%s: %q, %v", name, parent, ok)
		}
	}
	if KeyField(8) != 4 || KeyField(16) != 8 {
		t.Errorf("keys are at %d and %d", KeyField(8), KeyField(16))
	}
}

// TestParents checks that several functions of a name must agree on r2.
func TestParents(t *testing.T) {
	other := func(l ppc64.LocalEntry) uint8 { return l.SetOther(2) } // STV_HIDDEN, which must not matter
	for _, c := range []struct {
		name   string
		others []uint8
		uses   bool
		known  bool
	}{
		{"none", nil, false, false},
		{"one entry", []uint8{other(0)}, false, true},
		{"one entry, r2 changed", []uint8{other(1)}, false, true},
		{"two entries", []uint8{other(3)}, true, true},
		{"the same twice", []uint8{other(3), other(3)}, true, true},
		{"other distances", []uint8{other(2), other(4)}, true, true},
		{"r2 used by one of two", []uint8{other(3), other(0)}, false, false},
		{"r2 changed by one of two", []uint8{other(0), other(1)}, false, false},
		{"r2 used by two of three", []uint8{other(3), other(0), other(3)}, false, false},
		{"reserved", []uint8{0xe0}, false, false},
		{"reserved first", []uint8{0xe0, other(0)}, false, false},
		{"reserved last", []uint8{other(0), 0xe0}, false, false},
	} {
		p := Parents{}
		p.Add("g", other(3))
		for _, o := range c.others {
			p.Add("f", o)
		}
		l, known := p.Entry("f")
		if known != c.known || known && l.UsesTOC() != c.uses {
			t.Errorf("%s: entry %d, known %v", c.name, l, known)
		}
	}
}
