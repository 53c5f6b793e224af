// SPDX-License-Identifier: BSD-3-Clause

package cfg

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
	t.eachBranch(func(off, to uint64, fn int) {
		if p, _ := im.at(t.base + to); p.sec != t.sec || t.covering(p.off) != fn {
			im.branch(place{t.sec, off}, p)
		}
	})
}
