// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"fmt"
	"math/bits"
)

// readSections checks every section header once: what it says about the file's bytes
// must be true, and what it refers to must exist.
func (f *File) readSections() error {
	if i := f.shstr.Index; i != 0 {
		// Messages take section names from this table, but only once it is known to be
		// good.
		f.shstr.Index = 0
		s := f.Section(i)
		if err := s.checkBounds(); err != nil {
			return err
		}
		if err := s.checkStrings(); err != nil {
			return err
		}
		f.shstr = s
	}
	for i := 1; i < f.shnum; i++ {
		s := f.Section(i)
		if s.Is(elf.SHT_NULL) {
			continue // gABI: the other members of an inactive header are undefined
		}
		if err := s.check(); err != nil {
			return err
		}
		if s.hasBytes() && s.Size > 0 {
			f.reach(s.Off + s.Size)
		}
		switch elf.SectionType(s.Type) {
		case elf.SHT_SYMTAB:
			if f.symtab.Index != 0 {
				return s.bad(shType, "sh_type", "is a second SHT_SYMTAB; the first is section %d", f.symtab.Index)
			}
			f.symtab = s
		case elf.SHT_SYMTAB_SHNDX:
			if f.symShndx.Index != 0 {
				return s.bad(shType, "sh_type", "is a second SHT_SYMTAB_SHNDX; the first is section %d", f.symShndx.Index)
			}
			f.symShndx = s
		}
	}
	return nil
}

// check compares one section header with the file and the gABI.
func (s *Section) check() error {
	n := uint32(s.f.shnum)
	if s.Name != 0 && uint64(s.Name) >= s.f.shstr.Size {
		return s.bad(shName, "sh_name", "is 0x%x, the string table has 0x%x bytes", s.Name, s.f.shstr.Size)
	}
	if err := s.checkBounds(); err != nil {
		return err
	}
	if bits.OnesCount64(s.Addralign) > 1 {
		return s.bad(shAddralign, "sh_addralign", "is 0x%x, not a power of two", s.Addralign)
	}
	switch elf.SectionType(s.Type) {
	case elf.SHT_RELA, elf.SHT_SYMTAB, elf.SHT_SYMTAB_SHNDX, elf.SHT_GROUP:
	default:
		return nil
	}
	if want := entrySize(s.Type); s.Entsize != want {
		return s.bad(shEntsize, "sh_entsize", "is %d, want %d", s.Entsize, want)
	}
	if s.Size%s.Entsize != 0 {
		return s.bad(shSize, "sh_size", "is 0x%x, not a multiple of %d", s.Size, s.Entsize)
	}
	if s.Has(elf.SHF_COMPRESSED) {
		return s.bad(shFlags, "sh_flags", "has SHF_COMPRESSED on a section of type %v", elf.SectionType(s.Type))
	}
	if s.Link >= n {
		return s.bad(shLink, "sh_link", "is %d of %d sections", s.Link, n)
	}
	switch elf.SectionType(s.Type) {
	case elf.SHT_RELA:
		return s.checkRela()
	case elf.SHT_GROUP:
		return s.checkGroup()
	}
	return nil
}

func entrySize(typ uint32) uint64 {
	switch elf.SectionType(typ) {
	case elf.SHT_RELA:
		return relaSize
	case elf.SHT_SYMTAB:
		return SymSize
	default: // SHT_SYMTAB_SHNDX, SHT_GROUP
		return 4
	}
}

// checkRela checks what the header of a relocation section refers to. Code that
// reads the entries checks them.
func (s *Section) checkRela() error {
	if s.Info >= uint32(s.f.shnum) {
		return s.bad(shInfo, "sh_info", "is %d of %d sections", s.Info, s.f.shnum)
	}
	if elf.Type(s.f.hdr.Type) != elf.ET_REL || s.Size == 0 {
		return nil
	}
	if s.f.SectionType(int(s.Link)) != elf.SHT_SYMTAB {
		return s.bad(shLink, "sh_link", "is %d, which is not a SHT_SYMTAB", s.Link)
	}
	if s.Info == 0 {
		return s.bad(shInfo, "sh_info", "is 0: the relocations belong to no section")
	}
	return nil
}

