// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"maps"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// A trampoline and its key have one scope. Where the object has the code of a
// trampoline, a relocation there says which key it loads. That counts more than
// any name: ld -r joins files whose local symbols have the same names, objcopy
// makes symbols local or global, and no STT_FILE needs to be there. A
// trampoline whose code names no key has the key of its name if both are
// global; a local one has none.

// pair gives each trampoline its key. A key that the object does not have gets
// an entry all the same.
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
		name := string(o.File.SymbolName(s)[len(TrampPrefix):])
		key, named := global[name]
		why := NoReason
		switch load, ok := loads[i]; {
		case !ok && s.Bind() != elf.STB_LOCAL:
			if named && key < 0 {
				why = KeyAmbiguous
			}
		case !ok:
			if named = false; local[name] {
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
			o.Keys = append(o.Keys, Key{Name: name, Target: Target{Why: why}})
			if s.Bind() != elf.STB_LOCAL && why == NoReason {
				global[name] = key
			}
		}
		t.Key = int32(key)
	}
	return nil
}

// loadCounts reports whether the one key that the code of a trampoline loads is
// its key, though it is not the global one of its name. The code has to be what
// runs; and under another name it has to be a trampoline, and nothing else.
func (o *Object) loadCounts(tramp int, s elfrw.Symbol, name string, key int) bool {
	if key < 0 || s.Bind() == elf.STB_WEAK || o.inComdat(s.Section) {
		return false
	}
	return o.Keys[key].Name == name || o.readTramp(tramp).known
}

// findLoads finds for each trampoline the key that its code names, -1 if there
// are several.
func (o *Object) findLoads() (map[int]int, error) {
	bySection := map[int][]spot{}
	for i, t := range o.Tramps {
		if s := o.File.Symbol(int(t.Sym)); t.Entry == noStub && s.Section != 0 && isCode(o.File.Section(s.Section)) {
			bySection[s.Section] = append(bySection[s.Section], spot{s.Value, i})
		}
	}
	loads := map[int]int{}
	for _, sec := range slices.Sorted(maps.Keys(bySection)) {
		rela, err := o.placed(sec)
		if err != nil {
			return nil, err
		}
		spots, next := bySection[sec], 0
		sortSpots(spots)
		for _, sp := range spots {
			end := o.trampEnd(o.File.Symbol(int(o.Tramps[sp.id].Sym)))
			for k := rela.search(sp.off, next); k < rela.Len() && rela.place(k) < end; k++ {
				key, ok := o.keyNamed(rela.At(rela.entry(k)))
				if !ok {
					continue
				}
				if old, some := loads[sp.id]; some && old != key {
					key = -1
				}
				loads[sp.id] = key
			}
			next = rela.search(sp.off, next)
		}
	}
	return loads, nil
}

// keyNamed returns the key whose place a relocation names, by itself or
// through a doubleword of .toc.
func (o *Object) keyNamed(r reloc.Rela) (int, bool) {
	if e, ok := o.tocEntry(r); ok {
		r = e
	}
	sym := int(r.Sym())
	if sym >= o.File.NumSymbols() || r.Type() == uint32(elf.R_PPC64_NONE) {
		return 0, false
	}
	if key, ok := o.keysBySymbol()[sym]; ok {
		return key, r.Addend == 0
	}
	s := o.File.Symbol(sym)
	key, ok := o.keysByAddr()[addr{s.Section, s.Value + uint64(r.Addend)}]
	return key, ok && s.Section != 0
}

// trampEnd is where a trampoline ends, as far as it is read: without a size
// behind its first bctr.
func (o *Object) trampEnd(s elfrw.Symbol) uint64 {
	code := o.File.Section(s.Section).Data()
	if s.Size != 0 {
		return s.Value + min(s.Size, 4*ppc64.WordSize*maxTrampWords)
	}
	end := s.Value
	for range maxTrampWords {
		w, err := ppc64.Load(code, end)
		if err != nil {
			break
		}
		end += ppc64.WordSize
		if w == bctr {
			break
		}
	}
	return end
}
