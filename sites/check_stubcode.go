// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// This file reads the code of stubs in an output, for Check. It shares no code with
// package stub, which generates them.

// A way says how a stub reaches what it jumps through.
type way uint8

const (
	wayTOC     way = iota // by its distance from the TOC pointer
	wayNear               // the same, in one instruction
	wayPointer            // by an address, which is at a distance from the TOC pointer
	wayPCRel              // by its distance from the code
	wayGOTPC              // through the GOT, without a TOC pointer
)

// A stubCode says what a stub does.
type stubCode struct {
	saves  bool    // it stores r2 at 24(r1) first
	nop    bool    // a nop follows the save
	cell   operand // the cell that it goes through first; way and from then say how it continues
	back   uint64  // where it continues, from the start of the section; 0 without a cell
	way    way     // how r12 is loaded,
	from   operand // and from where
	null   bool    // r12 is tested, and NULL is not called
	shadow bool    // it keeps LR on a stack of the thread's own, and recomputes r2 after the call
	stack  operand // the thread-local pointer to the top of that stack
	toc    operand // the symbol that r2 is computed from
	calls  uint64  // the return address of the call, from the start of the section
}

// A stubReader reads words with their relocations, one after another. It stops at the
// first unexpected one.
type stubReader struct {
	code  []byte
	relas reloc.Sorted
	used  index.Set // relocations, by number
	uses  int       // how many
	off   uint64
	at    int // a relocation near off: see Search
	err   error
}

// read reads the stub from off to end.
func (r *stubReader) read(off, end uint64) (s stubCode, err error) {
	r.off, r.err = off, nil
	s.saves = r.skip(is(ppc64.OpStd, 2, 1, 24)) // std r2,24(r1)
	s.nop = r.skip(func(w ppc64.Word) bool { return w == ppc64.Nop })
	if s.shadow = r.skip(isSPR(ppc64.OpMfspr, ppc64.SPRLR, 0)); s.shadow { // mflr r0
		s.stack = r.push()
	}
	s.way, s.from = r.load()
	if r.off+2*ppc64.WordSize < end && !s.shadow && (s.way == wayTOC || s.way == wayPCRel) && r.peek(isSPR(ppc64.OpMtspr, ppc64.SPRCTR, 12)) {
		r.jump(false)
		s.cell, s.back = s.from, r.off
		s.way, s.from = r.load()
	}
	if s.null = r.skip(isCompare(12)); s.null { // cmpdi r12,0
		if s.shadow {
			r.want(isBC(12, 2, false, 3*ppc64.WordSize)) // beq, over the call
		} else {
			r.want(isXL(ppc64.OpBclr, 12, 2, false)) // beqlr
		}
	}
	r.jump(s.shadow)
	if s.shadow {
		s.calls = r.off
		s.toc = r.ownTOC()
		r.pop(s.stack)
	}
	if r.off != end {
		r.fail("the stub should end here")
	}
	return s, r.err
}

// push reads the code that keeps r0 on the stack of return addresses, and returns the
// symbol of the pointer to its top.
func (r *stubReader) push() (stack operand) {
	stack = r.threadPointer()
	r.want(is(ppc64.OpLd, 12, 11, 0))   // ld r12,0(r11)
	r.want(is(ppc64.OpAddi, 12, 12, 8)) // addi r12,r12,8
	r.want(is(ppc64.OpStd, 12, 11, 0))  // std r12,0(r11)
	r.want(is(ppc64.OpStd, 0, 12, -8))  // std r0,-8(r12)
	return stack
}

// pop reads the code that takes an address from that stack and returns to it.
func (r *stubReader) pop(stack operand) {
	if r.threadPointer() != stack {
		r.fail("not the symbol of the word before")
	}
	r.want(is(ppc64.OpLd, 12, 11, 0))            // ld r12,0(r11)
	r.want(is(ppc64.OpAddi, 12, 12, -8))         // addi r12,r12,-8
	r.want(is(ppc64.OpLd, 0, 12, 0))             // ld r0,0(r12)
	r.want(is(ppc64.OpStd, 12, 11, 0))           // std r12,0(r11)
	r.want(isSPR(ppc64.OpMtspr, ppc64.SPRLR, 0)) // mtlr r0
	r.want(isXL(ppc64.OpBclr, 20, 0, false))     // blr
}

