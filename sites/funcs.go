// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"math/bits"
	"slices"
	"sort"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// A funcIndex finds functions by place. Only the sections that were asked for
// are indexed.
type funcIndex struct {
	secs map[int]*functions
}

// functions are the function symbols of a section. A kernel has tens of thousands:
// they are kept, and sorted, as numbers.
type functions struct {
	file   *elfrw.File
	size   uint64   // of the section
	width  int      // bits of a symbol index
	fns    []uint64 // start<<width + symbol index, by start; of those that start together the longest first
	maxEnd []uint64 // the largest end up to here, so that a search can stop
	next   int      // see find
}

// index adds the functions of the sections with one pass over the symbols.
func (x *funcIndex) index(f *elfrw.File, secs []int) {
	if x.secs == nil {
		x.secs = map[int]*functions{}
	}
	width := bits.Len(uint(f.NumSymbols()))
	fresh := map[int]*functions{}
	for _, s := range secs {
		if x.secs[s] == nil {
			x.secs[s] = &functions{file: f, size: f.Section(s).Size, width: width}
			fresh[s] = x.secs[s]
		}
	}
	if len(fresh) == 0 {
		return
	}
	var last *functions // of the section of the last symbol
	section := -1
	for i := 1; i < f.NumSymbols(); i++ {
		if t := f.SymbolType(i); t != elf.STT_FUNC && t != elf.STT_GNU_IFUNC {
			continue
		}
		if sec := f.SymbolSection(i); sec != section {
			section, last = sec, fresh[sec]
		}
		// No section is as large as what does not fit into a number.
		if v := f.SymbolValue(i); last != nil && v>>(64-width) == 0 {
			last.fns = append(last.fns, v<<width|uint64(i))
		}
	}
	for _, x := range fresh {
		x.sort()
	}
}

func (x *functions) sort() {
	slices.Sort(x.fns)
	for lo, hi := 0, 0; lo < len(x.fns); lo = hi {
		for hi = lo + 1; hi < len(x.fns) && x.start(hi) == x.start(lo); hi++ {
		}
		if hi > lo+1 {
			slices.SortStableFunc(x.fns[lo:hi], func(a, b uint64) int {
				return cmp.Compare(x.file.SymbolSize(x.symbol(b)), x.file.SymbolSize(x.symbol(a)))
			})
		}
	}
	x.maxEnd = make([]uint64, len(x.fns))
	last := uint64(0)
	for i := range x.fns {
		last = max(last, x.end(i))
		x.maxEnd[i] = last
	}
}

func (x *functions) start(i int) uint64       { return x.fns[i] >> x.width }
func (x *functions) symbol(number uint64) int { return int(number & (1<<x.width - 1)) }

// end is where the i-th function ends; without a size at the next one.
func (x *functions) end(i int) uint64 {
	switch size := x.file.SymbolSize(x.symbol(x.fns[i])); {
	case size != 0:
		return x.start(i) + size
	case i+1 < len(x.fns) && x.start(i+1) > x.start(i):
		return x.start(i + 1)
	}
	return x.size
}

// in returns the functions of a section that is indexed.
func (x *funcIndex) in(sec int) *functions {
	if fns := x.secs[sec]; fns != nil {
		return fns
	}
	return &functions{}
}

// find returns the innermost function around a place, 0 if there is none. It is
// the fastest in order of place.
func (x *functions) find(off uint64) int {
	isNext := func(i int) bool {
		return (i == 0 || x.start(i-1) <= off) && (i == len(x.fns) || x.start(i) > off)
	}
	switch {
	case isNext(x.next):
	case x.next < len(x.fns) && isNext(x.next+1):
		x.next++
	default:
		x.next = sort.Search(len(x.fns), func(i int) bool { return x.start(i) > off })
	}
	for i := x.next - 1; i >= 0 && x.maxEnd[i] > off; i-- {
		if off < x.end(i) {
			return x.symbol(x.fns[i])
		}
	}
	return 0
}

// startingAt returns the function symbols at a place, the local ones first.
func (x *functions) startingAt(off uint64) (syms []int) {
	i := sort.Search(len(x.fns), func(i int) bool { return x.start(i) >= off })
	for _, local := range []bool{true, false} {
		for j := i; j < len(x.fns) && x.start(j) == off; j++ {
			if sym := x.symbol(x.fns[j]); local == (x.file.SymbolBind(sym) == elf.STB_LOCAL) {
				syms = append(syms, sym)
			}
		}
	}
	return syms
}

// callerUsesTOC reports whether the function around a site holds its unit's
// TOC pointer in r2: whether it was entered at, or fell through to, a local
// entry that wants it (ELFv2 §2.3.2.1). known is false where that cannot be seen.
//
// The cold part of a function has a symbol but no entry of its own; what holds
// is what its function's symbol says.
func (o *Object) callerUsesTOC(sym int) (uses, known bool) {
	if sym == 0 {
		return false, false
	}
	if parent, ok := layout.ColdParent(o.name(sym)); ok {
		return o.namedUsesTOC(parent)
	}
	l, err := ppc64.LocalEntryOf(o.File.Symbol(sym).Other)
	return l.UsesTOC(), err == nil
}

// namedUsesTOC is the answer of all functions of that name, if they agree.
func (o *Object) namedUsesTOC(name string) (uses, known bool) {
	if o.coldCache == nil {
		o.coldCache = map[string][2]bool{}
	}
	if r, ok := o.coldCache[name]; ok {
		return r[0], r[1]
	}
	agree := true
	for i := 1; i < o.File.NumSymbols(); i++ {
		s := o.File.Symbol(i)
		if s.Section == 0 || s.Type() != elf.STT_FUNC || string(o.File.SymbolName(s)) != name {
			continue
		}
		l, err := ppc64.LocalEntryOf(s.Other)
		if err != nil || known && l.UsesTOC() != uses {
			agree = false
		}
		uses, known = l.UsesTOC(), true
	}
	known = known && agree
	o.coldCache[name] = [2]bool{uses, known}
	return uses, known
}
