// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// changes visits the relocations of a section that change something between start and
// end, until visit returns false. It reports whether all were visited.
func (p *program) changes(sec int, start, end uint64, visit func(reloc.Rela) bool) bool {
	relas := p.relas[sec]
	for r := range relas.Changing(start, end, relas.Len()/2) {
		if !visit(r) {
			return false
		}
	}
	return true
}

// isRelocated reports whether a relocation changes anything between start and end.
func (p *program) isRelocated(sec int, start, end uint64) bool {
	return !p.changes(sec, start, end, func(reloc.Rela) bool { return false })
}

// placeObject gives addresses to the sections, the symbols and the GOT of an object.
func (p *program) placeObject() error {
	f := p.file
	next := uint64(1 << 16)
	var tocs []elfrw.Section
	place := func(s elfrw.Section) error {
		align := max(s.Addralign, 16)
		next = (next + align - 1) &^ (align - 1)
		p.address[s.Index] = next
		if next += s.Size; s.Size > maxSpace || next > maxSpace {
			return errTooLarge
		}
		return nil
	}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		switch {
		case s.Is(elf.SHT_RELA) && int(s.Link) == f.Symtab().Index:
			if err := p.addRelas(s); err != nil {
				return err
			}
		case s.Loaded() && s.NameString() == ".toc":
			tocs = append(tocs, s)
		case s.Loaded():
			if err := place(s); err != nil {
				return err
			}
		}
	}
	// The sections within 16 bits of r2 come next, .toc first.
	next = (next + 0xffff) &^ 0xffff
	p.toc = next + reloc.TOCBias
	for _, s := range tocs {
		if err := place(s); err != nil {
			return err
		}
	}
	p.placeSymbols(next)
	return p.mapSections()
}

// addRelas reads a section of relocations.
func (p *program) addRelas(s elfrw.Section) error {
	t, err := reloc.NewTable(s.Data())
	if err != nil {
		return errkind.BadELF.Errorf("section %v: %w", s, err)
	}
	if to := p.file.Section(int(s.Info)); to.Has(elf.SHF_ALLOC) || to.NameString() == layout.RecordSection {
		if old := p.relas[to.Index].Table; old.Len() > 0 { // as in a livepatch module
			t = append(slices.Clip(old), t...)
		}
		p.relas[to.Index] = reloc.Sort(t)
	}
	return nil
}

// placeSymbols gives addresses to the symbols of an object, and to its GOT, from next on.
func (p *program) placeSymbols(next uint64) {
	p.symbols = p.symtab()
	p.gotStart = (next + 7) &^ 7
	p.ext = (p.gotStart + 8*uint64(len(p.symbols)) + 0xffff) &^ 0xffff
	for i := range p.symbols {
		s := &p.symbols[i]
		switch {
		case s.name == ".TOC." && s.section == 0:
			s.addr, s.foreign = p.toc, false
		case s.foreign:
			s.addr = p.ext + extSize*uint64(i)
		case s.section != 0:
			s.addr += p.address[s.section]
		}
	}
}

var errTooLarge = errkind.BadELF.Errorf("the object is too large: its sections have no room in 2 GiB")

// got returns the address of a symbol's GOT entry.
func (p *program) got(sym uint32) uint64 { return p.gotStart + 8*uint64(sym) }

// relocate applies the relocations of an extent to b, a copy of its bytes.
func (p *program) relocate(sec int, off uint64, b []byte) bool {
	return p.changes(sec, off, off+uint64(len(b)), func(r reloc.Rela) bool {
		if r.Off < off {
			return false
		}
		v, ok := p.formula(r, p.address[sec]+r.Off)
		if !ok {
			return false
		}
		// A relocation of a halfword may name the second half of its
		// instruction.
		return reloc.Insert(b, r.Off-off, r.Type(), v) == nil
	})
}

// formula returns the value of a relocation, in the notation of ELFv2 §3.5.2.
func (p *program) formula(r reloc.Rela, P uint64) (int64, bool) {
	if int(r.Sym()) >= len(p.symbols) {
		return 0, false
	}
	S, A, TOC := p.symbols[r.Sym()].addr, uint64(r.Addend), p.toc
	switch elf.R_PPC64(r.Type()) {
	case elf.R_PPC64_ADDR64, elf.R_PPC64_UADDR64,
		elf.R_PPC64_ADDR16_HA, elf.R_PPC64_ADDR16_LO, elf.R_PPC64_ADDR16_LO_DS, elf.R_PPC64_ADDR16_HI:
		return int64(S + A), true
	case elf.R_PPC64_TOC:
		return int64(TOC), true
	case elf.R_PPC64_TOC16, elf.R_PPC64_TOC16_LO, elf.R_PPC64_TOC16_HI, elf.R_PPC64_TOC16_HA, elf.R_PPC64_TOC16_DS, elf.R_PPC64_TOC16_LO_DS:
		return int64(S + A - TOC), true
	case elf.R_PPC64_GOT16, elf.R_PPC64_GOT16_LO, elf.R_PPC64_GOT16_HI, elf.R_PPC64_GOT16_HA, elf.R_PPC64_GOT16_DS, elf.R_PPC64_GOT16_LO_DS:
		return int64(p.got(r.Sym()) - TOC), A == 0
	case elf.R_PPC64_GOT_PCREL34:
		return int64(p.got(r.Sym()) - P), A == 0
	case elf.R_PPC64_REL16, elf.R_PPC64_REL16_LO, elf.R_PPC64_REL16_HI, elf.R_PPC64_REL16_HA, elf.R_PPC64_REL16DX_HA,
		elf.R_PPC64_REL32, elf.R_PPC64_REL64, elf.R_PPC64_PCREL34:
		return int64(S + A - P), r.Sym() != 0 // there is no distance to the address 0
	}
	return 0, false
}

