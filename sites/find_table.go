// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// findTable reads the existing table of the kernel and merges it with the sites
// found by relocations.
func (o *Object) findTable() error {
	if len(o.tables.kernel) == 0 {
		return nil
	}
	sec := o.File.Section(o.tables.kernel[0])
	rela, err := o.table(sec.Index)
	if err != nil {
		return err
	}
	t := &Table{Section: sec.Index, EntrySize: tableEntrySize(sec, rela)}
	o.Table = t
	if err := o.readEntries(t, sec, keyRelocType(t.EntrySize), false); err != nil {
		return err
	}
	if len(o.tables.kernel) > 1 {
		return o.at(o.tables.kernel[1], 0, -1, "a second site table; the first is section %d; link with -r first", sec.Index)
	}
	return o.mergeTable(t)
}

// findUserTable does the same for the table of user space. An object has one section
// of the table for each section of code with such sites, and one for the section of
// the stubs. The section of code refers to its section of the table (R_PPC64_NONE), so
// a linker that discards unused sections keeps or drops both together. Joined objects
// may have one section for all code.
func (o *Object) findUserTable() error {
	if len(o.tables.user) == 0 {
		return nil
	}
	t := &Table{Section: o.tables.user[0], EntrySize: userEntrySize}
	o.User = t
	for _, sec := range o.tables.user {
		t.parts = append(t.parts, tablePart{sec, len(t.Entries)})
		if err := o.readEntries(t, o.File.Section(sec), elf.R_PPC64_ADDR64, true); err != nil {
			return err
		}
	}
	return o.mergeTable(t)
}

// readEntries appends the entries of a section to a table. Each has a relocation for
// its site and one for its key; with stubs, also one for its stub.
func (o *Object) readEntries(t *Table, sec elfrw.Section, keyType elf.R_PPC64, stubs bool) error {
	if !sec.Is(elf.SHT_PROGBITS) || !sec.Has(elf.SHF_ALLOC) {
		return o.at(sec.Index, 0, -1, "a site table has type SHT_PROGBITS and SHF_ALLOC, but this is %v with flags %v", elf.SectionType(sec.Type), elf.SectionFlag(sec.Flags))
	}
	rela, err := o.table(sec.Index)
	if err != nil {
		return err
	}
	size := uint64(t.EntrySize)
	if sec.Size%size != 0 {
		return o.at(sec.Index, 0, -1, "0x%x bytes are not a multiple of %d, the size of an entry", sec.Size, size)
	}
	first := len(t.Entries)
	t.Entries = append(t.Entries, make([]Entry, sec.Size/size)...)
	entries := t.Entries[first:]
	seen := make([]entryFields, len(entries))
	for i := range rela.Len() {
		r := rela.At(i)
		n, field := r.Off/size, r.Off%size
		if n >= uint64(len(entries)) {
			return o.at(sec.Index, r.Off, int64(r.Type()), "passes the end of the table")
		}
		switch e, has := &entries[n], &seen[n]; {
		case field == 0 && !has.addr:
			has.addr = true
			err = o.entryAddr(sec, r, e)
		case field == layout.StubField && size == layout.EntrySize && !has.stub:
			has.stub = true
			has.way, err = o.entryStub(sec.Index, r, e)
		case field == layout.KeyField(t.EntrySize) && !has.key:
			has.key = true
			err = o.entryKey(sec, r, keyType, e)
		default:
			err = o.at(sec.Index, r.Off, int64(r.Type()), "no field of entry %d begins here, or it has a relocation already", n)
		}
		if err != nil {
			return err
		}
	}
	return o.checkEntries(sec.Index, t.EntrySize, entries, seen, stubs)
}

// entryFields are the fields of an entry that have a relocation.
type entryFields struct {
	addr, stub, key bool
	way             addr // the place that stub names
}

// checkEntries checks that the entries of a section have their relocations, and a stub of
// their key. It notes those that describe a stub itself.
func (o *Object) checkEntries(sec, size int, entries []Entry, seen []entryFields, stubs bool) error {
	for i := range entries {
		e, off := &entries[i], uint64(i*size)
		switch {
		case !seen[i].addr || !seen[i].key:
			return o.at(sec, off, -1, "entry %d lacks a relocation of its site or its key", i)
		case stubs && !seen[i].stub:
			return o.at(sec, off, -1, "entry %d lacks a relocation of its stub", i)
		case e.Stub == noStub:
			continue
		}
		if key := o.Tramps[e.way].Key; key != e.Key {
			return o.at(sec, off, -1, "entry %d has key %s and the stub of %s", i, errkind.Printable(o.Keys[e.Key].Name), errkind.Printable(o.Keys[key].Name))
		}
		e.OfStub = stubs && seen[i].way == addr{int(e.Section), e.Off}
	}
	return nil
}

