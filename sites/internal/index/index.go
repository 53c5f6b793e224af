// SPDX-License-Identifier: BSD-3-Clause

// Package index provides sets of symbol and section indices, and an index of extents,
// such as functions, by place.
package index

import (
	"iter"
	"math/bits"
)

// A Set is a set of indices below the number given to NewSet.
type Set []uint64

// NewSet returns an empty set for indices below n.
func NewSet(n int) Set { return make(Set, (n+63)/64) }

// Add adds an index.
func (s Set) Add(i int) { s[i/64] |= 1 << (i % 64) }

// Has reports whether an index is in the set.
func (s Set) Has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// All visits the indices of the set in ascending order.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(i*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// Ranks numbers the indices of a set in ascending order, from 0 on.
type Ranks struct {
	Set
	before []int32 // for each word of the set: how many indices are in the words before it
}

// NewRanks numbers the indices of s. The set must not change afterwards.
func NewRanks(s Set) Ranks {
	r := Ranks{s, make([]int32, len(s))}
	n := 0
	for i, word := range s {
		r.before[i] = int32(n)
		n += bits.OnesCount64(word)
	}
	return r
}

// Of returns the number of index i, or -1 if it is not in the set.
func (r Ranks) Of(i int) int {
	if len(r.Set) == 0 || !r.Has(i) {
		return -1
	}
	return int(r.before[i/64]) + bits.OnesCount64(r.Set[i/64]&(1<<(i%64)-1))
}
