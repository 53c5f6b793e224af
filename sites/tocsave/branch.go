// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import "github.com/scpatch/scpatch/ppc64"

func notTOC(e ppc64.LocalEntry) cause {
	if e.PreservesR2() {
		return noEntryTOC
	}
	return clobbersTOC
}

// jump applies a branch that does not set LR, and reports whether the next
// instruction follows.
func (a *analysis) jump(word uint32, w ppc64.Word, s *state) bool {
	follows := !w.BranchesAlways()
	if a.marks[word]&jumps != 0 {
		for _, off := range a.f.Jumps[a.offset(word)] {
			if t, ok := a.wordAt(off); ok {
				a.flow(t, s, word)
			}
		}
		if w.IsRegBranch() {
			a.enterLabels(s.held)
			return follows
		}
	}
	switch {
	case !w.IsRegBranch():
		if t, ok := a.target(word, w); ok {
			a.flow(t, s, word)
		} else if a.marks[word]&jumps == 0 && !s.regs[ppc64.RegSP].popped() {
			s.effect |= effLeave
		}
	case ppc64.Decode(w, 0).Op == ppc64.OpBclr && !(s.inFrame() && a.setsLR()):
	case s.tail(): // bcctr, bctar
		a.enterLabels(s.held)
	default:
		a.enterLabels(s.held)
		if a.stop.cause == none {
			a.stop = why{unresolved, ppc64.WordSize * word}
		}
		return false
	}
	return follows
}

// tail reports whether an indirect branch counts as a tail call: r1 and r2 are
// as they were at the entry. If it is a jump table after all, its targets have
// no frame either, and nothing is proven there.
func (s *state) tail() bool {
	sp := s.regs[ppc64.RegSP]
	return sp.origin == entrySP && sp.off == 0 && s.own
}

// setsLR reports whether the function has an mtlr.
func (a *analysis) setsLR() bool {
	if a.mtlr == nil {
		found := false
		for word := range a.marks {
			w, _ := ppc64.Load(a.code, uint64(word)*ppc64.WordSize)
			in := ppc64.Decode(w, 0)
			found = found || in.Op == ppc64.OpMtspr && in.Imm == ppc64.SPRLR
		}
		a.mtlr = &found
	}
	return *a.mtlr
}

// inFrame reports whether r1 is known to be below its value at the entry. There, a bclr
// in a function with an mtlr need not be a return: LR may hold an address within the
// function.
func (s *state) inFrame() bool {
	sp := s.regs[ppc64.RegSP]
	return sp.origin == entrySP && sp.off < 0
}

// call applies a branch that sets LR.
func (a *analysis) call(word uint32, w ppc64.Word, s *state) {
	if t, ok := a.target(word, w); ok {
		switch {
		case t == word+1: // computes its own address
			return
		case t != 0 && t != a.entry:
			a.subroutine(word, t, s)
			return
		}
	}
	if w.BranchesAlways() { // nearly every call; a copy of the state takes long
		a.callee(word, w.IsRegBranch(), s)
		return
	}
	before := *s
	a.callee(word, w.IsRegBranch(), s)
	s.join(&before, ppc64.WordSize*word)
}

// subroutine applies a call to code within the function, to which no ABI
// applies.
func (a *analysis) subroutine(word, target uint32, s *state) {
	in := unknown(why{entered, ppc64.WordSize * target})
	a.flow(target, &in, word)
	*s = unknown(why{entered, ppc64.WordSize * (word + 1)})
	s.begin(word)
	s.effect = effCall | effLeave
}

// callee applies a call of a function (ELFv2 §2.2.2). The function preserves
// r1, r13 to r31 and the frame of its caller, except the TOC save doubleword,
// which a linker's stub before it may write.
func (a *analysis) callee(word uint32, indirect bool, s *state) {
	m := a.marks[word]
	here := ppc64.WordSize * word
	switch {
	case indirect && m&pltCall == 0:
		s.killOwn(why{notRestored, here})
	case !s.own: // a stub saves whatever r2 holds
		s.killSlot(why{foreignCall, here})
		if s.trusted {
			s.effect &^= effKill
		}
	case m&savesCall != 0 && !s.slot: // in whichever frame: the callee leaves r1 alone
		s.slot, s.save = true, here
	}
	s.effect |= effCall
	if m&savesCall != 0 && s.own && s.frame {
		s.effect |= effSave
	}
	if m&noTOC != 0 {
		s.killOwn(why{notocCall, here})
	}
	s.copies = 0
	s.regs[0] = value{}
	clear(s.regs[ppc64.RegTOC : lastVolatile+1])
	a.throw(s)
}

// throw passes the state after a call to the landing pads, as an exception
// does. The unwinder restores r1, r2 and r14 to r31 of the function. Once the
// states are settled, this changes nothing.
func (a *analysis) throw(s *state) {
	if len(a.pads) == 0 {
		return
	}
	s2 := *s
	s2.own, s2.trusted, s2.slot, s2.slotWhy = true, true, false, why{cause: pad}
	if a.atPads == nil {
		a.atPads = &s2
	} else if !a.atPads.join(&s2, 0) {
		return
	}
	for _, p := range a.pads {
		in := *a.atPads
		in.own, in.trusted = true, true
		in.slotWhy.at = ppc64.WordSize * p
		a.flow(p, &in, p)
	}
}
