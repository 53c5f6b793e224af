// SPDX-License-Identifier: BSD-3-Clause

package textmap

import (
	"cmp"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// relocs are the relocations of one section, by offset. Mostly that is the
// table as it lies in the file.
type relocs struct {
	table  reloc.Table
	sorted []reloc.Rela // where the table is not sorted, or there are several
}

// newRelocs makes the sorted relocations of the tables of one section.
func newRelocs(tables []reloc.Table) relocs {
	if len(tables) == 0 {
		return relocs{}
	}
	if len(tables) == 1 && sortedTable(tables[0]) {
		return relocs{table: tables[0]}
	}
	var all []reloc.Rela
	for _, t := range tables {
		for i := range t.Len() {
			all = append(all, t.At(i))
		}
	}
	slices.SortStableFunc(all, func(a, b reloc.Rela) int { return cmp.Compare(a.Off, b.Off) })
	return relocs{sorted: all}
}

func sortedTable(t reloc.Table) bool {
	for i := 1; i < t.Len(); i++ {
		if t.Off(i) < t.Off(i-1) {
			return false
		}
	}
	return true
}

func (r *relocs) len() int {
	if r.sorted != nil {
		return len(r.sorted)
	}
	return r.table.Len()
}

func (r *relocs) at(i int) reloc.Rela {
	if r.sorted != nil {
		return r.sorted[i]
	}
	return r.table.At(i)
}

// from returns the index of the first relocation at or behind an offset.
func (r *relocs) from(off uint64) int {
	lo, hi := 0, r.len()
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if r.at(mid).Off < off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// fills reports whether a relocation changes the word at an offset. Asked for
// one offset after another, it goes on from *next.
func (r *relocs) fills(off uint64, next *int) bool {
	for ; *next < r.len(); *next++ {
		switch rel := r.at(*next); {
		case rel.Off >= off+ppc64.WordSize:
			return false
		case rel.Off >= off && rel.Fills():
			return true
		}
	}
	return false
}

// within returns the relocations in [start, end).
func (r *relocs) within(start, end uint64) []reloc.Rela {
	lo, hi := r.from(start), r.from(end)
	if hi <= lo {
		return nil
	}
	if r.sorted != nil {
		return r.sorted[lo:hi:hi]
	}
	all := make([]reloc.Rela, 0, hi-lo)
	for i := lo; i < hi; i++ {
		all = append(all, r.table.At(i))
	}
	return all
}

// A symbolSet is a set of symbol indices.
type symbolSet []uint64

func newSymbolSet(n int) symbolSet { return make(symbolSet, (n+63)/64) }

func (s symbolSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s symbolSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }
