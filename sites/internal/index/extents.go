// SPDX-License-Identifier: BSD-3-Clause

package index

import (
	"cmp"
	"iter"
	"math"
	"slices"
)

// An Extent is the range [Start, End) that something covers, such as a function.
type Extent struct {
	Start, End uint64
	ID         int
}

// Extents finds extents by the places that they cover. They may nest and overlap. A
// search takes logarithmic time, however they overlap.
type Extents struct {
	all []Extent // by start; of those with the same start, the longest first

	// If no two extents overlap, these are nil.
	outer  []int32   // the last extent before it that may cover its start, or -1
	pieces []stretch // by place
}

// A stretch begins at a place and ends where the next one begins. Its innermost extent
// is the same throughout.
type stretch struct {
	from  uint64
	inner int32 // index of the innermost extent, or -1
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
	x := Extents{all: all}
	for i := 1; i < len(all); i++ {
		if all[i].Start < all[i-1].End {
			x.divide()
			break
		}
	}
	return x
}

// divide finds the stretches, and for each extent those around it.
func (x *Extents) divide() {
	x.outer, x.pieces = make([]int32, len(x.all)), make([]stretch, 0, len(x.all)+1)
	var open []int32 // these have started; the last one has not ended
	last := func() int32 {
		if len(open) == 0 {
			return -1
		}
		return open[len(open)-1]
	}
	for i, e := range x.all {
		x.close(&open, e.Start)
		x.outer[i] = last()
		if e.End > e.Start {
			open = append(open, int32(i))
			x.begin(e.Start, int32(i))
		}
	}
	x.close(&open, math.MaxUint64)
}

// close removes the extents that end at or before a place from the end of the list.
// Where one of them ends, the extent before it continues.
func (x *Extents) close(open *[]int32, at uint64) {
	for n := len(*open); n > 0 && x.all[(*open)[n-1]].End <= at; n = len(*open) {
		end := x.all[(*open)[n-1]].End
		for n > 0 && x.all[(*open)[n-1]].End <= end {
			n--
		}
		*open = (*open)[:n]
		inner := int32(-1)
		if n > 0 {
			inner = (*open)[n-1]
		}
		x.begin(end, inner)
	}
}

// begin appends a stretch, which replaces an empty one before it.
func (x *Extents) begin(at uint64, inner int32) {
	if n := len(x.pieces); n > 0 && x.pieces[n-1].from == at {
		x.pieces = x.pieces[:n-1]
	}
	x.pieces = append(x.pieces, stretch{at, inner})
}

// find returns the index of the innermost extent that covers a place, or -1, and the
// stretch around the place, [from, until).
func (x Extents) find(at uint64) (inner int, from, until uint64) {
	if x.pieces == nil {
		i := x.after(at) - 1
		until = math.MaxUint64
		if i+1 < len(x.all) {
			until = x.all[i+1].Start
		}
		switch {
		case i < 0:
			return -1, 0, until
		case at < x.all[i].End:
			return i, x.all[i].Start, x.all[i].End
		}
		return -1, max(x.all[i].Start, x.all[i].End), until
	}
	i := firstAfter(len(x.pieces), at, func(i int) uint64 { return x.pieces[i].from })
	inner, until = -1, math.MaxUint64
	if i > 0 {
		inner, from = int(x.pieces[i-1].inner), x.pieces[i-1].from
	}
	if i < len(x.pieces) {
		until = x.pieces[i].from
	}
	return inner, from, until
}

// after returns the index of the first extent that starts after a place.
func (x Extents) after(at uint64) int {
	return firstAfter(len(x.all), at, func(i int) uint64 { return x.all[i].Start })
}

// firstAfter returns the index of the first of n places after another. The compiler
// inlines it, but not the search of package slices.
func firstAfter(n int, at uint64, place func(i int) uint64) int {
	lo, hi := 0, n
	for lo < hi {
		if mid := (lo + hi) / 2; place(mid) <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Around returns the innermost extent that covers a place: of those, the last to
// start.
func (x Extents) Around(at uint64) (Extent, bool) {
	if i, _, _ := x.find(at); i >= 0 {
		return x.all[i], true
	}
	return Extent{}, false
}

// Stretch returns a range [from, until) around a place for which Around's answer is
// the same.
func (x Extents) Stretch(at uint64) (from, until uint64) {
	_, from, until = x.find(at)
	return from, until
}

// Covering visits the extents that cover a place, the innermost first. It may also pass
// by extents that have ended, so the caller must limit how many overlap.
func (x Extents) Covering(at uint64) iter.Seq[Extent] {
	return func(yield func(Extent) bool) {
		for i, _, _ := x.find(at); i >= 0; {
			if at < x.all[i].End && !yield(x.all[i]) || x.outer == nil {
				return
			}
			i = int(x.outer[i])
		}
	}
}

// Starting returns the extents that start in [from, until).
func (x Extents) Starting(from, until uint64) []Extent {
	search := func(at uint64) int {
		i, _ := slices.BinarySearchFunc(x.all, at, func(e Extent, at uint64) int { return cmp.Compare(e.Start, at) })
		return i
	}
	i := search(from)
	return x.all[i:max(i, search(until))]
}

// At returns the extents that start at a place.
func (x Extents) At(at uint64) []Extent {
	end := x.after(at)
	start := end
	for start > 0 && x.all[start-1].Start == at {
		start--
	}
	return x.all[start:end]
}

// All returns all extents, by start.
func (x Extents) All() []Extent { return x.all }
