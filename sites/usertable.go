// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

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

// findUserTable reads static_call_sites and merges it with what is known.
func (o *Object) findUserTable() error {
	if len(o.tables.user) == 0 {
		return nil
	}
	sec := o.File.Section(o.tables.user[0])
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
	t := &Table{Section: sec.Index, EntrySize: userEntrySize, Entries: make([]Entry, sec.Size/userEntrySize)}
	o.User = t
	seen := make([][3]bool, len(t.Entries))
	for i := range rela.Len() {
		r := rela.At(i)
		e, at := r.Off/userEntrySize, r.Off%userEntrySize
		if e >= uint64(len(t.Entries)) {
			return o.at(sec.Index, r.Off, int64(r.Type()), "passes the end of the table")
		}
		field := at / 4
		if at%4 != 0 || field > 2 || seen[e][field] {
			return o.at(sec.Index, r.Off, int64(r.Type()), "no field of entry %d begins here, or it has a relocation already", e)
		}
		seen[e][field] = true
		switch field {
		case 0:
			err = o.entryAddr(sec, r, &t.Entries[e])
		case 1:
			err = o.entryStub(sec.Index, r, &t.Entries[e])
		default:
			err = o.entryKey(sec, r, elf.R_PPC64_ADDR64, &t.Entries[e])
		}
		if err != nil {
			return err
		}
	}
	for i := range t.Entries {
		e := &t.Entries[i]
		stub := o.File.Symbol(int(o.Tramps[e.way].Sym))
		e.Self = stub.Section == int(e.Section) && stub.Value == e.Off
		if err := o.checkStubKey(sec.Index, uint64(i)*userEntrySize, i, e); err != nil {
			return err
		}
	}
	return o.mergeTable(t)
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
