// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

const (
	stduFrame ppc64.Word = 0xf821ffa1 // stdu r1,-96(r1)
	blFar     ppc64.Word = 0x49000001 // bl out of the function
	bNext     ppc64.Word = 0x48000004 // b .+4
)

func code(words ...ppc64.Word) []byte {
	b := make([]byte, 4*len(words))
	for i, w := range words {
		w.Put(b[4*i:])
	}
	return b
}

// TestInSection analyses one function at several places of a section, which
// must give the same verdicts. Neither of its entries counts as an unknown
// entry; any other place does.
func TestInSection(t *testing.T) {
	fn := []ppc64.Word{ppc64.Nop, ppc64.Nop, stduFrame, ppc64.SaveTOC, blFar, ppc64.Nop, ppc64.Blr}
	for _, before := range []int{0, 1, 16} {
		words := make([]ppc64.Word, before)
		for i := range words {
			words[i] = ppc64.Nop
		}
		start := uint64(4 * before)
		f := &Func{Code: code(append(append(words, fn...), ppc64.Nop)...), Start: start, End: start + uint64(4*len(fn)), Entry: 3}
		call := start + 16
		f.Entries = []uint64{start, start + 8}
		if v := Analyse(f, []uint64{call})[0]; !v.Proven || v.At != start+12 || !v.Frame || v.Entered || v.Again {
			t.Errorf("from 0x%x: %+v", start, v)
		}
		f.Entries = []uint64{start + 16}
		if v := Analyse(f, []uint64{call})[0]; v.Proven || v.At != start+16 {
			t.Errorf("from 0x%x, entered at the call: %+v", start, v)
		}
		f.Entries = []uint64{start + 20}
		if v := Analyse(f, []uint64{call})[0]; !v.Proven || !v.Entered {
			t.Errorf("from 0x%x, entered after the call: %+v", start, v)
		}
		f.Entries = []uint64{start + uint64(4*len(fn)), start - 4} // in other functions
		if v := Analyse(f, []uint64{call})[0]; !v.Proven || v.Entered {
			t.Errorf("from 0x%x, others are entered: %+v", start, v)
		}
		f.Entries = nil
		f.Entry = 1
		if v := Analyse(f, []uint64{call})[0]; v.Proven || !strings.Contains(v.Reason, "local entry 1") {
			t.Errorf("from 0x%x, local entry 1: %+v", start, v)
		}
		f.Entry = 3
		ppc64.Word(0x4e800420).Put(f.Code[start+24:]) // bctr
		if v := Analyse(f, []uint64{call})[0]; v.Proven || v.At != start+24 || !v.Entered || !strings.Contains(v.Reason, "at +0x18 has unknown targets") {
			t.Errorf("from 0x%x, an indirect branch: %+v", start, v)
		}
	}
}

