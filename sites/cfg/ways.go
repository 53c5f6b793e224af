// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
)

// ways follows the registers of a function backwards, from the instruction that adds
// the low part of an address to those that may have made the high part. Every path
// counts: an indirect branch may lead to any instruction of the function, and a
// landing pad may follow any call. Callees are assumed to preserve registers, because
// a compiler may know which of them they do. Where other code enters the function, or
// it is not known how control gets there, a register may hold anything that the
// function puts into it anywhere.
type ways struct {
	t          *text
	fn         int
	start, end uint64
	toc        uint64
	highs      *highs
	labels     []uint64           // places in the function whose address it computes
	into       []edge             // direct branches, by to
	jumps      []uint64           // indirect branches
	calls      []uint64           // calls, and other instructions that set LR
	stores     map[int64][]uint64 // stores of possible high parts, by displacement
	left       int                // how many steps are left

	// For one query:
	seen          []uint32 // registers already asked for, a mask for each instruction
	points        []point
	found         []uint64
	jumped, threw uint32 // registers asked for at all indirect branches, and at all calls
}

// A point is a register at the start of an instruction.
type point struct {
	off uint64
	reg uint8
}

// waySteps is the number of steps allowed for each instruction of a function.
const waySteps = 64

// newWays reads a function.
func newWays(t *text, fn int, toc uint64, h *highs, labels []label) *ways {
	x := &t.funcs[fn]
	w := &ways{
		t: t, fn: fn, start: x.start, end: min(x.end, uint64(len(t.code))),
		toc: toc, highs: h, stores: map[int64][]uint64{},
	}
	for _, l := range labels {
		w.labels = append(w.labels, l.off)
	}
	n := (w.end - w.start + ppc64.WordSize - 1) / ppc64.WordSize
	w.seen, w.left = make([]uint32, n), int(n)*waySteps
	for off := w.start; off < w.end; off += ppc64.WordSize {
		word, err := ppc64.Load(t.code, off)
		if err != nil {
			break
		}
		direct, in := word.IsBranch() || word.IsCondBranch(), ppc64.Decode(word, 0)
		switch to := off + uint64(word.Displacement()); {
		case word.LK():
			w.calls = append(w.calls, off)
		case direct && w.start <= to && to < w.end:
			w.into = append(w.into, edge{off, to})
		case direct && t.isPart(to):
			w.left = 0
		case isIndirect(word):
			w.jumps = append(w.jumps, off)
		case in.Op == ppc64.OpStd && len(h.regs[in.RT]) > 0:
			w.stores[in.Imm] = append(w.stores[in.Imm], off)
		}
	}
	slices.SortFunc(w.into, func(a, b edge) int { return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.from, b.from)) })
	slices.Sort(w.labels)
	return w
}

// isPart reports whether a place is in a cold part of a function.
func (t *text) isPart(off uint64) bool {
	fn := t.covering(off)
	return fn >= 0 && t.funcs[fn].cold
}

// findEntered lists the places that can be entered in ways that the type ways does
// not follow.
func (t *text) findEntered() {
	t.entered = slices.Clone(t.entries)
	for _, e := range t.edges {
		t.entered = append(t.entered, e.to)
	}
	for _, a := range t.arrivals {
		t.entered = append(t.entered, a.to)
	}
	for _, l := range t.labels {
		t.entered = append(t.entered, l.off)
	}
	slices.Sort(t.entered)
	t.entered = slices.Compact(t.entered)
}

// reach returns the high parts that may be in a register before the instruction
// at off.
func (w *ways) reach(off uint64, reg uint8) []uint64 {
	for _, p := range w.points {
		w.seen[(p.off-w.start)/ppc64.WordSize] = 0
	}
	w.points, w.found, w.jumped, w.threw = w.points[:0], nil, 0, 0
	w.ask(off, reg)
	for i := 0; ; i++ {
		if i == len(w.points) {
			return w.found
		}
		if w.left--; w.left < 0 || !w.before(w.points[i]) {
			return w.highs.of(reg)
		}
	}
}

// ask queues a point.
func (w *ways) ask(off uint64, reg uint8) {
	seen := &w.seen[(off-w.start)/ppc64.WordSize]
	if *seen>>reg&1 == 0 && len(w.highs.regs[reg]) > 0 {
		*seen |= 1 << reg
		w.points = append(w.points, point{off, reg})
	}
}

// before looks at what may have been executed just before a point. It returns false if
// that is not known.
func (w *ways) before(p point) bool {
	entry := w.t.enters(w.fn, p.off)
	_, label := slices.BinarySearch(w.labels, p.off)
	if !entry && label {
		return false
	}
	if _, entered := slices.BinarySearch(w.t.entered, p.off); entered && !entry {
		return false
	}
	known := entry
	if off := p.off - ppc64.WordSize; p.off > w.start && w.goesOn(off) {
		known = true
		w.through(off, p.reg)
	}
	for _, e := range within(w.into, p.off, p.off+1, func(e edge) uint64 { return e.to }) {
		known = true
		w.ask(e.from, p.reg)
	}
	for _, pad := range within(w.t.pads, p.off, p.off+1, func(p pad) uint64 { return p.off }) {
		if pad.start < w.start || pad.end > w.end {
			return false
		}
		known = true
		w.all(&w.threw, w.calls, p.reg)
	}
	w.all(&w.jumped, w.jumps, p.reg)
	return known || len(w.jumps) > 0
}

// all asks for a register at each of some instructions, once.
func (w *ways) all(asked *uint32, offs []uint64, reg uint8) {
	if *asked>>reg&1 != 0 {
		return
	}
	*asked |= 1 << reg
	w.left -= len(offs)
	for _, off := range offs {
		w.ask(off, reg)
	}
}

// goesOn reports whether control may continue after an instruction.
func (w *ways) goesOn(off uint64) bool {
	in, err := ppc64.Load(w.t.code, off)
	branch := in.IsBranch() || in.IsCondBranch() || in.IsRegBranch()
	return err == nil && (!branch || in.LK() || !in.BranchesAlways())
}

// through follows a register backwards through an instruction.
func (w *ways) through(off uint64, reg uint8) {
	word, suffix, _ := ppc64.Fetch(w.t.code, off)
	in := ppc64.Decode(word, suffix)
	writes := ppc64.Writes(word, suffix)>>reg&1 != 0
	high, isHigh := fixed(in, 0, w.toc)
	switch {
	case !writes:
		w.ask(off, reg)
	case in.Op == ppc64.OpAddis && isHigh:
		add(&w.found, high)
	case in.Op == ppc64.OpMr:
		w.ask(off, in.RT)
	case in.Op == ppc64.OpAdd: // adds an index
		w.ask(off, in.RA)
		w.ask(off, uint8(word.RB()))
	case in.Op == ppc64.OpLd:
		offs := w.stores[in.Imm]
		w.left -= len(offs)
		for _, at := range offs {
			store, _ := ppc64.Load(w.t.code, at)
			w.ask(at, uint8(store.RS()))
		}
	}
	// The second word of a prefixed instruction only looks like one.
	if before, err := ppc64.Load(w.t.code, off-ppc64.WordSize); writes && off > w.start && err == nil && before.IsPrefix() {
		w.ask(off, reg)
	}
}
