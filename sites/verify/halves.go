// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"

	"github.com/scpatch/scpatch/reloc"
)

// A half is what a relocation for one half of an address refers to. The two
// instructions that make an address have the same half.
type half struct {
	kind   halfKind
	sym    uint32
	addend int64 // for relHalf, less the place and modulo 64 KiB: addpcis may add the rest
}

// A halfKind is a family of relocations (ELFv2 §3.5.3).
type halfKind uint8

const (
	notHalf halfKind = iota
	tocHalf
	gotHalf
	relHalf
	absHalf
)

// halfOf returns the family of a relocation, and whether it is for the high
// half.
func halfOf(t elf.R_PPC64) (kind halfKind, high bool) {
	switch t {
	case elf.R_PPC64_TOC16_HA:
		return tocHalf, true
	case elf.R_PPC64_TOC16_LO, elf.R_PPC64_TOC16_LO_DS:
		return tocHalf, false
	case elf.R_PPC64_GOT16_HA:
		return gotHalf, true
	case elf.R_PPC64_GOT16_LO, elf.R_PPC64_GOT16_LO_DS:
		return gotHalf, false
	case elf.R_PPC64_REL16_HA, elf.R_PPC64_REL16DX_HA:
		return relHalf, true
	case elf.R_PPC64_REL16_LO:
		return relHalf, false
	case elf.R_PPC64_ADDR16_HA:
		return absHalf, true
	case elf.R_PPC64_ADDR16_LO, elf.R_PPC64_ADDR16_LO_DS:
		return absHalf, false
	}
	return notHalf, false
}

// markShift is above every address that an object is given.
const markShift = 40

// joinHalves marks the result of an instruction that adds the high half of an address,
// and removes the mark where the low half of the same address is added. A low half may
// also come alone. In the layout that verify gives an object, the high halves of
// different symbols may be equal; after the link they may differ.
func (p *program) joinHalves(at uint64, v value) (value, string) {
	if !p.object {
		return v, ""
	}
	s, off, _ := p.code(at)
	why := ""
	p.changes(s.Index, off, off+4, func(r reloc.Rela) bool {
		kind, high := halfOf(elf.R_PPC64(r.Type()))
		if kind == notHalf {
			return true
		}
		h := half{kind, r.Sym(), r.Addend}
		if kind == relHalf {
			h.addend = (h.addend - int64(r.Off)) & 0xffff
		}
		if high {
			v.n += p.mark(h)
			return true
		}
		if !isMarked(v) {
			return true
		}
		v.n -= p.mark(h)
		if isMarked(v) {
			why = "the two halves of an address are not of the same symbol"
		}
		return true
	})
	return v, why
}

// isMarked reports whether a value has a mark; an address and a distance have none.
func isMarked(v value) bool {
	rest := int64(v.n) >> markShift
	return rest != 0 && rest != -1
}

// mark returns the number that stands for a half. It is even, so the difference of
// two marks is never the all-ones bits of a negative number.
func (p *program) mark(h half) uint64 {
	n, ok := p.marks[h]
	if !ok {
		n = 2 * uint64(len(p.marks)+1) << markShift
		p.marks[h] = n
	}
	return n
}
