// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"encoding/binary"

	"github.com/scpatch/scpatch/ppc64"
)

// Insert applies a relocation of type t at byte offset off of a section's
// bytes. The value is that of the type's whole formula before any # operator or
// shift, in bytes: S + A, S + A - P, S + A - .TOC. (for a branch to a local
// entry, S includes its offset). Insert takes the part that the type asks for,
// clears the field and sets it. Every other bit stays, including the hint bits
// of a branch with BRTAKEN or BRNTAKEN.
//
// Insert returns a [*RangeError] for a value outside the range of the type, and
// an [*AlignError] for one with low bits that the field cannot hold. It returns
// a [*FormError] if the word does not have the instruction form that the type
// needs (REL24 on a word that is not an I-form branch, PCREL34 on one that is
// not a prefix). It returns an [*InsertError] for an unknown type, a marker, a
// field that reaches past the end, and a misaligned instruction. In all these
// cases the section's bytes stay as they are.
func Insert(code []byte, off uint64, t uint32, value int64) error {
	h := lookup(t)
	if h == nil {
		return &InsertError{Off: off, Type: t, Len: len(code), Err: ErrUnknownType}
	}
	if h.Field == FieldNone {
		return &InsertError{Off: off, Type: t, Len: len(code), Err: ErrNoField}
	}
	if n := uint64(len(code)); off > n || n-off < uint64(h.Size) {
		return &InsertError{Off: off, Type: t, Len: len(code), Err: ErrTruncated}
	}
	if err := h.checkRange(off, value); err != nil {
		return err
	}
	align, err := h.alignAt(code, off)
	if err != nil {
		return err
	}
	if value&(align-1) != 0 {
		return &AlignError{Off: off, Type: t, Value: value, Align: align}
	}
	return h.store(code, off, h.Part.bits(value), align)
}

// checkRange checks value against the range of the type.
func (h *Howto) checkRange(off uint64, value int64) error {
	if h.Check == Unchecked {
		return nil
	}
	n := h.Field.bits()
	min, max := int64(-1)<<(n-1), int64(1)<<(n-1)-1
	if h.Check == Bitfield {
		max = int64(1)<<n - 1
	}
	if v := h.Part.number(value); v < min || v > max {
		min, max = h.Part.bounds(min, max)
		return &RangeError{Off: off, Type: uint32(h.Type), Value: value, Min: min, Max: max &^ (h.Align - 1)}
	}
	return nil
}

// alignAt returns what the value of the type must be a multiple of at off: in a
// DQ-form instruction (lq, lxv, stxv, lxvp, stxvp) a half16ds is a half16dq.
// Both need a whole instruction at off.
func (h *Howto) alignAt(code []byte, off uint64) (int64, error) {
	if h.Field != Half16DS {
		return h.Align, nil
	}
	w, err := ppc64.Load(code, off)
	switch {
	case err != nil:
		return 0, &InsertError{Off: off, Type: uint32(h.Type), Len: len(code), Err: err}
	case w.IsDQ():
		return 16, nil
	}
	return h.Align, nil
}

// store sets the field at off, which has room for it, to the low bits of v. The
// bits of a half16ds below align belong to the instruction.
func (h *Howto) store(code []byte, off uint64, v uint64, align int64) error {
	b := code[off:]
	switch h.Field {
	case Doubleword64:
		binary.LittleEndian.PutUint64(b, v)
	case Word32:
		binary.LittleEndian.PutUint32(b, uint32(v))
	case Word30:
		keep := binary.LittleEndian.Uint32(b) & 3
		binary.LittleEndian.PutUint32(b, keep|uint32(v)&^3)
	case Half16:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case Half16DS:
		mask := uint16(align - 1)
		keep := binary.LittleEndian.Uint16(b) & mask
		binary.LittleEndian.PutUint16(b, keep|uint16(v)&^mask)
	default:
		return h.storeInstruction(code, off, v)
	}
	return nil
}