// ownTOC reads the code that computes r2 from its own address, and returns the symbol of
// r2's value.
func (r *stubReader) ownTOC() (toc operand) {
	r.want(isBC(20, 31, true, ppc64.WordSize)) // bcl 20,31,.+4
	here := int64(r.off)
	r.want(isSPR(ppc64.OpMfspr, ppc64.SPRLR, 11)) // mflr r11
	toc = r.operand(is(ppc64.OpAddis, 2, 11, 0), elf.R_PPC64_REL16_HA, here)
	if low := r.operand(is(ppc64.OpAddi, 2, 2, 0), elf.R_PPC64_REL16_LO, here); low != toc {
		r.fail("not the symbol of the word before")
	}
	return toc
}

// jump reads the instructions that jump to r12, or call it.
func (r *stubReader) jump(call bool) {
	r.want(isSPR(ppc64.OpMtspr, ppc64.SPRCTR, 12)) // mtctr r12
	r.want(isXL(ppc64.OpBcctr, 20, 0, call))       // bctr or bctrl
}

// load reads the instructions that load r12.
func (r *stubReader) load() (w way, from operand) {
	if r.peek(func(w ppc64.Word) bool { return w.IsPrefix() }) {
		typ := r.typeHere()
		if typ == elf.R_PPC64_GOT_PCREL34 {
			w = wayGOTPC
		} else {
			w, typ = wayPCRel, elf.R_PPC64_PCREL34
		}
		// pld r12,0(0),1: type 0 (8LS), R, and the suffix's opcode.
		from = r.operand(func(w ppc64.Word) bool { return uint32(w) == 1<<26|1<<20 }, typ, 0)
		r.want(func(w ppc64.Word) bool { return uint32(w) == 57<<26|12<<21 })
		if (r.off-2*ppc64.WordSize)%16 == 12 { // the alignment of the section is a multiple of 16
			r.fail("the instruction may cross 64 bytes")
		}
	} else if r.peek(func(w ppc64.Word) bool { return ppc64.Decode(w, 0).Op == ppc64.OpLd }) {
		return wayNear, r.operand(is(ppc64.OpLd, 12, 2, 0), elf.R_PPC64_TOC16_DS, 0)
	} else {
		from = r.operand(is(ppc64.OpAddis, 12, 2, 0), elf.R_PPC64_TOC16_HA, 0)
		if low := r.operand(is(ppc64.OpLd, 12, 12, 0), elf.R_PPC64_TOC16_LO_DS, 0); low != from {
			r.fail("not the symbol of the word before")
		}
		if r.skip(is(ppc64.OpLd, 12, 12, 0)) { // ld r12,0(r12)
			w = wayPointer
		}
	}
	if w == wayGOTPC {
		r.want(is(ppc64.OpLd, 12, 12, 0)) // ld r12,0(r12)
	}
	return w, from
}

// threadPointer reads the three instructions that put the address of a
// thread-local variable into r11.
func (r *stubReader) threadPointer() operand {
	v := r.operand(is(ppc64.OpAddis, 11, 2, 0), elf.R_PPC64_GOT_TPREL16_HA, 0)
	low := r.operand(is(ppc64.OpLd, 11, 11, 0), elf.R_PPC64_GOT_TPREL16_LO_DS, 0)
	add := r.operand(func(w ppc64.Word) bool {
		return is(ppc64.OpAdd, 11, 11, 0)(w) && w.RB() == ppc64.RegTLS && !w.Rc()
	}, elf.R_PPC64_TLS, 0)
	if low != v || add != v {
		r.fail("not the symbol of the word before")
	}
	return v
}

func (r *stubReader) fail(format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at 0x%x: %s", r.off, fmt.Sprintf(format, a...))
	}
}

// unexpected records that a stub cannot have this word here, or not with these
// relocations.
func (r *stubReader) unexpected(w ppc64.Word, in []reloc.Rela) {
	with := ""
	for _, rel := range in {
		with += " " + rel.TypeName()
	}
	r.fail("%v%s: not what a stub has here", w, with)
}