// tableEntrySize decides between the two layouts: by the header if it says, otherwise
// by the relocations.
func tableEntrySize(sec elfrw.Section, rela reloc.Table) int {
	if sec.Entsize == 8 || sec.Entsize == 16 {
		return int(sec.Entsize)
	}
	for i := range rela.Len() {
		if rela.At(i).Type() == uint32(elf.R_PPC64_REL64) {
			return 16
		}
	}
	return 8
}

// entryAddr reads the relocation of an entry's addr field.
func (o *Object) entryAddr(sec elfrw.Section, r reloc.Rela, e *Entry) error {
	bad := func(format string, a ...any) error {
		return o.at(sec.Index, r.Off, int64(r.Type()), format, a...)
	}
	if r.Type() != uint32(elf.R_PPC64_REL32) {
		return bad("want R_PPC64_REL32 for the address of a site")
	}
	place, ok := o.resolve(r.Sym(), r.Addend)
	if !ok {
		return bad("the site is not in this object")
	}
	code := o.File.Section(place.sec)
	if !code.IsCode() {
		return bad("the site is in section %v, which is not code", code)
	}
	if _, err := ppc64.Load(code.Data(), place.off); err != nil {
		return bad("site in section %v: %w", code, err)
	}
	e.Section, e.Off = int32(place.sec), place.off
	return nil
}

// entryKey reads the relocation of an entry's key. A module without access to the
// key names the trampoline instead.
func (o *Object) entryKey(sec elfrw.Section, r reloc.Rela, want elf.R_PPC64, e *Entry) error {
	bad := func(format string, a ...any) error {
		return o.at(sec.Index, r.Off, int64(r.Type()), format, a...)
	}
	if r.Type() != uint32(want) {
		return bad("want %v for the key of an entry", want)
	}
	if r.Sym() == 0 {
		return errkind.BadELF.Wrap(bad("symbol 0 of %d", o.File.NumSymbols()))
	}
	sym := int(r.Sym())
	key, ok := o.keyOf(sym, r.Addend&^flagMask)
	if !ok {
		return bad("%s+0x%x is neither a key nor a trampoline", errkind.Printable(o.name(sym)), r.Addend&^flagMask)
	}
	e.Key, e.KeySym, e.Flags = int32(key), int32(sym), uint8(r.Addend&flagMask)
	return nil
}

// entryStub reads the relocation of an entry's stub, and returns the place that it names:
// an entry of a stub or, if the entry describes the stub itself, its nop.
func (o *Object) entryStub(sec int, r reloc.Rela, e *Entry) (addr, error) {
	place, ok := o.resolve(r.Sym(), r.Addend)
	if ok && r.Type() == uint32(elf.R_PPC64_REL32) {
		if i, ok := o.enteredAt(place); ok && o.Tramps[i].Entry != noStub {
			e.Stub, e.way = o.Tramps[i].Entry, int32(i)
			return place, nil
		}
		if i, ok := o.enteredAt(addr{place.sec, place.off - ppc64.WordSize}); ok && o.Tramps[i].Entry == StubSave {
			e.Stub, e.way = StubJump, int32(i)
			return place, nil
		}
	}
	return addr{}, o.at(sec, r.Off, int64(r.Type()), "want R_PPC64_REL32 against a stub")
}

