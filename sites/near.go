// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"slices"

	"github.com/scpatch/scpatch/reloc"
)

// A spot is a place of interest in a section and what it belongs to.
type spot struct {
	off uint64 // bytes from the start of the section
	id  int
}

// near calls visit for every relocation of t that touches the size bytes of a
// spot, in table order. spots are sorted by off and do not overlap. The cost is
// one step for each relocation where the table is sorted, as it nearly always
// is, and a binary search for each step back where it is not.
func near(t reloc.Table, spots []spot, size uint64, visit func(s spot, i int, r reloc.Rela) error) error {
	if len(spots) == 0 {
		return nil
	}
	k, last := 0, uint64(0)
	for i := range t.Len() {
		off := t.Off(i)
		if off < last {
			k, _ = slices.BinarySearchFunc(spots, off, func(s spot, off uint64) int {
				if s.off+size <= off {
					return -1
				}
				return 1
			})
		}
		last = off
		for k < len(spots) && spots[k].off+size <= off {
			k++
		}
		if k == len(spots) || off < spots[k].off {
			continue
		}
		if err := visit(spots[k], i, t.At(i)); err != nil {
			return err
		}
	}
	return nil
}

func sortSpots(spots []spot) {
	slices.SortFunc(spots, func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.id, b.id))
	})
}
