// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// A funcIndex finds functions by place: by section, and only in requested sections.
type funcIndex map[int]index.Extents

// add indexes the functions of the sections that it does not have, with two passes over
// the symbols: the first counts.
func (x funcIndex) add(f *elfrw.File, secs []int) {
	secs = slices.DeleteFunc(secs, func(sec int) bool { _, ok := x[sec]; return ok })
	if len(secs) == 0 {
		return
	}
	number := make([]int32, f.NumSections()) // of a section in secs, from 1 on
	for i, sec := range secs {
		number[sec] = int32(i + 1)
	}
	functions := func(visit func(list, sym int)) {
		for i := 1; i < f.NumSymbols(); i++ {
			if t := f.SymbolType(i); t != elf.STT_FUNC && t != elf.STT_GNU_IFUNC {
				continue
			}
			if n := number[f.SymbolSection(i)]; n != 0 {
				visit(int(n-1), i)
			}
		}
	}
	counts := make([]int, len(secs))
	functions(func(list, _ int) { counts[list]++ })
	lists := make([][]index.Extent, len(secs))
	for i, n := range counts {
		lists[i] = make([]index.Extent, 0, n)
	}
	functions(func(list, i int) {
		start := f.SymbolValue(i)
		lists[list] = append(lists[list], index.Extent{Start: start, End: start + f.SymbolSize(i), ID: i})
	})
	for i, sec := range secs {
		if number[sec] == int32(i+1) { // its last place in secs
			x[sec] = index.NewExtents(lists[i], func(int) uint64 { return f.Section(sec).Size })
		}
	}
}

// find returns the innermost function around a place, 0 if there is none.
func (x funcIndex) find(sec int, off uint64) int {
	fn, _ := x[sec].Around(off)
	return fn.ID
}
