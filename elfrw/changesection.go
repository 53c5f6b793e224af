// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"errors"
	"fmt"
	"math"
)

// A sectionChange is what a section of the input becomes.
type sectionChange struct {
	NewSection
	renamed  bool // otherwise name is the input's
	name     uint32
	replaced bool // the content is Data
	moved    bool // the content goes where new sections go, or there is none
}

// SetSection replaces fields of section i: its name, type, flags, alignment, entry size,
// link, info, group and content. It is an error to change what other fields or the
// entries of a section depend on: the type, link, alignment and content of a table of
// relocations, symbols or group members, and everything except the name and flags of the
// file's own tables.
//
// If an alignment grows, or zeros become bytes, the content may go to the end of the
// file; nothing else moves for that. An old name stays in the string table unless it was
// at its end.
func (e *Edit) SetSection(i int, s NewSection) error {
	if err := e.checkSection(i); err != nil {
		return err
	}
	was := e.Section(i)
	if i >= e.f.shnum {
		e.complete(&s)
	}
	s.settle(&was)
	if err := e.checkChange(i, &was, &s); err != nil {
		return fmt.Errorf("section %s: %w", e.sectionString(i), err)
	}
	e.setSection(i, &was, s)
	return nil
}

// settle adapts the content to a change to or from SHT_NOBITS, and SHF_GROUP to the
// group.
func (s *NewSection) settle(was *NewSection) {
	switch {
	case s.Group != 0:
		s.Flags |= elf.SHF_GROUP
	case was.Group != 0:
		s.Flags &^= elf.SHF_GROUP
	}
	switch none := elf.SHT_NOBITS; {
	case s.Type == none && sameBytes(s.Data, was.Data):
		if s.Size == 0 {
			s.Size = uint64(len(s.Data))
		}
		s.Data = nil
	case s.Type != none && was.Type == none:
		if s.Data == nil {
			s.Data = make([]byte, s.Size)
		}
		fallthrough
	case s.Type != none:
		if s.Size == uint64(len(s.Data)) {
			s.Size = 0
		}
	}
}

