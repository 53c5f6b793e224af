// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"slices"

	"github.com/scpatch/scpatch/ppc64"
)

// A stretch is code of one function, or between functions, with the TOC pointer that it
// uses.
type stretch struct {
	t          *text
	start, end uint64
	toc        uint64
}

// has reports whether a place is in the code.
func (s stretch) has(t *text, off uint64) bool { return t == s.t && s.start <= off && off < s.end }

// stretchOf returns the code of a function.
func (im *image) stretchOf(t *text, fn int) stretch {
	x := &t.funcs[fn]
	return stretch{t, x.start, min(x.end, uint64(len(t.code))), t.ownTOC(fn, im.toc)}
}

// together returns the code of a function, followed by the code that goes on in it with the
// same registers: that of the function whose cold part it is, of its cold parts that go
// back, and of whatever else branches into its middle. It stops at maxWork.
func (im *image) together(t *text, fn int) []stretch {
	all := []stretch{im.stretchOf(t, fn)}
	for i := 0; i < len(all) && im.work <= maxWork; i++ {
		to := all[i]
		begin := to.t.covering(to.start)
		for _, a := range to.t.arrivalsIn(to.start, to.end) {
			from := im.secs[a.from.sec]
			if to.t.funcs[begin].cold || !to.t.enters(begin, a.to) || from.isPart(a.from.off) {
				all = im.join(all, from, a.from.off)
			}
		}
		for _, p := range within(to.t.pads, to.start, to.end, func(p pad) uint64 { return p.off }) {
			all = im.join(all, to.t, p.start)
		}
	}
	return all
}

// join adds the function around a place, if there is one.
func (im *image) join(all []stretch, t *text, off uint64) []stretch {
	fn := t.covering(off)
	if fn < 0 || slices.ContainsFunc(all, func(s stretch) bool { return s.has(t, off) }) {
		return all
	}
	s := im.stretchOf(t, fn)
	im.work += len(all) + int(s.end-s.start)/ppc64.WordSize
	return append(all, s)
}
