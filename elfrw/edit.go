// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// An Edit collects changes to a File. Nothing is written before Layout, where
// two edits of the same bytes are an error. The zero value is not usable, see
// [File.Edit]. Only one goroutine at a time may use an Edit.
type Edit struct {
	f          *File
	parts      []part
	partOf     []int32 // by section: its part's number plus one
	bodies     []body  // of splices
	arena      []byte  // backs their bytes
	locals     []newSymbol
	globals    []newSymbol
	added      []addedSymbol // by provisional index
	secs       []NewSection
	numRemoved int // removed sections, beginning with the last one
	strip      bool
}

// An addedSymbol is the n-th new symbol of its kind.
type addedSymbol struct {
	global bool
	n      uint32
}

// A NewSection is a section to append. Addralign and Entsize are in bytes.
type NewSection struct {
	Name      string
	Type      elf.SectionType // not SHT_NOBITS, SHT_GROUP or a symbol table's
	Flags     elf.SectionFlag // SHF_GROUP comes with Group
	Addralign uint64          // 0 and 1: none
	Entsize   uint64          // 0: no entries of a fixed size
	Link      int             // index of a section of this file, or one that AddSection returned
	Info      uint32          // sh_info
	Group     int             // index of the SHT_GROUP section whose member it becomes, 0 for none
	// Data is the content. It belongs to the Edit from then on. In a SHT_RELA
	// section, symbol indices may be provisional; Layout replaces them with the
	// final ones.
	Data []byte
}

// A NewSymbol is a symbol to append.
type NewSymbol struct {
	Name    string
	Bind    elf.SymBind
	Type    elf.SymType
	Other   uint8  // st_other
	Section int    // section index, of this file or returned by AddSection; 0: undefined
	Value   uint64 // bytes from the start of the section
	Size    uint64 // bytes
}

type newSymbol struct {
	NewSymbol
	name uint32 // st_name
}

// Edit returns an empty edit of the file.
func (f *File) Edit() *Edit { return &Edit{f: f} }

// Empty reports whether the edit changes nothing.
func (e *Edit) Empty() bool {
	return len(e.parts) == 0 && len(e.secs) == 0 && len(e.added) == 0 && e.numRemoved == 0 && !e.strip
}

// section returns section i if it is one that an edit may name.
func (e *Edit) section(i int) (Section, error) {
	if i <= 0 || i >= e.f.shnum {
		return Section{}, fmt.Errorf("section %d of %d", i, e.f.shnum)
	}
	return e.f.Section(i), nil
}

// opaque returns an error if the section's bytes have a structure that an edit
// of bytes could break. Strings may be added to a string table, and no more.
func (s Section) opaque() error {
	switch elf.SectionType(s.Type) {
	case elf.SHT_REL, elf.SHT_RELA, elf.SHT_SYMTAB, elf.SHT_SYMTAB_SHNDX, elf.SHT_GROUP, shtLLVMAddrsig:
		return fmt.Errorf("section %v: the bytes of a section of type %v cannot be edited", s, elf.SectionType(s.Type))
	case elf.SHT_NULL, elf.SHT_NOBITS:
		return fmt.Errorf("section %v of type %v has no bytes", s, elf.SectionType(s.Type))
	}
	return nil
}

// StripSignature drops the signature of a kernel module, if there is one.
func (e *Edit) StripSignature() { e.strip = e.f.signatureSize() > 0 }

// ReplaceBytes replaces len(want) bytes at byte offset off of a section with as
// many others. It is an error if the section does not hold want there.
func (e *Edit) ReplaceBytes(sec int, off uint64, want, new []byte) error {
	b, err := e.Bytes(sec)
	if err != nil {
		return err
	}
	return b.Replace(off, want, new)
}

// AppendData adds bytes at the end of a section. Bytes for a string table must
// end in a NUL byte.
func (e *Edit) AppendData(sec int, b []byte) error {
	s, err := e.section(sec)
	if err != nil {
		return err
	}
	if err := s.opaque(); err != nil {
		return err
	}
	switch {
	case len(b) == 0:
		return nil
	case s.Compressed():
		return fmt.Errorf("section %v: cannot append bytes to a compressed section", s)
	case s.Is(elf.SHT_STRTAB) && b[len(b)-1] != 0:
		return fmt.Errorf("section %v: a string table must end in a NUL byte", s)
	}
	e.splice(s, s.Off+s.Size, 0, b)
	return nil
}

// SetRela replaces entry i of a SHT_RELA section. The symbol index may be
// provisional. To make r_info, use [elf.R_INFO] or package reloc's MakeRela.
func (e *Edit) SetRela(sec, i int, r elf.Rela64) error {
	t, err := e.Relas(sec)
	if err != nil {
		return err
	}
	return t.Set(i, r)
}

// DropRela removes entry i of a SHT_RELA section; later entries move up and the
// section shrinks by one entry.
func (e *Edit) DropRela(sec, i int) error {
	t, err := e.Relas(sec)
	if err != nil {
		return err
	}
	return t.Drop(i)
}

// InsertRela inserts an entry before entry i of a SHT_RELA section, or after
// the last one if i is their number. The symbol index may be provisional.
func (e *Edit) InsertRela(sec, i int, r elf.Rela64) error {
	t, err := e.Relas(sec)
	if err != nil {
		return err
	}
	return t.Insert(i, r)
}

