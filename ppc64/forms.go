// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// IsDQ reports whether w is a DQ-form instruction (Power ISA v3.1, Book I
// §1.6), whose displacement is a multiple of 16: lq, lxv, stxv, lxvp, stxvp.
func (w Word) IsDQ() bool {
	switch w.Opcode() {
	case 6, 56: // lxvp, stxvp; lq
		return true
	case 61: // lxv, stxv: bits 29:31 are 1 and 5
		return w&3 == 1
	}
	return false
}

// IsDX reports whether w is addpcis, the only DX-form instruction.
func (w Word) IsDX() bool { return w.Opcode() == opcodeXL && w>>1&0x1f == 2 }
