// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// findReferences proves for as many keys as possible that they never change:
// nothing but its own trampolines and the tables of sites reaches such a key.
func (o *Object) findReferences(env environment, wholeProgram bool) (*references, error) {
	r := &references{
		o: o, env: env, wholeProgram: wholeProgram, why: make([]string, len(o.Keys)), keys: map[int]*keySection{},
		tramps:  map[int][]int{},
		watched: index.NewSet(o.File.NumSymbols()), seen: index.NewSet(o.File.NumSymbols()),
	}
	for i, t := range o.Tramps {
		r.tramps[int(t.Key)] = append(r.tramps[int(t.Key)], i)
	}
	r.findKeys()
	r.findNames()
	if err := r.findRelocations(); err != nil {
		return nil, err
	}
	for _, sec := range slices.Sorted(maps.Keys(r.keys)) {
		if r.keys[sec].all.what == "" {
			if err := r.findDistances(sec); err != nil {
				return nil, err
			}
		}
	}
	r.explain()
	return r, nil
}

// findKeys finds the sections of the keys, and records those whose kind or name
// alone makes a key reachable.
func (r *references) findKeys() {
	var spots = map[int][]spot{}
	for i, k := range r.o.Keys {
		s := r.o.File.Symbol(int(k.Sym))
		if s.Section == 0 {
			r.why[i] = "it is not defined here"
			continue
		}
		spots[s.Section] = append(spots[s.Section], spot{s.Value, i})
	}
	for sec, list := range spots {
		sortSpots(list)
		k := &keySection{next: make([]int, len(list)+1)}
		for i, sp := range list {
			k.off, k.key, k.next[i] = append(k.off, sp.off), append(k.key, sp.id), i
		}
		k.next[len(list)] = len(list)
		r.keys[sec] = k
		s := r.o.File.Section(sec)
		switch name := s.NameString(); {
		case s.Has(elf.SHF_EXECINSTR):
			k.all.what = fmt.Sprintf("it is among the code of section %q, which can reach it without a relocation", name)
		case !r.env.kernelScript && isIdentifier(name):
			k.all.what = fmt.Sprintf("a linker defines __start_%s and __stop_%s around its section", name, name)
		case !r.isPlainData(name):
			k.all.what = fmt.Sprintf("its section %q is not one of those for plain data: a linker script may give it a name", name)
		}
	}
}

// isIdentifier reports whether a section name is a C identifier.
func isIdentifier(name string) bool {
	for i, c := range []byte(name) {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// plainData are the names, or the first parts of the names, of the sections
// that linker scripts gather as ordinary data.
var plainData = []string{".data", ".bss", ".rodata", ".sdata", ".sbss", ".data1", ".rodata1"}

// isPlainData reports whether a section is one of them. In the kernel, names with two
// dots are for tables and per-CPU data.
func (r *references) isPlainData(name string) bool {
	for _, p := range plainData {
		if rest, ok := strings.CutPrefix(name, p); ok && (rest == "" || rest[0] == '.') {
			return !r.env.kernelScript || !strings.HasPrefix(rest, "..")
		}
	}
	return false
}

// findNames finds the symbols in sections of keys, and the keys that can be
// reached by a name from outside.
func (r *references) findNames() {
	o := r.o
	for i := 1; i < o.File.NumSymbols(); i++ {
		sec := o.File.SymbolSection(i)
		k := r.keys[sec]
		if k == nil || sec == 0 {
			continue
		}
		r.watched.Add(i)
		s := o.File.Symbol(i)
		exported := s.Visibility() == elf.STV_DEFAULT || s.Visibility() == elf.STV_PROTECTED
		if s.Bind() == elf.STB_LOCAL || r.wholeProgram && (!r.env.preempts || !exported) {
			continue
		}
		ref := reference{what: fmt.Sprintf("other objects can reach it by the name %s", errkind.Printable(o.name(i)))}
		if lo, hi, ok := r.extent(s); ok {
			r.reach(k, lo, hi, ref)
		} else {
			r.reachAll(k, ref)
		}
	}
}

// explain gives the remaining keys of a section the reference that reaches all
// of it.
func (r *references) explain() {
	for _, k := range r.keys {
		if k.all.what == "" {
			continue
		}
		text := r.text(k.all)
		for _, key := range k.key {
			if r.why[key] == "" {
				r.why[key] = text
			}
		}
	}
}
