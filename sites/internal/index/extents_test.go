// SPDX-License-Identifier: BSD-3-Clause

package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestExtents compares the index with a linear search, for random extents that
// nest, overlap, coincide and have no end.
func TestExtents(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	const limit = 60
	for range 500 {
		all := make([]Extent, rnd.IntN(12))
		for i := range all {
			start := uint64(rnd.IntN(50))
			all[i] = Extent{start, start + uint64(rnd.IntN(3)*rnd.IntN(8)), i}
		}
		given := slices.Clone(all)
		x := NewExtents(all, func(int) uint64 { return limit })
		for at := range uint64(limit + 5) {
			want, found := slowAround(given, at, limit)
			got, ok := x.Around(at)
			if ok != found || ok && (got.Start != want.Start || got.End != want.End) {
				t.Fatalf("%v: around %d is %v, %v, want %v, %v", given, at, got, ok, want, found)
			}
			begin := 0
			for _, e := range given {
				if e.Start == at {
					begin++
				}
			}
			if n := len(x.At(at)); n != begin {
				t.Fatalf("%v: %d extents start at %d, want %d", given, n, at, begin)
			}
		}
		if len(x.All()) != len(given) {
			t.Fatalf("%d extents of %d", len(x.All()), len(given))
		}
	}
}

// slowAround finds the covering extent that starts last, and of these the shortest.
func slowAround(all []Extent, at, limit uint64) (best Extent, found bool) {
	for _, e := range all {
		if e.End <= e.Start {
			e.End = limit
			for _, n := range all {
				if n.Start > e.Start {
					e.End = min(e.End, n.Start)
				}
			}
		}
		if at < e.Start || at >= e.End {
			continue
		}
		if !found || e.Start > best.Start || e.Start == best.Start && e.End < best.End {
			best, found = e, true
		}
	}
	return best, found
}
