// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// A NewSection holds the fields of a section to add or to set. Addralign and
// Entsize are in bytes.
type NewSection struct {
	Name      string
	Type      elf.SectionType
	Flags     elf.SectionFlag // SHF_GROUP follows from Group
	Addralign uint64          // 0 and 1: none
	Entsize   uint64          // 0: no entries of a fixed size
	Link      int             // sh_link: index of a section
	// Info is sh_info: for SHT_RELA, and with SHF_INFO_LINK, the index of a section;
	// for SHT_GROUP, the index of the signature symbol.
	Info  uint32
	Group int // index of the SHT_GROUP section that it belongs to, 0 for none
	// Data is the content, which the Edit then owns. For SHT_GROUP it is the flag
	// word; the members are the sections that name the group.
	Data []byte
	// Relas is the content of an added SHT_RELA section. With it, Link, Addralign,
	// Entsize and SHF_INFO_LINK may be left out. Data with encoded entries will do as
	// well; there, too, symbol indices may be provisional.
	Relas []Rela
	Size  uint64 // of SHT_NOBITS, in bytes
}

// hasBytes reports whether the section has bytes in the file.
func (s *NewSection) hasBytes() bool { return s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL }

// numSections returns the number of sections, those of the input and added
// ones.
func (e *Edit) numSections() int { return e.f.shnum + len(e.sections) }

// head returns the fields of section i as this edit leaves them, without the name, group
// and content if the section is unchanged.
func (e *Edit) head(i int) NewSection {
	if i >= e.f.shnum {
		return e.sections[i-e.f.shnum]
	}
	if c := e.changedSections[i]; c != nil {
		return c.NewSection
	}
	h := e.f.header(i)
	s := NewSection{
		Type: elf.SectionType(h.Type), Flags: elf.SectionFlag(h.Flags), Addralign: h.Addralign, Entsize: h.Entsize,
		Link: int(h.Link), Info: h.Info,
	}
	if s.Type == elf.SHT_NOBITS {
		s.Size = h.Size
	}
	return s
}

// Section returns the fields of section i as this edit leaves them, to be changed and
// passed to [Edit.SetSection]. The index may be provisional. Data is the content of
// the file, unless the edit has replaced it; it is nil for sections whose entries
// Layout writes.
func (e *Edit) Section(i int) NewSection {
	s := e.head(i)
	if i >= e.f.shnum || e.changedSections[i] != nil {
		return s
	}
	of := e.f.Section(i)
	s.Name = of.NameString()
	s.Group = e.groupOf(i)
	switch {
	case s.Type == elf.SHT_GROUP:
		s.Data = of.Data()[:groupFlagSize]
	case !structured(s.Type):
		s.Data = of.Data()
	}
	return s
}

// sectionString returns the name of a section for messages.
func (e *Edit) sectionString(i int) string {
	if i < e.f.shnum {
		return e.f.Section(i).String()
	}
	return fmt.Sprintf("%q", e.sections[i-e.f.shnum].Name)
}

// checkSection returns an error if section i cannot be edited.
func (e *Edit) checkSection(i int) error {
	switch n := e.numSections(); {
	case i == 0:
		return errors.New("section 0 is the null section, which cannot be edited")
	case i < 0 || i >= n:
		return fmt.Errorf("section %d of %d", i, n)
	case e.goneSections.has(i):
		return fmt.Errorf("section %s was removed", e.sectionString(i))
	}
	return nil
}

// AddSection appends a section and returns its provisional index. It is an error to add
// a symbol table, a table of its section indices (Layout adds that), or a section whose
// content names symbols by other means than relocations.
func (e *Edit) AddSection(s NewSection) (int, error) {
	if e.f.shstr.Index == 0 {
		return 0, errors.New("the file has no section name string table to add to")
	}
	e.complete(&s)
	err := e.checkNew(&s)
	if err == nil {
		err = e.resizable()
	}
	if err != nil {
		return 0, fmt.Errorf("new section %q: %w", s.Name, err)
	}
	i := e.numSections()
	e.sections = append(e.sections, s)
	e.join(i, s.Group)
	e.sectionAdded(i)
	return i, nil
}

// complete fills in the fields that follow from the type.
func (e *Edit) complete(s *NewSection) {
	if s.Group != 0 {
		s.Flags |= elf.SHF_GROUP
	}
	switch {
	case relocSize(s.Type) > 0 && s.Data == nil:
		s.Flags |= elf.SHF_INFO_LINK
		s.Link, s.Entsize = e.f.symtab.Index, uint64(relocSize(s.Type))
		if s.Addralign == 0 {
			s.Addralign = 8
		}
	case s.Type == elf.SHT_GROUP:
		s.Link, s.Addralign, s.Entsize = e.f.symtab.Index, 4, 4
	}
}

