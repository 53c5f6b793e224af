// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
	"github.com/scpatch/scpatch/sites/stub"
)

// stubs reads every added stub by its words and relocations, and compares what it does
// with what the plan needs. It records the symbols of their entries: branches and
// tables must name no other new symbols.
func (c *checker) stubs() error {
	c.entries = map[int]stubName{}
	want := map[stubName]bool{} // the entries that have yet to be found
	names := map[string][]int{} // the keys with a name: local keys may share one
	for i, st := range c.Stubs {
		want[stubName{st.Key, st.Kind}] = true
		if st.Kind == StubSave {
			want[stubName{st.Key, StubJump}] = true
		}
		if name := c.Object.Keys[st.Key].Name; i == 0 || c.Stubs[i-1].Key != st.Key { // Stubs is sorted by key
			names[name] = append(names[name], st.Key)
		}
	}
	if len(want) == 0 {
		return nil
	}
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: the stubs: %w", ErrNotAsPlanned, fmt.Errorf(format, a...))
	}
	sec, relas, err := c.addition(layout.StubSection)
	if err != nil {
		return bad("%w", err)
	}
	if elf.SectionFlag(sec.Flags) != elf.SHF_ALLOC|elf.SHF_EXECINSTR || sec.Addralign < stub.Align {
		return bad("section %v has flags %v and alignment %d", sec, elf.SectionFlag(sec.Flags), sec.Addralign)
	}
	r := stubReader{code: sec.Data(), relas: relas, used: map[int]bool{}}
	jumps, saves := map[int]elfrw.Symbol{}, map[int]elfrw.Symbol{} // by key
	f := stubFrames{}
	cells := map[int]operand{} // by key; in user space the addresses of keys
	for i := c.Object.File.FirstGlobal(); i < c.out.FirstGlobal(); i++ {
		sym := c.out.Symbol(i)
		if sym.Section != sec.Index || sym.Type() == elf.STT_SECTION {
			continue
		}
		name := c.out.SymbolName(sym)
		e := stubOf(sym, name)
		if e == noStub {
			return bad("%s is not a stub", errkind.Printable(string(name)))
		}
		does, err := r.read(sym.Value, sym.Value+sym.Size)
		if err != nil {
			return bad("%s: %w", errkind.Printable(string(name)), err)
		}
		n := stubName{entry: e}
		err = fmt.Errorf("it is not planned")
		for _, n.key = range names[string(name[len(stubPrefixes[e]):])] {
			if want[n] {
				if err = c.stub(&r, sym, n, &does, cells); err == nil {
					break
				}
			}
		}
		if err != nil {
			return bad("%s: %w", errkind.Printable(string(name)), err)
		}
		delete(want, n)
		c.entries[i] = n
		switch e {
		case StubSave:
			saves[n.key] = sym
		case StubJump:
			jumps[n.key] = sym
			continue
		}
		f[sym.Value] = stubFrame{sym.Value + sym.Size, does.calls}
	}
	for n := range want {
		return bad("%s%s is missing", stubPrefixes[n.entry], errkind.Printable(c.Object.Keys[n.key].Name))
	}
	skip := uint64(ppc64.WordSize)
	if c.env.shortens {
		skip += ppc64.WordSize
	}
	for key, j := range jumps {
		if s := saves[key]; j.Value != s.Value+skip || j.Value+j.Size != s.Value+s.Size {
			return bad("%s does not follow the save", errkind.Printable(string(c.out.SymbolName(j))))
		}
	}
	if n := relas.Len(); n != len(r.used) {
		return bad("%d relocations, %d are of the stubs", n, len(r.used))
	}
	places := c.pointers
	if c.env.cells {
		places = c.cells
	}
	if err := places(cells); err != nil {
		return bad("%w", err)
	}
	if err := c.userCellCount(); err != nil {
		return bad("%w", err)
	}
	if c.env.unwinds {
		if err := c.frames(sec.Index, f); err != nil {
			return bad("%w", err)
		}
	}
	return nil
}

