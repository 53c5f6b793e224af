// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// An Op names an instruction that takes part in computing an address, loading
// from it or branching to it. The zero Op stands for any other instruction.
type Op uint8

// The comments say what each does with the operands of an [Inst]. (RA|0) is the
// number zero if RA is 0.
const (
	OpUnknown Op = iota
	OpAddi       // RT = (RA|0) + Imm
	OpAddis      // likewise; Imm is SI||0x0000
	OpPaddi      // likewise
	OpPla        // RT = the instruction's address + Imm: paddi with R
	OpAddpcis    // likewise; Imm is D||0x0000 + 4, as D counts from the next instruction
	OpAdd        // RT = RA + RB
	OpMr         // RA = RS: or RA,RS,RS
	OpOri        // RA = RS | Imm
	OpOris       // likewise; Imm is UI||0x0000
	OpXori       // RA = RS ^ Imm
	OpXoris      // likewise; Imm is UI||0x0000
	OpSldi       // RA = RS << Imm: rldicr RA,RS,SH,63-SH
	OpMtvsrd     // a vector register = RA
	OpMtvsrdd    // a vector register = (RA|0)||RB; Imm is RB
	OpMfvsrd     // RA = the first half of a vector register
	OpMfvsrld    // RA = the second half of a vector register
	OpCmpdi      // CR field BF = RA compared with Imm, 64 bits
	OpCmpldi     // likewise, unsigned
	OpLd         // RT = the doubleword at (RA|0) + Imm
	OpPld        // likewise
	OpPldPC      // RT = the doubleword at the instruction's address + Imm: pld with R
	OpStd        // the doubleword at (RA|0) + Imm = RS
	OpMfspr      // RT = the special purpose register Imm
	OpMtspr      // the special purpose register Imm = RS
	OpPnop       // nothing
	OpB          // branch by Imm, or with AA to Imm
	OpBc         // likewise, if BO and BI say so
	OpBclr       // branch to LR, if BO and BI say so
	OpBcctr      // branch to CTR, likewise
	OpBctar      // branch to TAR, likewise
)

// IsBranch reports whether the instruction is a branch.
func (op Op) IsBranch() bool { return op >= OpB }

// An Inst is a decoded instruction, small enough to be passed in registers. The
// accessors of its [Word] return the rest: RB, BF, SPR, Rc, and BO, BI, AA and
// LK of a branch. The zero Inst stands for an instruction without an Op.
type Inst struct {
	Op  Op
	RT  uint8 // bits 6:10; RS is the same field
	RA  uint8 // bits 11:15
	Imm int64 // immediate, displacement in bytes, shift or SPR: see the Op
}

// Target returns the general register that receives the result of the
// instruction. It is meaningful only for an Op with such a register.
func (in Inst) Target() uint8 {
	switch in.Op {
	case OpMr, OpOri, OpOris, OpXori, OpXoris, OpSldi, OpMfvsrd, OpMfvsrld:
		return in.RA
	}
	return in.RT
}

// Decode decodes an instruction. The suffix matters only if w is a prefix.
//
// As in [Memory] and [Writes], reserved bits do not count, and an invalid form
// is decoded by its opcode: for example, a prefix with R whose suffix has RA
// other than 0, or one with an undefined value of ST.
func Decode(w, suffix Word) Inst {
	op := w.Opcode()
	if op == opcodeX {
		e := &extended[w.XO()]
		if e.op == OpUnknown {
			return Inst{}
		}
		return e.decode(w, suffix)
	}
	list := encodings[op]
	for i := range list {
		if e := &list[i]; w&e.mask == e.word && (e.suffix == 0 || e.suffix == suffix.Opcode()) {
			return e.decode(w, suffix)
		}
	}
	return Inst{}
}

// decode fills in the operands.
func (e *encoding) decode(w, suffix Word) Inst {
	in := Inst{Op: e.op, RT: uint8(w.RT()), RA: uint8(w.RA())}
	switch e.form {
	case formSI:
		in.Imm = w.SI()
	case formSIShifted:
		in.Imm = w.SI() << 16
	case formUI:
		in.Imm = int64(w.UI())
	case formUIShifted:
		in.Imm = int64(w.UI() << 16)
	case formDS:
		in.Imm = w.DS()
	case formDX:
		d := int64(int16(uint32(w)&0xffc1 | w.RA()<<1)) // d0||d1||d2
		in.RA, in.Imm = 0, d<<16+WordSize
	case formD34:
		in.RT, in.RA, in.Imm = uint8(suffix.RT()), uint8(suffix.RA()), D34(w, suffix)
	case formSPR:
		in.RA, in.Imm = 0, int64(w.SPR())
	case formMove:
		if w.RS() != w.RB() {
			return Inst{}
		}
	case formShift:
		sh, me := w>>11&31|w>>1&1<<5, w>>6&31|w>>5&1<<5
		if sh+me != 63 {
			return Inst{}
		}
		in.Imm = int64(sh)
	case formRA:
		in.RT = 0
	case formRARB:
		in.RT, in.Imm = 0, int64(w.RB())
	case formCompareSI:
		in.RT, in.Imm = 0, w.SI()
	case formCompareUI:
		in.RT, in.Imm = 0, int64(w.UI())
	case formBranch:
		in.RT, in.RA, in.Imm = 0, 0, w.Displacement()
	case formNone:
		in.RT, in.RA = 0, 0
	}
	return in
}
