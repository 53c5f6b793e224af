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
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
	"github.com/scpatch/scpatch/sites/stub"
)

// A stubCheck holds the state of the check of the added stubs.
type stubCheck struct {
	*checker
	want  map[stubName]bool // the entries that have yet to be found
	named map[string][]int  // the keys with a name: local keys may share one

	sec    elfrw.Section
	reader stubReader

	saves, jumps map[int]elfrw.Symbol // by key
	framed       stubFrames
	places       map[int]operand // the cells by key; in user space the addresses of keys
}

// stubs reads every added stub by its words and relocations, and compares what it does
// with what the plan needs. It records the symbols of their entries: branches and
// tables must name no other new symbols.
func (c *checker) stubs() error {
	c.entries = map[int]stubName{}
	x := stubCheck{
		checker: c, want: map[stubName]bool{}, named: map[string][]int{},
		saves: map[int]elfrw.Symbol{}, jumps: map[int]elfrw.Symbol{}, framed: stubFrames{}, places: map[int]operand{},
	}
	for i, st := range c.Stubs {
		x.want[stubName{st.Key, st.Kind}] = true
		if st.Kind == StubSave {
			x.want[stubName{st.Key, StubJump}] = true
		}
		if name := c.Object.Keys[st.Key].Name; i == 0 || c.Stubs[i-1].Key != st.Key { // Stubs is sorted by key
			x.named[name] = append(x.named[name], st.Key)
		}
	}
	if len(x.want) == 0 {
		return nil
	}
	if err := x.check(); err != nil {
		return fmt.Errorf("%w: the stubs: %w", ErrNotAsPlanned, err)
	}
	return nil
}

// check checks the added section of stubs, and what was added for them.
func (x *stubCheck) check() error {
	sec, relas, err := x.addition(layout.StubSection)
	switch {
	case err != nil:
		return err
	case elf.SectionFlag(sec.Flags) != elf.SHF_ALLOC|elf.SHF_EXECINSTR || sec.Addralign < stub.Align:
		return fmt.Errorf("section %v has flags %v and alignment %d", sec, elf.SectionFlag(sec.Flags), sec.Addralign)
	}
	x.sec, x.reader = sec, stubReader{code: sec.Data(), relas: relas, used: index.NewSet(relas.Len())}
	for i := x.Object.File.FirstGlobal(); i < x.out.FirstGlobal(); i++ {
		sym := x.out.Symbol(i)
		if sym.Section != sec.Index || sym.Type() == elf.STT_SECTION {
			continue
		}
		if err := x.entry(i, sym); err != nil {
			return err
		}
	}
	for n := range x.want {
		return fmt.Errorf("%s%s is missing", stubPrefixes[n.entry], errkind.Printable(x.Object.Keys[n.key].Name))
	}
	if err := x.order(); err != nil {
		return err
	}
	if n := relas.Len(); n != x.reader.uses {
		return fmt.Errorf("%d relocations, %d are of the stubs", n, x.reader.uses)
	}
	return x.needs()
}

// entry finds out which planned entry a symbol of the section names.
func (x *stubCheck) entry(i int, sym elfrw.Symbol) error {
	name := x.out.SymbolName(sym)
	e := stubOf(sym, name)
	if e == noStub {
		return fmt.Errorf("%s is not a stub", errkind.Printable(string(name)))
	}
	does, err := x.reader.read(sym.Value, sym.Value+sym.Size)
	n := stubName{entry: e}
	if err == nil {
		n.key, err = x.planned(string(name[len(stubPrefixes[e]):]), sym, e, &does)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", errkind.Printable(string(name)), err)
	}
	delete(x.want, n)
	x.entries[i] = n
	switch e {
	case StubSave:
		x.saves[n.key] = sym
	case StubJump:
		x.jumps[n.key] = sym
		return nil
	}
	x.framed[sym.Value] = stubFrame{sym.Value + sym.Size, does.calls}
	return nil
}

// planned returns the key with a name for which the stub is as planned.
func (x *stubCheck) planned(name string, sym elfrw.Symbol, e StubEntry, does *stubCode) (int, error) {
	err := fmt.Errorf("it is not planned")
	for _, key := range x.named[name] {
		if n := (stubName{key, e}); x.want[n] {
			if err = x.stub(sym, n, does); err == nil {
				return key, nil
			}
		}
	}
	return 0, err
}

// order checks that the entry after the save is in the stub with the save.
func (x *stubCheck) order() error {
	skip := uint64(ppc64.WordSize)
	if x.env.shortens {
		skip += ppc64.WordSize
	}
	for key, j := range x.jumps {
		if s := x.saves[key]; j.Value != s.Value+skip || j.Value+j.Size != s.Value+s.Size {
			return fmt.Errorf("%s does not follow the save", errkind.Printable(string(x.out.SymbolName(j))))
		}
	}
	return nil
}

// needs checks what was added for the stubs: cells or addresses of keys, and unwind
// information.
func (x *stubCheck) needs() error {
	places := x.pointers
	if x.env.cells {
		places = x.cells
	}
	if err := places(x.places); err != nil {
		return err
	}
	if err := x.userCellCount(); err != nil {
		return err
	}
	if x.env.unwinds {
		return x.frames(x.sec.Index, x.framed)
	}
	return nil
}

// throughCells reports whether stubs of a kind must go through cells of a
// module.
func (c *checker) throughCells(e StubEntry) bool {
	return e != StubShadow && c.env.cells
}

