// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"encoding/binary"

	"github.com/scpatch/scpatch/ppc64"
)

// maxWork limits the search for addresses in an image.
const maxWork = 1 << 27

// code reads the instructions of an image.
func (im *image) code() {
	for _, t := range im.sections() {
		im.imageBranches(t)
	}
	for _, t := range im.sections() {
		t.settle()
	}
	for _, t := range im.sections() {
		t.settle()
		t.findEntered()
		size, end := uint64(len(t.code)), uint64(0) // the end of the functions so far
		for i := range t.funcs {
			fn := &t.funcs[i]
			im.addresses(t, end, fn.start, -1)
			im.addresses(t, fn.start, min(fn.end, size), i)
			end = max(end, fn.end)
		}
		im.addresses(t, end, size, -1)
	}
	im.jumpTables()
}

// imageBranches finds the branches in a section of an image that enter
// functions from outside.
func (im *image) imageBranches(t *text) {
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
		to := off + uint64(w.Displacement())
		if from <= to && to < until {
			continue
		}
		if p, _ := im.at(t.base + to); p.sec != t.sec || t.covering(p.off) != fn {
			im.branch(place{t.sec, off}, p)
		}
	}
}
