// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// A cellTable is the added table of cells. It is read once, not again for each stub.
type cellTable struct {
	sec   elfrw.Section
	relas reloc.Sorted
}

func (c *checker) cellTable() (*cellTable, error) {
	if c.newCells != nil {
		return c.newCells, nil
	}
	sec, relas, err := c.addition(layout.UserCells)
	switch {
	case err != nil:
		return nil, err
	case elf.SectionFlag(sec.Flags) != elf.SHF_ALLOC|elf.SHF_WRITE || sec.Addralign < 8 || sec.Size%layout.CellSize != 0:
		return nil, fmt.Errorf("section %v has 0x%x bytes, flags %v and alignment %d", sec, sec.Size, elf.SectionFlag(sec.Flags), sec.Addralign)
	case uint64(relas.Len()) != sec.Size/layout.CellSize*3:
		return nil, fmt.Errorf("%d relocations of %d bytes of cells", relas.Len(), sec.Size)
	}
	c.newCells = &cellTable{sec, relas}
	return c.newCells, nil
}

// userCell checks that the cell of a stub starts an entry of the new table of cells,
// that no other stub uses the entry, and that the entry names the stub's key and the
// place where the stub goes through the key.
func (c *checker) userCell(sym elfrw.Symbol, n stubName, does *stubCode) error {
	t, err := c.cellTable()
	if err != nil {
		return err
	}
	sec, relas := t.sec, t.relas
	s, ok := c.symbol(does.cell.sym)
	off := s.Value + uint64(does.cell.addend)
	if !ok || s.Section != sec.Index || off%layout.CellSize != 0 || off >= sec.Size {
		return fmt.Errorf("its cell is at 0x%x of %v", off, c.out.Section(s.Section))
	}
	if stub, taken := c.userCells[off]; taken && stub != (stubName{n.key, n.entry.stub()}) {
		return fmt.Errorf("another stub has its cell")
	}
	c.userCells[off] = stubName{n.key, n.entry.stub()}
	i := int(off / layout.CellSize * 3)
	first, key, stub := relas.Nth(i), relas.Nth(i+1), relas.Nth(i+2)
	back := func(r reloc.Rela, typ elf.R_PPC64, at uint64) bool {
		s, ok := c.symbol(int(r.Sym()))
		return ok && r.Type() == uint32(typ) && r.Off == at && s.Section == sym.Section && s.Value+uint64(r.Addend) == does.back
	}
	switch {
	case !back(first, elf.R_PPC64_ADDR64, off):
		return fmt.Errorf("its cell holds something other than its way through the key")
	case !back(stub, elf.R_PPC64_REL32, off+layout.CellStubField):
		return fmt.Errorf("the entry of its cell names something other than its way through the key")
	case key.Type() != uint32(elf.R_PPC64_ADDR64) || key.Off != off+layout.CellKeyField || key.Addend != 0 || !c.isKeySymbol(int(key.Sym()), n.key):
		return fmt.Errorf("its cell follows another key")
	}
	for _, b := range sec.Data()[off : off+layout.CellSize] {
		if b != 0 {
			return fmt.Errorf("the entry of its cell is not empty")
		}
	}
	return nil
}

// userCellCount checks that there are no cells besides those of the stubs.
func (c *checker) userCellCount() error {
	for i := c.Object.File.NumSections(); i < c.out.NumSections(); i++ {
		if s := c.out.Section(i); s.Named(layout.UserCells) && s.Size != uint64(len(c.userCells))*layout.CellSize {
			return fmt.Errorf("%d bytes of cells, not the planned %d entries", s.Size, len(c.userCells))
		}
	}
	return nil
}
