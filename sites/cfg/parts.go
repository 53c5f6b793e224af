// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
	"github.com/scpatch/scpatch/sites/tocsave"
)

// A part of a function may be elsewhere, such as foo.cold. It is entered with the
// frame of that function, and goes back with it. The branch that enters it shows
// whether there is a frame. A function is such a part if only branches that do not
// set LR refer to its start.

// An arrival is a branch from outside a function to an offset in it.
type arrival struct {
	to   uint64
	from place
}

func (a arrival) compare(b arrival) int {
	return cmp.Or(cmp.Compare(a.to, b.to), comparePlaces(a.from, b.from))
}

// Limits of the search for the frame at a branch.
const (
	maxHops  = 3 // from part to part
	maxAsked = 8 // how many times the size of the file is analysed
)

// arrive records a branch from outside a function.
func (m *Map) arrive(from, to place) {
	t := m.secs[to.sec]
	if t == nil {
		return
	}
	t.open = true
	switch {
	case !m.isCall(from):
		t.arrivals = append(t.arrivals, arrival{to.off, from})
	case t.starts(to.off):
		t.begun = append(t.begun, to.off)
	default:
		t.entries = append(t.entries, to.off)
	}
}

// isCall reports whether a branch sets LR, or cannot be read.
func (m *Map) isCall(from place) bool {
	w, err := ppc64.Load(m.f.Section(from.sec).Data(), from.off)
	return err != nil || (w.IsBranch() || w.IsCondBranch()) && w.LK()
}

// calledEntries are the entries of functions that a call is known to name. Many calls
// name the same ones, and each has to be recorded only once.
type calledEntries index.Set

func (c calledEntries) has(off uint64) bool {
	return off%ppc64.WordSize == 0 && off/ppc64.WordSize/64 < uint64(len(c)) && index.Set(c).Has(int(off/ppc64.WordSize))
}

func (c *calledEntries) add(t *text, off uint64) {
	if *c == nil {
		*c = calledEntries(index.NewSet(len(t.code) / ppc64.WordSize))
	}
	if off%ppc64.WordSize == 0 && off/ppc64.WordSize < uint64(len(t.code)/ppc64.WordSize) {
		index.Set(*c).Add(int(off / ppc64.WordSize))
	}
}

// arrivalsIn returns the branches from outside to [start, end).
func (t *text) arrivalsIn(start, end uint64) []arrival {
	search := func(at uint64) int {
		i, _ := slices.BinarySearchFunc(t.arrivals, at, func(a arrival, at uint64) int {
			if a.to < at {
				return -1
			}
			return 1
		})
		return i
	}
	lo, hi := search(start), search(end)
	return t.arrivals[lo:max(lo, hi)]
}

// frames determines at which entries of a function its frame already exists.
func (m *Map) frames(t *text, x *function, f *tocsave.Func, hops int) {
	arrivals := t.arrivalsIn(x.start, x.end)
	_, named := slices.BinarySearch(t.begun, x.start)
	arrivals = slices.DeleteFunc(slices.Clone(arrivals), func(a arrival) bool {
		begins := a.to == x.start || a.to == x.start+x.entry.Offset()
		return named && begins || a.from.sec == t.sec && x.start <= a.from.off && a.from.off < x.end
	})
	if len(arrivals) == 0 {
		return
	}
	good := m.framedAt(arrivals, hops)
	starts, framed := 0, true
	for i := 0; i < len(arrivals); {
		to, all := arrivals[i].to, true
		for ; i < len(arrivals) && arrivals[i].to == to; i++ {
			all = all && good[i]
		}
		switch _, other := slices.BinarySearch(t.entries, to); {
		case to == x.start || to == x.start+x.entry.Offset():
			starts++
			framed = framed && all
		case all && !other:
			f.Framed = append(f.Framed, to)
		}
	}
	f.Part = starts > 0 && framed
}

// framedAt reports for each branch whether a frame exists before it. The search has
// limits, beyond which a branch back from a part counts as having the frame with which
// the part was entered, and a branch into a part as having none.
func (m *Map) framedAt(arrivals []arrival, hops int) []bool {
	good := make([]bool, len(arrivals))
	order := make([]int, len(arrivals))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return comparePlaces(arrivals[i].from, arrivals[j].from) })
	for len(order) > 0 {
		from := arrivals[order[0]].from
		in := m.source(from.sec)
		n := 1
		t := in.secs[from.sec]
		if t == nil { // an alternative runs at the place it is copied to
			good[order[0]] = layout.IsAlternative(m.f.Section(from.sec))
			order = order[1:]
			continue
		}
		t.settle()
		fn := t.covering(from.off)
		var offs []uint64
		if fn >= 0 {
			for n < len(order) && arrivals[order[n]].from.sec == from.sec && t.covering(arrivals[order[n]].from.off) == fn {
				n++
			}
			for _, i := range order[:n] {
				offs = append(offs, arrivals[i].from.off)
			}
			for i, ok := range in.hasFrame(t, fn, offs, hops) {
				good[order[i]] = ok
			}
		}
		order = order[n:]
	}
	return good
}

// source returns a map that has a section, which need not be a requested one.
func (m *Map) source(sec int) *Map {
	if m.secs[sec] != nil || !m.f.Section(sec).Has(elf.SHF_EXECINSTR) {
		return m
	}
	if m.whole == nil {
		var all []int
		for i := 1; i < m.f.NumSections(); i++ {
			if m.f.Section(i).Has(elf.SHF_EXECINSTR) {
				all = append(all, i)
			}
		}
		whole, err := Read(m.f, all)
		if err != nil { // Read has already read this file
			whole = newMap(m.f, nil)
		}
		m.whole = whole
	}
	return m.whole
}

// hasFrame reports for each place in a function whether r1 points to a frame of
// that function.
func (m *Map) hasFrame(t *text, fn int, offs []uint64, hops int) []bool {
	good := make([]bool, len(offs))
	x := &t.funcs[fn]
	m.asked += x.end - x.start
	if x.deep || x.end > uint64(len(t.code)) || m.asked > maxAsked*uint64(len(m.f.Bytes())) {
		return good
	}
	f := &tocsave.Func{Code: t.code, Start: x.start, End: x.end, Entry: x.entry}
	t.fill(f)
	if hops < maxHops {
		m.frames(t, x, f, hops+1)
	} else {
		for _, a := range t.arrivalsIn(x.start, x.end) {
			f.Framed = append(f.Framed, a.to)
		}
	}
	for i, v := range tocsave.Analyse(f, offs) {
		good[i] = v.Frame
	}
	return good
}
