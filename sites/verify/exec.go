// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"fmt"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// maxSteps bounds the code between a branch and where it leads: the longest stub
// of a linker in front of the longest trampoline has half of that.
const maxSteps = 64

// An ending says how a run ended.
type ending uint8

const (
	stuck     ending = iota // at an instruction that no stub has
	arrived                 // at an address that was asked for
	elsewhere               // at a symbol of another unit
	through                 // jumped through the doubleword that was asked for
	returned                // to the caller
)

// A goal says where a run is to stop.
type goal struct {
	entries [2]uint64 // addresses
	slot    uint64    // a doubleword: the key
	null    bool      // what slot holds is NULL
	every   bool      // any doubleword is what is asked for, but a module's cell
	fall    bool      // an address counts where no jump leads to it too
	any     bool      // any function is what is asked for
}

func (p *program) meets(g *goal, at uint64) bool {
	if g.any {
		_, ok := p.functionEntered(at)
		return ok
	}
	return at != 0 && (at == g.entries[0] || at == g.entries[1])
}

// An outcome is what a run found.
type outcome struct {
	ending
	m     machine
	at    uint64 // arrived, elsewhere: the address; else that of the last jump's target
	r12   bool   // r12 holds what was jumped to
	named bool   // the last jump was to what the dynamic linker found by name
	ifunc bool   // ... or what a resolver returned, which is at `at`
	tramp bool   // a trampoline is on the way
	via   uint64 // another key that it went through
	why   string // stuck: because of what
}

// run executes code from m.pc on until a goal is met, or something comes that it
// does not know. The code is that of stubs and trampolines: it computes an
// address from r2, r12 or its own place, loads from there and jumps. Nothing is
// known by its looks.
func (p *program) run(m machine, g goal) outcome {
	o := outcome{at: m.pc}
	jumped := true
	for range maxSteps {
		o.m = m
		if jumped && !o.tramp {
			o.tramp = p.entersTrampoline(m.pc)
		}
		switch {
		case (jumped || g.fall) && p.meets(&g, m.pc):
			o.ending, o.at = arrived, m.pc
			return o
		case p.foreign(m.pc):
			o.ending, o.at = elsewhere, m.pc
			return o
		}
		w, suffix, ok := p.instruction(m.pc)
		if !ok {
			return o.stop("there is no code that can be read")
		}
		if w.IsBranch() || w.IsCondBranch() || w.IsRegBranch() {
			next := m.pc + ppc64.WordSize
			if p.jump(&m, w, &g, &o) {
				return o
			}
			jumped = m.pc != next
			continue
		}
		jumped = false
		if why := p.step(&m, w, suffix); why != "" {
			return o.stop(why)
		}
		m.pc += uint64(w.Len())
	}
	return o.stop("it does not end")
}

// entersTrampoline reports whether an address is an entry of a trampoline, of
// this unit or another.
func (p *program) entersTrampoline(at uint64) bool {
	_, ok := p.entries[at]
	return ok || p.isTrampoline(at)
}

func (o *outcome) stop(why string) outcome {
	o.ending, o.why = stuck, why
	return *o
}

// jump applies a branch, and reports whether the run has ended.
func (p *program) jump(m *machine, w ppc64.Word, g *goal, o *outcome) bool {
	next := m.pc + ppc64.WordSize
	switch {
	case w.LK():
		// bcl 20,31,.+4 finds its own address. A call is none of a stub's.
		if w.IsRegBranch() || w.AA() || w.Displacement() != ppc64.WordSize || !w.BranchesAlways() {
			o.stop("it makes a call")
			return true
		}
		m.lr, m.pc = numberOf(next), next
		return false
	case w.BranchesAlways():
	default:
		taken, ok := m.condition(w, g)
		if !ok {
			o.stop("it has a branch whose condition is not known")
			return true
		}
		if !taken {
			m.pc = next
			return false
		}
	}
	switch {
	case w.IsRegBranch():
		return p.registerJump(m, w, g, o)
	case w.AA():
		o.stop("it has an absolute branch")
		return true
	case p.object:
		b := p.objectBranch(m.pc, w)
		if b.bad != "" {
			o.stop("its branch " + b.bad)
			return true
		}
		o.branch(m, b)
	default:
		m.pc += uint64(w.Displacement())
		o.at, o.r12, o.named, o.ifunc = m.pc, false, false, false
	}
	return false
}