// objectContent returns what a doubleword of an object holds after the link.
func (p *program) objectContent(at uint64) content {
	if got := p.gotStart; at >= got && at < got+8*uint64(len(p.symbols)) && at%8 == 0 {
		return p.symbolContent(uint32((at-got)/8), 0)
	}
	s, off, ok := p.locate(at)
	if !ok || s.Size-off < 8 {
		return content{}
	}
	c, n := content{known: true}, 0
	if d := s.Data(); d != nil {
		c.addr = binary.LittleEndian.Uint64(d[off:])
	}
	p.changes(s.Index, off, off+8, func(r reloc.Rela) bool {
		switch n++; {
		case n > 1 || r.Off != off:
			c = content{}
		case elf.R_PPC64(r.Type()) == elf.R_PPC64_ADDR64:
			c = p.symbolContent(r.Sym(), r.Addend)
		default:
			v, ok := p.formula(r, at)
			t := elf.R_PPC64(r.Type())
			c = content{known: ok && (t == elf.R_PPC64_TOC || t == elf.R_PPC64_REL64), addr: uint64(v)}
		}
		return true
	})
	return c
}

// symbolContent returns the address of a symbol, plus an addend.
func (p *program) symbolContent(sym uint32, addend int64) content {
	if int(sym) >= len(p.symbols) {
		return content{}
	}
	s := &p.symbols[sym]
	if s.foreign && s.bind == elf.STB_WEAK {
		return content{addr: s.addr, reason: "a weak undefined symbol: it may be NULL after the link"}
	}
	return content{
		known: true, addr: s.addr + uint64(addend), named: p.preemptible(s),
		ifunc: s.typ == elf.STT_GNU_IFUNC,
	}
}

// preemptible reports whether a symbol of an object may belong to another unit after
// the link.
func (p *program) preemptible(s *symbol) bool {
	switch {
	case p.kernel():
		return false
	case s.foreign:
		return true
	}
	return p.opts.User && s.bind != elf.STB_LOCAL && s.section != 0 && s.vis == elf.STV_DEFAULT
}

// A branch is where a direct branch leads.
type branch struct {
	to     uint64
	r12    bool // the linker's stub sets r12 to the target
	linker bool // the linker takes care of r2: a stub that saves it, and the slot, where that is needed
	named  bool // the target may be in another unit
	ifunc  bool
	notoc  bool // R_PPC64_REL24_NOTOC
	weak   bool
	// The callee has local entry 1, so a linker makes a stub that saves r2.
	clobbers bool
	bad      string
}

// objectBranch returns where a branch of an object leads, by its relocation if
// it has one.
func (p *program) objectBranch(at uint64, w ppc64.Word) branch {
	s, off, _ := p.code(at)
	b := branch{to: at + uint64(w.Displacement())}
	n := 0
	p.changes(s.Index, off, off+ppc64.WordSize, func(r reloc.Rela) bool {
		if n++; n > 1 || r.Off != off {
			b = branch{bad: "has two relocations"}
			return false
		}
		b = p.callBranch(r)
		return true
	})
	return b
}

// callBranch returns where a linker makes a call lead, by its relocation. The linker
// takes the local entry from the symbol's st_other, which a section symbol does not
// have.
func (p *program) callBranch(r reloc.Rela) branch {
	if int(r.Sym()) >= len(p.symbols) || r.Sym() == 0 {
		return branch{bad: fmt.Sprintf("has a relocation against symbol %d of %d", r.Sym(), len(p.symbols))}
	}
	s := &p.symbols[r.Sym()]
	b := branch{to: s.addr + uint64(r.Addend)}
	if !r.IsCall() && elf.R_PPC64(r.Type()) != elf.R_PPC64_REL24_P9NOTOC {
		return branch{bad: "has a relocation that is not that of a call: " + r.TypeName()}
	}
	b.notoc = elf.R_PPC64(r.Type()) != elf.R_PPC64_REL24
	if s.typ == elf.STT_SECTION {
		return b
	}
	l, err := ppc64.LocalEntryOf(s.other)
	switch {
	case err != nil:
		return branch{bad: fmt.Sprintf("calls %s, whose %v", errkind.Printable(s.name), err)}
	case r.Addend != 0:
		return branch{bad: fmt.Sprintf("has addend 0x%x, but a call to %s has none", r.Addend, errkind.Printable(s.name))}
	}
	b.linker, b.named = true, p.preemptible(s)
	b.ifunc = s.typ == elf.STT_GNU_IFUNC
	b.clobbers = !l.PreservesR2() && !s.foreign
	b.weak = s.foreign && s.bind == elf.STB_WEAK
	switch {
	case b.notoc:
		b.r12 = l.UsesTOC() || s.foreign
	default:
		b.to += l.Offset()
	}
	return b
}
