// SPDX-License-Identifier: BSD-3-Clause

package layout

import "testing"

// TestColdParent knows the cold parts as GCC and LLVM name them, and no others.
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