// branch follows a branch as a linker would.
func (o *outcome) branch(m *machine, b branch) {
	m.pc = b.to
	if b.r12 {
		m.regs[12] = numberOf(b.to)
	}
	o.at, o.r12, o.named, o.ifunc = b.to, b.r12, b.named, b.ifunc
}

// registerJump applies bclr and bcctr.
func (p *program) registerJump(m *machine, w ppc64.Word, g *goal, o *outcome) bool {
	to := m.ctr
	switch w.XO() {
	case 16: // bclr
		if m.lr.kind == returnTo {
			o.ending = returned
			return true
		}
		to = m.lr
	case 528: // bcctr
	default:
		to = value{}
	}
	o.r12 = to.kind != unknown && m.regs[12] == to
	o.named, o.ifunc = false, false
	switch to.kind {
	case number:
		m.pc, o.at = to.n, to.n
	case memory:
		c := p.doubleword(to.n)
		if to.n == g.slot || g.every && !p.isTrampoline(c.addr) {
			o.ending = through
			return true
		}
		if o.via == 0 && strings.HasPrefix(p.names[to.n], layout.KeyPrefix) {
			o.via = to.n
		}
		if !c.known {
			o.stop(fmt.Sprintf("it jumps through %s, and what that holds is not known", p.name(to.n)))
			return true
		}
		for i := range m.regs {
			if m.regs[i] == to {
				m.regs[i] = numberOf(c.addr)
			}
		}
		m.pc, o.at, o.named, o.ifunc = c.addr, c.addr, c.named, c.ifunc
		if c.ifunc || c.named && !p.foreign(c.addr) {
			o.m, o.ending = *m, elsewhere
			return true
		}
	default:
		o.stop("it jumps to where nothing says")
		return true
	}
	return false
}

// condition evaluates a branch on CR0: whether what was compared with 0 is 0.
// Of the doubleword that a run asks for the goal says it, of others the file.
func (m *machine) condition(w ppc64.Word, g *goal) (taken, ok bool) {
	const crEQ = 2
	onTrue := w.BO()&0b11100 == 0b01100
	if onFalse := w.BO()&0b11100 == 0b00100; !onTrue && !onFalse || w.BI() != crEQ {
		return false, false
	}
	if m.cr0.kind != memory || m.cr0.n != g.slot && !g.every {
		return false, false
	}
	return g.null == onTrue, true
}

// step applies an instruction that is no branch; the result is what keeps it
// from being one of a stub.
func (p *program) step(m *machine, w, suffix ppc64.Word) string {
	if w.IsPrefix() {
		return p.prefixed(m, w, suffix)
	}
	if w.IsNop() {
		return ""
	}
	set := func(r uint32, v value) string {
		if !mayChange(r) {
			return fmt.Sprintf("it changes r%d", r)
		}
		m.regs[r] = v
		return ""
	}
	base := func(r uint32) value {
		if r == 0 {
			return numberOf(0)
		}
		return p.resolve(m.regs[r])
	}
	switch w.Opcode() {
	case 10, 11: // cmpldi, cmpdi
		if w>>21&1 == 1 && w>>23&7 == 0 && w.UI() == 0 {
			m.cr0 = m.regs[w.RA()]
			return ""
		}
	case 14: // addi
		return set(w.RT(), base(w.RA()).plus(w.SI()))
	case 15: // addis
		return set(w.RT(), base(w.RA()).plus(w.SI()<<16))
	case 19:
		if w.IsDX() { // addpcis
			d := int64(int16(uint32(w)&0xffc1 | w.RA()<<1))
			return set(w.RT(), numberOf(m.pc+ppc64.WordSize).plus(d<<16))
		}
	case 24: // ori
		if v := m.regs[w.RS()]; v.kind == number {
			return set(w.RA(), numberOf(v.n|w.UI()))
		} else if w.UI() == 0 {
			return set(w.RA(), v)
		}
		return set(w.RA(), value{})
	case 25: // oris
		if v := m.regs[w.RS()]; v.kind == number {
			return set(w.RA(), numberOf(v.n|w.UI()<<16))
		}
		return set(w.RA(), value{})
	case 30:
		if n, ok := shiftLeft(w); ok {
			if v := m.regs[w.RS()]; v.kind == number {
				return set(w.RA(), numberOf(v.n<<n))
			}
			return set(w.RA(), value{})
		}
	case 31:
		return p.extended(m, w, set)
	case 58:
		if w.XODS() == 0 {
			return set(w.RT(), load(base(w.RA()).plus(w.DS())))
		}
	case 62:
		if w.XODS() == 0 && w.RA() == 1 { // std to the frame
			own := m.own.kind == number && m.regs[w.RS()] == m.own
			if w.DS() == 24 {
				m.saved = own
			}
			m.stray = m.stray || w.DS() != 24 || !own
			return ""
		}
	}
	return fmt.Sprintf("it has an instruction that no stub has, %v", w)
}

