// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
)

// findNames makes a pass over the symbols for trampolines and keys, and pairs
// them by name. Objects without static calls are told by their string table.
func (o *Object) findNames() {
	f := o.File
	names := f.SymbolNames()
	if !bytes.Contains(names, []byte(TrampPrefix)) && !bytes.Contains(names, []byte(KeyPrefix)) {
		return
	}
	o.tramps = newSymbolSet(f.NumSymbols())
	keys := keyNames{object: o, byName: map[scoped]int{}, local: map[string]int{}}
	var tramps []scoped
	file := 0 // the last STT_FILE: the scope of the local symbols that follow
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		switch s.Type() {
		case elf.STT_FILE:
			file = i
			continue
		case elf.STT_SECTION:
			continue
		}
		name := names[s.NameOff:]
		if len(name) <= len(TrampPrefix) || name[0] != '_' || name[1] != '_' || name[2] != 'S' || name[3] != 'C' {
			continue
		}
		scope := 0
		if s.Bind() == elf.STB_LOCAL {
			scope = file + 1
		}
		switch {
		case bytes.HasPrefix(name, []byte(KeyPrefix)):
			keys.define(scoped{string(f.SymbolName(s)[len(KeyPrefix):]), scope}, i)
		case bytes.HasPrefix(name, []byte(TrampPrefix)):
			o.tramps.add(i)
			o.Tramps = append(o.Tramps, Tramp{Sym: i})
			tramps = append(tramps, scoped{string(f.SymbolName(s)[len(TrampPrefix):]), scope})
		default:
			if e := stubOf(s, f.SymbolName(s)); e != noStub {
				o.tramps.add(i)
				o.Tramps = append(o.Tramps, Tramp{Sym: i, Entry: e})
				tramps = append(tramps, scoped{})
			}
		}
	}
	for i, name := range tramps {
		if o.Tramps[i].Entry == noStub {
			o.Tramps[i].Key = keys.of(name)
		}
		s := f.Symbol(o.Tramps[i].Sym)
		if s.Section != 0 {
			if _, taken := o.byAddr[addr{s.Section, s.Value}]; !taken {
				o.byAddr[addr{s.Section, s.Value}] = i
			}
		}
	}
}

// A scoped is a name and where it is visible: 0 everywhere, else one more than
// the STT_FILE symbol in front of it, because `ld -r` keeps the local symbols
// of each file apart and their names repeat.
type scoped struct {
	name string
	file int
}

type keyNames struct {
	object *Object
	byName map[scoped]int
	local  map[string]int // the local key of that name, -1 if there are several
}

func (k *keyNames) define(name scoped, sym int) {
	if i, ok := k.byName[name]; ok {
		// Twice in one scope: nobody can say which one a site means.
		k.object.Keys[i].Target.Why = KeyAmbiguous
		return
	}
	n := len(k.object.Keys)
	k.byName[name] = n
	if name.file != 0 {
		if _, ok := k.local[name.name]; ok {
			k.local[name.name] = -1
		} else {
			k.local[name.name] = n
		}
	}
	k.object.Keys = append(k.object.Keys, Key{Name: name.name, Sym: sym})
}

// of returns the key of a trampoline's name: of its own file first, then a
// global one, then the only local one. A key that the object does not have gets
// an entry all the same.
func (k *keyNames) of(name scoped) int {
	for _, n := range []scoped{name, {name.name, 0}} {
		if i, ok := k.byName[n]; ok {
			return i
		}
	}
	i, ok := k.local[name.name]
	if ok && i >= 0 {
		return i
	}
	i = len(k.object.Keys)
	missing := Key{Name: name.name}
	if ok {
		missing.Target.Why = KeyAmbiguous
	}
	k.object.Keys = append(k.object.Keys, missing)
	k.byName[name] = i
	return i
}

// addSectionSymbols lets discovery see relocations that name a local
// trampoline by its section: an assembler writes them so.
func (o *Object) addSectionSymbols() {
	secs := map[int]bool{}
	for _, t := range o.Tramps {
		if s := o.File.Symbol(t.Sym); s.Section != 0 && s.Bind() == elf.STB_LOCAL {
			secs[s.Section] = true
		}
	}
	if len(secs) == 0 {
		return
	}
	for i := 1; i < o.File.FirstGlobal(); i++ {
		if s := o.File.Symbol(i); s.Type() == elf.STT_SECTION && secs[s.Section] {
			o.tramps.add(i)
		}
	}
}

// trampAt returns the trampoline that a branch to symbol + addend enters, at
// either of its entries; -1 for none.
func (o *Object) trampAt(s elfrw.Symbol, addend int64) int {
	if s.Type() != elf.STT_SECTION {
		for lo, hi := 0, len(o.Tramps); lo < hi; {
			mid := (lo + hi) / 2
			switch t := o.Tramps[mid].Sym; {
			case t == s.Index:
				return mid
			case t < s.Index:
				lo = mid + 1
			default:
				hi = mid
			}
		}
		return -1
	}
	if i, ok := o.byAddr[addr{s.Section, s.Value + uint64(addend)}]; ok {
		return i
	}
	return -1
}
