// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// findNames makes a pass over the symbols for trampolines and keys. The string
// table tells objects without static calls.
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

// trampsByAddr maps both entries of defined trampolines and stubs (ELFv2 §2.3.2.1).
func (o *Object) trampsByAddr() map[addr]int {
	if o.byAddr == nil {
		o.byAddr = make(map[addr]int, len(o.Tramps))
		for i, t := range slices.Backward(o.Tramps) { // the first of several
			s := o.File.Symbol(int(t.Sym))
			if s.Section == 0 {
				continue
			}
			if l, err := ppc64.LocalEntryOf(s.Other); err == nil && l.UsesTOC() {
				o.byAddr[addr{s.Section, s.Value + l.Offset()}] = i
			}
			o.byAddr[addr{s.Section, s.Value}] = i
		}
	}
	return o.byAddr
}

// trampWords are the words of each section of code at which a trampoline or a stub
// is entered.
func (o *Object) trampWords() map[int]index.Set {
	if o.entered == nil {
		o.entered = map[int]index.Set{}
		for at := range o.trampsByAddr() {
			sec := o.File.Section(at.sec)
			size := len(sec.Data())
			if !sec.IsCode() || at.off >= uint64(size) {
				continue
			}
			if o.entered[at.sec] == nil {
				o.entered[at.sec] = index.NewSet(size/ppc64.WordSize + 1)
			}
			o.entered[at.sec].Add(int(at.off / ppc64.WordSize))
		}
	}
	return o.entered
}

// addAliases lets discovery see relocations that name a trampoline by its section,
// as an assembler does for a local label, or by another symbol that no definition
// elsewhere can replace.
func (o *Object) addAliases() {
	if len(o.trampWords()) == 0 {
		return
	}
	f := o.File
	words := make([]index.Set, f.NumSections())
	for sec, entered := range o.trampWords() {
		words[sec] = entered
	}
	o.watched = slices.Clone(o.watched)
	for i := 1; i < f.NumSymbols(); i++ {
		sec := f.SymbolSection(i)
		if sec >= len(words) || words[sec] == nil {
			continue
		}
		if f.SymbolType(i) == elf.STT_SECTION {
			o.watched.Add(i)
			continue
		}
		word := f.SymbolValue(i) / ppc64.WordSize
		if word < uint64(len(words[sec]))*64 && words[sec].Has(int(word)) && (i < f.FirstGlobal() || f.Symbol(i).Visibility() != elf.STV_DEFAULT) {
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
		if i, ok := o.trampsByAddr()[addr{s.Section, s.Value + uint64(addend)}]; ok {
			return i
		}
	}
	return -1
}

// keysByAddr maps the place of each key that the object defines.
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

// pointerAt returns the R_PPC64_ADDR64 of the doubleword that a relocation names, in a
// section of addresses: the compilers', or those of static_call.h and of the stubs.
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
	if in == nil { // read it once
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
