// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"encoding/binary"
	"fmt"
)

// Word is one 32-bit instruction word as a value. Bit 0 in the Power ISA's
// numbering is the most significant bit. The text of a ppc64le object is
// little-endian; only [Load] and [Word.Put] deal with that.
type Word uint32

// The words of a call site, its slot and its stub. A word is compared as a
// whole: "nearly a nop" is not a nop.
const (
	Nop        Word = 0x60000000 // ori r0,r0,0: the preferred nop of Power ISA v3.1, Book I
	Cror15     Word = 0x4def7b82 // cror 15,15,15: a historical slot
	Cror31     Word = 0x4ffffb82 // cror 31,31,31: a historical slot
	RestoreTOC Word = 0xe8410018 // ld r2,24(r1): out of the TOC save doubleword, ELFv2 §2.2.3
	SaveTOC    Word = 0xf8410018 // std r2,24(r1): into the TOC save doubleword, ELFv2 §2.2.3
	Blr        Word = 0x4e800020 // blr: return to LR
	Li3Zero    Word = 0x38600000 // li r3,0: what __static_call_return0 returns
)

// The words that end a trampoline and a stub. [Word.String] leaves them to the
// disassembler.
const (
	MtctrR12 Word = 0x7d8903a6 // mtctr r12
	Bctr     Word = 0x4e800420 // bctr: jump to CTR
)

// opcodePrefix is the primary opcode of a prefix word (Power ISA v3.1,
// Book I §1.6); the suffix word follows it at the next higher address.
const opcodePrefix = 1

// WordSize is the size of an instruction word in bytes.
const WordSize = 4

// Load returns the instruction word at byte offset off of code. It fails with
// an [*OffsetError], which wraps [ErrMisaligned] if off is not a multiple of 4,
// and [ErrTruncated] if fewer than 4 bytes are left.
func Load(code []byte, off uint64) (Word, error) {
	if off%WordSize != 0 {
		return 0, &OffsetError{Off: off, Len: len(code), Err: ErrMisaligned}
	}
	if n := uint64(len(code)); off > n || n-off < WordSize {
		return 0, &OffsetError{Off: off, Len: len(code), Err: ErrTruncated}
	}
	return Word(binary.LittleEndian.Uint32(code[off:])), nil
}

// Put stores w in b[0:4], little-endian. It panics if b is shorter; [Replace]
// is the checked store.
func (w Word) Put(b []byte) { binary.LittleEndian.PutUint32(b, uint32(w)) }

// Opcode returns the primary opcode, 0 to 63 (bits 0:5).
func (w Word) Opcode() uint32 { return uint32(w) >> 26 }

// IsPrefix reports whether w is the first word of a prefixed instruction
// (Power ISA v3.1, Book I §1.6).
func (w Word) IsPrefix() bool { return w.Opcode() == opcodePrefix }

// Len returns the length in bytes of the instruction that starts with w:
// 8 for a prefix, 4 for anything else.
func (w Word) Len() int {
	if w.IsPrefix() {
		return 2 * WordSize
	}
	return WordSize
}

// IsNop reports whether w is one of the words that a slot may hold as "no
// operation": nop, cror 15,15,15 or cror 31,31,31. Other instructions without
// effect, such as ori r2,r2,0, do not count: no linker accepts them there.
func (w Word) IsNop() bool { return w == Nop || w == Cror15 || w == Cror31 }

// String returns the GNU syntax of a named word, and of b and bl with the
// target as a displacement ("bl .+0x10"). For any other word it returns the
// data directive that assembles to w (".long 0x7c0802a6"). It is meant for
// error messages and is not a disassembler.
func (w Word) String() string {
	switch w {
	case Nop:
		return "nop"
	case Cror15:
		return "cror 15,15,15"
	case Cror31:
		return "cror 31,31,31"
	case RestoreTOC:
		return "ld r2,24(r1)"
	case SaveTOC:
		return "std r2,24(r1)"
	case Blr:
		return "blr"
	case Li3Zero:
		return "li r3,0"
	}
	if !w.IsBranch() || w.AA() {
		return fmt.Sprintf(".long 0x%08x", uint32(w))
	}
	name, sign, disp := "b", '+', w.Displacement()
	if w.LK() {
		name = "bl"
	}
	if disp < 0 {
		sign, disp = '-', -disp
	}
	return fmt.Sprintf("%s .%c%#x", name, sign, disp)
}
