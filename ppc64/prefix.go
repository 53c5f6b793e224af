// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// PrefixType is bits 6:7 of a prefix (Power ISA v3.1, Book I §1.6).
type PrefixType uint8

const (
	Prefix8LS PrefixType = 0 // eight-byte load or store: pld, pstd
	Prefix8RR PrefixType = 1 // eight-byte register to register: xxspltiw
	PrefixMLS PrefixType = 2 // modified load or store: paddi, plwz, pstw
	PrefixMRR PrefixType = 3 // modified register to register: pnop, the MMA outer products
)

const (
	bitPrefixR    Word = 0x00100000 // R: the address is relative to the prefix
	maskPrefixD34 Word = 0x0003ffff // d0: the high 18 bits of a 34-bit displacement

	bitsD34 = 34
)

// PrefixType returns the type of a prefix word.
func (w Word) PrefixType() PrefixType { return PrefixType(w>>24) & 3 }

// PrefixR returns the R bit of an 8LS or MLS prefix: the address is relative
// to the address of the prefix, and RA of the suffix is 0.
func (w Word) PrefixR() bool { return w&bitPrefixR != 0 }

// D34 returns d0||d1, the 34-bit displacement or immediate of a prefixed
// 8LS:D-form or MLS:D-form instruction, sign extended.
func D34(prefix, suffix Word) int64 {
	return signExtend(uint64(prefix&maskPrefixD34)<<16|uint64(uint16(suffix)), bitsD34)
}
