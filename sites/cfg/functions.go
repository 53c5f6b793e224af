// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// A function is the extent of a function symbol, or of several equal ones.
type function struct {
	start, end uint64
	entry      ppc64.LocalEntry
	deep       bool // too many functions overlap here
	cold       bool // its symbol names a cold part of another function
	guessed    bool // its symbol has no size: it is assumed to end where the next one begins
}

// maxDepth is the largest number of functions that may cover one place; an
// inner symbol in a function written in assembly makes 2. It bounds the work: each
// function is read as a whole.
const maxDepth = 16

// readSymbols finds the functions, and entries within functions.
func (m *Map) readSymbols() {
	f := m.f
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		p, ok := m.symbolPlace(s)
		t := m.secs[p.sec]
		if !ok || t == nil {
			continue
		}
		// The reserved local entry counts as 0, with which nothing is proven.
		l, _ := ppc64.LocalEntryOf(s.Other)
		switch s.Type() {
		case elf.STT_OBJECT, elf.STT_TLS, elf.STT_COMMON, elf.STT_SECTION, elf.STT_FILE:
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
	known := len(t.funcs)
	for i, p := range t.fdes {
		if i > 0 && t.fdes[i-1].start == p.start || t.covering(p.start) >= 0 || len(t.places.Starting(p.start, p.end)) > 0 {
			continue
		}
		t.funcs = append(t.funcs, function{start: p.start, end: p.end, entry: t.entryOf(p.start)})
	}
	if len(t.funcs) > known {
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

// nest sorts the functions, merges those with the same extent, leaves out those that
// are too deep within others, and indexes the rest.
func (t *text) nest() {
	slices.SortFunc(t.funcs, func(a, b function) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.entry, b.entry))
	})
	var open []int // the last one has not ended
	out := t.funcs[:0]
	for _, fn := range t.funcs {
		if n := len(out); n > 0 && out[n-1].start == fn.start && out[n-1].end == fn.end {
			if out[n-1].entry != fn.entry { // one of them is wrong
				out[n-1].entry = 0
			}
			out[n-1].guessed = out[n-1].guessed && fn.guessed
			continue
		}
		for len(open) > 0 && out[open[len(open)-1]].end <= fn.start {
			open = open[:len(open)-1]
		}
		if len(open) == maxDepth {
			for _, i := range open {
				out[i].deep = true
			}
			continue
		}
		open = append(open, len(out))
		out = append(out, fn)
	}
	t.funcs = slices.Clip(out)
	extents := make([]index.Extent, len(t.funcs))
	for i, fn := range t.funcs {
		extents[i] = index.Extent{Start: fn.start, End: fn.end, ID: i}
	}
	t.called = nil
	t.places = index.NewExtents(extents, func(fn int) uint64 { return t.funcs[fn].end })
}

// covering returns the innermost function that covers a place, -1 for none.
func (t *text) covering(off uint64) int {
	if fn, ok := t.places.Around(off); ok {
		return fn.ID
	}
	return -1
}

// enters reports whether a place is the global or the local entry of a function.
func (t *text) enters(fn int, off uint64) bool {
	x := &t.funcs[fn]
	return off == x.start || off == x.start+x.entry.Offset()
}

// starts reports whether a function starts at a place.
func (t *text) starts(off uint64) bool { return len(t.places.At(off)) > 0 }
