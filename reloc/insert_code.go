// SPDX-License-Identifier: BSD-3-Clause

package reloc

import "github.com/scpatch/scpatch/ppc64"

// The fields that are scattered over an instruction, as masks of its words.
const (
	maskLow24 ppc64.Word = 0x03fffffc // LI of the I-form
	maskLow14 ppc64.Word = 0x0000fffc // BD of the B-form
	maskDX    ppc64.Word = 0x001fffc1 // d1, d0, d2 of the DX-form

	maskPrefix34 ppc64.Word = 0x0003ffff // d0 of an 8LS or MLS prefix
	maskPrefix28 ppc64.Word = 0x00000fff // its low 12 bits
	maskSuffix   ppc64.Word = 0x0000ffff // d1 of the suffix
)

// fits reports whether w is of a form that has the field f.
func (f Field) fits(w ppc64.Word) bool {
	switch f {
	case Low24:
		return w.IsBranch()
	case Low14:
		return w.IsCondBranch()
	case Half16DX:
		return w.IsDX()
	case Prefix34, Prefix28:
		return w.IsPrefix()
	}
	return false
}

// storeInstruction sets a field that only an instruction has. It checks the
// form first: a displacement put into anything else would turn that into some
// other instruction.
func (h *Howto) storeInstruction(code []byte, off uint64, v uint64) error {
	w, err := ppc64.Load(code, off)
	if err != nil {
		return &InsertError{Off: off, Type: uint32(h.Type), Len: len(code), Err: err}
	}
	if !h.Field.fits(w) {
		return &FormError{Off: off, Type: uint32(h.Type), Got: w}
	}
	switch h.Field {
	case Low24:
		w = set(w, maskLow24, ppc64.Word(v))
	case Low14:
		w = set(w, maskLow14, ppc64.Word(v))
	case Half16DX:
		w = set(w, maskDX, dx(ppc64.Word(v)))
	case Prefix34, Prefix28:
		suffix, err := ppc64.Load(code, off+ppc64.WordSize)
		if err != nil {
			return &InsertError{Off: off, Type: uint32(h.Type), Len: len(code), Err: err}
		}
		set(suffix, maskSuffix, ppc64.Word(v)).Put(code[off+ppc64.WordSize:])
		mask := maskPrefix34
		if h.Field == Prefix28 {
			mask = maskPrefix28
		}
		w = set(w, mask, ppc64.Word(v>>16))
	}
	w.Put(code[off:])
	return nil
}

// set returns w with the bits of mask replaced by those of v.
func set(w, mask, v ppc64.Word) ppc64.Word { return w&^mask | v&mask }

// dx spreads a 16-bit number over d0 (bits 16:25), d1 (11:15) and d2 (31) of a
// DX-form instruction: the number is d0||d1||d2 (Power ISA v3.1, Book I
// §1.6).
func dx(v ppc64.Word) ppc64.Word { return v&0xffc1 | v&0x3e<<15 }
