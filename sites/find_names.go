// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"cmp"
	"debug/elf"
	"math/bits"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// findNames finds trampolines, stubs and keys in one pass over the symbols. The
// string table alone shows if an object has no static calls.
func (o *Object) findNames() {
	f := o.File
	all := f.SymbolNames()
	if !bytes.Contains(all, []byte(TrampPrefix)) && !bytes.Contains(all, []byte(KeyPrefix)) {
		return
	}
	set, keys := index.NewSet(f.NumSymbols()), index.NewSet(f.NumSymbols())
	numKeys := 0
	for i := 1; i < f.NumSymbols(); i++ {
		if t := f.SymbolType(i); t == elf.STT_FILE || t == elf.STT_SECTION {
			continue
		}
		name := all[f.SymbolNameOff(i):]
		if len(name) <= len(TrampPrefix) || string(name[:4]) != "__SC" {
			continue
		}
		switch string(name[:len(TrampPrefix)]) {
		case KeyPrefix:
			keys.Add(i)
			numKeys++
			continue
		case TrampPrefix:
			o.Tramps = append(o.Tramps, Tramp{Sym: int32(i)})
		default:
			s := f.Symbol(i)
			e := stubOf(s, f.SymbolName(s))
			if e == noStub {
				continue
			}
			o.Tramps = append(o.Tramps, Tramp{Sym: int32(i), Entry: e})
		}
		set.Add(i)
	}
	o.tramps, o.keys = index.NewRanks(set), index.NewRanks(keys)
	o.Keys = make([]Key, 0, numKeys)
	for i := range keys.All() {
		o.Keys = append(o.Keys, Key{Name: string(f.SymbolName(f.Symbol(i))[len(KeyPrefix):]), Sym: int32(i)})
	}
	o.watched = set
}

// places returns both entries of all defined trampolines and stubs, sorted. Large
// objects have thousands, for which a map would take much more memory.
func (o *Object) places() []enteredPlace {
	if o.entries != nil {
		return o.entries
	}
	o.entries = make([]enteredPlace, 0, 2*len(o.Tramps))
	for i, t := range o.Tramps {
		s := o.File.Symbol(int(t.Sym))
		if s.Section == 0 {
			continue
		}
		o.entries = append(o.entries, enteredPlace{int32(s.Section), int32(i), s.Value})
		if l, err := ppc64.LocalEntryOf(s.Other); err == nil && l.UsesTOC() {
			o.entries = append(o.entries, enteredPlace{int32(s.Section), int32(i), s.Value + l.Offset()})
		}
	}
	slices.SortFunc(o.entries, func(a, b enteredPlace) int {
		return cmp.Or(a.compare(addr{int(b.sec), b.off}), cmp.Compare(a.tramp, b.tramp))
	})
	return o.entries
}

// enteredAt returns the trampoline or stub that is entered at a place, the first of
// several.
func (o *Object) enteredAt(at addr) (tramp int, ok bool) {
	i, ok := slices.BinarySearchFunc(o.places(), at, func(p enteredPlace, at addr) int { return p.compare(at) })
	if !ok {
		return 0, false
	}
	return int(o.places()[i].tramp), true
}

func (p enteredPlace) compare(at addr) int {
	return cmp.Or(cmp.Compare(int(p.sec), at.sec), cmp.Compare(p.off, at.off))
}

// filters returns a filter for each section of code that has such entries, by
// section.
func (o *Object) filters() map[int]placeFilter {
	if o.entered != nil {
		return o.entered
	}
	o.entered = map[int]placeFilter{}
	all := o.places()
	for len(all) > 0 {
		sec, n := int(all[0].sec), 1
		for n < len(all) && all[n].sec == all[0].sec {
			n++
		}
		if o.File.Section(sec).IsCode() {
			f := placeFilter(index.NewSet(64 << bits.Len(uint(n/8))))
			for _, p := range all[:n] {
				f.add(p.off)
			}
			o.entered[sec] = f
		}
		all = all[n:]
	}
	return o.entered
}

func (f placeFilter) bit(off uint64) int { return int(off / ppc64.WordSize & uint64(64*len(f)-1)) }

