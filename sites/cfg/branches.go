// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"encoding/binary"

	"github.com/scpatch/scpatch/ppc64"
)

// branches finds the branches without a relocation from one function into
// another.
func (m *Map) branches(t *text) {
	size := uint64(len(t.code))
	next := 0 // relocation
	var fn int
	var from, until uint64 // fn is the innermost function of all of [from, until)
	for off := uint64(0); size-off >= ppc64.WordSize; off += ppc64.WordSize {
		w := ppc64.Word(binary.LittleEndian.Uint32(t.code[off:]))
		if !w.IsBranch() && !w.IsCondBranch() || w.AA() || w.Displacement() == 0 {
			continue
		}
		if fills(&t.relocs, off, &next) {
			continue
		}
		if off >= until {
			fn = t.covering(off)
			from, until = t.places.Stretch(off)
		}
		to := off + uint64(w.Displacement())
		if from <= to && to < until {
			continue
		}
		if t.covering(to) != fn {
			m.branch(place{t.sec, off}, place{t.sec, to})
		}
	}
}
