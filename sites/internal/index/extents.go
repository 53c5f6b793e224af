// SPDX-License-Identifier: BSD-3-Clause

package index

import (
	"cmp"
	"slices"
)

// An Extent is the range [Start, End) that something covers, such as a function.
type Extent struct {
	Start, End uint64
	ID         int
}

// Extents finds extents by the places that they cover. They may nest and overlap.
type Extents struct {
	all   []Extent // by start; of those with the same start, the longest first
	outer []int32  // the last extent before it that ends after its start, or -1
}

// NewExtents indexes extents and takes over the slice. An extent without an end
// reaches up to the next one, but not beyond the limit of its ID.
func NewExtents(all []Extent, limit func(id int) uint64) Extents {
	slices.SortFunc(all, func(a, b Extent) int { return cmp.Compare(a.Start, b.Start) })
	next := uint64(0) // the start of the extents after those that start here
	for i := len(all) - 1; i >= 0; i-- {
		e := &all[i]
		more := i+1 < len(all)
		if more && all[i+1].Start > e.Start {
			next = all[i+1].Start
		}
		if e.End <= e.Start {
			e.End = limit(e.ID)
			if next > e.Start {
				e.End = min(e.End, next)
			}
		}
	}
	slices.SortFunc(all, func(a, b Extent) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(a.ID, b.ID))
	})
	x := Extents{all, make([]int32, len(all))}
	var open []int32
	for i, e := range all {
		for len(open) > 0 && all[open[len(open)-1]].End <= e.Start {
			open = open[:len(open)-1]
		}
		x.outer[i] = -1
		if len(open) > 0 {
			x.outer[i] = open[len(open)-1]
		}
		open = append(open, int32(i))
	}
	return x
}

// Around returns the innermost extent that covers a place: of those, the last to
// start.
func (x Extents) Around(at uint64) (Extent, bool) {
	i, _ := slices.BinarySearchFunc(x.all, at, func(e Extent, at uint64) int {
		if e.Start <= at {
			return -1
		}
		return 1
	})
	for i--; i >= 0; i = int(x.outer[i]) {
		if e := x.all[i]; at < e.End {
			return e, true
		}
	}
	return Extent{}, false
}

// At returns the extents that start at a place.
func (x Extents) At(at uint64) []Extent {
	i, _ := slices.BinarySearchFunc(x.all, at, func(e Extent, at uint64) int { return cmp.Compare(e.Start, at) })
	n := i
	for n < len(x.all) && x.all[n].Start == at {
		n++
	}
	return x.all[i:n]
}

// All returns all extents, by start.
func (x Extents) All() []Extent { return x.all }
