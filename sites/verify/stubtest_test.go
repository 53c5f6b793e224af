// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"path/filepath"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// TestStubTests changes a stub's test for NULL: another register, width, field
// or bit of CR, or kind of branch.
func TestStubTests(t *testing.T) {
	dir := buildForms(t)
	const compare, branch = 8, 12 // bytes from the start of __SCJ__null
	for _, linker := range []string{"bfd", "lld"} {
		sound := readFile(t, filepath.Join(dir, linker+".exe"))
		for _, c := range []struct {
			text string
			off  int64
			w    ppc64.Word
			what string // empty: as good as the original
		}{
			{"cmpldi r12,0", compare, 0x282c0000, ""},
			{"cmpdi cr1,r12,0", compare, 0x2cac0000, "has an instruction that no stub has"},
			{"cmpwi r12,0", compare, 0x2c0c0000, "has an instruction that no stub has"},
			{"cmpdi r12,1", compare, 0x2c2c0001, "has an instruction that no stub has"},
			{"cmpdi r11,0", compare, 0x2c2b0000, "has a branch whose condition is not known"},
			{"beqlr+", branch, 0x4de20020, ""},
			{"bltlr", branch, 0x4d800020, "has a branch whose condition is not known"},
			{"bgtlr", branch, 0x4d810020, "has a branch whose condition is not known"},
			{"bsolr", branch, 0x4d830020, "has a branch whose condition is not known"},
			{"beqlr cr1", branch, 0x4d860020, "has a branch whose condition is not known"},
			{"bnelr", branch, 0x4c820020, "does not go through the key"},
			{"beqlrl", branch, 0x4d820021, "makes a call"},
			{"beqctr", branch, 0x4d820420, "jumps to a place that nothing names"},
		} {
			t.Run(linker+"/"+c.text, func(t *testing.T) {
				d := newMutableFile(t, sound)
				d.word("__SCJ__null", c.off, c.w)
				r, err := check(d.b, Options{User: true})
				switch {
				case err != nil:
					t.Fatal(err)
				case c.what == "" && len(r.Faults) > 0:
					t.Errorf("%v", &r.Faults[0])
				case c.what != "":
					wantFault(t, r, "v_null+0x18", c.what)
				}
			})
		}
	}
}
