// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// In a module the stubs of an inline run time jump through cells and not through
// keys; see package layout. A cell is in the module even if its key is not, and
// near enough to r2 for one instruction to load it. It is never NULL, so that
// nothing has to be tested: it begins with the trampoline, which goes through the
// key, and the run time puts in what the key holds, or a function that returns.

const tocName = ".toc"

// tocReach is how many bytes of .toc, from its start, one instruction reaches.
// The module loader rounds the address that r2 goes by down to 256 bytes.
const tocReach = 1<<16 - 1<<8

// hasCells reports whether stubs go through cells.
func (p *Plan) hasCells() bool {
	return p.Runtime == Inline && p.Place == Module && p.EntrySize == layout.EntrySize
}

// areCellsNear reports whether one instruction reaches every cell that may come.
func (p *Plan) areCellsNear() bool {
	size := uint64(0)
	if s, ok := p.Object.File.SectionByName(tocName); ok {
		size = s.Size
	}
	return size+8*uint64(len(p.Object.Keys)+1) <= tocReach
}

// trampoline returns the symbol of a key's trampoline, 0 if there is none.
func (o *Object) trampoline(key int) int {
	if o.keyTramps == nil {
		o.keyTramps = map[int]int{}
		for _, t := range o.Tramps {
			if _, ok := o.keyTramps[int(t.Key)]; !ok && t.Entry == noStub {
				o.keyTramps[int(t.Key)] = int(t.Sym)
			}
		}
	}
	return o.keyTramps[key]
}

// addCells adds a cell for each stub at the end of .toc, and remembers where.
func (a *applier) addCells() error {
	toc, old := a.Object.File.SectionByName(tocName)
	base := toc.Size
	switch {
	case !old:
	case !toc.Is(elf.SHT_PROGBITS) || !toc.Has(elf.SHF_ALLOC|elf.SHF_WRITE):
		return a.Object.at(toc.Index, 0, -1, "the section has type SHT_PROGBITS and is for data, this is %v with flags %v", elf.SectionType(toc.Type), elf.SectionFlag(toc.Flags))
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

// cellKey returns the key of the cell that a relocation names.
func (o *Object) cellKey(r reloc.Rela) (int, bool) {
	cell, ok := o.tocEntry(r)
	if !ok {
		return 0, false
	}
	if i := o.trampAt(o.File.Symbol(int(cell.Sym())), cell.Addend); i >= 0 && o.Tramps[i].Entry == noStub {
		return int(o.Tramps[i].Key), true
	}
	return 0, false
}

// tocEntry returns the R_PPC64_ADDR64 of the doubleword of .toc that a
// relocation names.
func (o *Object) tocEntry(r reloc.Rela) (reloc.Rela, bool) {
	place, ok := o.resolve(r.Sym(), r.Addend)
	if !ok || !o.File.Section(place.sec).Named(tocName) {
		return reloc.Rela{}, false
	}
	if o.tocRelas == nil {
		o.tocRelas = map[addr]reloc.Rela{}
	}
	if _, ok := o.tocRelas[addr{place.sec, ^uint64(0)}]; !ok { // read it once
		o.tocRelas[addr{place.sec, ^uint64(0)}] = reloc.Rela{}
		t, err := o.table(place.sec)
		if err != nil {
			return reloc.Rela{}, false
		}
		for i := range t.Len() {
			o.tocRelas[addr{place.sec, t.Off(i)}] = t.At(i)
		}
	}
	e, ok := o.tocRelas[place]
	return e, ok && e.Type() == uint32(elf.R_PPC64_ADDR64) && int(e.Sym()) < o.File.NumSymbols()
}

// ldR12R2 is ld r12,0(r2).
const ldR12R2 ppc64.Word = 0xe9820000

// loadCell puts what a key's cell holds into r12, with r2 the TOC pointer.
func (b *codeBuffer) loadCell(k keyAccess) {
	if k.near {
		b.fixup(elf.R_PPC64_TOC16_DS, k.sym, k.off)
		b.add(ldR12R2)
		return
	}
	b.fixup(elf.R_PPC64_TOC16_HA, k.sym, k.off)
	b.add(addisR12R2)
	b.fixup(elf.R_PPC64_TOC16_LO_DS, k.sym, k.off)
	b.add(ldR12R12)
}
