// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// ReadImage is Read for an executable or a shared library with the given TOC
// pointer. Here, too, places are offsets in sections. The code no longer has
// relocations, so ReadImage reads all code, including what is not in secs, for
// branches and addresses. It is an error if the file is not one of these, for ppc64le.
func ReadImage(f *elfrw.File, secs []int, toc uint64) (*Map, error) {
	if len(newMap(f, secs).secs) == 0 {
		return newMap(f, nil), nil
	}
	if err := layout.CheckMachine(f); err != nil {
		return nil, err
	}
	if typ := elf.Type(f.Header().Type); typ != elf.ET_EXEC && typ != elf.ET_DYN {
		return nil, fmt.Errorf("file type is %v, want ET_EXEC or ET_DYN", typ)
	}
	var code []int
	for i := 1; i < f.NumSections(); i++ {
		if s := f.Section(i); s.Has(elf.SHF_ALLOC | elf.SHF_EXECINSTR) {
			code = append(code, i)
		}
	}
	im := &image{Map: newMap(f, code), toc: toc}
	im.image = true
	for _, t := range im.secs {
		t.base = f.Section(t.sec).Addr
	}
	var err error
	if im.memory, err = f.Memory(); err != nil {
		return nil, err
	}
	im.readSymbols()
	im.unwind(im)
	im.kernelTables()
	im.dynamic()
	im.pointers()
	im.code()
	return im.Map, nil
}

// An image reads a linked file.
type image struct {
	*Map
	toc     uint64
	memory  *elfrw.Memory
	dyn     []dynamicValue // by address
	skipped []span         // address ranges of data whose pointers are never followed
	work    int            // the cost of the search for addresses so far
	bases   []tableBase    // addresses of data that code computes
	copies  []ppc64.Inst   // of findHighs
}

// A dynamicValue is an address that the dynamic linker stores.
type dynamicValue struct{ at, value uint64 }

// at returns the place of an address. Where no section is, the place's section is 0.
func (im *image) at(addr uint64) (place, bool) {
	s, off, ok := im.memory.Locate(addr)
	return place{s.Index, off}, ok
}

// within returns the section and the offset of an address in code, and whether
// it is in a function but not at one of its entries.
func (im *image) within(addr uint64) (*text, uint64, bool) {
	p, _ := im.at(addr)
	t := im.secs[p.sec]
	if t == nil {
		return nil, 0, false
	}
	fn := t.covering(p.off)
	return t, p.off, fn >= 0 && !t.enters(fn, p.off)
}

// bytes returns the bytes from an address to the end of its section.
func (im *image) bytes(addr uint64) []byte {
	s, off, _ := im.memory.Locate(addr)
	data := s.Data()
	return data[min(off, uint64(len(data))):]
}