// mergeTable gives each entry its site, and adds the sites that only the table
// names: branches that the assembler resolved, and sites that an earlier run
// has patched.
func (o *Object) mergeTable(t *Table) error {
	order := make([]int, 0, len(t.Entries))
	for i := range t.Entries {
		if !t.Entries[i].OfStub {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := t.Entries[a], t.Entries[b]
		return cmp.Or(cmp.Compare(x.Section, y.Section), cmp.Compare(x.Off, y.Off), cmp.Compare(a, b))
	})
	known := len(o.Sites)
	k := 0
	for j, i := range order {
		e := &t.Entries[i]
		sec, off := t.place(i)
		if j > 0 {
			if p := t.Entries[order[j-1]]; p.Section == e.Section && p.Off == e.Off {
				return o.at(sec, off, -1, "entry %d names the site of entry %d again", i, order[j-1])
			}
		}
		for k < known && o.Sites[k].compare(int(e.Section), e.Off) < 0 {
			k++
		}
		if k < known && o.Sites[k].compare(int(e.Section), e.Off) == 0 {
			s := &o.Sites[k]
			s.Decoded = false
			t.number(o, s, i)
			if s.Key != e.Key {
				return o.at(sec, off, -1, "entry %d has key %s, but its site calls %s", i, errkind.Printable(o.Keys[e.Key].Name), errkind.Printable(o.Keys[s.Key].Name))
			}
			if s.Odd {
				return o.at(sec, off, -1, "entry %d names a call that no run time can patch: %v", i, s.Word)
			}
			if tail := e.Flags&FlagTail != 0; tail != s.Tail {
				return o.at(sec, off, -1, "entry %d says tail call %v, but its site is %v", i, tail, s.Word)
			}
			continue
		}
		w, _ := ppc64.Load(o.File.Section(int(e.Section)).Data(), e.Off) // entryAddr has read it
		s := Site{
			Section: e.Section, Off: e.Off, Key: e.Key, Tramp: -1, Word: w,
			Tail: e.Flags&FlagTail != 0, Rela: -1, Entry: -1, User: -1,
		}
		t.number(o, &s, i)
		o.Sites = append(o.Sites, s)
	}
	if len(o.Sites) == known {
		return nil
	}
	return o.sortSites(0)
}

// number records that entry i of the table belongs to a site.
func (t *Table) number(o *Object, s *Site, i int) {
	if t == o.User {
		s.User = int32(i)
		s.noTOC = t.Entries[i].Flags&FlagNoTOC != 0
	} else {
		s.Entry = int32(i)
	}
}

// findTrampKeys reads .static_call_tramp_key: pairs of s32 that give the key of a
// trampoline that is exported without its key. It is an error if a pair names a key
// that does not have the trampoline's name.
func (o *Object) findTrampKeys() error {
	if len(o.tables.trampKeys) == 0 {
		return nil
	}
	sec := o.File.Section(o.tables.trampKeys[0])
	rela, err := o.table(sec.Index)
	if err != nil {
		return err
	}
	const size = 8
	if sec.Size%size != 0 || uint64(rela.Len()) != sec.Size/size*2 {
		return o.at(sec.Index, 0, -1, "0x%x bytes with %d relocations are not a table of pairs", sec.Size, rela.Len())
	}
	pairs := make([][2]reloc.Rela, sec.Size/size)
	for i := range rela.Len() {
		r := rela.At(i)
		if r.Type() != uint32(elf.R_PPC64_REL32) || r.Off%4 != 0 || r.Off >= sec.Size {
			return o.at(sec.Index, r.Off, int64(r.Type()), "want R_PPC64_REL32 against each word")
		}
		if r.Sym() == 0 {
			return errkind.BadELF.Wrap(o.at(sec.Index, r.Off, int64(r.Type()), "symbol 0 of %d", o.File.NumSymbols()))
		}
		half := &pairs[r.Off/size][r.Off%size/4]
		if half.Info != 0 {
			return o.at(sec.Index, r.Off, int64(r.Type()), "a second relocation of this word")
		}
		*half = r
	}
	for i, p := range pairs {
		tramp := o.trampAtPlace(p[0])
		if tramp < 0 {
			return o.at(sec.Index, uint64(i)*size, int64(p[0].Type()), "%s+0x%x is not a trampoline", errkind.Printable(o.name(int(p[0].Sym()))), p[0].Addend)
		}
		key, ok := o.keyOf(int(p[1].Sym()), p[1].Addend)
		if !ok {
			return o.at(sec.Index, uint64(i)*size+4, int64(p[1].Type()), "%s+0x%x is not a key", errkind.Printable(o.name(int(p[1].Sym()))), p[1].Addend)
		}
		if t := &o.Tramps[tramp]; int(t.Key) != key {
			if o.Keys[t.Key].Sym != 0 {
				return o.at(sec.Index, uint64(i)*size, -1, "pairs trampoline %s with key %s", errkind.Printable(o.name(int(t.Sym))), errkind.Printable(o.Keys[key].Name))
			}
			t.Key = int32(key)
		}
	}
	return nil
}

// trampAtPlace is trampAt for a relocation that takes a trampoline's address.
func (o *Object) trampAtPlace(r reloc.Rela) int {
	if i := o.trampAt(o.File.Symbol(int(r.Sym())), r.Addend); i >= 0 {
		return i
	}
	if place, ok := o.resolve(r.Sym(), r.Addend); ok {
		if i, ok := o.enteredAt(place); ok {
			return i
		}
	}
	return -1
}
