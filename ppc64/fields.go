// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// The instruction fields of Power ISA v3.1, Book I §1.6. An accessor returns
// the field's bits whatever the instruction is; whether the instruction has
// such a field is the caller's knowledge, from Opcode and XO.

// RT returns bits 6:10, the target register.
func (w Word) RT() uint32 { return uint32(w>>21) & 31 }

// RS returns bits 6:10, the source register. It is the same field as [Word.RT],
// under its name in stores and logical instructions.
func (w Word) RS() uint32 { return w.RT() }

// RA returns bits 11:15. As the base of an address, 0 means the number zero,
// not r0; in an update form it is invalid.
func (w Word) RA() uint32 { return uint32(w>>16) & 31 }

// RB returns bits 16:20.
func (w Word) RB() uint32 { return uint32(w>>11) & 31 }

// SI returns bits 16:31, sign extended: the immediate of addi and cmpi.
func (w Word) SI() int64 { return int64(int16(w)) }

// UI returns bits 16:31, zero extended: the immediate of ori and cmpli.
func (w Word) UI() uint64 { return uint64(uint16(w)) }

// D returns bits 16:31, sign extended: a D-form displacement in bytes.
func (w Word) D() int64 { return w.SI() }

// DS returns DS||00, sign extended: a DS-form displacement (ld, std) in bytes.
func (w Word) DS() int64 { return int64(int16(w &^ 3)) }

// DQ returns DQ||0000, sign extended: a DQ-form displacement (lq, lxv) in
// bytes.
func (w Word) DQ() int64 { return int64(int16(w &^ 15)) }

// XO returns bits 21:30, the extended opcode of the X, XL and XFX forms.
func (w Word) XO() uint32 { return uint32(w>>1) & 0x3ff }

// XODS returns bits 30:31, the extended opcode of the DS-form.
func (w Word) XODS() uint32 { return uint32(w) & 3 }

// Rc reports bit 31, which makes an instruction record its result in CR0.
func (w Word) Rc() bool { return w&1 != 0 }

// BO returns bits 6:10 of a conditional branch: what the branch depends on
// (Power ISA v3.1, Book I §2.4).
func (w Word) BO() uint32 { return w.RT() }

// BI returns bits 11:15 of a conditional branch: the CR bit that it tests.
func (w Word) BI() uint32 { return w.RA() }

// BF returns bits 6:8 of a comparison: the CR field that it sets.
func (w Word) BF() uint32 { return uint32(w>>23) & 7 }

// BranchesAlways reports whether w is a branch that does not depend on CR or
// CTR: b and its variants, and a B-form or XL-form branch with BO 1z1zz.
func (w Word) BranchesAlways() bool {
	switch {
	case w.IsBranch():
		return true
	case w.IsCondBranch(), w.IsRegBranch():
		return w.BO()&0b10100 == 0b10100
	}
	return false
}

// SPR returns the special purpose register number of mtspr and mfspr (LR is 8,
// CTR is 9). The instruction holds its two halves swapped.
func (w Word) SPR() uint32 { return w.RB()<<5 | w.RA() }
