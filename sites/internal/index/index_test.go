// SPDX-License-Identifier: BSD-3-Clause

package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRanks compares a set and its ranks with a sorted slice.
func TestRanks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + rnd.IntN(300)
		s := NewSet(n)
		var want []int
		for i := range n {
			if rnd.IntN(3) == 0 {
				s.Add(i)
				s.Add(i)
				want = append(want, i)
			}
		}
		if got := slices.Collect(s.All()); !slices.Equal(got, want) {
			t.Fatalf("All of %d: %v, want %v", n, got, want)
		}
		r := NewRanks(s)
		for i := range n {
			rank, in := slices.BinarySearch(want, i)
			if !in {
				rank = -1
			}
			if s.Has(i) != in || r.Of(i) != rank {
				t.Fatalf("%d of %v: in the set %v, number %d", i, want, s.Has(i), r.Of(i))
			}
		}
		for i := range s.All() {
			if i != want[0] {
				t.Fatalf("the first is %d, want %d", i, want[0])
			}
			break
		}
	}
	if (Ranks{}).Of(5) != -1 {
		t.Error("an empty set has 5")
	}
}
