// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// A function is the extent of a function symbol, or of several equal ones.
type function struct {
	start, end uint64
	entry      ppc64.LocalEntry
	outer      int32 // index of the last function that starts before this one and does not end before it, or -1
	deep       bool  // too many functions overlap here
	cold       bool  // its symbol names a cold part of another function
	guessed    bool  // its symbol has no size: it is assumed to end where the next one begins
}

// maxDepth is the largest number of functions that may cover one place; an
// inner symbol in a function written in assembly makes 2.
const maxDepth = 16

// readSymbols finds the functions, and entries within functions.
func (m *Map) readSymbols() {
	f := m.f
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		typ := s.Type()
		if typ == elf.STT_SECTION || typ == elf.STT_FILE {
			continue
		}
		p, ok := m.symbolPlace(s)
		t := m.secs[p.sec]
		if !ok || t == nil {
			continue
		}
		// The reserved local entry counts as 0, with which nothing is proven.
		l, _ := ppc64.LocalEntryOf(s.Other)
		switch typ {
		case elf.STT_OBJECT, elf.STT_TLS, elf.STT_COMMON:
			continue
		case elf.STT_FUNC, elf.STT_GNU_IFUNC:
			if p.off+s.Size >= p.off && p.off < uint64(len(t.code)) {
				t.funcs = append(t.funcs, function{start: p.off, end: p.off + s.Size, entry: l, guessed: s.Size == 0, cold: layout.IsColdPart(f.SymbolName(s))})
			}
		default:
			if s.Bind() == elf.STB_LOCAL {
				continue // a label; the branches show who jumps there
			}
		}
		if s.Bind() != elf.STB_LOCAL {
			t.begun, t.open = append(t.begun, p.off), true
		}
		// Within another function it is an entry.
		m.enter(p)
		m.enter(place{p.sec, p.off + l.Offset()})
	}
	for _, t := range m.secs {
		t.unsized()
		t.nest()
	}
}

// unsized gives a size to the functions without one, or drops them if a function with
// a size covers their start.
func (t *text) unsized() {
	slices.SortFunc(t.funcs, func(a, b function) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	out, covered := t.funcs[:0], uint64(0) // the end of the functions so far
	for i, fn := range t.funcs {
		if fn.guessed {
			if fn.start < covered {
				continue
			}
			fn.end = uint64(len(t.code))
			for _, next := range t.funcs[i+1:] {
				if next.start > fn.start {
					fn.end = next.start
					break
				}
			}
		}
		covered = max(covered, fn.end)
		out = append(out, fn)
	}
	t.funcs = out
}

// addUnnamed adds the functions in .eh_frame that no symbol covers. Only their first
// instructions show how they set r2.
func (t *text) addUnnamed() {
	slices.SortFunc(t.fdes, func(a, b fdeRange) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	known := t.funcs
	for i, p := range t.fdes {
		if i > 0 && t.fdes[i-1].start == p.start || covering(known, p.start) >= 0 {
			continue
		}
		if next := innermost(known, p.start) + 1; next < len(known) && known[next].start < p.end {
			continue
		}
		t.funcs = append(t.funcs, function{start: p.start, end: p.end, entry: t.entryOf(p.start)})
	}
	if len(t.funcs) > len(known) {
		t.nest()
	}
}

// entryOf tells from the code at a global entry whether two instructions there
// compute the TOC pointer from r12, as in ELFv2 §2.3.2.1; the local entry follows
// them.
func (t *text) entryOf(off uint64) ppc64.LocalEntry {
	const none, twoInstructions ppc64.LocalEntry = 0, 3
	words, code, ok := t.two(off)
	load := code[0].Op == ppc64.OpLd && code[0].RT == ppc64.RegTOC && code[0].RA == ppc64.RegEntry
	sum := code[1].Op == ppc64.OpAdd && code[1].RT == ppc64.RegTOC && code[1].RA == ppc64.RegTOC && words[1].RB() == ppc64.RegEntry
	if ok && (makesTOC(code[0], code[1]) || load && sum) {
		return twoInstructions
	}
	return none
}

// nest sorts the functions and finds which one contains which.
func (t *text) nest() {
	slices.SortFunc(t.funcs, func(a, b function) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.entry, b.entry))
	})
	var stack []int32
	out := t.funcs[:0]
	for _, fn := range t.funcs {
		if n := len(out); n > 0 && out[n-1].start == fn.start && out[n-1].end == fn.end {
			if out[n-1].entry != fn.entry { // one of them is wrong
				out[n-1].entry = 0
			}
			out[n-1].guessed = out[n-1].guessed && fn.guessed
			continue
		}
		for len(stack) > 0 && out[stack[len(stack)-1]].end <= fn.start {
			stack = stack[:len(stack)-1]
		}
		if len(stack) == maxDepth {
			for _, i := range stack {
				out[i].deep = true
			}
			continue
		}
		fn.outer = -1
		if len(stack) > 0 {
			fn.outer = stack[len(stack)-1]
		}
		stack = append(stack, int32(len(out)))
		out = append(out, fn)
	}
	t.funcs = slices.Clip(out)
}

// innermost returns the last function that starts at or before off, or -1.
// Following outer from it visits every function that covers off.
func (t *text) innermost(off uint64) int { return innermost(t.funcs, off) }

func innermost(funcs []function, off uint64) int {
	i, _ := slices.BinarySearchFunc(funcs, off, func(fn function, off uint64) int {
		if fn.start <= off {
			return -1
		}
		return 1
	})
	return i - 1
}

// around calls f for the functions that cover a place, the innermost first.
func (t *text) around(off uint64, f func(fn int)) {
	for i := t.innermost(off); i >= 0; i = int(t.funcs[i].outer) {
		if off < t.funcs[i].end {
			f(i)
		}
	}
}

// covering returns the innermost function that covers a place, -1 for none.
func (t *text) covering(off uint64) int { return covering(t.funcs, off) }

func covering(funcs []function, off uint64) int {
	for i := innermost(funcs, off); i >= 0; i = int(funcs[i].outer) {
		if off < funcs[i].end {
			return i
		}
	}
	return -1
}

// enters reports whether a place is the global or the local entry of a function.
func (t *text) enters(fn int, off uint64) bool {
	x := &t.funcs[fn]
	return off == x.start || off == x.start+x.entry.Offset()
}

// starts reports whether a function starts at a place.
func (t *text) starts(off uint64) bool {
	i := t.innermost(off)
	return i >= 0 && t.funcs[i].start == off
}