// next returns the word, and the relocations in it.
func (r *stubReader) next() (ppc64.Word, []reloc.Rela) {
	w, err := ppc64.Load(r.code, r.off)
	if err != nil {
		r.fail("%v", err)
	}
	var in []reloc.Rela
	r.at = r.relas.Search(r.off, r.at)
	for i := r.at; i < r.relas.Len() && r.relas.NthOff(i) < r.off+ppc64.WordSize; i++ {
		if !r.used.Has(i) {
			r.used.Add(i)
			r.uses++
		}
		if rel := r.relas.Nth(i); rel.Type() != uint32(elf.R_PPC64_NONE) { // which ties a table to the code
			in = append(in, rel)
		}
	}
	return w, in
}

// peek reports whether the next word satisfies is.
func (r *stubReader) peek(is func(ppc64.Word) bool) bool {
	w, err := ppc64.Load(r.code, r.off)
	return r.err == nil && err == nil && is(w)
}

// typeHere returns the type of the relocation of the next word.
func (r *stubReader) typeHere() elf.R_PPC64 {
	r.at = r.relas.Search(r.off, r.at)
	for i := r.at; i < r.relas.Len() && r.relas.NthOff(i) == r.off; i++ {
		if typ := elf.R_PPC64(r.relas.Nth(i).Type()); typ != elf.R_PPC64_NONE {
			return typ
		}
	}
	return elf.R_PPC64_NONE
}

// skip consumes the next word if it satisfies is and has no relocation.
func (r *stubReader) skip(is func(ppc64.Word) bool) bool {
	if !r.peek(is) {
		return false
	}
	r.want(is)
	return true
}

// want consumes a word that must be there, without a relocation.
func (r *stubReader) want(is func(ppc64.Word) bool) {
	if r.err != nil {
		return
	}
	if w, in := r.next(); !is(w) || len(in) != 0 {
		r.unexpected(w, in)
	}
	r.off += ppc64.WordSize
}

// operand consumes a word that must be there with one relocation, and returns
// what the relocation names. here is the offset in the section that the operand
// is relative to, 0 if that is the word itself.
func (r *stubReader) operand(is func(ppc64.Word) bool, typ elf.R_PPC64, here int64) operand {
	if r.err != nil {
		return operand{}
	}
	w, in := r.next()
	if !is(w) || len(in) != 1 || in[0].Type() != uint32(typ) || in[0].Off != r.off {
		r.unexpected(w, in)
		return operand{}
	}
	o := operand{int(in[0].Sym()), in[0].Addend}
	if here != 0 {
		o.addend -= int64(r.off) - here
	}
	r.off += ppc64.WordSize
	return o
}

// is matches an instruction with one or two registers and a number.
func is(op ppc64.Op, rt, ra uint8, imm int64) func(ppc64.Word) bool {
	want := ppc64.Inst{Op: op, RT: rt, RA: ra, Imm: imm}
	return func(w ppc64.Word) bool { return ppc64.Decode(w, 0) == want }
}

// isCompare matches cmpdi ra,0 with the reserved bit clear.
func isCompare(ra uint8) func(ppc64.Word) bool {
	return func(w ppc64.Word) bool { return is(ppc64.OpCmpdi, 0, ra, 0)(w) && w.RT() == 1 }
}

// isSPR matches mfspr or mtspr.
func isSPR(op ppc64.Op, spr int64, reg uint8) func(ppc64.Word) bool {
	return func(w ppc64.Word) bool { return is(op, reg, 0, spr)(w) && !w.Rc() }
}

// isXL matches a branch to a register, without a hint.
func isXL(op ppc64.Op, bo, bi uint32, lk bool) func(ppc64.Word) bool {
	return func(w ppc64.Word) bool {
		return ppc64.Decode(w, 0).Op == op && w.BO() == bo && w.BI() == bi && w.RB() == 0 && w.LK() == lk
	}
}

// isBC matches a conditional branch to a place at a distance in bytes.
func isBC(bo, bi uint32, lk bool, distance int64) func(ppc64.Word) bool {
	return func(w ppc64.Word) bool {
		return w.IsCondBranch() && w.BO() == bo && w.BI() == bi && w.LK() == lk && !w.AA() && w.Displacement() == distance
	}
}
