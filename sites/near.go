// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/scpatch/scpatch/reloc"
)

// A spot is a place of interest in a section and what it belongs to.
type spot struct {
	off uint64 // bytes from the start of the section
	id  int
}

func sortSpots(spots []spot) {
	slices.SortFunc(spots, func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.id, b.id))
	})
}

// placed are the relocations of a section in order of place. Nearly every table
// is in that order by itself.
type placed struct {
	reloc.Table
	order []int32 // the entries by place, nil for an ordered table
}

func isOrdered(t reloc.Table) bool {
	for last := uint64(0); len(t) >= reloc.RelaSize; t = t[reloc.RelaSize:] {
		off := binary.LittleEndian.Uint64(t)
		if off < last {
			return false
		}
		last = off
	}
	return true
}

func byPlace(t reloc.Table) []int32 {
	order := make([]int32, t.Len())
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(t.Off(int(a)), t.Off(int(b))) })
	return order
}

// entry is the number, in the table, of the k-th relocation by place.
func (p *placed) entry(k int) int {
	if p.order != nil {
		return int(p.order[k])
	}
	return k
}

// place is the offset of the k-th relocation by place.
func (p *placed) place(k int) uint64 { return p.Off(p.entry(k)) }

// search returns the number, by place, of the first relocation at or behind an
// offset. It looks around a guess first: who asks in order of place and guesses
// that it is the one after the last is answered in a few steps.
func (p *placed) search(off uint64, guess int) int {
	n := p.Len()
	before := func(k int) bool { return p.place(k) < off }
	hi, step := min(max(guess, 0), n), 1
	var lo int // in the end lo is before off, if there is such a one, and hi is not
	if hi < n && before(hi) {
		lo = hi
		for ; lo+step < n && before(lo+step); step *= 2 {
			lo += step
		}
		hi = min(lo+step, n)
	} else {
		for ; hi-step >= 0 && !before(hi-step); step *= 2 {
			hi -= step
		}
		lo = max(hi-step, -1)
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; before(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}