// TestExtentLimits tests functions that end too early or too late, and the largest
// ones.
func TestExtentLimits(t *testing.T) {
	short := []ppc64.Word{ppc64.Nop, ppc64.Nop, stduFrame, ppc64.SaveTOC, blFar}
	for _, c := range []struct {
		name       string
		start, end uint64
		entry      ppc64.LocalEntry
		none       bool // the extent is unknown
	}{
		{"all", 0, 20, 3, false},
		{"after the end", 0, 24, 3, true},
		{"empty", 8, 8, 3, true},
		{"backwards", 16, 8, 3, true},
		{"in the middle of a word", 2, 18, 3, true},
		{"no word after the local entry", 0, 8, 3, true},
		{"half a word after it", 0, 10, 3, true},
		{"one word after it", 8, 20, 3, false},
		{"a local entry after the end", 8, 20, 4, true},
	} {
		f := &Func{Code: code(short...), Start: c.start, End: c.end, Entry: c.entry}
		v := Analyse(f, []uint64{16})[0]
		if none := v.Reason == (why{cause: noExtent}).text(); none != c.none || none && (v.Proven || !v.Entered) {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	// The longest function, and one word more.
	words := make([]ppc64.Word, maxWords+1)
	for i := range words {
		words[i] = ppc64.Nop
	}
	words[1], words[2], words[maxWords-2], words[maxWords-1] = stduFrame, ppc64.SaveTOC, blFar, ppc64.Blr
	f := &Func{Code: code(words...), End: 4 * maxWords, Entry: 2}
	call := []uint64{4 * (maxWords - 2)}
	if v := Analyse(f, call)[0]; !v.Proven {
		t.Errorf("%d words: %+v", maxWords, v)
	}
	f.End += 4
	if v := Analyse(f, call)[0]; v.Proven || v.Reason != (why{cause: tooLarge}).text() {
		t.Errorf("%d words: %+v", maxWords+1, v)
	}
	// The largest number of branch targets, with the entry, and one more.
	words = make([]ppc64.Word, maxStates+4)
	for i := range words {
		words[i] = bNext
	}
	words[1], words[2] = stduFrame, ppc64.SaveTOC
	words[maxStates+2], words[maxStates+3] = blFar, ppc64.Blr
	f = &Func{Code: code(words...), End: uint64(4 * len(words)), Entry: 2}
	call[0] = 4 * (maxStates + 2)
	if v := Analyse(f, call)[0]; !v.Proven {
		t.Errorf("%d places: %+v", maxStates, v)
	}
	bNext.Put(f.Code[4*(maxStates+2):])
	blFar.Put(f.Code[4*(maxStates+3):])
	call[0] += 4
	if v := Analyse(f, call)[0]; v.Proven || v.Reason != (why{cause: tooLarge}).text() {
		t.Errorf("%d places: %+v", maxStates+1, v)
	}
}

// Edge cases of other rules.
func init() {
	rules = append(rules,
		rule{name: "the smallest frame", text: "stdu r1,-32(r1)\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "a frame that is too small by one word", text: "stdu r1,-28(r1)\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
		rule{name: "copy by xoris", text: frame + ".long 0x6c470000\nstd r7,24(r1)\nbl f | yes"}, // xoris r7,r2,0
		rule{name: "xori that is no copy", text: frame + ".long 0x68470001\nstd r7,24(r1)\nbl f | no save of r2"},
		rule{name: "andi. that is no copy", text: frame + ".long 0x70470000\nstd r7,24(r1)\nbl f | no save of r2"},
		rule{name: "prefixed load over an alias", text: saved + "mr r9,r1\n.long 0x04000000\n.long 0xe5230028\nstd r3,24(r9)\nbl f | yes"},                    // pld r9,40(r3)
		rule{name: "prefixed load of a number", text: saved + "mr r9,r1\n.long 0x06000000\n.long 0x39200040\nstd r3,24(r9)\nbl f | yes"},                      // pli r9,64
		rule{name: "alias by addis and back", text: saved + ".long 0x3d210001\n.long 0x3d29ffff\ns:\nstb r3,24(r9)\nbl f | 24(r1) may be overwritten at {s}"}, // addis r9,r1,1; addis r9,r9,-1
		rule{name: "alias by addis, beside it", text: saved + ".long 0x3d210001\n.long 0x3d29ffff\nstb r3,23(r9)\nbl f | yes"},
		rule{name: "alias by a sum", text: saved + "li r10,48\n.long 0x7d215214\nstd r3,8(r9)\nbl f | yes"},                                          // add r9,r1,r10
		rule{name: "alias by a difference", text: saved + "li r10,48\n.long 0x7d2a0850\ns:\nstd r3,72(r9)\nbl f | 24(r1) may be overwritten at {s}"}, // subf r9,r10,r1
		rule{name: "indexed, not aligned down", text: saved + "li r9,33\n.long 0x7c6149ae\nbl f | yes"},                                              // stbx r3,r1,r9
		rule{name: "half of the slot into r2", text: saved + "w:\n.long 0x80410018\nbl f | r2 is changed at {w}"},                                    // lwz r2,24(r1)
		rule{name: "half of the slot into r2, with sign", text: saved + "w:\n.long 0xe841001a\nbl f | r2 is changed at {w}"},                         // lwa r2,24(r1)
		rule{name: "a variable in the frame", text: saved + "ld r9,40(r1)\nstd r3,24(r9)\nbl f | yes"},
		rule{name: "the smallest frame again", text: saved + "mr r1,r9\nstdu r1,-32(r1)\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "the frame after one of unknown size", text: "mr r1,r9\nstdu r1,-64(r1)\nstdu r1,-16(r1)\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "a frame of no size after one of unknown size", text: "mr r1,r9\nstdu r1,-64(r1)\nstdu r1,0(r1)\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "a part of such a frame given back by a store", text: "mr r1,r9\nstdu r1,-64(r1)\nstdu r1,32(r1)\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "a frame pushed above an r1 of unknown position", text: "mr r1,r9\naddi r1,r1,64\nstdu r1,-32(r1)\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "and one that is too small", text: "mr r1,r9\naddi r1,r1,64\nstdu r1,-28(r1)\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
		rule{name: "a frame pushed above the caller's", text: "addi r1,r1,64\nstdu r1,-32(r1)\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
		rule{name: "a frame pushed by nothing above it", text: "mr r1,r9\naddi r1,r1,64\nstdu r1,-32(r1)\nstdu r1,0(r1)\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "too much of such a frame given back by a store", text: "mr r1,r9\nstdu r1,-64(r1)\nstdu r1,36(r1)\ns:\nstd r2,24(r1)\nbl f | save before the frame exists at {s}"},
		rule{name: "variable array in a frame of unknown size given back", text: "stdux r1,r1,r0\nmr r31,r1\nstdux r0,r1,r9\nmr r1,r31\nstd r2,24(r1)\nbl f | yes"},
		rule{name: "r1 set to its own value", text: saved + "mr r31,r1\nbl f | yes\nmr r1,r31"},
		rule{name: "a call, a branch and alloca", text: saved + "t:\nbl f | the call at {t} may return again after 24(r1) has changed\nbdnz l\nl:\nbl g | the call at {t} may return again after 24(r1) has changed\nstdu r1,-64(r1)"},
		rule{name: "back to the entry", text: "e:\nbl f | path from {e} has no save\n" + saved + "b e"},
		rule{name: "a return without the frame, with another r2", text: saved + "bl f | yes\nbctrl\naddi r1,r1,96\n.long 0x7c0803a6\nblr"}, // mtlr r0
		rule{name: "a conditional call that saves", saves: "t", text: frame + "t:\nbeql stub\nbl f | path from {t} has no save"},
		rule{name: "constants that are no calls", text: frame + "mr r7,r2\nnop\nli r3,0\nstd r7,24(r1)\nbl f | yes"},
		rule{name: "alias by a relocated prefixed addition", text: saved + "{X} paddi r9,r1,0\ns:\nstd r3,64(r9)\nbl f | 24(r1) may be overwritten at {s}"},
		rule{name: "alias by a prefixed addition whose suffix is relocated", text: saved + ".long 0x06000000\n{X} .long 0x39210000\ns:\nstd r3,64(r9)\nbl f | 24(r1) may be overwritten at {s}"}, // paddi r9,r1,0
		rule{name: "difference of other values", text: saved + "subf r9,r3,r4\nstd r3,24(r9)\nbl f | yes"},
		rule{name: "store through what is an alias, or may be, beside the slot", text: saved + "mr r31,r1\nbeq n\nbeq x\nli r31,0\nx:\nnop\nn:\nstd r3,40(r31)\nbl f | yes"},

		// Numbers, and the limits of the offsets that are tracked.
		rule{name: "indexed by a sum", text: saved + "li r9,40\naddi r9,r9,-16\ns:\nstdx r3,r1,r9\nbl f | 24(r1) may be overwritten at {s}"},
		rule{name: "indexed by a sum, beside it", text: saved + "li r9,24\naddi r9,r9,8\nstdx r3,r1,r9\nbl f | yes"},
		rule{name: "a number of more than 32 bits", text: saved + ".long 0x06010000\n.long 0x39200030\ns:\nstdx r3,r1,r9\nbl f | 24(r1) may be overwritten at {s}"}, // pli r9,0x100000030
		rule{name: "the largest number", text: saved + "addis r9,r0,16383\naddi r9,r9,32767\nstdx r3,r1,r9\nbl f | yes"},
		rule{name: "a number that is too large", text: saved + "addis r9,r0,16384\ns:\nstdx r3,r1,r9\nbl f | 24(r1) may be overwritten at {s}"},
		rule{name: "a number that is too small", text: saved + "addis r9,r0,-16384\naddi r9,r9,100\ns:\nstdx r3,r1,r9\nbl f | 24(r1) may be overwritten at {s}"},
		rule{name: "two large numbers", text: saved + "addis r9,r1,16383\naddis r9,r9,16383\ns:\nstd r3,0(r9)\nbl f | 24(r1) may be overwritten at {s}"},
		rule{name: "the largest offset", text: saved + "addis r9,r1,16383\naddi r9,r9,32767\naddi r9,r9,32767\naddi r9,r9,97\nstd r3,0(r9)\nbl f | yes"},
		rule{name: "an offset that is too large", text: saved + "addis r9,r1,16383\naddi r9,r9,32767\naddi r9,r9,32767\naddi r9,r9,98\ns:\nstd r3,0(r9)\nbl f | 24(r1) may be overwritten at {s}"},
		rule{name: "the smallest offset", text: saved + "addis r9,r1,-16383\naddi r9,r9,-32768\naddi r9,r9,-32671\nstd r3,0(r9)\nbl f | yes"},
		rule{name: "an offset that is too small", text: saved + "addis r9,r1,-16383\naddi r9,r9,-32768\naddi r9,r9,-32672\ns:\nstd r3,0(r9)\nbl f | 24(r1) may be overwritten at {s}"},

		rule{name: "another prefixed instruction", text: saved + "p:\n.long 0x04000000\n.long 0x39210000\nbl f | r1 is changed at {p}"},
	)
}

// TestTextTableEdges tests tables that begin and end with the function.
func TestTextTableEdges(t *testing.T) {
	distances := func(d ...int32) []byte {
		words := make([]ppc64.Word, len(d))
		for i := range d {
			words[i] = ppc64.Word(uint32(d[i]))
		}
		return code(words...)
	}
	for _, c := range []struct {
		name              string
		code              []byte
		start, end, table uint64
		want              int
	}{
		{"all of it", distances(0, 4, 8), 0, 12, 0, 3},
		{"from the begin", distances(4, 8, 0x100), 0, 12, 0, 2},
		{"up to the end", distances(0x100, 0, -4), 0, 12, 4, 2},
		{"before the begin", distances(4, 4, 4), 4, 12, 0, 0},
		{"after the end", distances(0, 0, 0), 0, 8, 8, 0},
		{"a target at the end", distances(0, 8, 0), 0, 8, 0, 1},
		{"a target before the begin", distances(0, 0, -4), 8, 12, 8, 0},
		{"a target between instructions", distances(0, 2, 0), 0, 12, 0, 1},
		{"half a word at the end", distances(0, 4, 8)[:10], 0, 12, 0, 2},
	} {
		f := &Func{Code: c.code, Start: c.start, End: c.end}
		if got := f.TextTable(c.table); len(got) != c.want {
			t.Errorf("%s: %#x", c.name, got)
		}
	}
}