// stub returns an error if a stub differs from what its sites need.
func (x *stubCheck) stub(sym elfrw.Symbol, n stubName, does *stubCode) error {
	if err := x.form(sym, n, does); err != nil {
		return err
	}
	if x.throughCells(n.entry) {
		return x.cellOperand(sym, n, does)
	}
	if follows := x.follows(n.key, n.entry); (does.back != 0) != follows {
		return fmt.Errorf("it goes through a cell: %v", !follows)
	} else if follows {
		if err := x.userCell(sym, n, does); err != nil {
			return err
		}
	}
	return x.keyOperand(does, n.key)
}

// form checks what a stub does apart from where it jumps.
func (c *checker) form(sym elfrw.Symbol, n stubName, does *stubCode) error {
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
	// The nop after the save, which the run time may replace by a branch.
	if nop := c.env.shortens && n.entry == StubSave; does.nop != nop {
		return fmt.Errorf("it has a nop: %v", does.nop)
	}
	if null := !c.throughCells(n.entry) && (!c.Object.ownKey(n.key, c.env) || c.Object.canBeNull(n.key)); does.null != null {
		return fmt.Errorf("it tests for NULL: %v", does.null)
	}
	if does.shadow && (!c.isNamed(does.stack, c.ShadowStack) || !c.isNamed(does.toc, ".TOC.")) {
		return fmt.Errorf("the wrong stack, or the wrong TOC")
	}
	return nil
}

// cellOperand checks that a stub of a module goes through the cell of its key.
func (x *stubCheck) cellOperand(sym elfrw.Symbol, n stubName, does *stubCode) error {
	switch {
	case does.back != 0:
		return fmt.Errorf("it goes through two cells")
	case does.way == wayPointer || does.way == wayGOTPC:
		return fmt.Errorf("it goes to its cell by an address")
	}
	if n.entry != StubJump {
		// The distance to the cell comes before the stub.
		r := &x.reader
		r.off, r.err = sym.Value-layout.CellBefore, nil
		if before := r.operand(func(w ppc64.Word) bool { return w == 0 }, elf.R_PPC64_REL32, 0); r.err != nil {
			return fmt.Errorf("the cell before it: %w", r.err)
		} else if before != does.from {
			return fmt.Errorf("the wrong cell before it")
		}
	}
	if was, ok := x.places[n.key]; ok && was != does.from {
		return fmt.Errorf("not the cell of the key's other stub")
	}
	if does.way == wayNear && uint64(does.from.addend)+8 > tocReach {
		return fmt.Errorf("the cell is out of reach")
	}
	x.places[n.key] = does.from
	return nil
}

// keyOperand checks that a stub goes through its key, and by its address if the key
// may be in another unit.
func (x *stubCheck) keyOperand(does *stubCode, key int) error {
	from := does.from
	far := does.way == wayPointer || does.way == wayGOTPC
	if want := x.env.preempts && !x.Object.ownKey(key, x.env); far != want || does.way == wayNear {
		return fmt.Errorf("it goes to the key by its address: %v", far)
	}
	if does.way == wayPointer {
		if was, ok := x.places[key]; ok && was != from {
			return fmt.Errorf("not the pointer of the key's other stub")
		}
		x.places[key] = from
		return nil
	}
	if from.addend != 0 || !x.isKeySymbol(from.sym, key) {
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
		s, _ := c.symbol(from.sym) // if there is none, it is in no section
		off := s.Value + uint64(from.addend)
		rel := at[off]
		if s.Section != sec.Index || off%layout.PointerSize != 0 || off >= sec.Size {
			return fmt.Errorf("the address of %s is at 0x%x of %v", errkind.Printable(c.Object.Keys[key].Name), off, sec)
		}
		delete(at, off) // each address is for one key
		if !isAddress(sec, off, rel) || !c.isKeySymbol(int(rel.Sym()), key) {
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
	size, added, err := c.addedTo(toc)
	if err != nil {
		return err
	}
	if len(added) != len(cells) {
		return fmt.Errorf("%d relocations of new cells, there are %d", len(added), len(cells))
	}
	at := map[uint64]reloc.Rela{}
	for _, rel := range added {
		at[rel.Off] = rel
	}
	for key, cell := range cells {
		s, _ := c.symbol(cell.sym) // if there is none, it is in no section
		off := s.Value + uint64(cell.addend)
		rel := at[off]
		if s.Section != toc.Index || off < size || off%8 != 0 || toc.Size-min(off, toc.Size) < 8 {
			return fmt.Errorf("the cell of %s is at 0x%x of %v", errkind.Printable(c.Object.Keys[key].Name), off, toc)
		}
		delete(at, off) // a cell has one key
		if !isAddress(toc, off, rel) || !c.isTrampoline(int(rel.Sym()), key) {
			return fmt.Errorf("the cell of %s holds something other than its trampoline", errkind.Printable(c.Object.Keys[key].Name))
		}
	}
	return nil
}

// addedTo returns the size of a section in the input, where it may not exist, and the
// relocations that were appended to its own.
func (c *checker) addedTo(sec elfrw.Section) (size uint64, added []reloc.Rela, err error) {
	before := 0
	if s, ok := c.Object.File.SectionByName(sec.NameString()); ok {
		t, err := c.Object.relas.editedTable(s.Index)
		if err != nil {
			return 0, nil, err
		}
		size, before = s.Size, t.Len()
	}
	t, err := c.relas.editedTable(sec.Index)
	for i := before; i < t.Len(); i++ {
		added = append(added, t.At(i))
	}
	return size, added, err
}

// isAddress reports whether a doubleword is filled in by the linker with the address of a
// symbol, and by nothing else.
func isAddress(sec elfrw.Section, off uint64, rel reloc.Rela) bool {
	return binary.LittleEndian.Uint64(sec.Data()[off:]) == 0 && rel.Type() == uint32(elf.R_PPC64_ADDR64) && rel.Addend == 0
}
