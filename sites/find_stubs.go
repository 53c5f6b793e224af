// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
)

// stubSymbol returns the symbol of a stub's entry, 0 if the object has none.
func (o *Object) stubSymbol(key int, e StubEntry) int {
	if o.stubs == nil {
		o.stubs = map[stubName]int{}
		for _, t := range slices.Backward(o.Tramps) { // the first of several
			if t.Entry != noStub {
				o.stubs[stubName{int(t.Key), t.Entry}] = int(t.Sym)
			}
		}
	}
	return o.stubs[stubName{key, e}]
}

// findStubKeys gives the stubs of an earlier run their keys. It goes by their
// relocations, because local names may repeat.
func (o *Object) findStubKeys() error {
	bySection := map[int][]spot{}
	for i, t := range o.Tramps {
		if t.Entry != noStub {
			s := o.File.Symbol(int(t.Sym))
			bySection[s.Section] = append(bySection[s.Section], spot{s.Value, i})
		}
	}
	for sec, spots := range bySection {
		relas, err := o.sorted(sec)
		if err != nil {
			return err
		}
		sortSpots(spots)
		for _, sp := range spots {
			if err := o.findStubKey(sec, sp, &relas); err != nil {
				return err
			}
		}
	}
	return nil
}

// findStubKey looks for the key among the relocations of one stub.
func (o *Object) findStubKey(sec int, sp spot, relas *reloc.Sorted) error {
	tramp := &o.Tramps[sp.id]
	end := sp.off + o.File.Symbol(int(tramp.Sym)).Size
	for r := range relas.Within(sp.off, end) {
		key, ok := o.keyOf(int(r.Sym()), r.Addend)
		if !ok {
			key, ok = o.cellKey(r)
		}
		if !ok {
			key, ok = o.keyNamed(r)
		}
		if ok {
			tramp.Key = int32(key)
			return nil
		}
	}
	return o.at(sec, sp.off, -1, "the stub %s loads no key", errkind.Printable(o.name(int(tramp.Sym))))
}

// isPatchableStub reports whether a key's stub has a nop that a branch can replace. A new
// stub has one; a stub of an earlier run for another run time does not.
func (o *Object) isPatchableStub(key int) bool {
	sym := o.stubSymbol(key, StubSave)
	if sym == 0 {
		return true
	}
	s := o.File.Symbol(sym)
	w, err := ppc64.Load(o.File.Section(s.Section).Data(), s.Value+ppc64.WordSize)
	return err == nil && w == ppc64.Nop
}

// cellKey returns the key of the cell that a relocation names.
func (o *Object) cellKey(r reloc.Rela) (int, bool) {
	cell, ok := o.pointerAt(r)
	if !ok {
		return 0, false
	}
	if i := o.trampAt(o.File.Symbol(int(cell.Sym())), cell.Addend); i >= 0 && o.Tramps[i].Entry == noStub {
		return int(o.Tramps[i].Key), true
	}
	return 0, false
}
