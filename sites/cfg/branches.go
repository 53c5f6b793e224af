// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"encoding/binary"

	"github.com/scpatch/scpatch/ppc64"
)

// branches finds the branches without a relocation from one function into
// another.
func (m *Map) branches(t *text) {
	next := 0 // relocation
	t.eachBranch(func(off, to uint64, fn int) {
		if t.covering(to) != fn && !fills(&t.relocs, off, &next) {
			m.branch(place{t.sec, off}, place{t.sec, to})
		}
	})
}

// eachBranch visits the branches that may leave the innermost function around them, with
// that function and the target by its displacement. Both places are offsets in the
// section; the target may be outside of it.
func (t *text) eachBranch(visit func(off, to uint64, fn int)) {
	size := uint64(len(t.code))
	var fn int
	var from, until uint64 // fn is the innermost function of all of [from, until)
	for off := uint64(0); size-off >= ppc64.WordSize; off += ppc64.WordSize {
		w := ppc64.Word(binary.LittleEndian.Uint32(t.code[off:]))
		if !w.IsBranch() && !w.IsCondBranch() || w.AA() || w.Displacement() == 0 {
			continue
		}
		if off >= until {
			fn = t.covering(off)
			from, until = t.places.Stretch(off)
			until = min(until, size)
		}
		if to := off + uint64(w.Displacement()); to < from || to >= until {
			visit(off, to, fn)
		}
	}
}
