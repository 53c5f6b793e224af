// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// Apply turns the plan into an edit of the object's file. Every word that
// changes is expected to be what Find saw.
func (p *Plan) Apply() (*elfrw.Edit, error) {
	a := applier{Plan: p, edit: p.Object.File.Edit(), keySyms: map[int]int{}, entries: map[stubName]int{}, byName: map[string]int{}}
	if err := a.addUserParts(); err != nil {
		return nil, err
	}
	if err := a.addStubs(); err != nil {
		return nil, err
	}
	for lo, hi := range p.Object.bySection() {
		if err := a.section(lo, hi); err != nil {
			return nil, err
		}
	}
	for _, sym := range slices.Sorted(maps.Keys(p.marked)) {
		other := p.Object.File.Symbol(sym).Other
		if err := a.edit.SetSymbolOther(sym, ppc64.LocalEntryClobbers.SetOther(other)); err != nil {
			return nil, err
		}
	}
	if err := a.insertRelocations(); err != nil {
		return nil, err
	}
	if err := a.userTable(); err != nil {
		return nil, err
	}
	if err := a.table(); err != nil {
		return nil, err
	}
	if err := a.record(); err != nil {
		return nil, err
	}
	return a.edit, nil
}

type applier struct {
	*Plan
	edit        *elfrw.Edit
	sectionSyms []int32          // by section: its STT_SECTION symbol; see findSectionSymbols
	keySyms     map[int]int      // key → symbol added for it
	entries     map[stubName]int // entry of a new stub → its symbol
	byName      map[string]int   // see undefined
	cells       map[int]int64    // key → offset of its new cell in .toc
	tocSym      int              // symbol of that section
	parts       []int            // the sections of userParts
	stubTies    []int            // symbols of sections that the section of the new stubs keeps
	inserted    []insertion
}

// An insertion is a relocation for a branch that had none, or the one that ties
// a table to its code.
type insertion struct {
	sec int
	rel elf.Rela64
}

// A sectionEdit is the edits of one section of code and its relocations.
type sectionEdit struct {
	code  elfrw.ByteEdits
	relas elfrw.RelaEdits // if any of them changes
}

// section rewrites the sites from lo to hi, which are those of a section.
func (a *applier) section(lo, hi int) error {
	changes, words, relas := 0, 0, 0
	for i := lo; i < hi; i++ {
		s, d := &a.Object.Sites[i], &a.Decisions[i]
		if !d.changes() {
			continue
		}
		changes++
		if d.Word != s.Word {
			words++
		}
		if d.Slot != s.Behind && d.Slot != 0 {
			words++
		}
		if s.Rela >= 0 && (!d.Word.IsBranch() || a.retargets(s, d)) {
			relas++
		}
	}
	if changes == 0 {
		return nil
	}
	var e sectionEdit
	var err error
	sec := int(a.Object.Sites[lo].Section)
	if e.code, err = a.edit.Bytes(sec); err != nil {
		return err
	}
	if words > 0 {
		e.code.Grow(words)
	}
	if relas > 0 {
		if e.relas, err = a.edit.Relas(int(a.Object.relas[sec])); err != nil {
			return err
		}
		e.relas.Grow(relas)
	}
	for i := lo; i < hi; i++ {
		if d := &a.Decisions[i]; d.changes() {
			if err := a.site(&a.Object.Sites[i], d, &e); err != nil {
				return err
			}
		}
	}
	return nil
}

// site rewrites one site: the branch word, its relocation, the slot.
func (a *applier) site(s *Site, d *Decision, e *sectionEdit) error {
	if err := e.word(s.Off, s.Word, d.Word); err != nil {
		return err
	}
	if err := e.word(s.Off+ppc64.WordSize, s.Behind, d.Slot); err != nil {
		return err
	}
	if !d.Word.IsBranch() {
		if s.Rela < 0 {
			return nil
		}
		// A REL24 left on a nop would put a displacement into it.
		return e.relas.Drop(int(s.Rela))
	}
	if !a.retargets(s, d) {
		return nil // only the slot is another
	}
	target := int(d.Target)
	if target == 0 {
		target = a.entries[stubName{int(s.Key), d.Stub}]
	}
	switch {
	case s.Rela >= 0 && a.Object.tramps.of(int(s.Sym)) >= 0: // without an addend
		return e.relas.SetInfo(int(s.Rela), uint64(target)<<32|uint64(s.Type))
	case s.Rela >= 0:
		return e.relas.Set(int(s.Rela), rela64(s.Off, target, s.Type, 0))
	}
	// What the assembler would have written.
	typ := elf.R_PPC64_REL24
	if s.NoTOC() {
		typ = elf.R_PPC64_REL24_NOTOC
	}
	a.inserted = append(a.inserted, insertion{int(s.Section), rela64(s.Off, target, uint32(typ), 0)})
	return nil
}

