// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
)

// df1PIE marks an ET_DYN that is a program.
const (
	dtFlags1 = uint64(elf.DT_FLAGS_1)
	df1PIE   = uint64(elf.DF_1_PIE)
)

// placeImage reads the addresses of an image, its symbols and its dynamic relocations.
func (p *program) placeImage() error {
	relas, packed, err := p.imageSections()
	if err != nil {
		return err
	}
	if err := p.mapSections(); err != nil {
		return err
	}
	end := p.memory.End()
	if p.ext = (end + 1<<20) &^ 0xffff; p.ext < end {
		return errkind.BadELF.Errorf("the sections leave no room at the end of memory")
	}
	p.addVersions()
	for i := range p.dynamic {
		if s := &p.dynamic[i]; s.foreign {
			s.addr = p.ext + extSize*uint64(i)
		}
	}
	if p.symbols = p.symtab(); len(p.symbols) == 0 {
		p.symbols = p.dynamic
	} else {
		for i := range p.symbols { // their addresses are useless; p.dynamic has them
			p.symbols[i].foreign = false
		}
	}
	for _, s := range relas {
		if err := p.dynamicRelocations(s); err != nil {
			return err
		}
	}
	for _, s := range packed {
		if err := p.packedRelocations(s); err != nil {
			return err
		}
	}
	slices.SortStableFunc(p.moved, func(a, b reloc.Rela) int { return cmp.Compare(a.Off, b.Off) })
	p.moves = elf.Type(p.file.Header().Type) == elf.ET_DYN && len(p.moved) > 0
	p.findTOC()
	return nil
}

// imageSections reads the addresses of the sections, .dynsym, and whether the image is a
// shared library. It returns the sections of dynamic relocations.
func (p *program) imageSections() (relas, packed []elfrw.Section, err error) {
	f := p.file
	p.shared = elf.Type(f.Header().Type) == elf.ET_DYN
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		switch {
		case s.Is(elf.SHT_DYNSYM):
			syms, err := dynsym(f, s)
			if err != nil {
				return nil, nil, err
			}
			if p.dynamic != nil {
				return nil, nil, errkind.BadELF.Errorf("section %v: a second SHT_DYNSYM", s)
			}
			p.dynamic = syms
		case s.Is(elf.SHT_RELA) && s.Has(elf.SHF_ALLOC):
			relas = append(relas, s)
		case s.Is(elfrw.SHTRelr) && s.Has(elf.SHF_ALLOC):
			packed = append(packed, s)
		case s.Is(elf.SHT_DYNAMIC):
			if isProgram(s.Data()) {
				p.shared = false
			}
		}
		p.address[i] = s.Addr
	}
	return relas, packed, nil
}

// isProgram looks for DF_1_PIE in a dynamic section.
func isProgram(d []byte) bool {
	for ; len(d) >= 16; d = d[16:] {
		if binary.LittleEndian.Uint64(d) == dtFlags1 {
			return binary.LittleEndian.Uint64(d[8:])&df1PIE != 0
		}
	}
	return false
}

// packedRelocations notes those of a SHT_RELR section. The place holds the addend.
func (p *program) packedRelocations(s elfrw.Section) error {
	room := len(p.moved)
	for i := range p.file.NumSections() {
		room += len(p.file.Section(i).Data()) / 8
	}
	for at := range reloc.Relr(s.Data()) {
		if b, ok := p.loaded(at, 8); ok {
			p.moved = append(p.moved, reloc.Rela{Off: at, Info: uint64(elf.R_PPC64_RELATIVE), Addend: int64(binary.LittleEndian.Uint64(b))})
		}
		if len(p.moved) > room {
			return errkind.BadELF.Errorf("section %v: more relocations than there are doublewords", s)
		}
	}
	return nil
}

// isMoved reports whether a dynamic relocation changes any of n bytes.
func (p *program) isMoved(at uint64, n int) bool {
	i, _ := slices.BinarySearchFunc(p.moved, at+uint64(n), func(r reloc.Rela, at uint64) int { return cmp.Compare(r.Off, at) })
	for i--; i >= 0 && p.moved[i].Off+8 > at; i-- {
		if h, ok := reloc.Lookup(p.moved[i].Type()); !ok || p.moved[i].Off+uint64(h.Size) > at {
			return true
		}
	}
	return false
}