// keep copies b into the arena, which grows in chunks.
func (e *Edit) keep(b []byte) []byte {
	const chunk = 64 << 10
	if len(b) > chunk/8 {
		return bytes.Clone(b)
	}
	if len(b) > cap(e.arena)-len(e.arena) {
		e.arena = make([]byte, 0, min(chunk, max(1<<10, 2*cap(e.arena))))
	}
	n := len(e.arena)
	e.arena = append(e.arena, b...)
	return e.arena[n:len(e.arena):len(e.arena)]
}

// partAt returns the part for section s. It is valid until the next part is made.
func (e *Edit) partAt(s Section) *part { return &e.parts[e.partNumber(s)] }

// partNumber returns the number of the part for section s. It is valid until the edit
// is laid out.
func (e *Edit) partNumber(s Section) int {
	if e.partOf == nil {
		e.partOf = make([]int32, e.f.shnum)
	}
	i := e.partOf[s.Index]
	if i == 0 {
		p, _, _ := e.f.placeOf(s.Index)
		e.parts = append(doubled(e.parts), part{place: p})
		i = int32(len(e.parts))
		e.partOf[s.Index] = i
	}
	return int(i - 1)
}

// SetSymbolOther sets st_other of symbol i.
func (e *Edit) SetSymbolOther(i int, other uint8) error {
	if i <= 0 || i >= e.f.NumSymbols() {
		return fmt.Errorf("symbol %d of %d", i, e.f.NumSymbols())
	}
	t := e.f.symtab
	e.splice(t, t.Off+uint64(i)*SymSize+5, 1, []byte{other})
	return nil
}

// AddSymbol appends a symbol and returns its provisional index, which
// relocations given to this Edit use to refer to it. A local symbol goes after
// the last local one, any other after the last symbol.
func (e *Edit) AddSymbol(s NewSymbol) (int, error) {
	switch {
	case e.f.NumSymbols() == 0:
		return 0, errors.New("the file has no symbol table to add to")
	case strings.IndexByte(s.Name, 0) >= 0:
		return 0, fmt.Errorf("symbol %q: NUL in the name", s.Name)
	case s.Section < 0 || s.Section >= e.f.shnum+len(e.secs):
		return 0, fmt.Errorf("symbol %q: section %d of %d", s.Name, s.Section, e.f.shnum+len(e.secs))
	}
	list, global := &e.locals, s.Bind != elf.STB_LOCAL
	if global {
		list = &e.globals
	}
	e.added = append(e.added, addedSymbol{global, uint32(len(*list))})
	*list = append(*list, newSymbol{NewSymbol: s})
	return e.f.NumSymbols() + len(e.added) - 1, nil
}

// AddSection appends a section and returns its section index.
func (e *Edit) AddSection(s NewSection) (int, error) {
	if e.f.shstr.Index == 0 {
		return 0, errors.New("the file has no section name string table to add to")
	}
	if err := e.checkNew(&s); err != nil {
		return 0, fmt.Errorf("new section %q: %w", s.Name, err)
	}
	index := e.f.shnum + len(e.secs)
	if s.Group != 0 {
		s.Flags |= elf.SHF_GROUP
		g := e.f.Section(s.Group)
		e.splice(g, g.Off+g.Size, 0, le.AppendUint32(nil, uint32(index)))
	}
	e.secs = append(e.secs, s)
	return index, nil
}

// checkNew refuses what New would not take, or what Layout could not keep true.
func (e *Edit) checkNew(s *NewSection) error {
	switch s.Type {
	case elf.SHT_NULL, elf.SHT_NOBITS, elf.SHT_SYMTAB, elf.SHT_SYMTAB_SHNDX, elf.SHT_GROUP:
		return fmt.Errorf("cannot append a section of type %v", s.Type)
	}
	switch n, symtab := e.f.shnum+len(e.secs), e.f.symtab.Index; {
	case strings.IndexByte(s.Name, 0) >= 0:
		return errors.New("NUL in the name")
	case s.Addralign&(s.Addralign-1) != 0 || s.Addralign > maxAlign:
		return fmt.Errorf("alignment 0x%x is not a power of two up to 0x%x", s.Addralign, maxAlign)
	case s.Flags&elf.SHF_GROUP != 0:
		return errors.New("a member of a group names the group")
	case s.Group != 0 && (s.Group < 0 || s.Group >= e.f.shnum || !e.f.Section(s.Group).Is(elf.SHT_GROUP)):
		return fmt.Errorf("section %d is not a group", s.Group)
	case s.Link < 0 || s.Link >= n:
		return fmt.Errorf("sh_link is %d of %d sections", s.Link, n)
	case s.Type != elf.SHT_RELA && symtab != 0 && s.Link == symtab:
		return fmt.Errorf("a section of type %v may refer to symbols by index", s.Type)
	case s.Type != elf.SHT_RELA:
		return nil
	case s.Entsize != relaSize || len(s.Data)%relaSize != 0 || s.Flags&elf.SHF_COMPRESSED != 0:
		return fmt.Errorf("0x%x bytes in entries of %d are not relocations", len(s.Data), s.Entsize)
	case symtab == 0 || s.Link != symtab:
		return fmt.Errorf("sh_link is %d, the symbol table is section %d", s.Link, symtab)
	case s.Info == 0 || uint64(s.Info) >= uint64(n):
		return fmt.Errorf("sh_info is %d of %d sections", s.Info, n)
	}
	return nil
}
