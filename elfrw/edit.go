// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// An Edit collects changes to a File. Nothing is written before Layout.
//
// All methods number sections and symbols as the input does, whatever has been
// removed since; added ones get provisional numbers, which continue these.
// Layout brings every index that names a section or a symbol up to date. So
// edits can be made in any order, and none invalidates a number.
//
// A method that returns an error has changed nothing. It rejects an edit of something
// that does not exist or was removed, the removal of something that is still referred
// to, and whatever the file does not allow. Only conflicts between edits are found by
// Layout. The zero value is not usable; see [File.Edit]. Only one goroutine at a time
// may use an Edit.
type Edit struct {
	f      *File
	parts  []part
	partOf []int32 // by section: its part's number plus one
	bodies []body  // of splices
	arena  []byte  // backs their bytes

	symbols        []newSymbol           // added, in order of their provisional indices
	changedSymbols map[int]*symbolChange // of the input, by index
	goneSymbols    indexSet              // of the input or added

	sections        []NewSection // added, in order of their provisional indices
	changedSections map[int]*sectionChange
	goneSections    indexSet
	joined          map[int][]int // by group: sections that were added to it

	ehdr    []byte // the output's ELF header, nil while it is the input's
	strip   bool
	compact bool
	groups  []int32     // see groupOf
	relocs  *chain      // see relocsOf
	refs    *references // see references
	opaque  []int       // see opaqueReferences
	locals  uint32      // how far Layout moves global symbols if indices is nil
	indices []uint32    // by symbol of the input: its final index
}

// Edit returns an empty edit of the file.
func (f *File) Edit() *Edit { return &Edit{f: f} }

// Empty reports whether the edit changes nothing.
func (e *Edit) Empty() bool {
	return len(e.parts) == 0 && len(e.sections) == 0 && len(e.symbols) == 0 && len(e.changedSymbols) == 0 &&
		e.goneSymbols.n == 0 && len(e.changedSections) == 0 && e.goneSections.n == 0 && e.ehdr == nil && !e.strip
}

// resizable returns an error if the file cannot change its size: addresses and
// segments would have to follow.
func (e *Edit) resizable() error {
	if t := elf.Type(e.f.hdr.Type); t != elf.ET_REL || e.f.hdr.Phnum > 0 {
		return fmt.Errorf("only a relocatable object without segments can change its size, but this is %v with %d", t, e.f.hdr.Phnum)
	}
	return nil
}

// section returns section i if it is in the input and its bytes can be edited.
func (e *Edit) section(i int) (none Section, err error) {
	if err := e.checkSection(i); err != nil {
		return none, err
	}
	if i >= e.f.shnum {
		return none, fmt.Errorf("section %q is new: its content is that of SetSection", e.sections[i-e.f.shnum].Name)
	}
	if c := e.changedSections[i]; c != nil && c.replaced {
		return none, fmt.Errorf("section %v: this edit has replaced its content", e.f.Section(i))
	}
	return e.f.Section(i), nil
}

// rawBytes returns an error if the section's bytes have a structure that an
// edit of bytes could break. A string table may only gain strings.
func (s Section) rawBytes() error {
	switch t := elf.SectionType(s.Type); {
	case structured(t):
		return fmt.Errorf("section %v: the bytes of a section of type %v cannot be edited", s, t)
	case t == elf.SHT_NULL || t == elf.SHT_NOBITS:
		return fmt.Errorf("section %v of type %v has no bytes", s, t)
	}
	return nil
}

// structured reports whether sections of a type have entries that Layout rewrites.
func structured(t elf.SectionType) bool {
	switch t {
	case elf.SHT_REL, elf.SHT_RELA, elf.SHT_SYMTAB, elf.SHT_SYMTAB_SHNDX, elf.SHT_GROUP, SHTLLVMAddrsig, SHTLLVMCallGraph12:
		return true
	}
	return false
}

// Compact lets what follows a section move up if relocations were dropped from it.
// Without Compact, zeros take their room, so that nothing has to move. Other removals
// close the file up anyway.
func (e *Edit) Compact() { e.compact = true }

// StripSignature drops the signature of a kernel module, if there is one.
func (e *Edit) StripSignature() { e.strip = e.f.signatureSize() > 0 }

// SetHeader replaces the fields of the ELF header that nothing else depends on:
// e_ident[EI_OSABI] and e_ident[EI_ABIVERSION], e_entry and e_flags. To change
// one, change it in what [File.Header] returns. It is an error if another field
// differs from the file's.
func (e *Edit) SetHeader(h elf.Header64) error {
	same := h
	same.Ident[elf.EI_OSABI], same.Ident[elf.EI_ABIVERSION] = e.f.hdr.Ident[elf.EI_OSABI], e.f.hdr.Ident[elf.EI_ABIVERSION]
	same.Entry, same.Flags = e.f.hdr.Entry, e.f.hdr.Flags
	if same != e.f.hdr {
		return fmt.Errorf("of the ELF header only EI_OSABI, EI_ABIVERSION, e_entry and e_flags can be set")
	}
	b := e.elfHeader()
	b[elf.EI_OSABI], b[elf.EI_ABIVERSION] = h.Ident[elf.EI_OSABI], h.Ident[elf.EI_ABIVERSION]
	le.PutUint64(b[ehEntry:], h.Entry)
	le.PutUint32(b[ehFlags:], h.Flags)
	if bytes.Equal(b, e.f.data[:ehdrSize]) {
		e.ehdr = nil
	}
	return nil
}

// elfHeader returns the output's ELF header, for editing.
func (e *Edit) elfHeader() []byte {
	if e.ehdr == nil {
		e.ehdr = bytes.Clone(e.f.data[:ehdrSize])
	}
	return e.ehdr
}

// ReplaceBytes replaces len(want) bytes at byte offset off of a section with as
// many others. It is an error if the section does not hold want there. If two
// edits replace the same bytes, Layout fails.
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
	if err := s.rawBytes(); err != nil {
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
	if err := e.resizable(); err != nil {
		return err
	}
	e.splice(s, s.Off+s.Size, 0, b)
	e.partAt(s).appended += uint64(len(b))
	return nil
}

// SetRela replaces entry i of a SHT_RELA or SHT_REL section.
func (e *Edit) SetRela(sec, i int, r Rela) error {
	t, err := e.Relas(sec)
	if err != nil {
		return err
	}
	return t.Set(i, r)
}

// DropRela removes entry i of a SHT_RELA or SHT_REL section; later entries move up and the
// section shrinks by one entry. What follows the section does not move; see
// [Edit.Compact].
func (e *Edit) DropRela(sec, i int) error {
	t, err := e.Relas(sec)
	if err != nil {
		return err
	}
	return t.Drop(i)
}

// InsertRela inserts an entry before entry i of a SHT_RELA or SHT_REL section, or
// after the last one if i is the number of entries.
func (e *Edit) InsertRela(sec, i int, r Rela) error {
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

// edited returns the part for section i of the input, nil if it has none.
func (e *Edit) edited(i int) *part {
	if e.partOf == nil || i >= len(e.partOf) || e.partOf[i] == 0 {
		return nil
	}
	return &e.parts[e.partOf[i]-1]
}