// throughCells reports whether stubs of a kind must go through cells of a
// module.
func (c *checker) throughCells(e StubEntry) bool {
	return e != StubShadow && c.env.cells
}

// stub returns an error if a stub differs from what its sites need.
func (c *checker) stub(r *stubReader, sym elfrw.Symbol, n stubName, does *stubCode, cells map[int]operand) error {
	local, err := ppc64.LocalEntryOf(sym.Other)
	switch noTOC := n.entry == StubNoTOC; {
	case err != nil, noTOC == local.PreservesR2(), !noTOC && sym.Other != 0:
		// A stub for callers without a TOC pointer must say so; otherwise a
		// linker would set one up.
		return fmt.Errorf("st_other is 0x%x", sym.Other)
	case does.saves != (n.entry == StubSave):
		return fmt.Errorf("it saves r2: %v", does.saves)
	case does.shadow != (n.entry == StubShadow):
		return fmt.Errorf("it keeps LR: %v", does.shadow)
	case noTOC != (does.way == wayPCRel || does.way == wayGOTPC):
		return fmt.Errorf("it needs r2: %v", !noTOC)
	}
	cell := c.throughCells(n.entry)
	// The nop after the save, which the run time may replace by a branch.
	if nop := c.env.shortens && n.entry == StubSave; does.nop != nop {
		return fmt.Errorf("it has a nop: %v", does.nop)
	}
	if null := !cell && (!c.Object.ownKey(n.key, c.env) || c.Object.canBeNull(n.key)); does.null != null {
		return fmt.Errorf("it tests for NULL: %v", does.null)
	}
	if does.shadow && (!c.isNamed(does.stack, c.ShadowStack) || !c.isNamed(does.toc, ".TOC.")) {
		return fmt.Errorf("the wrong stack, or the wrong TOC")
	}
	if !cell {
		if follows := c.follows(n.key, n.entry); (does.back != 0) != follows {
			return fmt.Errorf("it goes through a cell: %v", !follows)
		} else if follows {
			if err := c.userCell(sym, n, does); err != nil {
				return err
			}
		}
		return c.keyOperand(does, n.key, cells)
	}
	if does.back != 0 {
		return fmt.Errorf("it goes through two cells")
	}
	if does.way == wayPointer || does.way == wayGOTPC {
		return fmt.Errorf("it goes to its cell by an address")
	}
	if n.entry != StubJump {
		// The distance to the cell comes before the stub.
		r.off, r.err = sym.Value-layout.CellBefore, nil
		if before := r.operand(func(w ppc64.Word) bool { return w == 0 }, elf.R_PPC64_REL32, 0); r.err != nil {
			return fmt.Errorf("the cell before it: %w", r.err)
		} else if before != does.from {
			return fmt.Errorf("the wrong cell before it")
		}
	}
	if was, ok := cells[n.key]; ok && was != does.from {
		return fmt.Errorf("not the cell of the key's other stub")
	}
	if does.way == wayNear && uint64(does.from.addend)+8 > tocReach {
		return fmt.Errorf("the cell is out of reach")
	}
	cells[n.key] = does.from
	return nil
}

// keyOperand checks that a stub goes through its key, and by its address if the key
// may be in another unit.
func (c *checker) keyOperand(does *stubCode, key int, pointers map[int]operand) error {
	from := does.from
	far := does.way == wayPointer || does.way == wayGOTPC
	if want := c.env.preempts && !c.Object.ownKey(key, c.env); far != want || does.way == wayNear {
		return fmt.Errorf("it goes to the key by its address: %v", far)
	}
	if does.way == wayPointer {
		if was, ok := pointers[key]; ok && was != from {
			return fmt.Errorf("not the pointer of the key's other stub")
		}
		pointers[key] = from
		return nil
	}
	if from.addend != 0 || !c.isKeySymbol(from.sym, key) {
		return fmt.Errorf("it goes through another key")
	}
	return nil
}

