// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"fmt"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// maxSteps bounds the code between a branch and its destination: the longest stub of a
// linker followed by the longest trampoline has half as many instructions.
const maxSteps = 64

// An ending is how a run ended.
type ending uint8

const (
	stuck     ending = iota // at an instruction that no stub contains
	arrived                 // at an address that the goal names
	elsewhere               // at a symbol of another unit
	through                 // jumped through the goal's doubleword
	returned                // to the caller
)

// A goal is where a run should stop.
type goal struct {
	entries [2]uint64 // addresses
	slot    uint64    // a doubleword: the key
	null    bool      // what slot holds is NULL
	every   bool      // match any doubleword except a cell
	fall    bool      // also stop when execution falls through to an entry
	any     bool      // match any function
	tramp   string    // match the entries of the trampoline with that name
}

func (p *program) meets(g *goal, at uint64) bool {
	switch {
	case g.any:
		_, ok := p.functionEntered(at)
		return ok
	case g.tramp != "":
		return p.enters[entrance{at, g.tramp}]
	}
	return at != 0 && (at == g.entries[0] || at == g.entries[1])
}

// An outcome is what a run found.
type outcome struct {
	ending
	m     machine
	at    uint64 // arrived, elsewhere: the address; otherwise the address of the last jump's target
	r12   bool   // r12 holds the address that was jumped to
	named bool   // the last jump was to a symbol that the dynamic linker looks up
	ifunc bool   // ... or to what a resolver returns; the resolver is at `at`
	tramp bool   // a trampoline is on the path
	tests bool   // the path depends on whether the goal's doubleword is NULL
	via   uint64 // another key that the path went through
	// unfollowed is why another doubleword on the path does not follow the
	// goal's key.
	unfollowed string
	why        string // stuck: the reason
}

