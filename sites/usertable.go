// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// FlagNoTOC is a flag in the low bits of an entry's key in user space: the
// caller keeps no TOC pointer.
const FlagNoTOC = layout.FlagNoTOC

// userEntrySize is the size in bytes of an entry of user space's table,
//
//	s32 addr; s32 stub; u64 key;    R_PPC64_REL32 twice, R_PPC64_ADDR64
//
// where addr and stub are relative to themselves, and the key's low two bits
// are flags. The key is absolute because it may be in another link unit, which
// ld.bfd cannot express by a REL32 and says nothing.
//
// An entry whose addr is its stub is of the stub itself: the run time may make
// its first instruction a branch to a function of this unit, and undo that.
const userEntrySize = layout.EntrySize

// An object has a table for each section of code with such sites, and one for the
// section of the stubs. Each is a section static_call_sites of its own, and the
// section of code refers to it (R_PPC64_NONE): a linker that collects what nobody
// uses keeps the table with the code, and drops it with the code.

// findUserTable reads the sections static_call_sites and merges them with what
// is known. Joined objects may have one for all code.
func (o *Object) findUserTable() error {
	if len(o.tables.user) == 0 {
		return nil
	}
	t := &Table{Section: o.tables.user[0], EntrySize: userEntrySize}
	o.User = t
	for _, sec := range o.tables.user {
		t.parts = append(t.parts, tablePart{sec, len(t.Entries)})
		if err := o.findUserPart(t, o.File.Section(sec)); err != nil {
			return err
		}
	}
	return o.mergeTable(t)
}

// findUserPart appends the entries of one section.
func (o *Object) findUserPart(t *Table, sec elfrw.Section) error {
	if !sec.Is(elf.SHT_PROGBITS) || !sec.Has(elf.SHF_ALLOC) {
		return o.at(sec.Index, 0, -1, "a site table has type SHT_PROGBITS and SHF_ALLOC, this is %v with flags %v", elf.SectionType(sec.Type), elf.SectionFlag(sec.Flags))
	}
	rela, err := o.table(sec.Index)
	if err != nil {
		return err
	}
	if sec.Size%userEntrySize != 0 || uint64(rela.Len()) != 3*(sec.Size/userEntrySize) {
		return o.at(sec.Index, 0, -1, "0x%x bytes with %d relocations are no table of entries of %d bytes with three each", sec.Size, rela.Len(), userEntrySize)
	}
	first := len(t.Entries)
	t.Entries = append(t.Entries, make([]Entry, sec.Size/userEntrySize)...)
	entries := t.Entries[first:]
	seen := make([][3]bool, len(entries))
	for i := range rela.Len() {
		r := rela.At(i)
		e, at := r.Off/userEntrySize, r.Off%userEntrySize
		if e >= uint64(len(entries)) {
			return o.at(sec.Index, r.Off, int64(r.Type()), "passes the end of the table")
		}
		field := at / 4
		if at%4 != 0 || field > 2 || seen[e][field] {
			return o.at(sec.Index, r.Off, int64(r.Type()), "no field of entry %d begins here, or it has a relocation already", e)
		}
		seen[e][field] = true
		switch field {
		case 0:
			err = o.entryAddr(sec, r, &entries[e])
		case 1:
			err = o.entryStub(sec.Index, r, &entries[e])
		default:
			err = o.entryKey(sec, r, elf.R_PPC64_ADDR64, &entries[e])
		}
		if err != nil {
			return err
		}
	}
	for i := range entries {
		e := &entries[i]
		stub := o.File.Symbol(int(o.Tramps[e.way].Sym))
		e.Self = stub.Section == int(e.Section) && stub.Value == e.Off
		if err := o.checkStubKey(sec.Index, uint64(i)*userEntrySize, i, e); err != nil {
			return err
		}
	}
	return nil
}

// A userPart is a section static_call_sites that a plan adds.
type userPart struct {
	code    int   // the section that refers to it, 0 for that of the new stubs
	entries []int // numbers of added entries
}