// pointers checks that the added section holds the addresses of the keys and
// nothing else.
func (c *checker) pointers(pointers map[int]operand) error {
	if len(pointers) == 0 {
		return nil
	}
	sec, relas, err := c.addition(layout.PointerSection)
	switch {
	case err != nil:
		return err
	case elf.SectionFlag(sec.Flags) != elf.SHF_ALLOC|elf.SHF_WRITE || sec.Addralign < layout.PointerSize || sec.Size != uint64(len(pointers))*layout.PointerSize:
		return fmt.Errorf("section %v has 0x%x bytes, flags %v and alignment %d", sec, sec.Size, elf.SectionFlag(sec.Flags), sec.Addralign)
	case relas.Len() != len(pointers):
		return fmt.Errorf("%d relocations of %d addresses of keys", relas.Len(), len(pointers))
	}
	at := map[uint64]reloc.Rela{}
	for i := range relas.Len() {
		at[relas.Off(i)] = relas.At(i)
	}
	for key, from := range pointers {
		s, ok := c.symbol(from.sym)
		off := s.Value + uint64(from.addend)
		rel, has := at[off]
		if !ok || !has || s.Section != sec.Index || off%layout.PointerSize != 0 || off >= sec.Size {
			return fmt.Errorf("the address of %s is at 0x%x of %v", errkind.Printable(c.Object.Keys[key].Name), off, sec)
		}
		delete(at, off) // each address is for one key
		if binary.LittleEndian.Uint64(sec.Data()[off:]) != 0 || rel.Type() != uint32(elf.R_PPC64_ADDR64) || rel.Addend != 0 || !c.isKeySymbol(int(rel.Sym()), key) {
			return fmt.Errorf("the address of %s is not the planned one", errkind.Printable(c.Object.Keys[key].Name))
		}
	}
	return nil
}

// cells checks that the cells are doublewords at the end of .toc, each with the
// address of its key's trampoline, and that nothing else was added there.
func (c *checker) cells(cells map[int]operand) error {
	if len(cells) == 0 {
		return nil
	}
	toc, ok := c.out.SectionByName(tocName)
	if !ok || !toc.Has(elf.SHF_ALLOC|elf.SHF_WRITE) || toc.Addralign < 8 {
		return fmt.Errorf("the cells are in no section for them")
	}
	size, before := uint64(0), 0
	if s, ok := c.Object.File.SectionByName(tocName); ok {
		t, err := c.Object.relas.editedTable(s.Index)
		if err != nil {
			return err
		}
		size, before = s.Size, t.Len()
	}
	t, err := c.relas.editedTable(toc.Index)
	if err != nil {
		return err
	}
	at := map[uint64]reloc.Rela{}
	for i := before; i < t.Len(); i++ {
		at[t.Off(i)] = t.At(i)
	}
	if t.Len() != before+len(cells) {
		return fmt.Errorf("%d relocations of new cells, there are %d", t.Len()-before, len(cells))
	}
	for key, cell := range cells {
		s, ok := c.symbol(cell.sym)
		off := s.Value + uint64(cell.addend)
		rel, has := at[off]
		if !ok || !has || s.Section != toc.Index || off < size || off%8 != 0 || toc.Size-min(off, toc.Size) < 8 {
			return fmt.Errorf("the cell of %s is at 0x%x of %v", errkind.Printable(c.Object.Keys[key].Name), off, toc)
		}
		delete(at, off) // a cell has one key
		if binary.LittleEndian.Uint64(toc.Data()[off:]) != 0 || rel.Type() != uint32(elf.R_PPC64_ADDR64) || rel.Addend != 0 || !c.isTrampoline(int(rel.Sym()), key) {
			return fmt.Errorf("the cell of %s holds something other than its trampoline", errkind.Printable(c.Object.Keys[key].Name))
		}
	}
	return nil
}
