// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

type applier struct {
	*Plan
	edit        *elfrw.Edit
	sectionSyms []int32             // by section: its STT_SECTION symbol; see findSectionSymbols
	keySyms     map[int]int         // key → symbol added for it
	entries     map[stubName]int    // entry of a new stub → its symbol
	byName      map[string]int      // see undefined
	cells       map[int]int64       // key → offset of its new cell in .toc
	tocSym      int                 // symbol of that section
	userCells   map[stubName]uint64 // stub → offset of its entry in layout.UserCells
	cellSec     int                 // that section
	cellSym     int                 // and its symbol
	pointers    map[int]int64       // key → offset of its address in layout.PointerSection
	pointerSym  int                 // symbol of that section
	parts       []int               // the sections for userParts
	stubTies    []int               // symbols of sections that keep the section of the new stubs
	inserted    []insertion
	written     layout.Record // the last record, for the next one to reuse its memory
}

// An insertion is a relocation for a branch that had none, or the one that ties
// a table to its code.
type insertion struct {
	sec int
	rel elf.Rela64
}

// insertRelocations adds the relocations of calls that had none. Each goes before the
// first one with a later place, or into a new relocation section.
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
	if a.Object.relas.edited[sec] == 0 {
		var data []byte
		for _, in := range ins {
			data = appendRela(data, in.rel)
		}
		return a.addRelaSection(sec, data)
	}
	t, err := a.Object.relas.editedTable(sec)
	if err != nil {
		return err
	}
	i := 0
	for _, in := range ins {
		for i < t.Len() && t.Off(i) < in.rel.Off {
			i++
		}
		if err := a.edit.InsertRela(int(a.Object.relas.edited[sec]), i, editRela(in.rel)); err != nil {
			return err
		}
	}
	return nil
}

// addRelaSection adds the SHT_RELA section of section sec.
func (a *applier) addRelaSection(sec int, data []byte) error {
	return a.addRelaOf(a.Object.File.Section(sec).NameString(), sec, data)
}

// addRelaOf is addRelaSection for a section that may be new, and has that name.
func (a *applier) addRelaOf(name string, sec int, data []byte) error {
	return a.addRela(name, sec, 0, data)
}

// addRela is addRelaOf with a group for the SHT_RELA section to join, 0 for
// none.
func (a *applier) addRela(name string, sec, group int, data []byte) error {
	_, err := a.edit.AddSection(elfrw.NewSection{
		Name: ".rela" + name, Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK,
		Addralign: 8, Entsize: reloc.RelaSize,
		Link: a.Object.File.Symtab().Index, Info: uint32(sec), Group: group, Data: data,
	})
	return err
}

// extend adds bytes with relocations at the end of a section.
func (a *applier) extend(sec int, data, relas []byte) error {
	if err := a.edit.AppendData(sec, data); err != nil {
		return err
	}
	rela := int(a.Object.relas.edited[sec])
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
		if err := a.edit.InsertRela(rela, end, editRela(r)); err != nil {
			return err
		}
	}
	return nil
}

// findSectionSymbols finds the STT_SECTION symbols, all of which are local.
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

// sectionSymbol returns the section's symbol. It adds one if there is none, as in
// modules that strip has processed.
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

// keySymbol returns the symbol by which entries and stubs name a key. If the object
// does not have the key, a module names the trampoline instead, and the kernel finds
// the key (.static_call_tramp_key); in the kernel image itself the key exists, and the
// linker finds it.
func (a *applier) keySymbol(key int) (int, error) {
	if sym := a.Object.Keys[key].Sym; sym != 0 {
		return int(sym), nil
	}
	if i, ok := a.keySyms[key]; ok {
		return i, nil
	}
	if a.env.loader {
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

func (a *applier) undefined(name string, typ elf.SymType) (int, error) {
	if i, ok := a.byName[name]; ok {
		return i, nil
	}
	f := a.Object.File
	found := 0
	for i := f.FirstGlobal(); i < f.NumSymbols() && found == 0; i++ {
		if string(f.SymbolName(f.Symbol(i))) == name {
			found = i
		}
	}
	if found == 0 {
		var err error
		if found, err = a.edit.AddSymbol(elfrw.NewSymbol{Name: name, Bind: elf.STB_GLOBAL, Type: typ}); err != nil {
			return 0, err
		}
	} else if s := f.Symbol(found); typ == elf.STT_TLS && s.Type() != typ && s.Section != 0 {
		return 0, errkind.WrongOption.Errorf("symbol %s is not thread-local", errkind.Printable(name))
	}
	a.byName[name] = found
	return found, nil
}

// stubEntry returns the symbol of a stub's entry, an existing or an added one.
func (a *applier) stubEntry(key int, e StubEntry) int {
	if sym := a.Object.stubSymbol(key, e); sym != 0 {
		return sym
	}
	return a.entries[stubName{key, e}]
}

func rela64(off uint64, sym int, typ uint32, addend int64) elf.Rela64 {
	return elf.Rela64(reloc.MakeRela(off, uint32(sym), typ, addend))
}

func editRela(r elf.Rela64) elfrw.Rela {
	return elfrw.Rela{Off: r.Off, Symbol: int(r.Info >> 32), Type: uint32(r.Info), Addend: r.Addend}
}

func appendRela(b []byte, r elf.Rela64) []byte {
	n := len(b)
	b = slices.Grow(b, reloc.RelaSize)[:n+reloc.RelaSize]
	reloc.Rela(r).Encode(b[n:])
	return b
}
