// SPDX-License-Identifier: BSD-3-Clause

package verify

import "testing"

// TestMarks wants marks recognized, and their differences, but not addresses and
// distances.
func TestMarks(t *testing.T) {
	p := &program{marks: map[half]uint64{}}
	for _, n := range []uint64{0, 1 << 16, maxSpace, ^uint64(0), ^uint64(maxSpace)} {
		if isMarked(numberOf(n)) {
			t.Errorf("0x%x has a mark", n)
		}
	}
	var marks []uint64
	for sym := range uint32(3) {
		n := p.mark(half{tocHalf, sym, 0})
		for _, other := range append(marks, 0) {
			for _, address := range []uint64{0, 1 << 16, ^uint64(1 << 16)} {
				if !isMarked(numberOf(n-other+address)) || !isMarked(numberOf(other-n+address)) {
					t.Errorf("0x%x and 0x%x, with 0x%x: no mark", n, other, address)
				}
			}
		}
		marks = append(marks, n)
	}
	if again := p.mark(half{tocHalf, 0, 0}); again != marks[0] {
		t.Errorf("the mark 0x%x, then 0x%x", marks[0], again)
	}
}
