// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

func (c *checker) badTable(format string, a ...any) error {
	return fmt.Errorf("%w: the table of sites: %s", ErrNotAsPlanned, fmt.Sprintf(format, a...))
}

// table checks that the output's table has the entries of the input's and those that
// the plan adds, and nothing else.
func (c *checker) table() error {
	if c.env.userTable {
		return c.userTable()
	}
	was, n := c.Plan.table(), 0
	if was != nil {
		n = len(was.Entries)
	}
	if n+c.NumAdded() == 0 {
		return nil
	}
	sec, ok := c.out.SectionByName(tableName)
	if !ok {
		return c.badTable("there is none")
	}
	added := make([]int, c.NumAdded())
	for i := range added {
		added[i] = i
	}
	return c.part(sec, was, n, added)
}

// userTable does the same for the table of user space, which is in several sections:
// those of the input, followed by new ones. Each section of code with new entries
// refers to one of the new ones.
func (c *checker) userTable() error {
	next := 1
	find := func() (sec elfrw.Section, ok bool) {
		for ; next < c.out.NumSections(); next++ {
			if sec = c.out.Section(next); sec.Named(userTable) {
				next++
				return sec, true
			}
		}
		return sec, false
	}
	if was := c.Object.User; was != nil {
		for k, part := range was.parts {
			end := len(was.Entries)
			if k+1 < len(was.parts) {
				end = was.parts[k+1].first
			}
			sec, ok := find()
			if !ok || sec.Index != part.section {
				return c.badTable("section %d is gone", part.section)
			}
			old := Table{Section: part.section}
			if err := c.part(sec, &old, end-part.first, nil); err != nil {
				return err
			}
		}
	}
	parts := c.userParts()
	if c.marksTable(parts) {
		mark := 0
		for i := c.Object.File.NumSections(); i < c.out.NumSections(); i++ {
			if s := c.out.Section(i); s.Named(layout.UserMark) && s.Size == 1 {
				mark = i
			}
		}
		if mark == 0 {
			return c.badTable("nothing marks that there is one")
		}
		if err := c.tied(0, mark); err != nil {
			return err
		}
	}
	for _, part := range parts {
		sec, ok := find()
		if !ok {
			return c.badTable("a section is missing")
		}
		if err := c.part(sec, nil, 0, part.entries); err != nil {
			return err
		}
		if err := c.tied(part.code, sec.Index); err != nil {
			return err
		}
	}
	if sec, more := find(); more {
		return c.badTable("section %v was not planned", sec)
	}
	return nil
}

// tied checks that a section of code refers to a section of the table; code 0 stands
// for the section of the new stubs.
func (c *checker) tied(code, table int) error {
	if code == 0 {
		for i := range c.out.NumSections() {
			if c.out.Section(i).Named(layout.StubSection) {
				code = i // the last one is the new one
			}
		}
	}
	t, err := c.relas.editedTable(code)
	if err != nil {
		return err
	}
	for i := range t.Len() {
		if r := t.At(i); r.Type() == uint32(elf.R_PPC64_NONE) {
			if s, ok := c.symbol(int(r.Sym())); ok && s.Type() == elf.STT_SECTION && s.Section == table {
				return nil
			}
		}
	}
	return c.badTable("section %v does not refer to section %v", c.out.Section(code), c.out.Section(table))
}

// part checks one section of a table: n entries of the input, followed by the added
// ones.
func (c *checker) part(sec elfrw.Section, was *Table, n int, added []int) error {
	size := uint64(c.env.entrySize)
	var before reloc.Table
	if was != nil {
		before, _ = c.Object.relas.editedTable(was.Section) // Find has read it
	}
	if sec.Size != uint64(n+len(added))*size {
		return c.badTable("0x%x bytes, not the planned %d entries", sec.Size, n+len(added))
	}
	t, err := c.relas.editedTable(sec.Index)
	if err != nil {
		return err
	}
	if t.Len() < before.Len() {
		return c.badTable("%d relocations, there were %d", t.Len(), before.Len())
	}
	for i := range before.Len() {
		r, b := t.At(i), before.At(i)
		if r.Off != b.Off || r.Type() != b.Type() || r.Addend != b.Addend || !c.sameSymbol(int(r.Sym()), int(b.Sym())) {
			return c.badTable("relocation %d is not the planned one", i)
		}
	}
	i, off := before.Len(), uint64(n)*size
	for _, k := range added {
		e := c.added(k)
		fields := 2
		if e.Stub != noStub {
			fields++
		}
		if i+fields > t.Len() || !c.isEntry(t[i*reloc.RelaSize:], off, &e) {
			return c.badTable("the entry at 0x%x is not the planned one", off)
		}
		i, off = i+fields, off+size
	}
	if i != t.Len() {
		return c.badTable("%d relocations, not the planned %d", t.Len(), i)
	}
	return nil
}

// isEntry reports whether the first relocations of t make an entry at an offset
// of the table: of the site, the stub if it has one, and the key.
func (c *checker) isEntry(t reloc.Table, off uint64, e *Entry) bool {
	site := t.At(0)
	switch {
	case site.Type() != uint32(elf.R_PPC64_REL32) || site.Off != off:
		return false
	case e.OfStub:
		if !c.isEntryStub(site, e) {
			return false
		}
	default:
		s, ok := c.symbol(int(site.Sym()))
		if !ok || s.Section != int(e.Section) || s.Value+uint64(site.Addend) != e.Off {
			return false
		}
	}
	if e.Stub != noStub {
		t = t[reloc.RelaSize:]
		if r := t.At(0); r.Type() != uint32(elf.R_PPC64_REL32) || r.Off != off+layout.StubField || !c.isEntryStub(r, e) {
			return false
		}
	}
	key := t.At(1)
	return key.Type() == uint32(c.env.keyReloc) && key.Off == off+layout.KeyField(c.env.entrySize) && key.Addend == int64(e.Flags) && c.isKey(key, e)
}

// isEntryStub reports whether a relocation names the stub of an entry: one that was
// added, or one of the input.
func (c *checker) isEntryStub(r reloc.Rela, e *Entry) bool {
	n := stubName{int(e.Key), e.Stub}
	nop := int64(0) // an entry that describes the stub names the nop after the save
	if e.OfStub {
		nop = ppc64.WordSize
	}
	if r.Addend != nop {
		return false
	}
	if old := c.Object.stubSymbol(n.key, n.entry); old != 0 {
		return c.sameSymbol(int(r.Sym()), old)
	}
	return c.isNewStub(int(r.Sym()), n)
}

// isKey reports whether a relocation names the key of an entry: by its symbol, by a
// symbol that was added with its name, or in a module by its trampoline.
func (c *checker) isKey(r reloc.Rela, e *Entry) bool {
	if e.KeySym == 0 && c.env.loader && c.isTrampoline(int(r.Sym()), int(e.Key)) {
		return true
	}
	return c.isKeySymbol(int(r.Sym()), int(e.Key))
}