func (f placeFilter) add(off uint64) { index.Set(f).Add(f.bit(off)) }

// mayHave returns false for most offsets without an entry, and true for all
// with one.
func (f placeFilter) mayHave(off uint64) bool { return index.Set(f).Has(f.bit(off)) }

// addAliases watches for relocations that name a trampoline by its section, as
// an assembler does for a local label, or by another symbol that no definition
// elsewhere can replace.
func (o *Object) addAliases() {
	if len(o.filters()) == 0 {
		return
	}
	f := o.File
	filters := make([]placeFilter, f.NumSections())
	for sec, filter := range o.filters() {
		filters[sec] = filter
	}
	o.watched = slices.Clone(o.watched)
	for i := 1; i < f.NumSymbols(); i++ {
		sec := f.SymbolSection(i)
		if filters[sec] == nil {
			continue
		}
		if f.SymbolType(i) == elf.STT_SECTION {
			o.watched.Add(i)
			continue
		}
		off := f.SymbolValue(i)
		if !filters[sec].mayHave(off) || i >= f.FirstGlobal() && f.Symbol(i).Visibility() == elf.STV_DEFAULT {
			continue
		}
		if _, ok := o.enteredAt(addr{sec, off}); ok {
			o.watched.Add(i)
		}
	}
}

// trampAt returns the trampoline that a branch to symbol + addend enters, at
// either of its entries; -1 for none.
func (o *Object) trampAt(s elfrw.Symbol, addend int64) int {
	if i := o.tramps.Of(s.Index); i >= 0 {
		return i
	}
	if s.Section != 0 {
		if i, ok := o.enteredAt(addr{s.Section, s.Value + uint64(addend)}); ok {
			return i
		}
	}
	return -1
}

// keysByAddr returns the keys that the object defines, by place.
func (o *Object) keysByAddr() map[addr]int {
	if o.keyAddrs == nil {
		o.keyAddrs = make(map[addr]int, len(o.Keys))
		for i, k := range o.Keys {
			if s := o.File.Symbol(int(k.Sym)); k.Sym != 0 && s.Section != 0 {
				o.keyAddrs[addr{s.Section, s.Value}] = i
			}
		}
	}
	return o.keyAddrs
}

// keyOf returns the key that symbol + addend names, directly or by its trampoline.
func (o *Object) keyOf(sym int, addend int64) (int, bool) {
	s := o.File.Symbol(sym)
	if addend == 0 {
		if i := o.keys.Of(sym); i >= 0 {
			return i, true
		}
		if i := o.trampAt(s, 0); i >= 0 && o.Tramps[i].Entry == noStub {
			return int(o.Tramps[i].Key), true
		}
	}
	if s.Section == 0 {
		return 0, false
	}
	if i, ok := o.keysByAddr()[addr{s.Section, s.Value + uint64(addend)}]; ok {
		return i, true
	}
	return 0, false
}

// pointerAt returns the R_PPC64_ADDR64 on the doubleword that a relocation names, if
// that is in a section of addresses: .toc, or that of static_call.h or of the stubs.
func (o *Object) pointerAt(r reloc.Rela) (reloc.Rela, bool) {
	place, ok := o.resolve(r.Sym(), r.Addend)
	if !ok {
		return reloc.Rela{}, false
	}
	if s := o.File.Section(place.sec); !s.Named(tocName) && !s.NameHasPrefix(".data.rel.ro") {
		return reloc.Rela{}, false
	}
	if o.pointers == nil {
		o.pointers = map[int]map[uint64]reloc.Rela{}
	}
	in := o.pointers[place.sec]
	if in == nil { // read each section once
		in = map[uint64]reloc.Rela{}
		o.pointers[place.sec] = in
		t, err := o.table(place.sec)
		if err != nil {
			return reloc.Rela{}, false
		}
		for i := range t.Len() {
			in[t.Off(i)] = t.At(i)
		}
	}
	e, ok := in[place.off]
	return e, ok && e.Type() == uint32(elf.R_PPC64_ADDR64)
}
