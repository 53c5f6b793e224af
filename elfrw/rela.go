// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"iter"
	"math/bits"
)

const (
	relaSize = 24 // Elf64_Rela
	relSize  = 16 // Elf64_Rel
)

// relocSize returns the size in bytes of an entry in a section of relocations, and 0
// for other types (gABI, "Relocation").
func relocSize(t elf.SectionType) int {
	switch t {
	case elf.SHT_RELA:
		return relaSize
	case elf.SHT_REL:
		return relSize
	}
	return 0
}

// A Rela is one entry of a SHT_RELA or SHT_REL section, decoded (gABI, "Relocation").
type Rela struct {
	Off    uint64 // r_offset: bytes from the start of the section that is relocated
	Symbol int    // index of the symbol; in an Edit it may be provisional
	// Type is the type for the file's machine, as in uint32(elf.R_PPC64_REL24).
	// On MIPS it holds three types and r_ssym, one byte each, with the first
	// type lowest.
	Type   uint32
	Addend int64 // r_addend; 0 in SHT_REL, where the place to relocate holds the addend
}

// Relas visits the entries of a SHT_RELA or SHT_REL section with their numbers. It
// visits nothing if section i is of another type. Symbol may exceed NumSymbols if
// [File.CheckReferences] fails.
func (f *File) Relas(i int) iter.Seq2[int, Rela] {
	return func(yield func(int, Rela) bool) {
		size := relocSize(f.SectionType(i))
		if size == 0 {
			return
		}
		b := f.SectionData(i)
		for k := 0; len(b) >= size; k, b = k+1, b[size:] {
			if !yield(k, f.decodeRela(b[:size])) {
				return
			}
		}
	}
}

// mips64 reports whether r_info has the layout of MIPS (64-bit ELF Object File
// Specification, section 2.9): r_sym, four bytes, and then four single bytes.
// In a little-endian file the symbol is therefore in the low half of the word.
func (f *File) mips64() bool { return elf.Machine(f.hdr.Machine) == elf.EM_MIPS }

// symbolAt returns the offset of the symbol index in a relocation entry.
func (f *File) symbolAt() int {
	if f.mips64() {
		return 8
	}
	return 12
}

// info encodes r_info for the file's machine.
func (f *File) info(symbol, typ uint32) uint64 {
	if f.mips64() {
		return uint64(bits.ReverseBytes32(typ))<<32 | uint64(symbol)
	}
	return uint64(symbol)<<32 | uint64(typ)
}

// splitInfo decodes r_info.
func (f *File) splitInfo(info uint64) (symbol, typ uint32) {
	if f.mips64() {
		return uint32(info), bits.ReverseBytes32(uint32(info >> 32))
	}
	return uint32(info >> 32), uint32(info)
}

// decodeRela decodes an entry, which has an addend if there are bytes for it.
func (f *File) decodeRela(b []byte) Rela {
	symbol, typ := f.splitInfo(le.Uint64(b[8:]))
	r := Rela{Off: le.Uint64(b), Symbol: int(symbol), Type: typ}
	if len(b) > relSize {
		r.Addend = int64(le.Uint64(b[relSize:]))
	}
	return r
}

// appendRela appends an entry of size bytes.
func (f *File) appendRela(b []byte, r Rela, size int) []byte {
	b = le.AppendUint64(b, r.Off)
	b = le.AppendUint64(b, f.info(uint32(r.Symbol), r.Type))
	if size > relSize {
		b = le.AppendUint64(b, uint64(r.Addend))
	}
	return b
}
