// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
)

// findNames makes a pass over the symbols for trampolines and keys, and pairs
// them by name. Objects without static calls are told by their string table.
func (o *Object) findNames() {
	f := o.File
	all := f.SymbolNames()
	if !bytes.Contains(all, []byte(TrampPrefix)) && !bytes.Contains(all, []byte(KeyPrefix)) {
		return
	}
	set := newSymbolSet(f.NumSymbols())
	var keys []named
	var tramps []int32 // the files of Tramps
	file := 0          // the last STT_FILE: the scope of the local symbols that follow
	for i := 1; i < f.NumSymbols(); i++ {
		switch f.SymbolType(i) {
		case elf.STT_FILE:
			file = i
			continue
		case elf.STT_SECTION:
			continue
		}
		name := all[f.SymbolNameOff(i):]
		if len(name) <= len(TrampPrefix) || string(name[:4]) != "__SC" {
			continue
		}
		scope := int32(0)
		if f.SymbolBind(i) == elf.STB_LOCAL {
			scope = int32(file + 1)
		}
		switch string(name[:len(TrampPrefix)]) {
		case KeyPrefix:
			keys = append(keys, named{int32(i), scope})
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
		set.add(i)
		tramps = append(tramps, scope)
	}
	o.tramps = newSymbolRanks(set)
	o.watched = set
	o.pair(keys, tramps)
}

// A named is a symbol, and where its name is visible: 0 everywhere, else one
// more than the STT_FILE symbol in front of it, because `ld -r` keeps the local
// symbols of each file apart and their names repeat.
type named struct{ sym, file int32 }

// pair gives the keys their numbers, and each trampoline its key.
func (o *Object) pair(keys []named, trampFiles []int32) {
	f := o.File
	o.Keys = make([]Key, 0, len(keys))
	names := keyNames{object: o, global: make(map[string]int, len(keys))}
	for _, k := range keys {
		names.define(f.SymbolName(f.Symbol(int(k.sym)))[len(KeyPrefix):], k)
	}
	for i, file := range trampFiles {
		if t := &o.Tramps[i]; t.Entry == noStub {
			t.Key = int32(names.of(f.SymbolName(f.Symbol(int(t.Sym)))[len(TrampPrefix):], int(file)))
		}
	}
}

// trampsByAddr maps the places of defined trampolines and stubs.
func (o *Object) trampsByAddr() map[addr]int {
	if o.byAddr == nil {
		o.byAddr = make(map[addr]int, len(o.Tramps))
		for i, t := range slices.Backward(o.Tramps) { // the first of several
			if s := o.File.Symbol(int(t.Sym)); s.Section != 0 {
				o.byAddr[addr{s.Section, s.Value}] = i
			}
		}
	}
	return o.byAddr
}

// A scoped is the name of a local key, and its file.
type scoped struct {
	name string
	file int
}

type keyNames struct {
	object *Object
	global map[string]int
	byFile map[scoped]int
	local  map[string]int // the local key of that name, -1 if there are several
}

// find returns the key of a name in a scope.
func (k *keyNames) find(name []byte, file int) (key int, ok bool) {
	if file == 0 {
		key, ok = k.global[string(name)]
	} else {
		key, ok = k.byFile[scoped{string(name), file}]
	}
	return key, ok
}

// add adds a key.
func (k *keyNames) add(name string, file int, key Key) int {
	n := len(k.object.Keys)
	key.Name = name
	k.object.Keys = append(k.object.Keys, key)
	if file == 0 {
		k.global[name] = n
		return n
	}
	if k.byFile == nil {
		k.byFile, k.local = map[scoped]int{}, map[string]int{}
	}
	k.byFile[scoped{name, file}] = n
	return n
}

func (k *keyNames) define(name []byte, sym named) {
	if i, ok := k.find(name, int(sym.file)); ok {
		// Twice in one scope: nobody can say which one a site means.
		k.object.Keys[i].Target.Why = KeyAmbiguous
		return
	}
	n := k.add(string(name), int(sym.file), Key{Sym: sym.sym})
	if sym.file == 0 {
		return
	}
	if _, ok := k.local[string(name)]; ok {
		n = -1
	}
	k.local[string(name)] = n
}

// of returns the key of a trampoline's name: of its own file first, then a
// global one, then the only local one. A key that the object does not have gets
// an entry all the same.
func (k *keyNames) of(name []byte, file int) int {
	for _, scope := range []int{file, 0} {
		if i, ok := k.find(name, scope); ok {
			return i
		}
	}
	i, ok := k.local[string(name)]
	if ok && i >= 0 {
		return i
	}
	missing := Key{}
	if ok {
		missing.Target.Why = KeyAmbiguous
	}
	return k.add(string(name), file, missing)
}

// addSectionSymbols lets discovery see relocations that name a local
// trampoline by its section: an assembler writes them so.
func (o *Object) addSectionSymbols() {
	secs := map[int]bool{}
	for _, t := range o.Tramps {
		if s := o.File.Symbol(int(t.Sym)); s.Section != 0 && s.Bind() == elf.STB_LOCAL {
			secs[s.Section] = true
		}
	}
	if len(secs) == 0 {
		return
	}
	o.watched = slices.Clone(o.watched)
	for i := 1; i < o.File.FirstGlobal(); i++ {
		if o.File.SymbolType(i) == elf.STT_SECTION && secs[o.File.SymbolSection(i)] {
			o.watched.add(i)
		}
	}
}

// trampAt returns the trampoline that a branch to symbol + addend enters, at
// either of its entries; -1 for none.
func (o *Object) trampAt(s elfrw.Symbol, addend int64) int {
	if s.Type() != elf.STT_SECTION {
		return o.tramps.of(s.Index)
	}
	if i, ok := o.trampsByAddr()[addr{s.Section, s.Value + uint64(addend)}]; ok {
		return i
	}
	return -1
}
