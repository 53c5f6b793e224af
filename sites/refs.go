// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
)

// references says for each key why it may change at run time; empty for a key
// that provably never does. The proof goes by the list of "What may change a
// key" in docs/proof.md.
type references struct {
	o       *Object
	opts    Options
	why     []string
	keys    map[int]*keySection // sections of defined keys
	watched symbolSet           // symbols of these sections
	seen    symbolSet           // of them, those whose whole extent was counted
	tramps  map[int][]int       // by key: its trampolines
	places  map[int][]uint64    // see labels
}

// A keySection is a section with keys. Whatever reaches their first doubleword
// may change them.
type keySection struct {
	off  []uint64  // of the keys, in order
	key  []int     // which they are
	next []int     // by number: the next one at or behind it that nothing reaches yet
	all  reference // what reaches any place of the section, if anything does
}

// A reference is what may let code change a key.
type reference struct {
	sec  int // of a relocation, 0 without one
	rel  reloc.Rela
	what string
}

// findReferences proves that keys never change: nothing but a key's own
// trampoline and the tables of sites reaches it.
func (o *Object) findReferences(opts Options) (*references, error) {
	r := &references{
		o: o, opts: opts, why: make([]string, len(o.Keys)), keys: map[int]*keySection{},
		tramps:  map[int][]int{},
		watched: newSymbolSet(o.File.NumSymbols()), seen: newSymbolSet(o.File.NumSymbols()),
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

// findKeys finds the sections of the keys, and those in which a key is in
// reach by itself.
func (r *references) findKeys() {
	var spots = map[int][]spot{}
	for i, k := range r.o.Keys {
		s := r.o.File.Symbol(int(k.Sym))
		if k.Sym == 0 || s.Section == 0 {
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
		case r.opts.Place == User && isIdentifier(name):
			k.all.what = fmt.Sprintf("a linker defines __start_%s and __stop_%s around its section", name, name)
		case !r.isPlainData(name):
			k.all.what = fmt.Sprintf("its section %q is none of those for plain data: a linker script may give it a name", name)
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

// plainData are the sections that linker scripts gather as data of no kind of
// its own, by their names or the begin of these.
var plainData = []string{".data", ".bss", ".rodata", ".sdata", ".sbss", ".data1", ".rodata1"}

// isPlainData reports whether a section is one of them. In the kernel names
// with two dots are those of tables, and of what each processor has for itself.
func (r *references) isPlainData(name string) bool {
	for _, p := range plainData {
		if rest, ok := strings.CutPrefix(name, p); ok && (rest == "" || rest[0] == '.') {
			return r.opts.Place == User || !strings.HasPrefix(rest, "..")
		}
	}
	return false
}

// findNames notes the symbols through which a key can be reached, and those
// keys that can be reached by a name from outside.
func (r *references) findNames() {
	o := r.o
	for i := 1; i < o.File.NumSymbols(); i++ {
		sec := o.File.SymbolSection(i)
		k := r.keys[sec]
		if k == nil || sec == 0 {
			continue
		}
		r.watched.add(i)
		s := o.File.Symbol(i)
		if s.Bind() == elf.STB_LOCAL || r.opts.WholeProgram && (r.opts.Place != User || s.Visibility() != elf.STV_DEFAULT) {
			continue
		}
		ref := reference{what: fmt.Sprintf("other objects can reach it by the name %s", printable(o.name(i)))}
		if lo, hi, ok := r.extent(s); ok {
			r.reach(k, lo, hi, ref)
		} else {
			r.reachAll(k, ref)
		}
	}
}

// extent is what a symbol's name gives a right to: what it covers. Nobody knows
// what a symbol without a size covers, unless it is a key.
func (r *references) extent(s elfrw.Symbol) (lo, hi uint64, ok bool) {
	size := s.Size
	if size < keySize {
		if r.o.keys.of(s.Index) >= 0 {
			size = keySize
		}
	}
	return s.Value, s.Value + size, size > 0
}

// reach counts what reaches the bytes from lo to hi.
func (r *references) reach(k *keySection, lo, hi uint64, ref reference) {
	i, _ := slices.BinarySearch(k.off, max(lo, keySize-1)-(keySize-1))
	for i = k.follow(i); i < len(k.off) && k.off[i] < hi; i = k.follow(i) {
		if k.off[i]+keySize > lo {
			r.why[k.key[i]] = r.text(ref)
			k.next[i] = i + 1
		}
		i++
	}
}

// follow returns the first key at or behind number i that nothing reaches yet.
func (k *keySection) follow(i int) int {
	end := i
	for k.next[end] != end {
		end = k.next[end]
	}
	for k.next[i] != i {
		i, k.next[i] = k.next[i], end
	}
	return end
}

// reachAll counts what reaches any place of the section.
func (r *references) reachAll(k *keySection, ref reference) {
	if k.all.what == "" {
		k.all = ref
	}
}

// text puts a reference into words.
func (r *references) text(ref reference) string {
	if ref.sec == 0 {
		return ref.what
	}
	return r.o.at(ref.sec, ref.rel.Off, int64(ref.rel.Type()), "%s", ref.what).Error()
}

// explain says of the keys of a section what reaches all of it.
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