// dynamicRelocations reads a table of dynamic relocations.
func (p *program) dynamicRelocations(s elfrw.Section) error {
	t, err := reloc.NewTable(s.Data())
	if err != nil {
		return errkind.BadELF.Errorf("section %v: %w", s, err)
	}
	for i := range t.Len() {
		r := t.At(i)
		if r.Type() == uint32(elf.R_PPC64_NONE) {
			continue
		}
		if int(r.Sym()) >= max(len(p.dynamic), 1) {
			return errkind.BadELF.Errorf("section %v: relocation %d: symbol %d of %d", s, i, r.Sym(), len(p.dynamic))
		}
		p.moved = append(p.moved, r)
	}
	return nil
}

// findTOC finds the unit's TOC pointer. Linkers define .TOC. at a fixed
// distance from the start of .got, and leave the symbol in .symtab.
func (p *program) findTOC() {
	for i := range p.symbols {
		if s := &p.symbols[i]; s.name == ".TOC." && !s.foreign {
			p.toc = s.addr
			return
		}
	}
	if s, ok := p.file.SectionByName(".got"); ok {
		p.toc = s.Addr + reloc.TOCBias
	}
}

// relocation returns the dynamic relocation that touches the eight bytes at an
// address. ok is false if there is more than one, or if it is not exactly at the
// address.
func (p *program) relocation(at uint64) (r reloc.Rela, found, ok bool) {
	i, _ := slices.BinarySearchFunc(p.moved, at-7, func(r reloc.Rela, at uint64) int { return cmp.Compare(r.Off, at) })
	if i == len(p.moved) || p.moved[i].Off >= at+8 {
		return reloc.Rela{}, false, true
	}
	r = p.moved[i]
	next := i+1 < len(p.moved) && p.moved[i+1].Off < at+8
	return r, true, r.Off == at && !next
}

// imageContent returns what a doubleword of an image holds when the program
// starts.
func (p *program) imageContent(at uint64) content {
	r, found, ok := p.relocation(at)
	switch {
	case !ok:
		return content{reason: "dynamic relocations overlap only parts of it"}
	case !found:
		b, ok := p.loaded(at, 8)
		if !ok {
			return content{reason: "nothing is loaded there"}
		}
		n := binary.LittleEndian.Uint64(b)
		if p.moves && n != 0 {
			return content{addr: n, number: true, reason: "it holds a number: no dynamic relocation makes it an address"}
		}
		return content{known: true, addr: n}
	}
	switch elf.R_PPC64(r.Type()) {
	case elf.R_PPC64_RELATIVE:
		return content{known: true, addr: uint64(r.Addend)}
	case elf.R_PPC64_IRELATIVE, elf.R_PPC64_JMP_IREL:
		return content{known: true, addr: uint64(r.Addend), ifunc: true}
	case elf.R_PPC64_ADDR64, elf.R_PPC64_GLOB_DAT, elf.R_PPC64_JMP_SLOT:
		return p.dynamicContent(r)
	}
	return content{reason: "it has an " + r.TypeName()}
}

// dynamicContent returns the address that a dynamic relocation with a symbol stores.
// It is named if another unit may define the symbol.
func (p *program) dynamicContent(r reloc.Rela) content {
	if r.Sym() == 0 {
		return content{known: true, addr: uint64(r.Addend)}
	}
	s := &p.dynamic[r.Sym()]
	c := content{known: true, addr: s.addr + uint64(r.Addend)}
	switch {
	case s.foreign && s.bind == elf.STB_WEAK && p.kernel():
		return content{known: true, addr: uint64(r.Addend)} // no unit defines it
	case s.foreign && s.bind == elf.STB_WEAK:
		return content{addr: c.addr, named: true, reason: "a weak symbol that another unit may define"}
	}
	c.named = s.foreign || p.shared && s.vis == elf.STV_DEFAULT && s.bind != elf.STB_LOCAL
	c.ifunc = s.typ == elf.STT_GNU_IFUNC && !c.named
	return c
}