// userParts divides the added entries by the code that they are of.
func (p *Plan) userParts() (parts []userPart) {
	if p.Place != User {
		return nil
	}
	number := map[int]int{}
	for i := range p.NumAdded() {
		e := p.added(i)
		code := int(e.Section)
		if e.Self {
			code = 0
			if sym := p.Object.stubSymbol(int(e.Key), e.Stub); sym != 0 {
				code = p.Object.File.SymbolSection(sym)
			}
		}
		k, ok := number[code]
		if !ok {
			k = len(parts)
			number[code] = k
			parts = append(parts, userPart{code: code})
		}
		parts[k].entries = append(parts[k].entries, i)
	}
	return parts
}

// marksTable reports whether the plan adds a mark that there is a table: it is tied to
// the section of the new stubs, without which no call leads to one.
func (p *Plan) marksTable(parts []userPart) bool { return len(parts) > 0 && len(p.Stubs) > 0 }

// addUserParts adds the sections of the table, without their relocations, and
// what refers to them.
func (a *applier) addUserParts() error {
	if a.marksTable(a.userParts()) {
		sym, err := a.addUserSection(layout.UserMark, 1, []byte{0})
		if err != nil {
			return err
		}
		a.stubTies = append(a.stubTies, sym)
	}
	for _, part := range a.userParts() {
		sym, err := a.addUserSection(userTable, 8, make([]byte, len(part.entries)*userEntrySize))
		if err != nil {
			return err
		}
		if part.code == 0 {
			a.stubTies = append(a.stubTies, sym)
			continue
		}
		first := a.added(part.entries[0])
		at := first.Off
		if first.Self {
			at = a.Object.File.SymbolValue(a.Object.stubSymbol(int(first.Key), first.Stub))
		}
		a.inserted = append(a.inserted, insertion{part.code, rela64(at, sym, uint32(elf.R_PPC64_NONE), 0)})
	}
	return nil
}

// addUserSection adds a section and returns its symbol.
func (a *applier) addUserSection(name string, align uint64, data []byte) (int, error) {
	a.findSectionSymbols()
	s := elfrw.NewSection{Name: name, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: align, Data: data}
	if name == userTable {
		s.Entsize = userEntrySize
	}
	sec, err := a.edit.AddSection(s)
	if err != nil {
		return 0, err
	}
	if name == userTable {
		a.parts = append(a.parts, sec)
	}
	return a.sectionSymbol(sec)
}

// userTable gives the sections of the table their relocations.
func (a *applier) userTable() error {
	for k, part := range a.userParts() {
		relas := make([]byte, 0, 3*len(part.entries)*reloc.RelaSize)
		for j, i := range part.entries {
			var err error
			e := a.added(i)
			if relas, err = a.entryRelas(relas, &e, uint64(j)*userEntrySize); err != nil {
				return err
			}
		}
		if err := a.addRelaOf(userTable, a.parts[k], relas); err != nil {
			return err
		}
	}
	return nil
}

// entryStub reads the relocation of an entry's stub.
func (o *Object) entryStub(sec int, r reloc.Rela, e *Entry) error {
	if r.Type() == uint32(elf.R_PPC64_REL32) && int(r.Sym()) < o.File.NumSymbols() {
		if i := o.trampAt(o.File.Symbol(int(r.Sym())), r.Addend); i >= 0 && o.Tramps[i].Entry != noStub {
			e.Stub, e.way = o.Tramps[i].Entry, int32(i)
			return nil
		}
	}
	return o.at(sec, r.Off, int64(r.Type()), "want R_PPC64_REL32 against a stub")
}

// checkStubKey wants an entry's stub to be of its key.
func (o *Object) checkStubKey(sec int, off uint64, i int, e *Entry) error {
	if key := o.Tramps[e.way].Key; key != e.Key {
		return o.at(sec, off, -1, "entry %d has key %s and the stub of %s", i, printable(o.Keys[e.Key].Name), printable(o.Keys[key].Name))
	}
	return nil
}