// run executes code from m.pc until it meets a goal or something that it does not
// know. The code is that of stubs and trampolines: it computes an address from r2, r12
// or its own address, loads from there and jumps. run does not match known sequences
// of instructions.
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
		in, next := ppc64.Decode(w, suffix), m.pc+uint64(w.Len())
		if in.Op.IsBranch() {
			if p.jump(&m, w, in, &g, &o) {
				return o
			}
			jumped = m.pc != next
			continue
		}
		jumped = false
		if why := p.step(&m, w, suffix, in); why != "" {
			return o.stop(why)
		}
		m.pc = next
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
func (p *program) jump(m *machine, w ppc64.Word, in ppc64.Inst, g *goal, o *outcome) bool {
	next := m.pc + ppc64.WordSize
	switch {
	case w.LK():
		// bcl 20,31,.+4 puts the next address into LR. A stub makes no other
		// calls.
		if w.IsRegBranch() || w.AA() || in.Imm != ppc64.WordSize || !w.BranchesAlways() {
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
		o.tests = true
		if !taken {
			m.pc = next
			return false
		}
	}
	switch {
	case w.IsRegBranch():
		return p.registerJump(m, in.Op, g, o)
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
		m.pc += uint64(in.Imm)
		o.at, o.r12, o.named, o.ifunc = m.pc, false, false, false
	}
	return false
}

// branch follows a branch as a linker would.
func (o *outcome) branch(m *machine, b branch) {
	m.pc = b.to
	if b.r12 {
		m.regs[ppc64.RegEntry] = numberOf(b.to)
	}
	o.at, o.r12, o.named, o.ifunc = b.to, b.r12, b.named, b.ifunc
}

// registerJump applies bclr and bcctr; it does not know bctar.
func (p *program) registerJump(m *machine, op ppc64.Op, g *goal, o *outcome) bool {
	var to value // TAR is not tracked
	switch op {
	case ppc64.OpBclr:
		if m.lr.kind == returnTo {
			o.ending = returned
			return true
		}
		to = m.lr
	case ppc64.OpBcctr:
		to = m.ctr
	}
	o.r12 = to.kind != unknown && m.regs[ppc64.RegEntry] == to
	o.named, o.ifunc = false, false
	switch to.kind {
	case number:
		m.pc, o.at = to.n, to.n
	case memory:
		return p.jumpThrough(m, to, g, o)
	default:
		o.stop("it jumps to a place that nothing names")
		return true
	}
	return false
}

// jumpThrough jumps to what a doubleword holds.
func (p *program) jumpThrough(m *machine, to value, g *goal, o *outcome) bool {
	c := p.doubleword(to.n)
	_, cell := p.cells[to.n]
	if to.n == g.slot || g.every && !cell && !p.isTrampoline(c.addr) {
		o.ending = through
		return true
	}
	if o.via == 0 && strings.HasPrefix(p.names[to.n], layout.KeyPrefix) {
		o.via = to.n
	}
	// A weak symbol is another unit's, or there is none: a jump to NULL is as wrong as it was.
	if !c.known && !(c.named && p.foreign(c.addr)) {
		o.stop(fmt.Sprintf("it jumps through %s, and what that holds is not known", p.name(to.n)))
		return true
	}
	if o.unfollowed == "" {
		o.unfollowed = p.unfollowed(to.n, g)
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
	return false
}

// condition evaluates a branch on the EQ bit of CR0, for a comparison of the goal's
// doubleword with 0. The goal says whether that is NULL. ok is false for any other
// condition.
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

// step applies an instruction that is not a branch. The result is why a stub would
// not contain it, or empty.
func (p *program) step(m *machine, w, suffix ppc64.Word, in ppc64.Inst) string {
	v, ok := p.result(m, w, in)
	v, why := p.joinHalves(m.pc, v)
	switch {
	case why != "":
		return why
	case w.IsPrefix() && isInvalid(w, suffix):
		return "it has a prefixed instruction of an invalid form"
	case ok && mayChange(in.Target()):
		m.regs[in.Target()] = v
		return ""
	case ok && !w.IsPrefix():
		return fmt.Sprintf("it changes r%d", in.Target())
	case w.IsNop(), in.Op == ppc64.OpPnop, m.effect(w, in):
		return ""
	case w.IsPrefix():
		return "it has a prefixed instruction that no stub has"
	}
	return fmt.Sprintf("it has an instruction that no stub has, %v", w)
}

// isInvalid reports a prefixed instruction with both R and RA not 0, or with bit 8 of
// the prefix set, which is 0 in everything that a stub may contain (Power ISA v3.1,
// Book I §1.6).
func isInvalid(w, suffix ppc64.Word) bool {
	return w.PrefixR() && suffix.RA() != 0 || w>>23&1 != 0
}

// mayChange reports whether a register is free between a caller and a callee (ELFv2
// §2.2.2.1): it holds no parameter, and the callee does not keep it.
func mayChange(r uint8) bool {
	return r == 0 || r == ppc64.RegTOC || r == 11 || r == ppc64.RegEntry
}

// result returns the value that an instruction gives its target register. It
// returns false if the instruction is not one of those in stubs, or has no such
// target.
func (p *program) result(m *machine, w ppc64.Word, in ppc64.Inst) (v value, ok bool) {
	rs := m.regs[in.RT]
	switch in.Op {
	case ppc64.OpAddi, ppc64.OpAddis, ppc64.OpPaddi:
		return p.base(m, in.RA).plus(in.Imm), true
	case ppc64.OpPla, ppc64.OpAddpcis:
		return numberOf(m.pc).plus(in.Imm), true
	case ppc64.OpLd, ppc64.OpPld:
		return load(p.base(m, in.RA).plus(in.Imm)), true
	case ppc64.OpPldPC:
		return load(numberOf(m.pc).plus(in.Imm)), true
	case ppc64.OpAdd:
		return p.distance(m.regs[in.RA]).sum(p.distance(m.regs[w.RB()])), !w.Rc()
	case ppc64.OpMr:
		return rs, !w.Rc()
	case ppc64.OpOri:
		if in.Imm == 0 {
			return rs, true
		}
		return rs.compute(func(n uint64) uint64 { return n | uint64(in.Imm) }), true
	case ppc64.OpOris:
		return rs.compute(func(n uint64) uint64 { return n | uint64(in.Imm) }), true
	case ppc64.OpSldi:
		return rs.compute(func(n uint64) uint64 { return n << in.Imm }), !w.Rc()
	case ppc64.OpMfspr:
		if r := m.special(in.Imm); r != nil {
			return *r, true
		}
	}
	return value{}, false
}

// base is the value of RA|0.
func (p *program) base(m *machine, r uint8) value {
	if r == 0 {
		return numberOf(0)
	}
	return p.resolve(m.regs[r])
}

// effect applies an instruction that changes no general register, and returns false
// if it does not know the instruction.
func (m *machine) effect(w ppc64.Word, in ppc64.Inst) bool {
	switch in.Op {
	case ppc64.OpCmpdi, ppc64.OpCmpldi:
		if w.BF() == 0 && in.Imm == 0 {
			m.cr0 = m.regs[in.RA]
			return true
		}
	case ppc64.OpMtspr:
		if r := m.special(in.Imm); r != nil {
			*r = m.regs[in.RT]
			return true
		}
	case ppc64.OpStd:
		if in.RA == ppc64.RegSP {
			m.store(in.Imm, m.regs[in.RT])
			return true
		}
	}
	return false
}

// special returns a special-purpose register, or nil if run does not track it.
func (m *machine) special(spr int64) *value {
	switch spr {
	case ppc64.SPRLR:
		return &m.lr
	case ppc64.SPRCTR:
		return &m.ctr
	}
	return nil
}

// store is a std to the caller's frame.
func (m *machine) store(disp int64, v value) {
	const slot = 24 // for the TOC pointer (ELFv2 §2.2.3)
	own := m.own.kind == number && v == m.own
	if disp == slot {
		m.saved = own
	}
	m.stray = m.stray || disp != slot || !own
}

// load is an ld: a doubleword is represented by its address.
func load(at value) value {
	if at.kind != number {
		return value{}
	}
	return value{memory, at.n}
}

// resolve makes a value usable in a computation: it replaces a doubleword by what that
// holds when the program starts, such as a GOT entry by the address of a key.
func (p *program) resolve(v value) value {
	if v.kind != memory {
		return v
	}
	if c := p.doubleword(v.n); c.known && !c.ifunc {
		return numberOf(c.addr)
	}
	return value{}
}

// distance is like resolve, for a value that is added to another. The doubleword may also
// hold a number without a relocation: in the large code model, the distance to the TOC.
func (p *program) distance(v value) value {
	if v.kind == memory {
		if c := p.doubleword(v.n); c.number {
			return numberOf(c.addr)
		}
	}
	return p.resolve(v)
}
