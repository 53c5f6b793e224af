// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
)

// A trampoline and its key have the same scope. If the object has the code of a
// trampoline, a relocation there says which key it loads. That counts for more than
// any name: ld -r joins files whose local symbols have the same names, objcopy makes
// symbols local or global, and STT_FILE may be missing. A trampoline whose code names
// no key has the key with its name if both are global; a local one has none.

// pair gives each trampoline its key. A key that the object lacks gets an entry
// as well.
func (o *Object) pair() error {
	loads, err := o.findLoads()
	if err != nil {
		return err
	}
	global := make(map[string]int, len(o.Keys)) // -1: two have the name
	local := map[string]bool{}
	for i, k := range o.Keys {
		if o.File.SymbolBind(int(k.Sym)) == elf.STB_LOCAL {
			local[k.Name] = true
		} else if _, twice := global[k.Name]; twice {
			global[k.Name] = -1
		} else {
			global[k.Name] = i
		}
	}
	for i := range o.Tramps {
		t := &o.Tramps[i]
		if t.Entry != noStub {
			continue // see findStubKeys
		}
		s := o.File.Symbol(int(t.Sym))
		name := o.File.SymbolName(s)[len(TrampPrefix):]
		key, named := global[string(name)]
		why := NoReason
		switch load := int(loads[i]); {
		case load == noKey && s.Bind() != elf.STB_LOCAL:
			if named && key < 0 {
				why = KeyAmbiguous
			}
		case load == noKey:
			if named = false; local[string(name)] {
				why = KeyAmbiguous
			}
		case load == key && named:
		case o.loadCounts(i, s, name, load):
			key, named = load, true
		default:
			named, why = false, KeyAmbiguous
		}
		if why != NoReason || !named {
			key = len(o.Keys)
			o.Keys = append(o.Keys, Key{Name: string(name), Target: Target{Why: why}})
			if s.Bind() != elf.STB_LOCAL && why == NoReason {
				global[o.Keys[key].Name] = key
			}
		}
		t.Key = int32(key)
	}
	return nil
}

// loadCounts reports whether the only key that a trampoline's code loads is its key,
// although it is not the global one with its name. No other definition may replace
// the code. If the names differ, the code must also do only what a trampoline does.
func (o *Object) loadCounts(tramp int, s elfrw.Symbol, name []byte, key int) bool {
	if key < 0 || o.givesWay(s) {
		return false
	}
	return o.Keys[key].Name == string(name) || o.readTramp(tramp).known
}

// What findLoads returns instead of a key.
const (
	severalKeys = -1
	noKey       = -2
)

// findLoads finds for each trampoline the key that its code names.
func (o *Object) findLoads() ([]int32, error) {
	loads, defined := make([]int32, len(o.Tramps)), make([]int32, 0, len(o.Tramps))
	for i, t := range o.Tramps {
		loads[i] = noKey
		if s := o.File.Symbol(int(t.Sym)); t.Entry == noStub && s.Section != 0 && o.File.Section(s.Section).IsCode() {
			defined = append(defined, int32(i))
		}
	}
	symbol := func(tramp int32) elfrw.Symbol { return o.File.Symbol(int(o.Tramps[tramp].Sym)) }
	slices.SortStableFunc(defined, func(a, b int32) int {
		x, y := symbol(a), symbol(b)
		return cmp.Or(cmp.Compare(x.Section, y.Section), cmp.Compare(x.Value, y.Value))
	})
	var rela reloc.Sorted
	sec, next := 0, 0
	for _, tramp := range defined {
		s := symbol(tramp)
		if s.Section != sec {
			var err error
			if rela, err = o.sorted(s.Section); err != nil {
				return nil, err
			}
			sec, next = s.Section, 0
		}
		next = rela.Search(s.Value, next)
		for k := next; k < rela.Len() && rela.NthOff(k) < o.trampEnd(s); k++ {
			key, ok := o.keyNamed(rela.Nth(k))
			if !ok {
				continue
			}
			if old := loads[tramp]; old != noKey && int(old) != key {
				key = severalKeys
			}
			loads[tramp] = int32(key)
		}
	}
	return loads, nil
}

// keyNamed returns the key that a relocation names, directly or through a
// pointer in memory.
func (o *Object) keyNamed(r reloc.Rela) (int, bool) {
	if e, ok := o.pointerAt(r); ok {
		r = e
	}
	sym := int(r.Sym())
	if r.Type() == uint32(elf.R_PPC64_NONE) {
		return 0, false
	}
	if key := o.keys.Of(sym); key >= 0 {
		return key, r.Addend == 0
	}
	place, ok := o.resolve(r.Sym(), r.Addend)
	if !ok {
		return 0, false
	}
	key, ok := o.keysByAddr()[place]
	return key, ok
}
