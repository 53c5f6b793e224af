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
//
// A call that does not return looks like any other, so the block after it seems to
// follow it. A compiler emits no block that nothing reaches. So if branches lead to the
// place after a call and its padding, the return is in doubt. A high part is made for its low parts: a register that holds it
// on one way holds it on all. So if a high part comes only by a return that is in
// doubt, and direct branches show that the register holds something else, the two
// halves do not belong together.
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
	sure          bool   // follow only ways that are certain
	doubted       bool   // a return that is in doubt was found
	other         bool   // the register may hold something that is not a high part
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
	found, ok := w.follow(off, reg, false)
	if ok && len(found) > 0 && w.doubted {
		var certain []uint64
		if certain, ok = w.follow(off, reg, true); ok && len(certain) == 0 && w.other {
			return nil
		}
	}
	if !ok {
		return w.highs.of(reg)
	}
	return found
}

// follow is reach for all ways, or for those that are certain. It returns false if the
// ways are not known.
func (w *ways) follow(off uint64, reg uint8, sure bool) (found []uint64, ok bool) {
	for _, p := range w.points {
		w.seen[(p.off-w.start)/ppc64.WordSize] = 0
	}
	w.points, w.found, w.jumped, w.threw = w.points[:0], nil, 0, 0
	w.sure, w.doubted, w.other = sure, false, false
	w.ask(off, reg)
	for next := 0; next < len(w.points); { // which grows
		if w.left--; w.left < 0 || !w.before(w.points[next]) {
			return nil, false
		}
		next++
	}
	return w.found, true
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
	w.other = w.other || entry
	branches := within(w.into, p.off, p.off+1, func(e edge) uint64 { return e.to })
	pads := within(w.t.pads, p.off, p.off+1, func(p pad) uint64 { return p.off })
	if off := p.off - ppc64.WordSize; p.off > w.start && w.goesOn(off) {
		known = true
		doubt := len(branches) > 0 && w.returns(off)
		w.doubted = w.doubted || doubt
		if !doubt || !w.sure {
			w.through(off, p.reg)
		}
	}
	for _, e := range branches {
		known = true
		w.ask(e.from, p.reg)
	}
	if w.sure {
		return true
	}
	for _, pad := range pads {
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

// returns reports whether an instruction is a call, or the slot of one and padding.
func (w *ways) returns(off uint64) bool {
	for off > w.start && w.isPadding(off) {
		off -= ppc64.WordSize
	}
	word, err := ppc64.Load(w.t.code, off)
	return err == nil && word.LK()
}

// isPadding reports whether a word is one that a compiler or a linker leaves after a call.
func (w *ways) isPadding(off uint64) bool {
	word, err := ppc64.Load(w.t.code, off)
	return err == nil && (word.IsNop() || word == ppc64.RestoreTOC)
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
	if w.sure && writes && (in.Op == ppc64.OpAdd || in.Op == ppc64.OpLd && len(w.stores[in.Imm]) > 0) {
		return // one of several registers
	}
	high, isHigh := fixed(in, 0, w.toc)
	// The second word of a prefixed instruction only looks like one.
	before, err := ppc64.Load(w.t.code, off-ppc64.WordSize)
	suffixed := writes && off > w.start && err == nil && before.IsPrefix()
	if suffixed {
		w.ask(off, reg)
	}
	switch {
	case !writes:
		w.ask(off, reg)
	case in.Op == ppc64.OpAddis && isHigh:
		add(&w.found, high)
	case in.Op == ppc64.OpMr:
		w.ask(off, in.RT)
		w.other = w.other || len(w.highs.regs[in.RT]) == 0 && !suffixed
	case in.Op == ppc64.OpAdd: // adds an index
		w.ask(off, in.RA)
		w.ask(off, uint8(word.RB()))
	case in.Op == ppc64.OpLd && len(w.stores[in.Imm]) > 0:
		w.stored(in.Imm)
	case !suffixed:
		w.other = true
	}
}

// stored asks for the register of each instruction that stores to a place in the frame.
func (w *ways) stored(at int64) {
	offs := w.stores[at]
	w.left -= len(offs)
	for _, off := range offs {
		store, _ := ppc64.Load(w.t.code, off)
		w.ask(off, uint8(store.RS()))
	}
}
