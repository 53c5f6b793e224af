// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// findUserCells reads the tables of cells that earlier runs added. Each entry names a
// key and, twice, a place in a stub of that key.
func (o *Object) findUserCells() error {
	if len(o.tables.cells) == 0 {
		return nil
	}
	stubs := o.stubExtents()
	for _, i := range o.tables.cells {
		sec := o.File.Section(i)
		if !sec.Is(elf.SHT_PROGBITS) || !sec.Has(elf.SHF_ALLOC|elf.SHF_WRITE) {
			return o.at(i, 0, -1, "cells have type SHT_PROGBITS and SHF_WRITE, but this is %v with flags %v", elf.SectionType(sec.Type), elf.SectionFlag(sec.Flags))
		}
		relas, err := o.sorted(i)
		if err != nil {
			return err
		}
		if sec.Size%layout.CellSize != 0 || uint64(relas.Len()) != sec.Size/layout.CellSize*3 {
			return o.at(i, 0, -1, "0x%x bytes with %d relocations are not a table of cells", sec.Size, relas.Len())
		}
		for n := range int(sec.Size / layout.CellSize) {
			if err := o.userCell(i, n, stubs, [3]reloc.Rela{relas.Nth(3 * n), relas.Nth(3*n + 1), relas.Nth(3*n + 2)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// stubExtents returns the stubs of each section; ID is the index in Tramps.
func (o *Object) stubExtents() map[int]index.Extents {
	lists := map[int][]index.Extent{}
	for i := range o.Tramps {
		if o.Tramps[i].Entry != noStub {
			s := o.File.Symbol(int(o.Tramps[i].Sym))
			lists[s.Section] = append(lists[s.Section], index.Extent{Start: s.Value, End: s.Value + s.Size, ID: i})
		}
	}
	stubs := make(map[int]index.Extents, len(lists))
	for sec, list := range lists {
		stubs[sec] = index.NewExtents(list, func(id int) uint64 { return o.File.Symbol(int(o.Tramps[id].Sym)).Value })
	}
	return stubs
}

func (o *Object) userCell(sec, n int, stubs map[int]index.Extents, fields [3]reloc.Rela) error {
	at := uint64(n) * layout.CellSize
	for i, want := range []struct {
		off uint64
		typ elf.R_PPC64
	}{{0, elf.R_PPC64_ADDR64}, {layout.CellKeyField, elf.R_PPC64_ADDR64}, {layout.CellStubField, elf.R_PPC64_REL32}} {
		if r := fields[i]; r.Off != at+want.off || r.Type() != uint32(want.typ) {
			return o.at(sec, r.Off, int64(r.Type()), "cell %d has no such field", n)
		}
	}
	key, ok := o.keyOf(int(fields[1].Sym()), fields[1].Addend)
	if !ok {
		return o.at(sec, at+layout.CellKeyField, int64(fields[1].Type()), "%s+0x%x is not a key", errkind.Printable(o.name(int(fields[1].Sym()))), fields[1].Addend)
	}
	first, ok := o.resolve(fields[0].Sym(), fields[0].Addend)
	if stub, _ := o.resolve(fields[2].Sym(), fields[2].Addend); !ok || first != stub {
		return o.at(sec, at, int64(fields[0].Type()), "the cell of %s does not hold the place that its entry names", errkind.Printable(o.Keys[key].Name))
	}
	if e, ok := stubs[first.sec].Around(first.off); ok && int(o.Tramps[e.ID].Key) == key && e.Start < first.off {
		return nil
	}
	return o.at(sec, at, int64(fields[0].Type()), "the cell of %s holds a place that is in no stub of it", errkind.Printable(o.Keys[key].Name))
}
