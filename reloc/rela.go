// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// RelaSize is the size of an Elf64_Rela in bytes.
const RelaSize = 24

// Byte offsets inside an Elf64_Rela.
const (
	relaOff    = 0
	relaInfo   = 8
	relaAddend = 16
)

// Rela is one relocation entry (Elf64_Rela). ELFv2 uses no entries without an
// addend (§3.5). Rela has the fields of [elf.Rela64], and each type converts to
// the other; package elfrw takes elf.Rela64(r).
type Rela struct {
	Off    uint64 // r_offset: in an object, bytes from the start of the section
	Info   uint64 // r_info: symbol index and type
	Addend int64  // r_addend: the A of the formulas
}

// MakeRela returns the entry that applies a relocation of type typ against
// symbol index sym, plus addend, at offset off.
func MakeRela(off uint64, sym, typ uint32, addend int64) Rela {
	return Rela{Off: off, Info: elf.R_INFO(sym, typ), Addend: addend}
}

// Sym returns the symbol table index, 0 for "no symbol".
func (r Rela) Sym() uint32 { return uint32(r.Info >> 32) }

// Type returns the relocation type, which may be one that elf.R_PPC64 does not
// name.
func (r Rela) Type() uint32 { return uint32(r.Info) }

// TypeName returns the name of the type, as [Name] does.
func (r Rela) TypeName() string { return Name(r.Type()) }

// IsCall reports whether r marks a direct call or tail call for which the
// linker takes care of r2: R_PPC64_REL24 or R_PPC64_REL24_NOTOC (ELFv2 §2.2.1).
func (r Rela) IsCall() bool {
	switch elf.R_PPC64(r.Type()) {
	case elf.R_PPC64_REL24, elf.R_PPC64_REL24_NOTOC:
		return true
	}
	return false
}

// Fills reports whether a linker changes the word at r. It is true for every
// type except the markers of ELFv2 §3.5.3, and for an unknown type.
func (r Rela) Fills() bool { return r.End() > r.Off }

// End returns the offset after the field of r, which is empty for a marker. A field of an
// unknown type may have any size.
func (r Rela) End() uint64 {
	if h := lookup(r.Type()); h != nil {
		return r.Off + uint64(h.Size)
	}
	return r.Off + LongestField
}

// LongestField is the size of the largest field in bytes.
const LongestField = 8

// Encode stores r in b[0:RelaSize], little-endian. It panics if b is shorter.
func (r Rela) Encode(b []byte) {
	b = b[:RelaSize]
	binary.LittleEndian.PutUint64(b[relaOff:], r.Off)
	binary.LittleEndian.PutUint64(b[relaInfo:], r.Info)
	binary.LittleEndian.PutUint64(b[relaAddend:], uint64(r.Addend))
}

// String returns r as "0x10: R_PPC64_REL24 sym 7 + 0x8".
func (r Rela) String() string {
	sign, mag := '+', uint64(r.Addend)
	if r.Addend < 0 {
		sign, mag = '-', -mag
	}
	return fmt.Sprintf("%#x: %s sym %d %c %#x", r.Off, r.TypeName(), r.Sym(), sign, mag)
}