func (e *sectionEdit) word(off uint64, old, new ppc64.Word) error {
	if old == new || new == 0 {
		return nil
	}
	var want, is [ppc64.WordSize]byte
	old.Put(want[:])
	new.Put(is[:])
	return e.code.Replace(off, want[:], is[:])
}

func rela64(off uint64, sym int, typ uint32, addend int64) elf.Rela64 {
	return elf.Rela64{Off: off, Info: uint64(sym)<<32 | uint64(typ), Addend: addend}
}

// insertRelocations adds the relocations of calls that had none, each before
// the first one of a later place, or in a relocation section of their own.
func (a *applier) insertRelocations() error {
	slices.SortStableFunc(a.inserted, func(a, b insertion) int {
		return cmp.Or(cmp.Compare(a.sec, b.sec), cmp.Compare(a.rel.Off, b.rel.Off))
	})
	for lo := 0; lo < len(a.inserted); {
		sec, hi := a.inserted[lo].sec, lo
		for hi < len(a.inserted) && a.inserted[hi].sec == sec {
			hi++
		}
		if err := a.insertInto(sec, a.inserted[lo:hi]); err != nil {
			return err
		}
		lo = hi
	}
	return nil
}

func (a *applier) insertInto(sec int, ins []insertion) error {
	if a.Object.relas[sec] == 0 {
		var data []byte
		for _, in := range ins {
			data = appendRela(data, in.rel)
		}
		return a.addRelaSection(sec, data)
	}
	t, err := a.Object.table(sec)
	if err != nil {
		return err
	}
	i := 0
	for _, in := range ins {
		for i < t.Len() && t.Off(i) < in.rel.Off {
			i++
		}
		if err := a.edit.InsertRela(int(a.Object.relas[sec]), i, in.rel); err != nil {
			return err
		}
	}
	return nil
}

func appendRela(b []byte, r elf.Rela64) []byte {
	n := len(b)
	b = slices.Grow(b, reloc.RelaSize)[:n+reloc.RelaSize]
	reloc.Rela{Off: r.Off, Info: r.Info, Addend: r.Addend}.Encode(b[n:])
	return b
}

// addRelaSection adds the SHT_RELA section of section sec.
func (a *applier) addRelaSection(sec int, data []byte) error {
	return a.addRelaOf(a.Object.File.Section(sec).NameString(), sec, data)
}

// addRelaOf does the same for a section of that name, which may be a new one.
func (a *applier) addRelaOf(name string, sec int, data []byte) error {
	return a.addRela(name, sec, 0, data)
}

// addRela does it as a member of a group, if that is not 0.
func (a *applier) addRela(name string, sec, group int, data []byte) error {
	_, err := a.edit.AddSection(elfrw.NewSection{
		Name: ".rela" + name, Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK,
		Addralign: 8, Entsize: reloc.RelaSize,
		Link: a.Object.File.Symtab().Index, Info: uint32(sec), Group: group, Data: data,
	})
	return err
}

// table writes the new entries of the kernel's table of sites: into a section of
// their own, or at the end of the existing one.
func (a *applier) table() error {
	n := a.NumAdded()
	if n == 0 || a.Place == User {
		return nil
	}
	size, base := uint64(a.EntrySize), uint64(0)
	t := a.Plan.table()
	if t != nil {
		base = uint64(len(t.Entries)) * size
	}
	a.findSectionSymbols()
	relas := make([]byte, 0, a.addedRelas()*reloc.RelaSize)
	for i := range n {
		var err error
		e := a.added(i)
		if relas, err = a.entryRelas(relas, &e, base+uint64(i)*size); err != nil {
			return err
		}
	}
	zeros := make([]byte, size*uint64(n))
	if t != nil {
		return a.extend(t.Section, zeros, relas)
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: tableName, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE,
		Addralign: layout.KeyField(a.EntrySize), Entsize: size, Data: zeros,
	})
	if err != nil {
		return err
	}
	return a.addRelaOf(tableName, sec, relas)
}

