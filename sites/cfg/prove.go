// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/tocsave"
)

// Limits for one function: indirect branches times their targets, and words of tables
// in the text.
const (
	maxJumps  = 1 << 20
	maxTables = 1 << 24
)

// prove returns the verdicts of one function.
func (m *Map) prove(t *text, fn int, calls []uint64) []tocsave.Verdict {
	x := &t.funcs[fn]
	f := &tocsave.Func{Code: t.code, Start: x.start, End: x.end, Entry: x.entry}
	all, why := make([]tocsave.Verdict, len(calls)), ""
	if !x.deep {
		why = t.fill(f)
		m.frames(t, x, f, 0)
		all = tocsave.Analyse(f, calls)
	}
	switch h := t.unknownIn(x.start, x.end); {
	case x.deep:
		why = "too many functions overlap"
	case h != nil:
		why = h.why
	case m.uncovered != "" && !t.covered(x.start, x.end):
		why = m.uncovered
	}
	for i := range all {
		v := &all[i]
		switch {
		case why != "":
			v.Proven, v.Reason, v.At, v.Entered = false, why, x.start, true
		case x.guessed: // the rest of it is unknown
			v.Proven, v.Reason, v.At = false, "the extent of the function is unknown", x.start
		}
	}
	return all
}

// fill completes a function whose extent is known. If it cannot, it returns the
// reason, otherwise "".
func (t *text) fill(f *tocsave.Func) string {
	f.Relocs = t.relocs.Slice(f.Start, f.End)
	f.Jumps = map[uint64][]uint64{}
	f.Entries = slices.Clone(span{f.Start, f.End}.of(t.entries))
	f.Saves = span{f.Start, f.End}.of(t.saves)
	f.Restores = span{f.Start, f.End}.of(t.restores)
	for _, e := range within(t.into, f.Start, f.End, func(e edge) uint64 { return e.to }) {
		if e.from < f.Start || e.from >= f.End {
			f.Entries = append(f.Entries, e.to)
		}
	}
	for _, a := range t.arrivalsIn(f.Start, f.End) {
		if a.from.sec != t.sec || a.from.off < f.Start || a.from.off >= f.End {
			f.Entries = append(f.Entries, a.to)
		}
	}
	for _, e := range within(t.edges, f.Start, f.End, func(e edge) uint64 { return e.from }) {
		if e.to < f.Start || e.to >= f.End {
			continue
		}
		if w, err := ppc64.Load(f.Code, e.from); err != nil || w.IsRegBranch() { // it has other targets too
			f.Entries = append(f.Entries, e.to)
		} else {
			f.Jumps[e.from] = append(f.Jumps[e.from], e.to)
		}
	}
	for _, p := range within(t.pads, f.Start, f.End, func(p pad) uint64 { return p.off }) {
		if p.start >= f.Start && p.end <= f.End {
			f.LandingPads = append(f.LandingPads, p.off)
		} else {
			f.Entries = append(f.Entries, p.off)
		}
	}
	i, _ := slices.BinarySearchFunc(t.patched, f.Start, func(s span, off uint64) int { return cmp.Compare(s.end, off) })
	for ; i < len(t.patched) && t.patched[i].start < f.End; i++ {
		for off := max(t.patched[i].start, f.Start); off < min(t.patched[i].end, f.End); off += ppc64.WordSize {
			f.Patched = append(f.Patched, off)
		}
	}
	return t.indirect(f)
}

// of returns the places of a sorted list that lie in the span.
func (s span) of(list []uint64) []uint64 {
	lo, _ := slices.BinarySearch(list, s.start)
	hi, _ := slices.BinarySearch(list, s.end)
	return list[lo:max(lo, hi)]
}

// within returns the elements of a sorted list that lie in [start, end).
func within[E any](list []E, start, end uint64, off func(E) uint64) []E {
	search := func(at uint64) int {
		i, _ := slices.BinarySearchFunc(list, at, func(e E, at uint64) int {
			if off(e) < at {
				return -1
			}
			return 1
		})
		return i
	}
	lo, hi := search(start), search(end)
	return list[lo:max(lo, hi)]
}