// extended applies the instructions of primary opcode 31.
func (p *program) extended(m *machine, w ppc64.Word, set func(uint32, value) string) string {
	switch w.XO() {
	case 339: // mfspr
		switch w.SPR() {
		case 8:
			return set(w.RT(), m.lr)
		case 9:
			return set(w.RT(), m.ctr)
		}
	case 467: // mtspr
		switch w.SPR() {
		case 8:
			m.lr = m.regs[w.RS()]
			return ""
		case 9:
			m.ctr = m.regs[w.RS()]
			return ""
		}
	case 444: // or
		if w.RS() == w.RB() && !w.Rc() {
			return set(w.RA(), m.regs[w.RS()])
		}
	case 266: // add
		if !w.Rc() {
			a, b := p.resolve(m.regs[w.RA()]), p.resolve(m.regs[w.RB()])
			if b.kind != number {
				return set(w.RT(), value{})
			}
			return set(w.RT(), a.plus(int64(b.n)))
		}
	}
	return fmt.Sprintf("it has an instruction that no stub has, %v", w)
}

// mayChange reports whether a register is free between a caller and a callee
// (ELFv2 §2.2.2.1): none of the parameters', and none that the callee keeps.
func mayChange(r uint32) bool { return r == 0 || r == 2 || r == 11 || r == 12 }

// prefixed applies pld, paddi and pnop.
func (p *program) prefixed(m *machine, w, suffix ppc64.Word) string {
	var at value
	switch {
	case w.PrefixR() && suffix.RA() != 0, w>>23&1 != 0:
		return "it has a prefixed instruction of an invalid form"
	case w.PrefixR():
		at = numberOf(m.pc)
	case suffix.RA() == 0:
		at = numberOf(0)
	default:
		at = p.resolve(m.regs[suffix.RA()])
	}
	at = at.plus(ppc64.D34(w, suffix))
	rt := suffix.RT()
	switch {
	case !mayChange(rt):
	case w.PrefixType() == ppc64.Prefix8LS && suffix.Opcode() == 57: // pld
		m.regs[rt] = load(at)
		return ""
	case w.PrefixType() == ppc64.PrefixMLS && suffix.Opcode() == 14: // paddi
		m.regs[rt] = at
		return ""
	}
	if w.PrefixType() == ppc64.PrefixMRR && w == 0x07000000 { // pnop
		return ""
	}
	return "it has a prefixed instruction that no stub has"
}

// load is ld: a doubleword is known by its address.
func load(at value) value {
	if at.kind != number {
		return value{}
	}
	return value{memory, at.n}
}

// resolve is a value that is computed with: of a doubleword, what it holds when
// the program starts. So the address of a key comes out of a GOT entry.
func (p *program) resolve(v value) value {
	if v.kind != memory {
		return v
	}
	if c := p.doubleword(v.n); c.known && !c.ifunc {
		return numberOf(c.addr)
	}
	return value{}
}

// shiftLeft recognises sldi: rldicr RA,RS,n,63-n.
func shiftLeft(w ppc64.Word) (uint, bool) {
	sh := uint(w>>11&31) | uint(w>>1&1)<<5
	me := uint(w>>6&31) | uint(w>>5&1)<<5
	return sh, w>>2&7 == 1 && sh+me == 63 && !w.Rc()
}
