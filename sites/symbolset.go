// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"iter"
	"math/bits"
)

// A symbolSet is a set of symbol indices.
type symbolSet []uint64

func newSymbolSet(n int) symbolSet { return make(symbolSet, (n+63)/64) }

func (s symbolSet) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s symbolSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// all gives the symbols of the set, in order.
func (s symbolSet) all() iter.Seq[int] {
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

// symbolRanks numbers the symbols of a set, in their order.
type symbolRanks struct {
	symbolSet
	before []int32 // for each word of the set: how many symbols are before it
}

func newSymbolRanks(s symbolSet) symbolRanks {
	r := symbolRanks{s, make([]int32, len(s))}
	n := 0
	for i, word := range s {
		r.before[i] = int32(n)
		n += bits.OnesCount64(word)
	}
	return r
}

// of returns the number of symbol i, -1 if it is not in the set.
func (r symbolRanks) of(i int) int {
	if len(r.symbolSet) == 0 || !r.has(i) {
		return -1
	}
	return int(r.before[i/64]) + bits.OnesCount64(r.symbolSet[i/64]&(1<<(i%64)-1))
}
