// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// Writes returns the general registers that an instruction may write, as a
// mask: bit n is rn. This includes a base register that an update form changes.
// A branch writes none, whatever the called function does; sc writes those that
// the Linux system call interface does not preserve.
//
// If Power ISA v3.1 and older versions do not define the primary or extended
// opcode, the answer is every register that the word could name as a target: RT
// and RA. The suffix matters only if w is a prefix.
func Writes(w, suffix Word) uint32 {
	s := shapeOf(w, suffix)
	if w.IsPrefix() {
		w = suffix
	}
	var m uint32
	if s&writesRT != 0 {
		m |= reg(w.RT())
	}
	if s&writesNext != 0 {
		m |= reg(w.RT() | 1)
	}
	if s&writesRA != 0 {
		m |= reg(w.RA())
	}
	if s&writesMany != 0 {
		m |= manyRegs(w)
	}
	return m
}

// Sources returns the general registers from which an instruction computes its
// results in general registers, as a mask: bit n is rn. A value loaded from
// memory has no sources, and neither has the address that an update form writes
// to its base register; see [Memory] for that. An instruction that writes no
// general register has none.
//
// The mask may contain r0 where RA=0 means the number zero. It contains the
// target RA of instructions that insert into it (rlwimi, rldimi). For an
// undefined opcode it is RT, RA and RB.
func Sources(w, suffix Word) uint32 {
	s := shapeOf(w, suffix)
	if w.IsPrefix() {
		w = suffix
	}
	var m uint32
	if s&readsRT != 0 {
		m |= reg(w.RT())
	}
	if s&readsRA != 0 {
		m |= reg(w.RA())
	}
	if s&readsRB != 0 {
		m |= reg(w.RB())
	}
	if s&readsRC != 0 {
		m |= reg(uint32(w>>6) & 31)
	}
	return m
}

func reg(n uint32) uint32 { return 1 << (n & 31) }

// scWrites are r0 and r3 to r12: Linux preserves the others across a system
// call (Documentation/arch/powerpc/syscall64-abi.rst).
const scWrites uint32 = 0x1ff9

// manyRegs returns the registers that an instruction writes if its fields do
// not name them all.
func manyRegs(w Word) uint32 {
	switch w.Opcode() {
	case opcodeSC:
		return scWrites
	case 46: // lmw: RT to r31
		return ^uint32(0) << w.RT()
	}
	if w.XO() != 597 {
		return ^uint32(0) // lswx: XER says how many
	}
	n := w.RB() // lswi: as many as hold NB bytes, r0 after r31
	if n == 0 {
		n = 32
	}
	var m uint32
	for i := range (n + 3) / 4 {
		m |= reg(w.RT() + i)
	}
	return m
}

// shapeOf looks up the shape of an instruction.
func shapeOf(w, suffix Word) shape {
	switch w.Opcode() {
	case opcodePrefix:
		return prefixedShape(w, suffix)
	case 4:
		return vectorShape(w)
	case opcodeXL:
		if w.IsDX() {
			return writesRT
		}
		return 0
	case 30: // MD and MDS: bit 27 is 1 for a count in RB
		switch {
		case w&0x10 != 0:
			return writesRA | readsRT | readsRB
		case w&0x1c == 0xc: // rldimi
			return writesRA | readsRT | readsRA
		}
		return writesRA | readsRT
	case opcodeX:
		return xShape(w)
	case 58: // ld, ldu, lwa
		return [4]shape{writesRT, writesRT | writesRA, writesRT, undefined}[w.XODS()]
	case 60:
		if w>>2&0x1ff == 347 && (w.RA() == 0 || w.RA() == 1) { // xsxexpdp, xsxsigdp
			return writesRT
		}
		return 0
	case 62: // std, stdu, stq
		return [4]shape{0, writesRA, 0, undefined}[w.XODS()]
	}
	return primary[w.Opcode()]
}

// vectorShape handles primary opcode 4: vector instructions, a few of which
// write a general register.
func vectorShape(w Word) shape {
	switch w & 0x3f {
	case 48, 49, 51: // maddhd, maddhdu, maddld
		return writesRT | readsRA | readsRB | readsRC
	}
	switch w & 0x7ff {
	case 1549, 1613, 1677, 1805, 1869, 1933: // vextublx, vextuhlx, vextuwlx, vextubrx, vextuhrx, vextuwrx
		return writesRT | readsRA
	case 1228: // vgnb
		return writesRT
	case 1538: // by bits 11:15
		if w.RA() <= 1 { // vclzlsbb, vctzlsbb
			return writesRT
		}
	case 1602: // by bits 11:15
		if n := w.RA(); n >= 8 && n <= 12 || n >= 24 { // vextractbm to vextractqm, vcntmbb to vcntmbd
			return writesRT
		}
	}
	return 0
}

// prefixedShape handles prefixed instructions.
func prefixedShape(w, suffix Word) shape {
	switch op := suffix.Opcode(); w.PrefixType() {
	case PrefixMLS:
		switch op {
		case 14: // paddi
			if w.PrefixR() {
				return writesRT
			}
			return writesRT | readsRA
		case 32, 34, 40, 42: // plwz, plbz, plhz, plha
			return writesRT
		case 36, 38, 44, 48, 50, 52, 54: // pstw, pstb, psth, plfs, plfd, pstfs, pstfd
			return 0
		}
	case Prefix8LS:
		switch op {
		case 41, 57: // plwa, pld
			return writesRT
		case 56: // plq
			return writesRT | writesNext
		case 42, 43, 46, 47, 50, 51, 54, 55, 58, 60, 61, 62: // vector registers, and stores
			return 0
		}
	case Prefix8RR, PrefixMRR: // vectors, accumulators, pnop
		return 0
	}
	return undefined
}
