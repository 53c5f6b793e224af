// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// wrongCases are variants of wrong.S with the other errors corrected.
var wrongCases = []sourceCase{
	{name: "far", edits: rightBut(), want: []string{"v_far+0x18: the entry's stub __SCJ__far is out of reach"}, opts: inUser, both: true},
	{name: "far, through the key", edits: rightBut(`"bl f_hidden", ld`, `"bl __SCS__far", ld`, "savestub right\n", "savestub right\n__SCS__far: std 2,24(1)\n\taddis 12,2,__SCK__far@toc@ha\n\tld 12,__SCK__far@toc@l(12)\n\tmtctr 12\n\tbctr\n"), opts: inUser},
	{name: "far, a constant", edits: rightBut("hiddenkey far, f_hidden", "hiddenkey far, 0", `"bl f_hidden", ld`, "nop, ld", "\tld 12,__SCK__far@toc@l(12)\n", "\tld 12,__SCK__far@toc@l(12)\n\tcmpdi 12,0\n\tbeqlr\n"), opts: inUser,
		want: []string{"v_far+0x18: the entry's stub __SCJ__far is out of reach"}},
}

func rightBut(edits ...string) []string {
	return append([]string{"beq v_entered.site+4", "beqlr", "v_table.site+4", "v_table.site", "\tmflr 31\n", "\tframe\n", "\tmtlr 31\n\tblr", "\tunframe"}, edits...)
}

func TestWrongCases(t *testing.T) {
	testSource(t, "wrong.S", wrongCases, &linking{words: strings.Fields("-nostdlib -static -Wl,-e,v_right -Wl,-Ttext=0x10010000,--section-start=.far=0x20000000")})
}

// TestWrong wants sites refused whose parts are each right, in the object and
// in the image from either linker, with the same verdict.
func TestWrong(t *testing.T) {
	tooltest.Need(t, gcc)
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
		"v_entered":   "something other than the call may lead to the restore after it",
		"v_table":     "something other than the call may lead to the restore after it",
		"v_frameless": "r2 is saved where the function may have no frame of its own",
		"v_far":       "the entry's stub __SCJ__far is out of reach",
	}
	for _, name := range []string{"wrong.o", "bfd", "lld"} {
		want := len(faults)
		if name == "wrong.o" {
			want-- // the distance is known only after the link
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
