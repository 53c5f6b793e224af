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
		reach := uint64(30 + rnd.IntN(31)) // may be before the start of an extent without an end
		x := NewExtents(all, func(int) uint64 { return reach })
		for at := range uint64(limit + 5) {
			want, found := slowAround(given, at, reach)
			got, ok := x.Around(at)
			if ok != found || ok && (got.Start != want.Start || got.End != want.End) {
				t.Fatalf("%v: around %d is %v, %v, want %v, %v", given, at, got, ok, want, found)
			}
			if from, until := x.Stretch(at); at < from || at >= until {
				t.Fatalf("%v: the stretch around %d is [%d, %d)", given, at, from, until)
			} else {
				for same := from; same < min(until, limit+5); same++ {
					if e, ok := x.Around(same); e != got || ok != found {
						t.Fatalf("%v: one stretch has %d and %d, around %d is %v, %v", given, at, same, same, e, ok)
					}
				}
			}
			var covering []Extent
			for e := range x.Covering(at) {
				covering = append(covering, e)
			}
			if !slices.Equal(covering, slowCovering(x.All(), at)) {
				t.Fatalf("%v: %d is covered by %v, want %v", given, at, covering, slowCovering(x.All(), at))
			}
			for range x.Covering(at) {
				break
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
		from, until := uint64(rnd.IntN(60)), uint64(rnd.IntN(60))
		starting := slices.DeleteFunc(slices.Clone(x.All()), func(e Extent) bool { return e.Start < from || e.Start >= until })
		if got := x.Starting(from, until); !slices.Equal(got, starting) {
			t.Fatalf("%v: %v start in [%d, %d), want %v", given, got, from, until, starting)
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

// slowCovering finds the covering extents, the last to start first.
func slowCovering(all []Extent, at uint64) (covering []Extent) {
	for _, e := range slices.Backward(all) {
		if e.Start <= at && at < e.End {
			covering = append(covering, e)
		}
	}
	return covering
}
