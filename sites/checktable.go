// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// table checks that the output's table has the entries of the input's, and those
// that the plan adds, and nothing else.
func (c *checker) table() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: the table of sites: %s", ErrNotAsPlanned, fmt.Sprintf(format, a...))
	}
	was, size, n := c.Plan.table(), uint64(c.EntrySize), uint64(c.NumAdded())
	var before reloc.Table
	if was != nil {
		n += uint64(len(was.Entries))
		before, _ = c.Object.table(was.Section) // Find has read it
	}
	if n == 0 {
		return nil
	}
	sec, rela, ok := c.findTable()
	if !ok || sec.Size != n*size {
		return bad("0x%x bytes, planned were %d entries", sec.Size, n)
	}
	t, err := reloc.NewTable(rela.Data())
	if err != nil {
		return err
	}
	if t.Len() < before.Len() {
		return bad("%d relocations, there were %d", t.Len(), before.Len())
	}
	for i := range before.Len() {
		r, b := t.At(i), before.At(i)
		if r.Off != b.Off || r.Type() != b.Type() || r.Addend != b.Addend || !c.sameSymbol(int(r.Sym()), int(b.Sym())) {
			return bad("relocation %d is another", i)
		}
	}
	i, off := before.Len(), (n-uint64(c.NumAdded()))*size
	for k := range c.NumAdded() {
		e := c.added(k)
		fields := 2
		if e.Stub != noStub {
			fields++
		}
		if i+fields > t.Len() || !c.isEntry(t[i*reloc.RelaSize:], off, &e) {
			return bad("the entry at 0x%x is another", off)
		}
		i, off = i+fields, off+size
	}
	if i != t.Len() {
		return bad("%d relocations, planned were %d", t.Len(), i)
	}
	return nil
}

// findTable finds the table in the output, and its relocations.
func (c *checker) findTable() (sec, rela elfrw.Section, ok bool) {
	name := tableName
	if c.Place == User {
		name = userTable
	}
	if sec, ok = c.out.SectionByName(name); !ok {
		return sec, rela, false
	}
	i := c.relaOf(sec.Index)
	return sec, c.out.Section(i), i != 0
}

// isEntry reports whether the first relocations of t make an entry at an offset
// of the table: of the site, the stub if it has one, and the key.
func (c *checker) isEntry(t reloc.Table, off uint64, e *Entry) bool {
	site := t.At(0)
	switch {
	case site.Type() != uint32(elf.R_PPC64_REL32) || site.Off != off:
		return false
	case e.Self:
		if !c.isEntryStub(site, e) {
			return false
		}
	default:
		s, ok := c.symbol(site)
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
	typ := keyRelocType(c.EntrySize)
	if c.Place == User {
		typ = elf.R_PPC64_ADDR64
	}
	return key.Type() == uint32(typ) && key.Off == off+layout.KeyField(c.EntrySize) && key.Addend == int64(e.Flags) && c.isKey(key, e)
}

// symbol returns the symbol of the output that a relocation names.
func (c *checker) symbol(r reloc.Rela) (elfrw.Symbol, bool) {
	if r.Sym() == 0 || int(r.Sym()) >= c.out.NumSymbols() {
		return elfrw.Symbol{}, false
	}
	return c.out.Symbol(int(r.Sym())), true
}

// isEntryStub reports whether a relocation names the stub of an entry.
func (c *checker) isEntryStub(r reloc.Rela, e *Entry) bool {
	s, ok := c.symbol(r)
	return ok && r.Addend == 0 && c.isStub(s, stubName{int(e.Key), e.Stub})
}

// isKey reports whether a relocation names the key of an entry: by its symbol,
// or by the name that was added, or in a module by its trampoline.
func (c *checker) isKey(r reloc.Rela, e *Entry) bool {
	sym := int(e.KeySym)
	if sym == 0 && c.Place == Module {
		sym = c.Object.trampoline(int(e.Key))
	}
	if sym != 0 {
		return c.sameSymbol(int(r.Sym()), sym)
	}
	s, ok := c.symbol(r)
	return ok && string(c.out.SymbolName(s)) == KeyPrefix+c.Object.Keys[e.Key].Name
}