// checkNew rejects a section that New would not accept, or that Layout could not keep up
// to date.
func (e *Edit) checkNew(s *NewSection) error {
	if err := e.checkHead(s); err != nil {
		return err
	}
	symtab := e.f.symtab.Index
	switch s.Type {
	case elf.SHT_NULL, elf.SHT_SYMTAB, elf.SHT_SYMTAB_SHNDX, SHTLLVMAddrsig, SHTLLVMCallGraph12:
		return fmt.Errorf("cannot append a section of type %v", s.Type)
	case elf.SHT_NOBITS:
		if len(s.Data) > 0 {
			return errors.New("a section of type SHT_NOBITS has a size and no content")
		}
		return nil
	case elf.SHT_RELA, elf.SHT_REL:
		return e.checkNewRelas(s)
	case elf.SHT_GROUP:
		return e.checkNewGroup(s)
	}
	switch {
	case symtab != 0 && s.Link == symtab:
		return fmt.Errorf("a section of type %v may refer to symbols by index", s.Type)
	case s.Relas != nil:
		return fmt.Errorf("a section of type %v has no relocations: they belong in a section of type SHT_RELA", s.Type)
	case s.Size != 0 && s.Size != uint64(len(s.Data)):
		return fmt.Errorf("the size is 0x%x, the content has 0x%x bytes", s.Size, len(s.Data))
	}
	return nil
}

// checkHead checks the fields that every section has.
func (e *Edit) checkHead(s *NewSection) error {
	n := e.numSections()
	switch {
	case strings.IndexByte(s.Name, 0) >= 0:
		return errors.New("NUL in the name")
	case s.Addralign&(s.Addralign-1) != 0 || s.Addralign > maxAlign:
		return fmt.Errorf("alignment 0x%x is not a power of two up to 0x%x", s.Addralign, maxAlign)
	case s.Flags&elf.SHF_GROUP != 0 && s.Group == 0:
		return errors.New("a member of a group names the group")
	case s.Group != 0 && (s.Group < 0 || s.Group >= n || e.goneSections.has(s.Group) || e.head(s.Group).Type != elf.SHT_GROUP):
		return fmt.Errorf("section %d is not a group", s.Group)
	case s.Link < 0 || s.Link >= n:
		return fmt.Errorf("sh_link is %d of %d sections", s.Link, n)
	case e.goneSections.has(s.Link):
		return fmt.Errorf("sh_link: section %s was removed", e.sectionString(s.Link))
	case !s.infoIsSection():
		return nil
	case int64(s.Info) >= int64(n):
		return fmt.Errorf("sh_info is %d of %d sections", s.Info, n)
	case e.goneSections.has(int(s.Info)):
		return fmt.Errorf("sh_info: section %s was removed", e.sectionString(int(s.Info)))
	}
	return nil
}

// infoIsSection reports whether sh_info is the index of a section (gABI, "sh_link and
// sh_info Interpretation").
func (s *NewSection) infoIsSection() bool {
	return relocSize(s.Type) > 0 || s.Flags&elf.SHF_INFO_LINK != 0
}

func (e *Edit) checkNewRelas(s *NewSection) error {
	size := relocSize(s.Type)
	switch symtab := e.f.symtab.Index; {
	case s.Relas != nil && s.Data != nil:
		return errors.New("both Relas and Data are given")
	case s.Entsize != uint64(size) || len(s.Data)%size != 0 || s.Flags&elf.SHF_COMPRESSED != 0:
		return fmt.Errorf("0x%x bytes in entries of %d are not relocations", len(s.Data), s.Entsize)
	case symtab == 0 || s.Link != symtab:
		return fmt.Errorf("sh_link is %d, the symbol table is section %d", s.Link, symtab)
	case s.Info == 0:
		return fmt.Errorf("sh_info is %d of %d sections", s.Info, e.numSections())
	}
	limit, symbols := e.limit(int(s.Info)), e.numSymbols()
	for i := range s.numRelas() {
		r := s.rela(e.f, i)
		if err := checkAddend(&r, size); err != nil {
			return fmt.Errorf("relocation %d: %w", i, err)
		}
		if r.Off < limit && 0 <= r.Symbol && r.Symbol < symbols && e.goneSymbols.n == 0 {
			continue // the usual case
		}
		if err := e.checkRela(&r, int(s.Info)); err != nil {
			return fmt.Errorf("relocation %d: %w", i, err)
		}
	}
	return nil
}

func (s *NewSection) numRelas() int { return max(len(s.Relas), len(s.Data)/relocSize(s.Type)) }

// rela returns relocation i of a new section of relocations.
func (s *NewSection) rela(f *File, i int) Rela {
	if s.Relas != nil {
		return s.Relas[i]
	}
	size := relocSize(s.Type)
	return f.decodeRela(s.Data[i*size:][:size])
}

func (e *Edit) checkNewGroup(s *NewSection) error {
	switch {
	case e.f.symtab.Index == 0:
		return errors.New("a group needs a symbol table")
	case len(s.Data) != groupFlagSize:
		return fmt.Errorf("the content of a group is its flag word, not 0x%x bytes", len(s.Data))
	}
	if err := e.checkSymbol(int(s.Info)); err != nil && s.Info != 0 {
		return fmt.Errorf("the signature: %w", err)
	}
	return nil
}
