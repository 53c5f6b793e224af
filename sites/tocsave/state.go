// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import "github.com/scpatch/scpatch/ppc64"

// lastVolatile is the last of the general registers that a call may change: r0 and r2 to
// r12 (ELFv2 §2.2.2.1; own tracks r2).
const lastVolatile = 12

// The TOC save doubleword (ELFv2 §2.2.3) and the smallest frame, in bytes.
const (
	slotOff  = 24
	slotSize = 8
	minFrame = 32
)

// state is what is known before an instruction. The stored state of a place
// only gets weaker: own, slot and frame go from true to false, copies lose
// bits, values go up in their lattice.
type state struct {
	own    bool   // r2 is the TOC pointer of this unit
	slot   bool   // 24(r1) holds the TOC pointer of this unit
	frame  bool   // r1 points to a frame that this function made
	held   bool   // or to one that it had before, and not to its caller's
	copies uint32 // the registers that hold the TOC pointer of this unit

	// regs always has a value of kind at in r1, except in a stored state, where
	// anywhere means that paths disagree.
	regs [32]value

	// For second returns; see effect.
	effect   effect // of the last instruction
	lost     bool   // after a call that may return again once 24(r1) has changed, with this r1
	everLost bool   // or with another r1
	trusted  bool   // r2 is the TOC pointer if every load of it from the slot was right

	// For messages only.
	ownWhy, slotWhy why    // why own and slot are false
	save            uint32 // bytes from the function's start: a save that made slot true
	from            uint32 // likewise: where the state first came from
}

// unknown returns the state of a place that is entered with nothing known.
func unknown(w why) state {
	s := state{ownWhy: w, slotWhy: w, trusted: true} // code that comes back from outside has left before: see effLeave
	for i := range s.regs {
		s.regs[i].kind = anywhere
	}
	return s
}

// join weakens s so that it also holds for in, the state after the instruction
// at from, and reports whether s changed.
func (s *state) join(in *state, from uint32) bool {
	changed := false
	if s.slot != in.slot {
		w, src := in.slotWhy, from
		if in.slot {
			w, src = s.slotWhy, s.from
		}
		if w.cause == noSave {
			w = why{noSavePath, src}
		}
		changed = s.slot
		s.slot, s.slotWhy = false, w
	}
	if in.lost && !s.lost {
		s.lost, changed = true, true
	}
	if in.everLost && !s.everLost {
		s.everLost, changed = true, true
	}
	if s.trusted && !in.trusted {
		s.trusted, changed = false, true
	}
	if s.own && !in.own {
		s.own, s.ownWhy, changed = false, in.ownWhy, true
	}
	if s.frame && !in.frame {
		s.frame, changed = false, true
	}
	if s.held && !in.held {
		s.held, changed = false, true
	}
	if c := s.copies & in.copies; c != s.copies {
		s.copies, changed = c, true
	}
	if s.regs == in.regs {
		return changed
	}
	for i := range s.regs {
		if v := s.regs[i].join(in.regs[i]); v != s.regs[i] {
			s.regs[i], changed = v, true
		}
	}
	return changed
}

// forget turns every register relative to origin o into an unknown alias,
// because the place that o names is about to give r1 a new value.
func (s *state) forget(o origin) {
	for i := range s.regs {
		if v := s.regs[i]; v.aliases() && v.origin == o && v.kind != anywhere {
			s.regs[i] = value{kind: anywhere}
		}
	}
}

// killSlot makes slot false. The first reason stays.
func (s *state) killSlot(w why) {
	s.effect |= effKill
	if s.slot {
		s.slot, s.slotWhy = false, w
	}
}

// killOwn makes own false. The first reason stays.
func (s *state) killOwn(w why) {
	s.trusted = false
	if s.own {
		s.own, s.ownWhy = false, w
	}
}

// begin gives r1 a definite value at the start of a block whose first word is
// word.
func (s *state) begin(word uint32) {
	if s.regs[ppc64.RegSP].kind != at {
		o := originAt(word, joinedSP)
		s.forget(o)
		s.regs[ppc64.RegSP] = value{kind: at, origin: o}
	}
}

// setSP applies a change of r1 by the instruction at word. Any change of r1
// moves 24(r1) to other memory.
func (s *state) setSP(v value, frame bool, word uint32, c cause) {
	s.killSlot(why{c, 4 * word})
	s.effect |= effMove
	if sp := s.regs[ppc64.RegSP]; !sp.popped() && !(v.kind == at && v.above(sp)) {
		s.effect |= effPush
	}
	s.lost = s.everLost
	// A value loaded from elsewhere than the back chain is an earlier r1: this is
	// how the end of a block frees its variable-length arrays. A register may hold a
	// copy of r1 on one path and such a value on another, as at a landing pad.
	sp, old := s.regs[ppc64.RegSP], v
	if old.kind == may {
		old.kind = at
	}
	s.held = frame || s.held && (v.kind == other || old.stands() || old.kind == at && old.origin == sp.origin && old.off <= sp.off)
	if v.kind != at {
		class := lostSP
		if frame {
			class = madeSP
		}
		v = value{kind: at, origin: originAt(word, class)}
		s.forget(v.origin)
	}
	s.regs[ppc64.RegSP], s.frame = v, frame
}

// above reports whether a value of r1 is known not to be below another.
func (v value) above(sp value) bool { return v.origin == sp.origin && v.off >= sp.off || v.popped() }

// popped reports whether r1 is at or above its value at the entry.
func (v value) popped() bool { return v.origin == entrySP && v.off >= 0 }

// stands reports whether a stack pointer of that value points to a frame of
// this function: it is below the caller's frame, or not above a frame that this
// function made.
func (v value) stands() bool {
	if v.kind != at {
		return false
	}
	if v.origin.class() == madeSP {
		return v.off <= 0
	}
	return v.off <= -minFrame
}

// set gives a register other than r1 a value; hasTOC says whether it is the
// unit's TOC pointer.
func (s *state) set(r uint32, v value, hasTOC bool, w why) {
	if r == ppc64.RegTOC {
		s.trusted = hasTOC
		if s.own = hasTOC; !hasTOC {
			s.ownWhy = w
		}
	}
	s.regs[r] = v
	s.copies &^= 1 << r
	if hasTOC && r != ppc64.RegTOC {
		s.copies |= 1 << r
	}
}

// hasTOC reports whether a register holds the unit's TOC pointer.
func (s *state) hasTOC(r uint32) bool {
	return r == ppc64.RegTOC && s.own || s.copies>>r&1 != 0
}

// slotRel returns the distance of an address from r1, if it is known.
func (s *state) slotRel(ea value) (int64, bool) {
	sp := s.regs[ppc64.RegSP]
	if ea.kind != at && ea.kind != may || ea.origin != sp.origin {
		return 0, false
	}
	return int64(ea.off) - int64(sp.off), true
}
