// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// addCells adds a cell for each key with stubs at the end of .toc, and notes
// where.
func (a *applier) addCells() error {
	toc, old := a.Object.File.SectionByName(tocName)
	base := toc.Size
	switch {
	case !old:
	case !toc.Is(elf.SHT_PROGBITS) || !toc.Has(elf.SHF_ALLOC|elf.SHF_WRITE):
		return a.Object.at(toc.Index, 0, -1, "the section should have type SHT_PROGBITS and be for data, but is %v with flags %v", elf.SectionType(toc.Type), elf.SectionFlag(toc.Flags))
	case toc.Addralign < 8:
		return a.Object.at(toc.Index, 0, -1, "the section has doublewords, but its alignment is %d", toc.Addralign)
	}
	pad := -base % 8
	var relas []byte
	a.cells = map[int]int64{}
	for _, st := range a.Stubs {
		if _, shared := a.cells[st.Key]; !shared {
			off := base + pad + uint64(len(relas)/reloc.RelaSize)*8
			a.cells[st.Key] = int64(off)
			relas = appendRela(relas, rela64(off, a.Object.trampoline(st.Key), uint32(elf.R_PPC64_ADDR64), 0))
		}
	}
	zeros := make([]byte, pad+uint64(len(a.cells))*8)
	a.findSectionSymbols()
	if old {
		if err := a.extend(toc.Index, zeros, relas); err != nil {
			return err
		}
		var err error
		a.tocSym, err = a.sectionSymbol(toc.Index)
		return err
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: tocName, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: 8, Data: zeros,
	})
	if err != nil {
		return err
	}
	if a.tocSym, err = a.sectionSymbol(sec); err != nil {
		return err
	}
	return a.addRelaOf(tocName, sec, relas)
}

// addUserCells adds the table of cells, without its relocations: one entry for each
// new stub whose key may change.
func (a *applier) addUserCells() error {
	a.userCells = map[stubName]uint64{}
	for _, st := range a.Stubs {
		if a.follows(st.Key, st.Kind) {
			a.userCells[stubName{st.Key, st.Kind}] = uint64(len(a.userCells)) * layout.CellSize
		}
	}
	if len(a.userCells) == 0 {
		return nil
	}
	var err error
	a.findSectionSymbols()
	if a.cellSec, err = a.edit.AddSection(elfrw.NewSection{
		Name: layout.UserCells, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE,
		Addralign: 8, Data: make([]byte, len(a.userCells)*layout.CellSize),
	}); err != nil {
		return err
	}
	a.cellSym, err = a.sectionSymbol(a.cellSec)
	return err
}

// fillUserCells gives the table of cells its relocations. A cell first holds the place
// where its stub goes through the key.
func (a *applier) fillUserCells(through map[stubName]int64) error {
	if len(a.userCells) == 0 {
		return nil
	}
	var relas []byte
	for _, st := range a.Stubs {
		name := stubName{st.Key, st.Kind}
		at, ok := a.userCells[name]
		if !ok {
			continue
		}
		key, err := a.keySymbol(st.Key)
		if err != nil {
			return err
		}
		relas = appendRela(relas, rela64(at, a.entries[name], uint32(elf.R_PPC64_ADDR64), through[name]))
		relas = appendRela(relas, rela64(at+layout.CellKeyField, key, uint32(elf.R_PPC64_ADDR64), 0))
		relas = appendRela(relas, rela64(at+layout.CellStubField, a.entries[name], uint32(elf.R_PPC64_REL32), through[name]))
	}
	return a.addRelaOf(layout.UserCells, a.cellSec, relas)
}

// addPointers adds the addresses of the keys that may be in another link unit. The
// linker or the dynamic linker fills them in. Compilers have such addresses in .toc,
// and load them as the stubs do. Here they have a section of their own: a linker that
// drops the stubs drops it, too, and nothing but the stubs reads it.
func (a *applier) addPointers() error {
	var relas []byte
	a.pointers = map[int]int64{}
	for _, st := range a.Stubs {
		access, _ := a.keyAccess(st.Key, st.Kind)
		if _, shared := a.pointers[st.Key]; shared || !access.Indirect || st.Kind == StubNoTOC {
			continue
		}
		key, err := a.keySymbol(st.Key)
		if err != nil {
			return err
		}
		off := int64(len(a.pointers)) * layout.PointerSize
		a.pointers[st.Key] = off
		relas = appendRela(relas, rela64(uint64(off), key, uint32(elf.R_PPC64_ADDR64), 0))
	}
	if len(a.pointers) == 0 {
		return nil
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: layout.PointerSection, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE,
		Addralign: layout.PointerSize, Data: make([]byte, len(a.pointers)*layout.PointerSize),
	})
	if err != nil {
		return err
	}
	a.findSectionSymbols()
	if a.pointerSym, err = a.sectionSymbol(sec); err != nil {
		return err
	}
	return a.addRelaOf(layout.PointerSection, sec, relas)
}
