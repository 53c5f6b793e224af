// SPDX-License-Identifier: BSD-3-Clause

// Package ppc64 describes the instruction words of a call site, and no more of
// the Power ISA than a proof about such a site needs.
//
// # The word
//
// A [Word] is the value of four bytes of little-endian text. Its bits are
// numbered as in the Power ISA, where 0 is the most significant:
//
//	         0      6          11    16                   30 31
//	I-form   | 18   |          LI                        |AA|LK|   b, bl
//	B-form   | 16   | BO       | BI  | BD                |AA|LK|   bc
//	XL-form  | 19   | BO       | BI  |  ...  BH | XO        |LK|   bclr, bcctr
//	D-form   | PO   | RT       | RA  | D, SI, UI               |   addi, lwz, stw
//	DS-form  | PO   | RT       | RA  | DS                | XO  |   ld, std, stdu
//	DQ-form  | PO   | RT       | RA  | DQ            |    XO   |   lxv, stxv
//	X-form   | 31   | RT       | RA  | RB    | XO           |Rc|   stdx, or
//
// LI, BD and DS stand for numbers with two zero bits appended, DQ for one with
// four. The accessors ([Word.Displacement], [Word.DS], [Word.DQ]) return them
// with these bits and their sign, in bytes.
//
// # The prefix
//
// Primary opcode 1 makes a word the prefix of an instruction of 8 bytes. The
// prefix comes first in memory in either byte order, and never lies in the last
// word of a 64-byte block:
//
//	         0      6    8      11 12  14
//	prefix   | 1    |type| ...  |R |   | d0 (18 bits)          |
//	suffix   | PO   | RT        | RA   | d1 (16 bits)          |
//
// d0||d1 is a signed number of 34 bits ([D34]); with R it is relative to the
// address of the prefix. Code that decodes the suffix as a separate instruction
// finds loads, stores and branches that are not there. Use [Walk] to read text
// in sequence.
//
// # The words by name
//
//	Nop         60000000  nop             what a compiler leaves after a bl
//	Cror15      4def7b82  cror 15,15,15   what older ones left there
//	Cror31      4ffffb82  cror 31,31,31
//	RestoreTOC  e8410018  ld r2,24(r1)    what the linker makes of it
//	SaveTOC     f8410018  std r2,24(r1)
//	Blr         4e800020  blr
//	Li3Zero     38600000  li r3,0
//	MtctrR12    7d8903a6  mtctr r12
//	Bctr        4e800420  bctr
//
// # The decoder
//
// [Decode] returns an [Op] and the operands for instructions that compute an
// address, load from it or branch to it; all others are [OpUnknown]. For any
// instruction, [Writes], [Sources] and [Memory] say what it may do to registers
// and memory.
//
// # Writing
//
// [Replace] names the words that it may overwrite and fails on any other.
// [Word.Put] is the plain store that it uses, for bytes that the caller has
// just made.
//
// # Outside the text
//
// [LocalEntry] is the other half of a call: three bits of a function's st_other
// say where its local entry is and what the function does with r2. Package
// reloc explains the calling sequence that they belong to.
package ppc64
