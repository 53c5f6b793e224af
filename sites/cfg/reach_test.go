// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"slices"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// TestReach follows r30 backwards from an instruction of the second of three
// functions.
func TestReach(t *testing.T) {
	type code []ppc64.Word
	const (
		toc  = 0x800000
		high = 0x3fc20001 // addis r30,r2,1
		rare = 0x3fc20002 // addis r30,r2,2, which nothing reaches
		to9  = 0x3d220001 // addis r9,r2,1
		none = 0x3fc90001 // addis r30,r9,1
		near = 0x3bc20028 // addi r30,r2,40
		li   = 0x3bc00028 // li r30,40
		copy = 0x7d3e4b78 // mr r30,r9
		put  = 0xf9210028 // std r9,40(r1)
		put8 = 0xf9010028 // std r8,40(r1)
		get  = 0xebc10028 // ld r30,40(r1)
		x    = 0x7c832378 // mr r3,r4
		call = 0x48001001
		blr  = 0x4e800020
		pla  = 0x06100000 // the first word of pla
	)
	const h1, h2 = toc + 0x10000, toc + 0x20000
	b := func(n int) ppc64.Word { return 0x48000000 | ppc64.Word(n*4)&0x3fffffc }
	bc := func(n int) ppc64.Word { return 0x42000000 | ppc64.Word(n*4)&0xfffc } // bdnz
	for _, tt := range []struct {
		name    string
		before  ppc64.Word // the last instruction of the function before
		after   ppc64.Word // the first instruction of the function after
		cold    int        // which of the functions is a part
		entered []int
		pads    [][3]int // where, and the begin and the end of the code: instructions
		code    code
		at      int // an instruction
		left    int // steps, 0 for as many as usual
		want    []uint64
	}{
		{name: "made before", code: code{high, x, x}, at: 2, want: []uint64{h1}},
		{name: "made afterwards", code: code{x, x, high}, at: 2},
		{name: "made afterwards, in a loop to the entry", code: code{x, high, b(-2)}, at: 0, want: []uint64{h1}},
		{name: "entered from elsewhere", code: code{x, x, high}, at: 1, entered: []int{1}, want: []uint64{h1}},
		{name: "by a branch of the next function", after: bctr, code: code{x, x, high}, at: 1},
		{name: "a tail call", code: code{x, b(-2), high}, at: 0},
		{name: "a tail call of a part", cold: 1, code: code{x, b(-3), high}, at: 0, want: []uint64{h1}},
		{name: "a tail call of the part after it", cold: 3, code: code{x, b(2), high}, at: 0, want: []uint64{h1}},
		{name: "a tail call of the function after it", code: code{x, b(2), high}, at: 0},

		// A load from the frame.
		{name: "stored and loaded", code: code{to9, put, get, x, blr, rare}, at: 3, want: []uint64{h1}},
		{name: "a number like the displacement", code: code{to9, put, li, x, blr, rare}, at: 3},
		{name: "loaded, before a branch to after a call", code: code{put8, get, bc(3), high, call, x}, at: 5},
		{name: "loaded from where nothing is stored", code: code{x, get, bc(3), high, call, x}, at: 5},
		{name: "loaded from where it is stored, before a branch to after a call", code: code{to9, put, get, bc(3), high, call, x}, at: 6, want: []uint64{h1}},

		// Other instructions that write it.
		{name: "no high part", code: code{none, x, blr, rare}, at: 1},
		{name: "no high part, although from r2", code: code{near, x, blr, rare}, at: 1},
		{name: "copied from another, in a loop after a call", code: code{to9, call, copy, x, bc(-2), blr, rare}, at: 3, want: []uint64{h1}},
		{name: "copied from one without a high part", code: code{x, x, copy, x, blr, rare}, at: 3, entered: []int{1}},
		{name: "written by the first instruction, after a prefix of the function before", before: pla, code: code{li, x, high, b(-3)}, at: 1},

		// Loops and landing pads.
		{name: "a loop", code: code{high, x, bc(-1), x, blr, rare}, at: 3, want: []uint64{h1}},
		{name: "two loops", code: code{high, x, x, bc(-1), bc(-3), x, blr, rare}, at: 5, want: []uint64{h1}},
		{name: "a landing pad", pads: [][3]int{{4, 0, 8}}, code: code{high, call, blr, rare, x, blr, blr, blr}, at: 4, want: []uint64{h1, h2}},
		{name: "a landing pad after a branch", pads: [][3]int{{3, 0, 6}}, code: code{high, call, blr, x, blr, rare}, at: 3, want: []uint64{h1}},
		{name: "a landing pad of the function before too", pads: [][3]int{{3, -1, 6}}, code: code{high, call, blr, x, blr, rare}, at: 3, want: []uint64{h1, h2}},
		{name: "a landing pad of the function after too", pads: [][3]int{{3, 0, 7}}, code: code{high, call, blr, x, blr, rare}, at: 3, want: []uint64{h1, h2}},
		{name: "padding after a call of the function before", before: call, code: code{nop, x, li, bc(-2), high, bctr}, at: 1, want: []uint64{h1}},

		// Steps.
		{name: "enough steps", code: code{x, x, x, blr, high}, at: 2, left: 3},
		{name: "too few steps", code: code{x, x, x, blr, high}, at: 2, left: 2, want: []uint64{h1}},
		{name: "enough steps to find nothing by a return in doubt", code: code{li, call, x, bc(-1), blr, high}, at: 2, left: 3},
		{name: "enough steps for an indirect branch", code: code{x, x, x, high, bctr, rare, blr}, at: 2, left: 5, want: []uint64{h1}},
		{name: "too few steps for an indirect branch", code: code{x, x, x, high, bctr, rare, blr}, at: 2, left: 4, want: []uint64{h1, h2}},
	} {
		const start = 8
		all := slices.Concat(code{x, either(tt.before, x)}, tt.code, code{either(tt.after, x), x})
		end := uint64(start + 4*len(tt.code))
		y := &text{code: words(all...), funcs: []function{{end: start}, {start: start, end: end}, {start: end, end: end + 8}}}
		if tt.cold > 0 {
			y.funcs[tt.cold-1].cold = true
		}
		y.nest()
		for _, i := range tt.entered {
			y.entered = append(y.entered, uint64(start+4*i))
		}
		for _, p := range tt.pads {
			y.pads = append(y.pads, pad{uint64(start + 4*p[0]), uint64(start + 4*p[1]), uint64(start + 4*p[2])})
		}
		var im image
		h, ok := im.findHighs([]stretch{{y, start, end, toc}})
		if !ok {
			t.Fatal(tt.name)
		}
		w := newWays(y, 1, toc, &h, nil)
		if tt.cold == 0 && w.left != len(tt.code)*waySteps {
			t.Errorf("%s: %d steps", tt.name, w.left)
		}
		if tt.left > 0 {
			w.left = tt.left
		}
		got := slices.Sorted(slices.Values(w.reach(uint64(start+4*tt.at), 30)))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %#x, want %#x", tt.name, got, tt.want)
		}
	}

	// A function that ends after the code, with a part of an instruction.
	y := &text{code: words(x, x, x)[:10], funcs: []function{{start: 4, end: 16}}}
	y.nest()
	if w := newWays(y, 0, toc, &highs{}, nil); w.left != 2*waySteps {
		t.Errorf("a part of an instruction: %d steps", w.left)
	}
}

func either(w, other ppc64.Word) ppc64.Word {
	if w != 0 {
		return w
	}
	return other
}