// checkRel checks a SHT_REL section that is going to be edited, as New checks SHT_RELA.
func (s *Section) checkRel() error {
	if s.Entsize != relSize {
		return s.bad(shEntsize, "sh_entsize", "is %d, want %d", s.Entsize, relSize)
	}
	if s.Has(elf.SHF_COMPRESSED) {
		return s.bad(shFlags, "sh_flags", "has SHF_COMPRESSED on a section of type SHT_REL")
	}
	if s.Link >= uint32(s.f.shnum) {
		return s.bad(shLink, "sh_link", "is %d of %d sections", s.Link, s.f.shnum)
	}
	if err := s.checkRela(); err != nil {
		return err
	}
	return s.checkSymbolWords()
}

// checkGroup checks a section group: its signature and its members.
func (s *Section) checkGroup() error {
	t := s.f.Section(int(s.Link))
	if !t.Is(elf.SHT_SYMTAB) {
		return s.bad(shLink, "sh_link", "is %d, which is not a SHT_SYMTAB", s.Link)
	}
	if n := t.Size / SymSize; uint64(s.Info) >= n {
		return s.bad(shInfo, "sh_info", "the group's signature is symbol %d of %d", s.Info, n)
	}
	d := s.Data()
	if len(d) == 0 {
		return s.bad(shSize, "sh_size", "the group has no flags")
	}
	for i := 4; i < len(d); i += 4 {
		if m := le.Uint32(d[i:]); m == 0 || m >= uint32(s.f.shnum) {
			return s.badAt(s.Off+uint64(i), "group member", fmt.Sprintf("is section %d of %d", m, s.f.shnum))
		}
	}
	return nil
}

// checkBounds checks that the section's bytes lie inside the file and outside
// the ELF header and the section header table, which an edit of the section
// would otherwise change.
func (s *Section) checkBounds() error {
	if !s.hasBytes() {
		return nil
	}
	size, table := uint64(len(s.f.data)), s.f.table()
	switch {
	case s.Off > size || s.Size > size-s.Off:
		return s.bad(shOff, "sh_offset", "0x%x bytes at 0x%x pass the end of the file (0x%x)", s.Size, s.Off, size)
	case s.Size == 0:
	case s.Off < ehdrSize:
		return s.bad(shOff, "sh_offset", "the section overlaps the ELF header")
	case s.Off < table.end && table.off < s.Off+s.Size:
		return s.bad(shOff, "sh_offset", "0x%x bytes at 0x%x overlap the section header table", s.Size, s.Off)
	}
	return nil
}

// checkStrings checks that a string table is as the gABI defines it: its first
// and last bytes are NUL. An empty table could not take the name of a new
// symbol.
func (s Section) checkStrings() error {
	if t := elf.SectionType(s.Type); t != elf.SHT_STRTAB {
		return s.bad(shType, "sh_type", "is %v, want SHT_STRTAB", t)
	}
	if s.Has(elf.SHF_COMPRESSED) {
		return s.bad(shFlags, "sh_flags", "the string table has SHF_COMPRESSED")
	}
	d := s.Data()
	switch {
	case len(d) == 0:
		return s.bad(shSize, "sh_size", "the string table is empty")
	case d[0] != 0:
		return s.badAt(s.Off, "content", "the string table does not begin with a NUL byte")
	case d[len(d)-1] != 0:
		return s.badAt(s.Off+s.Size-1, "content", "the string table does not end in a NUL byte")
	}
	return nil
}

// bad makes the error for a field of this section's header.
func (s Section) bad(fieldOff uint64, field, format string, a ...any) error {
	return s.badAt(s.headerOff()+fieldOff, field, fmt.Sprintf(format, a...))
}

// badAt makes the error for a field at a file offset.
func (s Section) badAt(off uint64, field, msg string) error {
	return &FormatError{Off: off, Section: s.String(), Field: field, Msg: msg}
}
