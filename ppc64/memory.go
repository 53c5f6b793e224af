// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// Access describes what an instruction does with memory, as far as a proof
// about a stack slot needs to know (Power ISA v3.1, Book I, Effective Address
// Calculation). The address is Base|0 + Disp, or Base|0 + Index for an indexed
// access, or the address of the prefix + Disp for a PC-relative one.
type Access struct {
	Store   bool   // memory may change; instructions that read and write count as stores
	Update  bool   // Base receives the address: stdu, ldux
	Indexed bool   // Index is a register, Disp 0
	PCRel   bool   // no register takes part
	Size    int    // bytes; 0 where it depends on a register or on the machine
	Base    uint32 // general register; 0 stands for the number zero
	Index   uint32 // general register
	Disp    int64  // bytes
}

// Memory returns what the instruction does with memory, or false if it is not a
// load or store. Cache management instructions do not count, except dcbz, which
// stores zeros. The suffix matters only if w is a prefix.
func Memory(w, suffix Word) (Access, bool) {
	if w.IsPrefix() {
		return prefixedMemory(w, suffix)
	}
	if w.Opcode() == opcodeX {
		return indexedMemory(w)
	}
	k, disp := displacementAccess(w)
	if k.kind == 0 {
		return Access{}, false
	}
	size := int(k.size)
	if op := w.Opcode(); op == 46 || op == 47 { // lmw, stmw: RT to r31
		size = 4 * (32 - int(w.RT()))
	}
	return Access{Store: k.kind == store, Update: k.update, Size: size, Base: w.RA(), Disp: disp}, true
}

// displacementAccess looks up a D-form, DS-form or DQ-form instruction.
func displacementAccess(w Word) (access, int64) {
	switch op := w.Opcode(); op {
	case 6:
		if w&15 <= 1 {
			return access{kind: load + kind(w&1), size: 32}, w.DQ() // lxvp, stxvp
		}
	case 56:
		return access{kind: load, size: 16}, w.DQ() // lq
	case 57:
		return opcode57[w.XODS()], w.DS()
	case 58:
		return opcode58[w.XODS()], w.DS()
	case 61:
		if w.IsDQ() {
			return access{kind: load + kind(w>>2&1), size: 16}, w.DQ() // lxv, stxv
		}
		return opcode61[w.XODS()], w.DS()
	case 62:
		return opcode62[w.XODS()], w.DS()
	default:
		return dForm[op], w.D()
	}
	return access{}, 0
}

// indexedMemory looks up an instruction of primary opcode 31.
func indexedMemory(w Word) (Access, bool) {
	xo := w.XO()
	k := xForm[xo]
	if k.kind == 0 {
		return Access{}, false
	}
	a := Access{Store: k.kind == store, Update: k.update, Size: int(k.size), Base: w.RA()}
	switch xo {
	case 658, 690, 722, 754: // hashstp, hashchkp, hashst, hashchk: 1111111||DX||D||000
		a.Disp = -512 + int64(w&1)<<8 + int64(w.RT())<<3
	case 582, 614, 597, 710, 742, 725: // lwat, ldat, lswi, stwat, stdat, stswi: RB is a number
	default:
		a.Indexed, a.Index = true, w.RB()
	}
	return a, true
}

// prefixedMemory looks up an 8LS:D-form or MLS:D-form instruction.
func prefixedMemory(w, suffix Word) (Access, bool) {
	var k access
	switch w.PrefixType() {
	case Prefix8LS:
		k = prefixed8LS[suffix.Opcode()]
	case PrefixMLS:
		if op := suffix.Opcode(); op >= 32 && op <= 55 && !dForm[op].update {
			k = dForm[op] // plwz is lwz with a longer displacement, and likewise for the others
		}
		if op := suffix.Opcode(); op == 46 || op == 47 {
			k = access{} // there is no prefixed lmw or stmw
		}
	}
	if k.kind == 0 {
		return Access{}, false
	}
	a := Access{Store: k.kind == store, Size: int(k.size), Base: suffix.RA(), Disp: D34(w, suffix)}
	if w.PrefixR() {
		a.PCRel, a.Base = true, 0
	}
	return a, true
}
