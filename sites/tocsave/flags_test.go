// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// TestFlags tests what a verdict says besides whether the call is proven. The
// sources name what is true of each call, or none of it with "-".
func TestFlags(t *testing.T) {
	// Two frames: from the place where they meet on, nothing is known but that r1
	// points to a frame.
	const met = frame + "beq l\nstdu r1,-64(r1)\nl:\n"
	// alloca and the end of its scope, after a place that is entered in an unknown state.
	scope := func(end, want string) string {
		return "nop\ng:\nnop\n" + frame + "mr r30,r1\nbeq l\nnop\nl:\nstdux r0,r1,r9\nbl f | " + want + "\nmr r1,r30\nbl f | " + want + "\n" + end
	}
	for _, c := range []struct {
		rule
		labels string
	}{
		{rule: rule{name: "frame", text: "bl f | again\n" + frame + "bl f | frame\naddi r1,r1,96\nblr"}},
		{rule: rule{name: "r1 from a variable", text: frame + "ld r1,40(r1)\nbl f | frame\nblr"}},
		{rule: rule{name: "r1 from the back chain", text: frame + "ld r1,0(r1)\nbl f | -\nblr"}},
		{rule: rule{name: "r1 from a variable, without a frame", text: "ld r1,40(r1)\nbl f | -\nblr"}},
		{rule: rule{name: "r1 from a copy on one path", text: frame + "beq l\nmr r31,r1\nl:\nmr r1,r31\nbl f | frame\nblr"}},
		{rule: rule{name: "the same after alloca", text: frame + "beq l\nmr r31,r1\nl:\nstdux r0,r1,r9\nmr r1,r31\nbl f | frame\nblr"}},
		{rule: rule{name: "two frames meet", text: met + "bl f | frame\nblr"}},
		{rule: rule{name: "r1 below them", text: met + "addi r1,r1,-64\nbl f | frame\nblr"}},
		{rule: rule{name: "r1 set to its own value there", text: met + "mr r31,r1\nmr r1,r31\nbl f | frame\nblr"}},
		{rule: rule{name: "r1 above them", text: met + "addi r1,r1,64\nbl f | -\nblr"}},
		{rule: rule{name: "r1 from before them", text: "addi r31,r1,-16\n" + met + "mr r1,r31\nbl f | -\nblr"}},
		{rule: rule{name: "a word after an instruction and after its suffix", unknown: "l", text: saved + ".long 0x06000000\nl:\n.long 0x38630001\nbl f | -\nblr"}},
		{rule: rule{name: "a label", text: frame + "beq j\nblr\nl:\nbl f | entered frame\nx:\nblr\nj:\nbctr"}, labels: "l x"},
		{rule: rule{name: "a call with another r2 at a label", text: frame + "li r2,0\nl:\nbl f | entered frame\nbctr"}, labels: "l"},
		{rule: rule{name: "a label, and a branch without the frame", text: "beq j\n" + frame + "beq j2\nblr\nl:\nbl f | entered\nx:\nblr\nj2:\nbctr\nj:\nbctr"}, labels: "l x"},
		{rule: rule{name: "alloca after a place that may be entered", unknown: "g", text: scope("blr", "again frame")}},
		{rule: rule{name: "alloca after a label", text: scope("blr", "again frame")}, labels: "g"},
		{rule: rule{name: "alloca after a label, and an indirect branch", text: scope("bctr", "again entered frame")}, labels: "g"},
		{rule: rule{name: "the first word", entry: 9, text: "bl f | again\n" + frame + "bl f | frame\nblr"}},
		{rule: rule{name: "back to a prefix that is the first word", entry: 9, text: "e:\npaddi r3,r0,1\nbeq l\nbl f | again\nb e\nl:\n" + frame + "bl f | frame\nblr"}},
		{rule: rule{name: "the last word", entry: 9, text: frame + "bl f | entered frame"}},
	} {
		p := assemble(t, c.text)
		f := c.fn(p)
		for _, name := range strings.Fields(c.labels) {
			f.Labels = append(f.Labels, p.at(name))
		}
		var calls []uint64
		for _, off := range p.calls {
			calls = append(calls, off+8)
		}
		for i, v := range Analyse(f, calls) {
			var flags []string
			for _, flag := range []struct {
				name string
				set  bool
			}{{"again", v.Again}, {"entered", v.Entered}, {"frame", v.Frame}} {
				if flag.set {
					flags = append(flags, flag.name)
				}
			}
			if got := strings.Join(flags, " "); got != strings.Trim(p.want[i], "-") {
				t.Errorf("%s: call at %#x: %q, want %q", c.name, calls[i], got, p.want[i])
			}
		}
	}
}

// TestRounds tests how many rounds look for calls that may not keep the slot.
// In each round one call is found, which makes a store invalidate the slot of
// the next. After the last round no call keeps it.
func TestRounds(t *testing.T) {
	for found, want := range map[int]string{
		maxRounds - 1: "yes",
		maxRounds:     "the call at {z} may return again after 24(r1) has changed",
	} {
		var text strings.Builder
		text.WriteString(saved)
		for i := range found {
			fmt.Fprintf(&text, "beq t%d\n", i)
		}
		const leave = "addi r1,r1,96\nblr\n"
		text.WriteString("z:\nbl f | " + want + "\n" + leave + "k:\nstd r3,24(r1)\nbl g\n" + leave)
		before := "k"
		for i := range found {
			fmt.Fprintf(&text, "t%d:\nbl f\nbeq %s\nk%d:\nld r7,24(r1)\nstd r7,24(r1)\nbl g\n%s", i, before, i, leave)
			before = fmt.Sprintf("k%d", i)
		}
		p := assemble(t, text.String())
		p.check(t, fmt.Sprintf("%d rounds", found), p.fn())
	}
}

// TestFirstCallRestored tests a call in the first word, which only a jump
// reaches, and which may return again. Its restore has the slot as the call
// left it; what follows does not.
func TestFirstCallRestored(t *testing.T) {
	f := &Func{Entry: 4, Code: code(
		blFar, ppc64.RestoreTOC, blFar, 0x48000010, // b .+16
		stduFrame, ppc64.SaveTOC, 0x4e800420, // bctr
		stduFrame, ppc64.Blr)}
	f.End = uint64(len(f.Code))
	f.Jumps = map[uint64][]uint64{24: {0}}
	if v := Analyse(f, []uint64{8})[0]; v.Proven || v.At != 0 || v.Reason != (why{again, 0}).text() {
		t.Errorf("%+v", v)
	}
}
