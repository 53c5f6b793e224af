// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
)

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