// sameBytes reports whether two slices share the same memory.
func sameBytes(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// checkChange returns an error if section i cannot become s.
func (e *Edit) checkChange(i int, was, s *NewSection) error {
	if s.Name != was.Name && e.f.shstr.Index == 0 {
		return errors.New("the file has no section name string table to add to")
	}
	if i >= e.f.shnum {
		if s.Type != was.Type {
			return fmt.Errorf("the type of a new section stays %v", was.Type)
		}
		return e.checkNew(s)
	}
	if err := e.checkFixed(i, was, s); err != nil {
		return err
	}
	// checkHead need not accept fields that stay as they are.
	head := *s
	if head.Link == was.Link {
		head.Link = 0
	}
	if head.Info == was.Info && head.infoIsSection() == was.infoIsSection() {
		head.Info = 0
	}
	if head.Addralign == was.Addralign {
		head.Addralign = 0
	}
	if err := e.checkHead(&head); err != nil {
		return err
	}
	return e.checkContent(i, was, s)
}

// checkFixed rejects a change of fields that others depend on.
func (e *Edit) checkFixed(i int, was, s *NewSection) error {
	fixed := *s
	fixed.Name, fixed.Flags = was.Name, was.Flags
	switch t := was.Type; {
	case e.isTable(i):
	case structured(t):
		fixed.Info, fixed.Group = was.Info, was.Group
	case structured(s.Type) || s.Type == elf.SHT_NULL:
		return fmt.Errorf("a section of type %v cannot become %v", t, s.Type)
	case s.Relas != nil:
		return fmt.Errorf("a section of type %v has no relocations: they belong in a section of type SHT_RELA", s.Type)
	default:
		return nil
	}
	switch {
	case fixed.Type != was.Type || fixed.Addralign != was.Addralign || fixed.Entsize != was.Entsize || fixed.Link != was.Link ||
		fixed.Info != was.Info || fixed.Group != was.Group:
		return fmt.Errorf("of a section of type %v only the name, the flags, the target and the group can be set", was.Type)
	case was.Type == elf.SHT_GROUP && len(s.Data) == groupFlagSize && s.Relas == nil:
		return nil
	case !sameBytes(s.Data, was.Data) || s.Relas != nil:
		return fmt.Errorf("the content of a section of type %v cannot be set", was.Type)
	}
	return nil
}

// isTable reports whether section i is one of the file's own tables.
func (e *Edit) isTable(i int) bool {
	return i == e.f.symtab.Index || i == e.f.strtab.Index || i == e.f.shstr.Index || i == e.f.symShndx.Index
}

// checkContent rejects a change of type, size or target that leaves relocations outside
// their section, or that the file does not allow.
func (e *Edit) checkContent(i int, was, s *NewSection) error {
	replaced := !sameBytes(s.Data, was.Data) || s.Type != was.Type || s.Size != was.Size
	if err := e.checkReplaced(i, was, s, replaced); err != nil {
		return err
	}
	switch {
	case was.Type == elf.SHT_GROUP:
		return e.checkNewGroup(s)
	case relocSize(was.Type) > 0 && s.Info != was.Info:
		return e.checkTarget(i, int(s.Info), e.limit(int(s.Info)))
	}
	if replaced && s.size() < was.size() && s.Flags&elf.SHF_COMPRESSED == 0 {
		for _, r := range e.relocsOf(i) {
			if err := e.checkTarget(r, i, s.size()); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkReplaced checks the new size, and whether the section can be replaced or moved.
func (e *Edit) checkReplaced(i int, was, s *NewSection, replaced bool) error {
	switch {
	case s.Type == elf.SHT_NOBITS && len(s.Data) > 0:
		return errors.New("a section of type SHT_NOBITS has a size and no content")
	case s.Type != elf.SHT_NOBITS && s.Size != 0:
		return fmt.Errorf("the size is 0x%x, the content has 0x%x bytes", s.Size, len(s.Data))
	}
	moves := e.moves(i, s)
	if s.Name != was.Name || moves || replaced && s.size() != was.size() || s.Group != was.Group {
		if err := e.resizable(); err != nil {
			return err
		}
	}
	if p := e.edited(i); (replaced || moves) && p != nil && len(p.splices) > 0 {
		return errors.New("this edit has changed bytes of its content: replace these too, or the content alone")
	}
	return nil
}

// size is the section's size in bytes.
func (s *NewSection) size() uint64 {
	switch {
	case s.Type == elf.SHT_NOBITS:
		return s.Size
	case s.Relas != nil:
		return uint64(len(s.Relas) * relocSize(s.Type))
	}
	return uint64(len(s.Data))
}

// checkTarget returns an error if a relocation of a section lies outside a target of
// limit bytes.
func (e *Edit) checkTarget(rela, target int, limit uint64) error {
	if target == 0 {
		return errors.New("sh_info is 0: the relocations belong to no section")
	}
	for r := range e.liveRelas(rela) {
		if r.Off > limit || r.Off == limit && r.Type != 0 {
			return fmt.Errorf("%s has a relocation at 0x%x, and %s 0x%x bytes", e.sectionString(rela), r.Off, e.sectionString(target), limit)
		}
	}
	return nil
}

// moves reports whether section i has to go to another place in the file to become s.
func (e *Edit) moves(i int, s *NewSection) bool {
	of := e.f.Section(i)
	if of.hasBytes() != s.hasBytes() {
		return true
	}
	return s.hasBytes() && s.Addralign > of.Addralign && of.Off%s.Addralign != 0
}

func (e *Edit) setSection(i int, was *NewSection, s NewSection) {
	e.sectionChanges(i)
	if i >= e.f.shnum {
		e.sections[i-e.f.shnum] = s
	} else {
		e.changeSection(i, s)
	}
	if s.Group != was.Group {
		e.join(i, s.Group)
	}
	e.sectionAdded(i)
	if s.Name != was.Name {
		e.renameRelocs(i, was.Name, s.Name)
	}
}

func (e *Edit) changeSection(i int, s NewSection) {
	of := e.f.Section(i)
	c := &sectionChange{NewSection: s, renamed: s.Name != of.NameString(), name: of.Name, moved: e.moves(i, &s)}
	if !structured(s.Type) {
		c.replaced = !sameBytes(s.Data, of.Data()) || c.moved
	}
	if e.changedSections == nil {
		e.changedSections = map[int]*sectionChange{}
	}
	e.changedSections[i] = c
}

// renameRelocs renames the relocation sections of a section along with it.
func (e *Edit) renameRelocs(i int, was, is string) {
	for _, r := range e.relocsOf(i) {
		s := e.Section(r)
		for _, prefix := range []string{".rela", ".rel"} {
			if s.Name == prefix+was {
				old := s
				s.Name = prefix + is
				e.setSection(r, &old, s)
				break
			}
		}
	}
}

// RenameSection renames section i, and its relocation section if that is named after
// it. It is [Edit.SetSection] for the name alone.
func (e *Edit) RenameSection(i int, name string) error {
	if err := e.checkSection(i); err != nil {
		return err
	}
	s := e.Section(i)
	s.Name = name
	return e.SetSection(i, s)
}

// SetData replaces the content of section i; the size may change. It is
// [Edit.SetSection] for the content alone.
func (e *Edit) SetData(i int, data []byte) error {
	if err := e.checkSection(i); err != nil {
		return err
	}
	s := e.Section(i)
	s.Data = data
	return e.SetSection(i, s)
}

// limit returns the size in bytes of the content that relocations of section i
// apply to. For a compressed section it is unknown.
func (e *Edit) limit(i int) uint64 {
	if i == 0 {
		return 0
	}
	if i >= e.f.shnum || e.changedSections[i] != nil && e.changedSections[i].replaced {
		h := e.head(i)
		if h.Flags&elf.SHF_COMPRESSED != 0 {
			return math.MaxUint64
		}
		return h.size()
	}
	s := e.f.Section(i)
	if s.Compressed() {
		return math.MaxUint64
	}
	if p := e.edited(i); p != nil {
		return s.Size + p.appended
	}
	return s.Size
}
