// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"cmp"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
)

// A call may return a second time, during anything that the function does after
// it: setjmp, vfork and getcontext do, and so may any function. r1 is then what
// it was at the call, but 24(r1) is what it has become since. So a call keeps
// the slot only if nothing reachable from the call invalidates it and then
// continues to where a second return may come from.
//
// The calls after one that does not keep the slot may return again too, after
// that one has. So from there on no call keeps the slot.
//
// A store to an unknown place in the stack does not count: the linkage area is
// not an object whose address a program may have (ELFv2 §2.2.3).
//
// An effect is what an instruction does to the slot of the current frame, and
// what else is needed to follow that backwards.
type effect uint16

const (
	effSave  effect = 1 << iota // makes 24(r1) hold r2
	effKill                     // may write something else there
	effMove                     // changes r1
	effPush                     // moves r1 down: the old 24(r1) becomes the program's memory
	effCall                     // a call, or sc
	effLeave                    // leaves for unknown code, with the frame
	effNext                     // the next word may follow
	effNext2                    // the word after it
	effReached
)

// What may happen from a place on. The first two count where they lead to the
// third, which nothing clears.
const (
	anyCall  uint8 = 1 << iota // a call
	needSlot                   // a call, if 24(r1) holds something else, before a save
	lostSlot                   // a second return, if 24(r1) holds r2 now, may not find it there
)

// maxRounds limits the rounds in which calls that may not keep the slot are
// found.
const maxRounds = 8

const opSC = 17

// An edge leads to a leader.
type edge struct{ from, to uint32 }

// seconds finds the calls after which a second return may not find the slot,
// and makes them clear it. That may invalidate a save that others relied on, so
// it continues until no more are found.
func (a *analysis) seconds() {
	for round := 0; ; round++ {
		lost := a.lostAfter()
		found := false
		for w, m := range a.marks {
			if a.effects[w]&effCall != 0 && m&losesSlot == 0 && (lost[w]&lostSlot != 0 || round >= maxRounds) {
				a.marks[w] |= losesSlot
				found = true
			}
		}
		if !found {
			return
		}
		for w, i := range a.index {
			if i >= 0 && a.marks[w]&queued == 0 {
				a.marks[w] |= queued
				a.queue = append(a.queue, uint32(w))
			}
		}
		a.run()
	}
}

// lostAfter follows the effects backwards and returns what may happen after
// each word. It also gives the verdicts, which count if no call clears the slot because
// of what it returns.
func (a *analysis) lostAfter() (after []uint8) {
	a.effects = make([]effect, len(a.marks))
	a.edges = a.edges[:0]
	clear(a.found)
	a.record = true
	for w, i := range a.index {
		if i >= 0 {
			a.block(uint32(w))
		}
	}
	a.record = false
	slices.SortFunc(a.edges, func(x, y edge) int { return cmp.Or(cmp.Compare(x.to, y.to), cmp.Compare(x.from, y.from)) })
	a.edges = slices.Compact(a.edges)

	b := backwards{a: a, before: make([]uint8, len(a.marks)), after: make([]uint8, len(a.marks))}
	for w := range a.effects {
		b.update(uint32(w))
	}
	for len(b.queue) > 0 {
		w := b.queue[len(b.queue)-1]
		b.queue = b.queue[:len(b.queue)-1]
		b.spread(w)
	}
	return b.after
}

// backwards is a backward data-flow analysis.
type backwards struct {
	a             *analysis
	before, after []uint8 // of each word
	pads          uint8   // at all landing pads
	queue         []uint32
}

// update computes what is true before a word from what is true after it.
func (b *backwards) update(w uint32) {
	e, next := b.a.effects[w], b.after[w]
	if e == 0 {
		return // not reached
	}
	in := next
	switch {
	case e&effLeave != 0:
		in |= lostSlot
	case e&effPush != 0: // a signal handler may use that memory
		in |= lostSlot
		fallthrough
	case e&effMove != 0:
		if next&anyCall != 0 {
			in |= needSlot | lostSlot
		}
	case e&effSave != 0:
		in &^= needSlot
	case e&effKill != 0 && (next&needSlot != 0 || e&effCall != 0):
		in |= lostSlot
	}
	if e&effCall != 0 {
		in |= anyCall
		if e&effSave == 0 {
			in |= needSlot
		}
	}
	if b.a.marks[w]&jumps != 0 { // it may branch elsewhere before it takes effect
		in |= next
	}
	if in|b.before[w] != b.before[w] {
		b.before[w] |= in
		b.queue = append(b.queue, w)
	}
}

// spread passes what is true before a word to its predecessors.
func (b *backwards) spread(w uint32) {
	a, in := b.a, b.before[w]
	tell := func(from uint32) {
		if in|b.after[from] != b.after[from] {
			b.after[from] |= in
			b.update(from)
		}
	}
	if w >= 1 && a.effects[w-1]&effNext != 0 {
		tell(w - 1)
	}
	if w >= 2 && a.effects[w-2]&effNext2 != 0 {
		tell(w - 2)
	}
	i, _ := slices.BinarySearchFunc(a.edges, w, func(e edge, to uint32) int { return cmp.Compare(e.to, to) })
	for ; i < len(a.edges) && a.edges[i].to == w; i++ {
		tell(a.edges[i].from)
	}
	if a.marks[w]&landing == 0 || in|b.pads == b.pads {
		return
	}
	b.pads |= in
	for from, e := range a.effects { // any call may lead there
		if e&effCall != 0 {
			tell(uint32(from))
		}
	}
}

// note records what an instruction has done. s is the state after it.
func (a *analysis) note(word, next uint32, s *state, follows bool) {
	if !a.record {
		return
	}
	e := s.effect
	switch {
	case !follows:
	case next == word+1:
		e |= effNext
	default:
		e |= effNext2
	}
	a.effects[word] |= e | effReached
}

// second applies a second return of the call at a word.
func (s *state) second(word uint32) {
	if s.slot {
		s.slot, s.slotWhy = false, why{again, ppc64.WordSize * word}
	}
}
