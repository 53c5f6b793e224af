// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// structure is an independent check of a relocatable ELF64 little-endian file
// by the gABI. It shares no code with elfrw, reads every table, and returns the
// first error.
//
// It checks what a reader that trusts the file relies on: counts, indices,
// offsets and strings must be in range. It does not check what values mean.
func structure(data []byte) error {
	s, err := readStructure(data)
	if err != nil {
		return err
	}
	for _, step := range []func() error{s.extended, s.relocations, s.groups} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// readStructure reads the headers and the symbol table.
func readStructure(data []byte) (*structureCheck, error) {
	s := &structureCheck{data: data}
	for _, step := range []func() error{s.header, s.headers, s.symbols} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// A structureCheck is a file being checked. Its tables are read in order; each
// step relies on those before it.
type structureCheck struct {
	data     []byte
	hdr      elf.Header64
	sections []elf.Section64
	shstrtab int
	names    []byte // the section names
	symtab   int    // 0: none
	syms     []elf.Sym64
}

// read decodes one value at a file offset.
func (s *structureCheck) read(off uint64, v any) error {
	if n := binary.Size(v); off > uint64(len(s.data)) || uint64(n) > uint64(len(s.data))-off {
		return fmt.Errorf("%T at 0x%x passes the end of the file", v, off)
	}
	return binary.Read(bytes.NewReader(s.data[off:]), binary.LittleEndian, v)
}

func (s *structureCheck) header() error {
	h := &s.hdr
	if err := s.read(0, h); err != nil {
		return err
	}
	switch {
	case string(h.Ident[:4]) != elf.ELFMAG:
		return fmt.Errorf("no magic number")
	case h.Ident[elf.EI_CLASS] != byte(elf.ELFCLASS64), h.Ident[elf.EI_DATA] != byte(elf.ELFDATA2LSB),
		h.Ident[elf.EI_VERSION] != byte(elf.EV_CURRENT), h.Version != uint32(elf.EV_CURRENT):
		return fmt.Errorf("e_ident is % x, e_version %d", h.Ident[:], h.Version)
	case h.Ehsize != 64:
		return fmt.Errorf("e_ehsize is %d", h.Ehsize)
	case h.Shoff == 0 && (h.Shnum != 0 || h.Shstrndx != 0):
		return fmt.Errorf("e_shoff is 0 and e_shnum %d, e_shstrndx %d", h.Shnum, h.Shstrndx)
	case h.Shoff != 0 && h.Shentsize != 64:
		return fmt.Errorf("e_shentsize is %d", h.Shentsize)
	case h.Phnum != 0 && h.Phentsize != 56:
		return fmt.Errorf("e_phentsize is %d", h.Phentsize)
	case h.Phnum != 0 && !s.inside(h.Phoff, uint64(h.Phnum)*56):
		return fmt.Errorf("the program headers pass the end of the file")
	}
	return nil
}

// inside reports whether a range is inside the file.
func (s *structureCheck) inside(off, size uint64) bool {
	return off <= uint64(len(s.data)) && size <= uint64(len(s.data))-off
}

// headers reads the section headers.
func (s *structureCheck) headers() error {
	if s.hdr.Shoff == 0 {
		return nil
	}
	var first elf.Section64
	if err := s.read(s.hdr.Shoff, &first); err != nil {
		return err
	}
	n, str := uint64(s.hdr.Shnum), uint64(s.hdr.Shstrndx)
	if n == 0 {
		if n = first.Size; n < 0xff00 {
			return fmt.Errorf("%d sections are counted in the first header", n)
		}
	} else if n >= 0xff00 {
		return fmt.Errorf("e_shnum is 0x%x", n)
	}
	if str == uint64(elf.SHN_XINDEX) {
		if str = uint64(first.Link); str < 0xff00 {
			return fmt.Errorf("e_shstrndx %d is in the first header", str)
		}
	} else if str >= 0xff00 {
		return fmt.Errorf("e_shstrndx is 0x%x", str)
	}
	if n > uint64(len(s.data))/64 || !s.inside(s.hdr.Shoff, n*64) {
		return fmt.Errorf("%d section headers pass the end of the file", n)
	}
	s.sections = make([]elf.Section64, n)
	if err := s.read(s.hdr.Shoff, s.sections); err != nil {
		return err
	}
	if str >= n {
		return fmt.Errorf("e_shstrndx is %d of %d", str, n)
	}
	s.shstrtab = int(str)
	if str != 0 {
		names, err := s.strings(str)
		if err != nil {
			return err
		}
		s.names = names
	}
	for i := 1; i < len(s.sections); i++ {
		if err := s.section(i); err != nil {
			return fmt.Errorf("section %d: %w", i, err)
		}
	}
	return nil
}

// content returns the bytes of a section.
func (s *structureCheck) content(i uint64) []byte {
	h := &s.sections[i]
	if t := elf.SectionType(h.Type); t == elf.SHT_NOBITS || t == elf.SHT_NULL {
		return nil
	}
	return s.data[h.Off : h.Off+h.Size]
}

// strings returns the content of a string table.
func (s *structureCheck) strings(i uint64) ([]byte, error) {
	h := &s.sections[i]
	if elf.SectionType(h.Type) != elf.SHT_STRTAB || !s.inside(h.Off, h.Size) {
		return nil, fmt.Errorf("section %d is no string table of the file", i)
	}
	b := s.content(i)
	if len(b) == 0 || b[0] != 0 || b[len(b)-1] != 0 {
		return nil, fmt.Errorf("string table %d does not begin and end with NUL", i)
	}
	return b, nil
}

func (s *structureCheck) section(i int) error {
	h := &s.sections[i]
	t := elf.SectionType(h.Type)
	if t == elf.SHT_NULL {
		return nil
	}
	size := map[elf.SectionType]uint64{elf.SHT_RELA: 24, elf.SHT_SYMTAB: 24, elf.SHT_SYMTAB_SHNDX: 4, elf.SHT_GROUP: 4}[t]
	table := s.hdr.Shoff + 64*uint64(len(s.sections))
	switch {
	case h.Name != 0 && int64(h.Name) >= int64(len(s.names)):
		return fmt.Errorf("sh_name is 0x%x", h.Name)
	case bits.OnesCount64(h.Addralign) > 1:
		return fmt.Errorf("sh_addralign is 0x%x", h.Addralign)
	case t != elf.SHT_NOBITS && !s.inside(h.Off, h.Size):
		return fmt.Errorf("0x%x bytes at 0x%x pass the end of the file", h.Size, h.Off)
	case t != elf.SHT_NOBITS && h.Size > 0 && (h.Off < 64 || h.Off < table && s.hdr.Shoff < h.Off+h.Size):
		return fmt.Errorf("0x%x bytes at 0x%x are of headers", h.Size, h.Off)
	case size != 0 && (h.Entsize != size || h.Size%size != 0):
		return fmt.Errorf("0x%x bytes in entries of %d", h.Size, h.Entsize)
	case size != 0 && int64(h.Link) >= int64(len(s.sections)):
		return fmt.Errorf("sh_link is %d", h.Link)
	}
	return nil
}

// symbols reads the symbol table.
func (s *structureCheck) symbols() error {
	for i := range s.sections {
		if i > 0 && elf.SectionType(s.sections[i].Type) == elf.SHT_SYMTAB {
			if s.symtab != 0 {
				return fmt.Errorf("symbol tables %d and %d", s.symtab, i)
			}
			s.symtab = i
		}
	}
	if s.symtab == 0 {
		return nil
	}
	h := &s.sections[s.symtab]
	names, err := s.strings(uint64(h.Link))
	if err != nil {
		return err
	}
	s.syms = make([]elf.Sym64, h.Size/24)
	if err := s.read(h.Off, s.syms); err != nil {
		return err
	}
	if int64(h.Info) > int64(len(s.syms)) || h.Info == 0 && len(s.syms) > 0 {
		return fmt.Errorf("the first global symbol is %d of %d", h.Info, len(s.syms))
	}
	for i, y := range s.syms {
		switch x := elf.SectionIndex(y.Shndx); {
		case int64(y.Name) >= int64(len(names)):
			return fmt.Errorf("symbol %d: st_name is 0x%x", i, y.Name)
		case (elf.ST_BIND(y.Info) == elf.STB_LOCAL) != (i < int(h.Info)):
			return fmt.Errorf("symbol %d: %v, the first global one is %d", i, elf.ST_BIND(y.Info), h.Info)
		case x < elf.SHN_LORESERVE && int(x) >= len(s.sections):
			return fmt.Errorf("symbol %d: st_shndx is %d", i, y.Shndx)
		}
	}
	return nil
}

// extended reads SHT_SYMTAB_SHNDX.
func (s *structureCheck) extended() error {
	var ext []byte
	for i, h := range s.sections {
		if i == 0 || elf.SectionType(h.Type) != elf.SHT_SYMTAB_SHNDX {
			continue
		}
		if ext != nil || int(h.Link) != s.symtab || s.symtab == 0 || h.Size/4 != uint64(len(s.syms)) {
			return fmt.Errorf("SHT_SYMTAB_SHNDX %d: %d entries for symbol table %d", i, h.Size/4, h.Link)
		}
		ext = s.content(uint64(i))
	}
	for i, y := range s.syms {
		if elf.SectionIndex(y.Shndx) != elf.SHN_XINDEX {
			continue
		}
		if ext == nil {
			return fmt.Errorf("symbol %d: SHN_XINDEX without a table", i)
		}
		if x := binary.LittleEndian.Uint32(ext[4*i:]); x == 0 || int64(x) >= int64(len(s.sections)) {
			return fmt.Errorf("symbol %d: extended section index %d", i, x)
		}
	}
	return nil
}

// relocations reads every relocation section.
func (s *structureCheck) relocations() error {
	for i, h := range s.sections {
		if i == 0 || elf.SectionType(h.Type) != elf.SHT_RELA || h.Size == 0 {
			continue
		}
		if int(h.Link) != s.symtab || s.symtab == 0 || h.Info == 0 || int64(h.Info) >= int64(len(s.sections)) {
			return fmt.Errorf("section %d: relocations of section %d with symbol table %d", i, h.Info, h.Link)
		}
		of := &s.sections[h.Info]
		size := of.Size
		if f := elf.SectionFlag(of.Flags); f&elf.SHF_COMPRESSED != 0 || bytes.HasPrefix(s.content(uint64(h.Info)), []byte("ZLIB")) {
			size = math.MaxUint64 // the relocations apply to the uncompressed content
		}
		b := s.content(uint64(i))
		for k := 0; len(b) > 0; k, b = k+1, b[24:] {
			off, info := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
			if info>>32 >= uint64(len(s.syms)) {
				return fmt.Errorf("section %d: relocation %d: symbol %d of %d", i, k, info>>32, len(s.syms))
			}
			if off > size || off == size && info&0xffffffff != 0 {
				return fmt.Errorf("section %d: relocation %d: r_offset 0x%x of 0x%x", i, k, off, size)
			}
		}
	}
	return nil
}

// groups reads every section group.
func (s *structureCheck) groups() error {
	member := make([]bool, len(s.sections))
	for i, h := range s.sections {
		if i == 0 || elf.SectionType(h.Type) != elf.SHT_GROUP {
			continue
		}
		b := s.content(uint64(i))
		if len(b) == 0 || s.symtab == 0 || int(h.Link) != s.symtab || int64(h.Info) >= int64(len(s.syms)) {
			return fmt.Errorf("group %d: 0x%x bytes, signature %d", i, len(b), h.Info)
		}
		for b = b[4:]; len(b) > 0; b = b[4:] {
			m := binary.LittleEndian.Uint32(b)
			if m == 0 || int64(m) >= int64(len(s.sections)) {
				return fmt.Errorf("group %d: member %d", i, m)
			}
			if member[m] {
				return fmt.Errorf("section %d is in two groups", m)
			}
			member[m] = true
		}
	}
	return nil
}