// word64 returns the doubleword that an address holds when the program runs.
func (im *image) word64(addr uint64) (uint64, bool) {
	if i, found := slices.BinarySearchFunc(im.dyn, addr, func(d dynamicValue, addr uint64) int { return cmp.Compare(d.at, addr) }); found {
		return im.dyn[i].value, true
	}
	b := im.bytes(addr)
	if len(b) < 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

// dynamic reads the relocations of the dynamic linker, except those of SHT_RELR.
func (im *image) dynamic() {
	for i := 1; i < im.f.NumSections(); i++ {
		s := im.f.Section(i)
		if !s.Is(elf.SHT_RELA) || !s.Has(elf.SHF_ALLOC) {
			if _, other := layout.OtherRelocations(s); other && s.Has(elf.SHF_ALLOC) && !s.Is(elfrw.SHTRelr) {
				im.fail("relocations of another kind in section %v", s)
			}
			continue
		}
		b := s.Data()
		for ; len(b) >= reloc.RelaSize; b = b[reloc.RelaSize:] {
			at, info := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
			addend := binary.LittleEndian.Uint64(b[16:])
			switch elf.R_PPC64(uint32(info)) {
			case elf.R_PPC64_RELATIVE, elf.R_PPC64_JMP_IREL, elf.R_PPC64_IRELATIVE:
				im.dyn = append(im.dyn, dynamicValue{at, addend})
				im.pointer(at, addend)
			case elf.R_PPC64_JMP_SLOT, elf.R_PPC64_GLOB_DAT, elf.R_PPC64_ADDR64:
				if value := im.dynamicSymbol(s, uint32(info>>32)); value != 0 {
					im.dyn = append(im.dyn, dynamicValue{at, value + addend})
					im.pointer(at, value+addend)
				}
			}
		}
	}
	slices.SortStableFunc(im.dyn, func(a, b dynamicValue) int { return cmp.Compare(a.at, b.at) })
}

// dynamicSymbol returns the value of a symbol that a relocation section of the
// dynamic linker uses, 0 if it is not known.
func (im *image) dynamicSymbol(rela elfrw.Section, sym uint32) uint64 {
	syms := im.f.Section(int(rela.Link)).Data() // nil if it has no symbols
	if sym == 0 || uint64(sym) >= uint64(len(syms))/elfrw.SymSize {
		return 0
	}
	return binary.LittleEndian.Uint64(syms[uint64(sym)*elfrw.SymSize:][8:])
}

// pointer records that the data at address at hold the address addr.
func (im *image) pointer(at, addr uint64) {
	if t, off, ok := im.within(addr); ok && !im.skips(at) {
		im.label(t.sec, label{off: off, kind: pointer})
	}
}

// skips reports whether pointers at an address are never followed.
func (im *image) skips(addr uint64) bool {
	i, _ := slices.BinarySearchFunc(im.skipped, addr, func(s span, addr uint64) int {
		if s.end <= addr {
			return -1
		}
		return 1
	})
	return i < len(im.skipped) && im.skipped[i].start <= addr
}

// pointers reads the addresses in the data: any eight bytes that may be one. If the
// dynamic linker relocates the file, each address has a relocation, and anything
// without one is a number.
func (im *image) pointers() {
	if elf.Type(im.f.Header().Type) == elf.ET_DYN && im.relative() {
		return
	}
	for start, s := range im.memory.Sections() {
		if s.Has(elf.SHF_EXECINSTR) {
			continue
		}
		switch elf.SectionType(s.Type) {
		case elf.SHT_PROGBITS, elf.SHT_INIT_ARRAY, elf.SHT_FINI_ARRAY, elf.SHT_PREINIT_ARRAY:
		default:
			continue
		}
		data := s.Data()
		for off := uint64(0); off+8 <= uint64(len(data)); off += 4 {
			im.pointer(start+off, binary.LittleEndian.Uint64(data[off:]))
		}
	}
}

// relative reads the sections of packed relative relocations. It reports whether the file
// has relative relocations at all, of this kind or the other.
func (im *image) relative() bool {
	found := len(im.dyn) > 0
	for i := 1; i < im.f.NumSections(); i++ {
		s := im.f.Section(i)
		if !s.Is(elfrw.SHTRelr) || !s.Has(elf.SHF_ALLOC) {
			continue
		}
		found = true
		for at := range reloc.Relr(s.Data()) {
			if b := im.bytes(at); len(b) >= 8 {
				im.pointer(at, binary.LittleEndian.Uint64(b))
			}
		}
	}
	return found
}

// point resolves a pointer of the unwinder's sections.
func (im *image) point(sec int, off, _, raw uint64, enc byte) (place, error) {
	if raw == 0 {
		return place{}, nil
	}
	addr := raw
	switch {
	case enc&encApply == encPCRel:
		addr += im.f.Section(sec).Addr + off
	case elf.Type(im.f.Header().Type) != elf.ET_EXEC:
		return place{}, errors.New("an address that the dynamic linker changes")
	}
	p, ok := im.at(addr)
	if !ok {
		return place{sec: elsewhere}, nil
	}
	return p, nil
}

func (im *image) plain(int, uint64, uint64) bool { return true }

// names visits nothing: an image has no relocations of these sections.
func (im *image) names(int, uint64, uint64, func(place)) int { return 0 }
