// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import "github.com/scpatch/scpatch/ppc64"

// An inst is an instruction that is not a branch.
type inst struct {
	w, suffix ppc64.Word
	word      uint32 // place, in words from the function's start
	relocated bool   // the linker fills in its immediate or its displacement
	pltSeq    bool   // of an inline PLT sequence: the linker may make it a nop
	afterPLT  bool   // after the call of such a sequence
}

func (i *inst) why(c cause) why { return why{c, ppc64.WordSize * i.word} }

// step applies an instruction to the state.
func (s *state) step(i *inst) {
	if a, ok := ppc64.Memory(i.w, i.suffix); ok {
		s.memory(i, a)
		return
	}
	in := ppc64.Decode(i.w, i.suffix)
	if dst, src, ok := i.move(in); ok {
		s.move(i, dst, src)
		return
	}
	writes := ppc64.Writes(i.w, i.suffix)
	if writes == 0 {
		return
	}
	v, ok := s.sum(i, in)
	if !ok && s.anyAlias(ppc64.Sources(i.w, i.suffix)) {
		v.kind = anywhere
	}
	s.write(i, writes, v)
}

// write gives every register of a mask the same value.
func (s *state) write(i *inst, regs uint32, v value) {
	for r := range uint32(32) {
		switch {
		case regs>>r&1 == 0:
		case r == ppc64.RegSP:
			s.setSP(v, v.stands(), i.word, moved)
		default:
			s.set(r, v, false, i.why(written))
		}
	}
}

// anyAlias reports whether a register in a mask may be derived from r1.
func (s *state) anyAlias(regs uint32) bool {
	for r := range uint32(32) {
		if regs>>r&1 != 0 && s.regs[r].aliases() {
			return true
		}
	}
	return false
}

// move recognises instructions that copy a register: mr, and the logical
// immediates with 0. (ori r2,r2,0 is padding.)
func (i *inst) move(in ppc64.Inst) (dst, src uint32, ok bool) {
	switch in.Op {
	case ppc64.OpMr:
		ok = true
	case ppc64.OpOri, ppc64.OpOris, ppc64.OpXori, ppc64.OpXoris:
		ok = in.Imm == 0 && !i.relocated
	}
	return uint32(in.RA), uint32(in.RT), ok
}

func (s *state) move(i *inst, dst, src uint32) {
	switch dst {
	case src:
	case ppc64.RegSP:
		v := s.regs[src]
		s.setSP(v, v.stands(), i.word, moved)
	default:
		s.set(dst, s.regs[src], s.hasTOC(src), i.why(written))
	}
}

// sum recognises the additions that compute addresses in the stack.
func (s *state) sum(i *inst, in ppc64.Inst) (value, bool) {
	switch in.Op {
	case ppc64.OpAddi, ppc64.OpAddis, ppc64.OpPaddi:
		imm := numberOf(in.Imm)
		if i.relocated {
			imm = value{}
		}
		return s.base(uint32(in.RA)).plus(imm), true
	case ppc64.OpPla: // an address of the program
		return value{}, true
	case ppc64.OpAdd:
		return s.regs[in.RA].plus(s.regs[i.w.RB()]), true
	}
	return value{}, false
}

// base returns the value of RA|0.
func (s *state) base(r uint32) value {
	if r == 0 {
		return numberOf(0)
	}
	return s.regs[r]
}

// memory applies a load or a store.
func (s *state) memory(i *inst, a ppc64.Access) {
	ea := s.address(i, a)
	push := a.Store && a.Update && a.Base == ppc64.RegSP
	if a.Store && !push { // a push kills the slot anyway
		s.store(i, a, ea)
	}
	writes := ppc64.Writes(i.w, i.suffix)
	if a.Update {
		writes &^= 1 << a.Base // set below
	}
	s.load(i, writes, ea)
	switch {
	case !a.Update:
	case push:
		s.push(i, ea)
	case a.Base != ppc64.RegSP:
		s.set(a.Base, ea, false, i.why(written))
	default:
		s.setSP(ea, ea.stands(), i.word, moved)
	}
}

// address returns the address of a load or store.
func (s *state) address(i *inst, a ppc64.Access) value {
	if a.PCRel {
		return value{}
	}
	off := numberOf(a.Disp)
	if a.Indexed {
		off = s.regs[a.Index]
	}
	if i.relocated {
		off = value{}
	}
	return s.base(a.Base).plus(off)
}

// store applies the effect of a store on the slot.
func (s *state) store(i *inst, a ppc64.Access, ea value) {
	rel, known := s.slotRel(ea)
	save := known && ea.kind == at && rel == slotOff && ppc64.Decode(i.w, 0).Op == ppc64.OpStd
	if save && s.hasTOC(i.w.RS()) {
		switch {
		case i.pltSeq: // the linker may remove it
		case !s.frame: // the slot is the caller's (ELFv2 §2.2.3)
			s.slot, s.slotWhy = false, i.why(noFrame)
		default:
			s.slot, s.save = true, ppc64.WordSize*i.word
			s.effect |= effSave
		}
		return
	}
	switch {
	case save && i.w.RS() == ppc64.RegTOC && s.trusted:
		s.killSlot(i.why(overwritten))
		s.effect &^= effKill // the slot stays as right as it was
	case !ea.aliases():
	case !known: // a store to an object of the program; a second return finds the slot (see effect)
		s.killSlot(i.why(overwritten))
		s.effect &^= effKill
	case overlaps(i.w, a, rel):
		s.killSlot(i.why(overwritten))
	}
}

// overlaps reports whether a store to rel(r1) may touch the slot.
func overlaps(w ppc64.Word, a ppc64.Access, rel int64) bool {
	if a.Size == 0 {
		return true
	}
	lo, hi := rel, rel+int64(a.Size)
	if w.Opcode() == 31 && w.XO()&0x1f == 7 { // stvx and the like align the address
		lo -= 15
	}
	return lo < slotOff+slotSize && hi > slotOff
}

// load applies the writes of an instruction to registers other than its base:
// from the slot, from the back chain (an address in the stack, ELFv2 §2.2.3),
// or from any other memory.
func (s *state) load(i *inst, writes uint32, ea value) {
	if writes == 0 {
		return
	}
	rel, known := s.slotRel(ea)
	if i.afterPLT && i.w == ppc64.RestoreTOC {
		return // the linker keeps it if, and only if, it keeps the save
	}
	if known && ea.kind == at && rel == slotOff && i.w.RT() != ppc64.RegSP && ppc64.Decode(i.w, 0).Op == ppc64.OpLd {
		w := s.slotWhy
		if w.cause == noSave {
			w = i.why(restoredWrong)
		}
		s.set(i.w.RT(), value{}, s.slot, w)
		s.trusted = s.trusted || i.w.RT() == ppc64.RegTOC
		return
	}
	v := value{}
	if known && rel == 0 {
		v.kind = anywhere
	}
	s.write(i, writes, v)
	s.effect &^= effPush // an r1 loaded from memory is an older one
}

// push applies a store that updates r1, as stdu and stdux do to make a frame
// (ELFv2 §2.2.3).
func (s *state) push(i *inst, ea value) {
	c := moved
	if s.frame {
		c = alloca
	}
	frame := true
	if ea.kind == at {
		size := int64(s.regs[ppc64.RegSP].off) - int64(ea.off)
		frame = ea.stands() || s.frame && size >= 0 || size >= minFrame && ea.origin != entrySP
	}
	s.setSP(ea, frame, i.word, c)
	s.lost = false // a second return of a call before this drops the new frame
}