// A scan holds what the instructions of a function show about indirect
// branches.
type scan struct {
	branches []uint64 // bctr and the like
	ownPlace bool     // an instruction computes its own address
}

func scanIndirect(f *tocsave.Func) (s scan) {
	for off := f.Start; off < f.End; off += ppc64.WordSize {
		w, err := ppc64.Load(f.Code, off)
		if err != nil {
			break
		}
		switch {
		case isIndirect(w):
			s.branches = append(s.branches, off)
		case (w.IsBranch() || w.IsCondBranch()) && w.LK() && w.Displacement() == ppc64.WordSize,
			w.IsDX(),
			w.IsPrefix() && w.PrefixType() == ppc64.PrefixMLS && w.PrefixR() && !relocatedAt(f, off):
			s.ownPlace = true
		}
	}
	return s
}

// isIndirect reports whether w is a bcctr or bctar that is not a call. (A bclr
// returns.)
func isIndirect(w ppc64.Word) bool {
	op := ppc64.Decode(w, 0).Op
	return (op == ppc64.OpBcctr || op == ppc64.OpBctar) && !w.LK()
}

func relocatedAt(f *tocsave.Func, off uint64) bool {
	i, _ := slices.BinarySearchFunc(f.Relocs, off, func(r reloc.Rela, off uint64) int { return cmp.Compare(r.Off, off) })
	return i < len(f.Relocs) && f.Relocs[i].Off == off
}

// indirect determines where the indirect branches go, from the places whose
// address is stored somewhere.
func (t *text) indirect(f *tocsave.Func) string {
	labels := within(t.labels, f.Start, f.End, func(l label) uint64 { return l.off })
	if len(labels) == 0 {
		return ""
	}
	s := scanIndirect(f)
	work := uint64(0)
	opaque := s.ownPlace // targets may be computed without a relocation that names them
	var targets []uint64
	var rest []label
	for _, l := range labels {
		table, more := t.textTable(f, l, &work)
		if work > maxTables {
			return "too many jump tables"
		}
		if len(table) == 0 {
			rest = append(rest, l)
			continue
		}
		if more { // directly after the branch that uses it
			f.Jumps[l.off-ppc64.WordSize] = table
			continue
		}
		targets = append(targets, table...)
		f.Labels = append(append(f.Labels, table...), l.off)
	}
	s.branches = slices.DeleteFunc(s.branches, func(off uint64) bool { return f.Jumps[off] != nil })
	for _, l := range rest {
		opaque = opaque || l.kind == computed
		targets = append(targets, l.off)
	}
	for _, l := range rest {
		if opaque || len(s.branches) == 0 || !t.owns(f, l) {
			f.Labels = append(f.Labels, l.off)
		}
	}
	if opaque || len(targets) == 0 {
		return ""
	}
	slices.Sort(targets)
	targets = slices.Compact(targets)
	if len(targets)*len(s.branches) > maxJumps {
		return "too many jumps"
	}
	for _, off := range s.branches {
		f.Jumps[off] = targets
	}
	return ""
}

// owns reports whether a label is the target of a table whose address only code of f
// has.
func (t *text) owns(f *tocsave.Func, l label) bool {
	return l.sec == t.sec && l.begin < l.end && f.Start <= l.begin && l.end <= f.End
}

// textTable reads the jump table that may be at a label in the text, and reports
// whether it follows a bctr directly.
func (t *text) textTable(f *tocsave.Func, l label, work *uint64) (targets []uint64, follows bool) {
	if l.kind == tabled {
		return nil, false
	}
	first, err := ppc64.Load(f.Code, l.off)
	if err != nil || first.Opcode() != 0 && first.Opcode() != 63 {
		return nil, false
	}
	targets = f.TextTable(l.off)
	*work += uint64(len(f.Relocs)+len(targets)) + 1
	if first.Opcode() == 63 && len(targets) < 2 { // a floating-point instruction may look like a distance
		return nil, false
	}
	w, err := ppc64.Load(f.Code, l.off-ppc64.WordSize)
	return targets, err == nil && l.off > f.Start && isIndirect(w)
}