// entryRelas appends the relocations of one entry at an offset of the table.
func (a *applier) entryRelas(relas []byte, e *Entry, at uint64) ([]byte, error) {
	sym, off := a.stubEntry(int(e.Key), e.Stub), int64(0)
	if !e.Self {
		var err error
		if sym, err = a.sectionSymbol(int(e.Section)); err != nil {
			return nil, err
		}
		off = int64(e.Off)
	}
	key, err := a.keySymbol(int(e.Key))
	if err != nil {
		return nil, err
	}
	relas = appendRela(relas, rela64(at, sym, uint32(elf.R_PPC64_REL32), off))
	typ := keyRelocType(a.EntrySize)
	if e.Stub != noStub {
		stub := a.stubEntry(int(e.Key), e.Stub)
		relas = appendRela(relas, rela64(at+layout.StubField, stub, uint32(elf.R_PPC64_REL32), 0))
	}
	if a.Place == User {
		typ = elf.R_PPC64_ADDR64
	}
	return appendRela(relas, rela64(at+layout.KeyField(a.EntrySize), key, uint32(typ), int64(e.Flags))), nil
}

// extend adds bytes with relocations at the end of a section.
func (a *applier) extend(sec int, data, relas []byte) error {
	if err := a.edit.AppendData(sec, data); err != nil {
		return err
	}
	rela := int(a.Object.relas[sec])
	if rela == 0 {
		return a.addRelaSection(sec, relas)
	}
	end := int(a.Object.File.Section(rela).Size / reloc.RelaSize)
	for ; len(relas) > 0; relas = relas[reloc.RelaSize:] {
		r := elf.Rela64{
			Off:    binary.LittleEndian.Uint64(relas[0:]),
			Info:   binary.LittleEndian.Uint64(relas[8:]),
			Addend: int64(binary.LittleEndian.Uint64(relas[16:])),
		}
		if err := a.edit.InsertRela(rela, end, r); err != nil {
			return err
		}
	}
	return nil
}

// findSectionSymbols finds the STT_SECTION symbols, all of them local.
func (a *applier) findSectionSymbols() {
	if a.sectionSyms != nil {
		return
	}
	f := a.Object.File
	a.sectionSyms = make([]int32, f.NumSections())
	for i := 1; i < f.FirstGlobal(); i++ {
		if f.SymbolType(i) != elf.STT_SECTION {
			continue
		}
		if s := f.Symbol(i); s.Value == 0 && s.Section != 0 {
			if a.sectionSyms[s.Section] == 0 {
				a.sectionSyms[s.Section] = int32(i)
			}
		}
	}
}

// sectionSymbol returns the section's symbol, and adds one where there is none,
// as in modules that went through strip.
func (a *applier) sectionSymbol(sec int) (int, error) {
	old := sec < len(a.sectionSyms)
	if old && a.sectionSyms[sec] != 0 {
		return int(a.sectionSyms[sec]), nil
	}
	i, err := a.edit.AddSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL, Type: elf.STT_SECTION, Section: sec})
	if err == nil && old {
		a.sectionSyms[sec] = int32(i)
	}
	return i, err
}

// keySymbol returns the symbol by which entries and stubs name a key. Where the
// object does not have the key, a module names the trampoline in its place and
// the kernel finds the key (.static_call_tramp_key); in the kernel image itself
// the key exists and the linker finds it.
func (a *applier) keySymbol(key int) (int, error) {
	if sym := a.Object.Keys[key].Sym; sym != 0 {
		return int(sym), nil
	}
	if i, ok := a.keySyms[key]; ok {
		return i, nil
	}
	if a.Place == Module {
		if sym := a.Object.trampoline(key); sym != 0 {
			a.keySyms[key] = sym
			return sym, nil
		}
	}
	i, err := a.edit.AddSymbol(elfrw.NewSymbol{
		Name: KeyPrefix + a.Object.Keys[key].Name, Bind: elf.STB_GLOBAL, Type: elf.STT_NOTYPE,
	})
	if err == nil {
		a.keySyms[key] = i
	}
	return i, err
}
