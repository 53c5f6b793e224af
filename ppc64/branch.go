// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// Primary opcodes and fields of the branches (Power ISA v3.1, Book I §2.4).
const (
	opcodeBC = 16 // B-form: bc, bca, bcl, bcla
	opcodeB  = 18 // I-form: b, ba, bl, bla
	opcodeXL = 19 // XL-form: bclr, bcctr, bctar, and the CR logic

	bitAA Word = 2
	bitLK Word = 1

	maskLI Word = 0x03fffffc // I-form LI, in place: also LI||00
	maskBD Word = 0x0000fffc // B-form BD, in place: also BD||00

	// bitsLI and bitsBD are the sizes of LI||00 and BD||00 as signed numbers.
	bitsLI = 26
	bitsBD = 16
)

// IsBranch reports whether w is an I-form branch: b, ba, bl or bla.
func (w Word) IsBranch() bool { return w.Opcode() == opcodeB }

// IsCondBranch reports whether w is a B-form branch: bc, bca, bcl or bcla.
func (w Word) IsCondBranch() bool { return w.Opcode() == opcodeBC }

// IsRegBranch reports whether w is an XL-form branch to a register: bclr, bcctr
// or bctar, with or without LK. blr and bctrl are such branches.
func (w Word) IsRegBranch() bool {
	if w.Opcode() != opcodeXL {
		return false
	}
	switch w.XO() {
	case 16, 528, 560: // bclr, bcctr, bctar
		return true
	}
	return false
}

// LK reports bit 31 of a branch: LR receives the address of the next
// instruction. It is false for a word that is not a branch.
func (w Word) LK() bool {
	return w&bitLK != 0 && (w.IsBranch() || w.IsCondBranch() || w.IsRegBranch())
}

// AA reports bit 30 of an I-form or B-form branch: the displacement is an
// absolute address. It is false for any other word.
func (w Word) AA() bool { return w&bitAA != 0 && (w.IsBranch() || w.IsCondBranch()) }

// Displacement returns LI||00 of an I-form or BD||00 of a B-form branch, sign
// extended, in bytes. If [Word.AA] is true, that is the target address itself.
// It is 0 for any other word.
func (w Word) Displacement() int64 {
	switch {
	case w.IsBranch():
		return signExtend(uint64(w&maskLI), bitsLI)
	case w.IsCondBranch():
		return signExtend(uint64(w&maskBD), bitsBD)
	}
	return 0
}

// Branch returns b (or, with lk, bl) with a displacement of disp bytes. It
// fails with a [*DisplacementError], which wraps [ErrMisaligned] if disp is not
// a multiple of 4, or [ErrRange] if disp is outside -0x2000000..0x1fffffc (±32
// MiB).
func Branch(disp int64, lk bool) (Word, error) {
	if err := checkDisplacement(disp, bitsLI); err != nil {
		return 0, err
	}
	w := Word(opcodeB<<26) | Word(disp)&maskLI
	if lk {
		w |= bitLK
	}
	return w, nil
}

// Reaches reports whether a b or bl at one address reaches another.
func Reaches(from, to uint64) bool {
	disp := int64(to - from)
	return disp%WordSize == 0 && disp == signExtend(uint64(disp), bitsLI)
}

// WithDisplacement returns the I-form or B-form branch w with its displacement
// replaced by disp bytes and all other bits kept. Its errors are those of
// [Branch], where the range of a B-form is -0x8000..0x7ffc, and a
// [*NotBranchError] for a word that is not such a branch.
func (w Word) WithDisplacement(disp int64) (Word, error) {
	mask, bits := maskLI, uint(bitsLI)
	switch {
	case w.IsBranch():
	case w.IsCondBranch():
		mask, bits = maskBD, bitsBD
	default:
		return 0, &NotBranchError{Got: w}
	}
	if err := checkDisplacement(disp, bits); err != nil {
		return 0, err
	}
	return w&^mask | Word(disp)&mask, nil
}

// checkDisplacement checks a branch displacement for a signed field of the
// given number of bits.
func checkDisplacement(disp int64, bits uint) error {
	switch {
	case disp%WordSize != 0:
		return &DisplacementError{Disp: disp, Bits: bits, Err: ErrMisaligned}
	case disp != signExtend(uint64(disp), bits):
		return &DisplacementError{Disp: disp, Bits: bits, Err: ErrRange}
	}
	return nil
}

// signExtend returns the low bits of v as a two's complement number.
func signExtend(v uint64, bits uint) int64 { return int64(v<<(64-bits)) >> (64 - bits) }
