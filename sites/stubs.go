// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"maps"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/kind"
)

// A Stub is one that a plan adds: of a key, for callers with a TOC pointer
// (StubSave, whose jump entry is StubJump), without one (StubNoTOC), or without a
// slot (StubShadow).
type Stub struct {
	Key  int
	Kind StubEntry
}

// stub is the stub that an entry is of.
func (e StubEntry) stub() StubEntry {
	if e == StubJump {
		return StubSave
	}
	return e
}

// wayOut is the entry at which the run time leaves a site whose key holds what
// the site cannot branch to; none where the table does not say it.
func (p *Plan) wayOut(s *Site, dec *Decision) StubEntry {
	switch {
	case !dec.Listed:
	case s.NoTOC() && (p.Place == User || p.hasCells() && dec.Form == SaveStub):
		return StubNoTOC
	case p.Place == User, p.hasCells() && dec.Form == Stack:
		return StubJump
	case p.hasCells() && dec.Form == SaveStub:
		return StubSave
	}
	return noStub
}

// needStubs plans the stubs of a decision: the one that its branch names, and
// the one that its table entry does.
func (d *decider) needStubs(s *Site, dec *Decision) {
	if dec.Stub != noStub && dec.Target == 0 {
		dec.Target = int32(d.needStub(int(s.Key), dec.Stub))
	}
	if out := d.wayOut(s, dec); out != noStub {
		d.needStub(int(s.Key), out)
	}
	if d.Place == User && d.Runtime == Inline && (dec.Stub.stub() == StubSave || dec.Listed && !s.NoTOC()) {
		d.shortcuts[int(s.Key)] = true
	}
}

// addShortcuts enters in the table the stubs that save r2. Where the key holds
// a function of this unit, the run time lets the stub branch straight to it:
// what calls the stub is then as good as direct, without a proof.
func (d *decider) addShortcuts() {
	if t := d.table(); t != nil {
		for i := range t.Entries {
			if e := &t.Entries[i]; e.Self {
				delete(d.shortcuts, int(e.Key))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.shortcuts)) {
		if d.Object.hasShortcut(key) {
			d.Shortcuts = append(d.Shortcuts, key)
		}
	}
}

// needStub returns the symbol of a stub's entry, 0 if it is yet to be made.
func (d *decider) needStub(key int, e StubEntry) int {
	if sym := d.Object.stubSymbol(key, e); sym != 0 {
		return sym
	}
	s := Stub{key, e.stub()}
	at, found := slices.BinarySearchFunc(d.Stubs, s, func(a, b Stub) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Kind, b.Kind))
	})
	if !found {
		d.Stubs = slices.Insert(d.Stubs, at, s)
	}
	return 0
}

// hasShortcut reports whether a key's stub has a nop for a branch: one that is
// to be made has, one of an earlier run with another run time has not.
func (o *Object) hasShortcut(key int) bool {
	sym := o.stubSymbol(key, StubJump)
	if sym == 0 {
		return true
	}
	s := o.File.Symbol(sym)
	w, err := ppc64.Load(o.File.Section(s.Section).Data(), s.Value)
	return err == nil && w == ppc64.Nop
}

// A stubName names an entry of a key's stub.
type stubName struct {
	key   int
	entry StubEntry
}

// stubSymbol returns the symbol of a stub's entry that the object has, else 0.
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

// findStubKeys gives the stubs of an earlier run their keys: what their
// relocations name, since local names may repeat.
func (o *Object) findStubKeys() error {
	bySection := map[int][]spot{}
	for i, t := range o.Tramps {
		if t.Entry != noStub {
			s := o.File.Symbol(int(t.Sym))
			bySection[s.Section] = append(bySection[s.Section], spot{s.Value, i})
		}
	}
	for sec, spots := range bySection {
		t, err := o.table(sec)
		if err != nil {
			return err
		}
		sortSpots(spots)
		for _, sp := range spots {
			if err := o.findStubKey(sec, sp, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// findStubKey looks for the key among the relocations of one stub, which are in
// order of place as this package writes them and a linker leaves them.
func (o *Object) findStubKey(sec int, sp spot, t reloc.Table) error {
	tramp := &o.Tramps[sp.id]
	end := sp.off + o.File.Symbol(int(tramp.Sym)).Size
	lo, hi := 0, t.Len()
	for lo < hi {
		if mid := (lo + hi) / 2; t.Off(mid) < sp.off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for i := lo; i < t.Len() && t.Off(i) < end; i++ {
		r := t.At(i)
		if int(r.Sym()) >= o.File.NumSymbols() {
			return kind.BadELF.Wrap(o.at(sec, r.Off, int64(r.Type()), "relocation %d: symbol %d of %d", i, r.Sym(), o.File.NumSymbols()))
		}
		if key, ok := o.keyOf(int(r.Sym()), r.Addend); ok {
			tramp.Key = int32(key)
			return nil
		}
		if key, ok := o.cellKey(r); ok {
			tramp.Key = int32(key)
			return nil
		}
	}
	return o.at(sec, sp.off, -1, "the stub %s loads no key", printable(o.name(int(tramp.Sym))))
}
