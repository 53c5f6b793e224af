// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"math/bits"
	"slices"
	"sort"

	"github.com/scpatch/scpatch/elfrw"
)

// A funcIndex finds functions by place. Only requested sections are indexed. An object
// may have very many sections with one function each, or one section with very many
// functions, so the functions are numbers in one array, section by section.
type funcIndex struct {
	file  *elfrw.File
	width int      // bits of a symbol index
	slots []int32  // by section: its number among those that are indexed plus one
	first []int32  // by that number: its first function
	fns   []uint64 // see functions
	ends  []uint64 // their maxEnd
}

// functions are the function symbols of one section.
type functions struct {
	file   *elfrw.File
	size   uint64   // of the section
	width  int      // see funcIndex
	fns    []uint64 // start<<width + symbol index, sorted by start; of those with the same start, the longest first
	maxEnd []uint64 // the largest end up to here, so that a search can stop
	next   int      // see find
}

// index adds the functions of the sections, with two passes over the symbols.
func (x *funcIndex) index(f *elfrw.File, secs []int) {
	if x.slots == nil {
		x.file, x.width = f, bits.Len(uint(f.NumSymbols()))
		x.slots = make([]int32, f.NumSections())
		x.first = []int32{0}
	}
	indexed := len(x.first)
	for _, s := range secs {
		if x.slots[s] == 0 {
			x.slots[s] = int32(len(x.first))
			x.first = append(x.first, 0)
		}
	}
	if len(x.first) == indexed {
		return
	}
	// Count the functions of each section, and assign its range of the array.
	clear(x.first)
	x.each(func(slot int32, _ uint64) { x.first[slot]++ })
	n := int32(0)
	for i, k := range x.first {
		x.first[i], n = n, n+k
	}
	x.fns, x.ends = make([]uint64, n), make([]uint64, n)
	fill := slices.Clone(x.first)
	x.each(func(slot int32, fn uint64) {
		x.fns[fill[slot]] = fn
		fill[slot]++
	})
	for sec, slot := range x.slots {
		if slot != 0 {
			fns := x.in(sec)
			fns.sort()
		}
	}
}

// each visits the functions of the indexed sections, in the order of the symbols.
func (x *funcIndex) each(visit func(slot int32, fn uint64)) {
	f := x.file
	for i := 1; i < f.NumSymbols(); i++ {
		if t := f.SymbolType(i); t != elf.STT_FUNC && t != elf.STT_GNU_IFUNC {
			continue
		}
		slot := x.slots[f.SymbolSection(i)]
		// Real sections are small enough for both to fit.
		if v := f.SymbolValue(i); slot != 0 && v>>(64-x.width) == 0 {
			visit(slot, v<<x.width|uint64(i))
		}
	}
}

// in returns the functions of a section, none if it is not indexed.
func (x *funcIndex) in(sec int) functions {
	if x.slots == nil || x.slots[sec] == 0 {
		return functions{}
	}
	slot := x.slots[sec]
	lo, hi := x.first[slot], int32(len(x.fns))
	if int(slot)+1 < len(x.first) {
		hi = x.first[slot+1]
	}
	return functions{file: x.file, size: x.file.Section(sec).Size, width: x.width, fns: x.fns[lo:hi], maxEnd: x.ends[lo:hi]}
}

func (x *functions) sort() {
	slices.Sort(x.fns)
	for lo := 0; lo < len(x.fns); {
		hi := lo + 1
		for hi < len(x.fns) && x.start(hi) == x.start(lo) {
			hi++
		}
		if hi > lo+1 {
			slices.SortStableFunc(x.fns[lo:hi], func(a, b uint64) int {
				return cmp.Compare(x.file.SymbolSize(x.symbol(b)), x.file.SymbolSize(x.symbol(a)))
			})
		}
		lo = hi
	}
	last := uint64(0)
	for i := range x.fns {
		last = max(last, x.end(i))
		x.maxEnd[i] = last
	}
}

func (x *functions) start(i int) uint64 { return x.fns[i] >> x.width }

func (x *functions) symbol(number uint64) int { return int(number & (1<<x.width - 1)) }

// end is where the i-th function ends: if it has no size, at the next one.
func (x *functions) end(i int) uint64 {
	switch size := x.file.SymbolSize(x.symbol(x.fns[i])); {
	case size != 0:
		return x.start(i) + size
	case i+1 < len(x.fns) && x.start(i+1) > x.start(i):
		return x.start(i + 1)
	}
	return x.size
}

// find returns the innermost function around a place, 0 if there is none.
func (x *funcIndex) find(sec int, off uint64) int {
	fns := x.in(sec)
	return fns.find(off)
}

// find returns the innermost function around a place, 0 if there is none. It is
// fastest if places come in order.
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
