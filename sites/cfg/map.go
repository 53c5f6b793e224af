// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/tocsave"
)

// A Map holds what is known about the code of some sections of a file: the
// functions, and every way into the middle of one. Only one goroutine at a time
// may use it.
type Map struct {
	f     *elfrw.File
	secs  map[int]*text
	image bool // linked: values of symbols are addresses

	// broken says why nothing at all can be proven: something is not understood
	// that could concern any code.
	broken string

	// uncovered says why nothing can be proven in a function that .eh_frame does not
	// cover: there is an entry for unknown code.
	uncovered string

	whole *Map   // the map of all sections with code; see source
	asked uint64 // bytes of code that were analysed for frames
}

// A text is one section with code. All places are byte offsets in it. The lists
// are sorted once everything has been read.
type text struct {
	sec    int
	code   []byte
	base   uint64 // address of the section in an image, 0 in an object
	relocs reloc.Sorted
	funcs  []function
	places index.Extents // where the functions are; ID is the index in funcs

	entries  []uint64  // places entered with nothing known
	edges    []edge    // sorted by from
	into     []edge    // the same edges, sorted by to
	arrivals []arrival // branches from outside a function
	called   calledEntries
	begun    []uint64   // starts of functions that something other than a branch refers to
	labels   []label    // places whose address is stored somewhere
	pads     []pad      // landing pads
	fdes     []fdeRange // extents in .eh_frame
	patched  []span     // code that may be replaced, and the instruction after it
	saves    []uint64   // calls to code that saves r2 itself
	restores []uint64   // loads that are certain to restore r2
	unknown  []unknownCode
	entered  []uint64 // in an image, during the search for addresses: see findEntered
	open     bool     // an edge or entry was added since the lists were sorted
}

// An edge leads from one instruction to another that may follow it, beyond what the
// instruction itself shows.
type edge struct{ from, to uint64 }

// A pad is a landing pad for the part of a function in [start, end).
type pad struct{ off, start, end uint64 }

// An fdeRange is the code that an FDE describes: a function or a part of one.
type fdeRange struct {
	start, end uint64
	lsda       bool
}

// A span is the range [start, end).
type span struct{ start, end uint64 }

// An unknownCode is a range, [start, end), about which something in the file is
// not understood. Nothing is proven in a function that overlaps it.
type unknownCode struct {
	start, end uint64
	why        string
}

// A place is an offset in a section; in an image, in the section that holds the
// address.
type place struct {
	sec int
	off uint64
}

// Prove says for each of the calls, which are offsets of bl instructions in
// section sec, whether 24(r1) holds its function's own r2 when the call is
// made. Verdicts are in the order of the calls. If several functions cover a
// call, all of them must prove it.
func (m *Map) Prove(sec int, calls []uint64) []tocsave.Verdict {
	all := make([]tocsave.Verdict, len(calls))
	t := m.secs[sec]
	if t == nil || m.broken != "" {
		why := m.broken
		if t == nil {
			why = "a section that was not read"
		}
		for i, off := range calls {
			all[i] = tocsave.Verdict{Reason: why, At: off, Entered: true}
		}
		return all
	}
	t.settle()
	type question struct{ fn, call int }
	var asked []question
	for i, off := range calls {
		all[i] = t.outside(off)
		for fn := range t.places.Covering(off) {
			asked = append(asked, question{fn.ID, i})
		}
	}
	// Inner functions have higher numbers and come first here, so the outermost one
	// gives the last verdict.
	slices.SortFunc(asked, func(a, b question) int {
		return cmp.Or(cmp.Compare(b.fn, a.fn), cmp.Compare(a.call, b.call))
	})
	seen := make([]bool, len(calls))
	for len(asked) > 0 {
		n := 1
		for n < len(asked) && asked[n].fn == asked[0].fn {
			n++
		}
		var offs []uint64
		for _, q := range asked[:n] {
			offs = append(offs, calls[q.call])
		}
		for i, v := range m.prove(t, asked[0].fn, offs) {
			call := asked[i].call
			if seen[call] {
				v = both(all[call], v)
			}
			all[call], seen[call] = v, true
		}
		asked = asked[n:]
	}
	return all
}

// both combines the verdicts of two functions that cover a call. If neither proves
// it, the reason is the first one's.
func both(a, b tocsave.Verdict) tocsave.Verdict {
	v := b
	if !a.Proven {
		v = a
	}
	v.Frame, v.Entered, v.Again = a.Frame && b.Frame, a.Entered || b.Entered, a.Again || b.Again
	return v
}

// UsesTOC reports whether the function that contains a place has its unit's TOC
// pointer in r2, according to its local entry or the code at its global entry.
// known is false if neither a symbol nor .eh_frame shows a function there.
func (m *Map) UsesTOC(sec int, off uint64) (uses, known bool) {
	t := m.secs[sec]
	if t == nil {
		return false, false
	}
	fn := t.covering(off)
	if fn < 0 {
		return false, false
	}
	return t.funcs[fn].entry.UsesTOC(), true
}

// outside returns the verdict on a place that no function covers.
func (t *text) outside(off uint64) tocsave.Verdict {
	why := "the extent of the function is unknown"
	if _, ok := t.fdeAt(off); ok {
		why = "the function has no symbol: r2 may be its caller's"
	}
	return tocsave.Verdict{Reason: why, At: off, Entered: true}
}

// HasLSDA reports whether the part of a function that contains a place has an
// exception table (language-specific data area), or may have one.
func (m *Map) HasLSDA(sec int, off uint64) bool {
	t := m.secs[sec]
	if t == nil || m.broken != "" {
		return true
	}
	t.settle()
	p, ok := t.fdeAt(off)
	return ok && p.lsda || t.unknownIn(off, off+1) != nil
}

// Saves records that the callee of the bl at a place executes std r2,24(r1)
// itself. Later proofs use that.
func (m *Map) Saves(sec int, off uint64) {
	if t := m.secs[sec]; t != nil {
		t.saves, t.open = append(t.saves, off), true
	}
}

// Restores records that the instruction at a place loads this unit's TOC
// pointer into r2, from memory that always holds it.
func (m *Map) Restores(sec int, off uint64) {
	if t := m.secs[sec]; t != nil {
		t.restores, t.open = append(t.restores, off), true
	}
}

// settle sorts the lists.
func (t *text) settle() {
	if !t.open {
		return
	}
	t.open = false
	for _, l := range []*[]uint64{&t.entries, &t.begun, &t.saves, &t.restores} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
	slices.SortFunc(t.edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	t.edges = slices.Compact(t.edges)
	t.into = slices.Clone(t.edges)
	slices.SortFunc(t.into, func(a, b edge) int { return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.from, b.from)) })
	slices.SortFunc(t.arrivals, arrival.compare)
	t.arrivals = slices.Compact(t.arrivals)
	t.patched = mergeSpans(t.patched)
	slices.SortFunc(t.labels, label.compare)
	t.labels = slices.Compact(t.labels)
	slices.SortFunc(t.pads, func(a, b pad) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	t.pads = slices.Compact(t.pads)
	slices.SortFunc(t.fdes, func(a, b fdeRange) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	slices.SortFunc(t.unknown, func(a, b unknownCode) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.why, b.why))
	})
	t.mergeUnknown()
}

// mergeUnknown makes the ranges of unknown code disjoint, so that they can be searched.
func (t *text) mergeUnknown() {
	var out []unknownCode
	for _, h := range t.unknown {
		if n := len(out); n > 0 && h.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, h.end)
			continue
		}
		out = append(out, h)
	}
	t.unknown = out
}

// mergeSpans sorts spans and makes them disjoint.
func mergeSpans(spans []span) (out []span) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	for _, s := range spans {
		if n := len(out); n > 0 && s.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// unknownIn returns a range of unknown code that overlaps [start, end).
func (t *text) unknownIn(start, end uint64) *unknownCode {
	i, _ := slices.BinarySearchFunc(t.unknown, start, func(h unknownCode, off uint64) int {
		if h.end <= off {
			return -1
		}
		return 1
	})
	if i < len(t.unknown) && t.unknown[i].start < end {
		return &t.unknown[i]
	}
	return nil
}

// fdeAt returns what an FDE says about a place. FDEs do not overlap in a sound file. If
// they do, the last one that starts before the place counts, and one with an exception
// table takes precedence over one without.
func (t *text) fdeAt(off uint64) (fdeRange, bool) {
	i, _ := slices.BinarySearchFunc(t.fdes, off, func(p fdeRange, off uint64) int {
		if p.start <= off {
			return -1
		}
		return 1
	})
	var found fdeRange
	ok := false
	for i--; i >= 0; i-- {
		p := t.fdes[i]
		if ok && p.start != found.start {
			break
		}
		if off < p.end {
			p.lsda = p.lsda || found.lsda
			found, ok = p, true
		} else if !ok {
			break
		}
	}
	return found, ok
}

// covered reports whether FDEs describe all of [start, end).
func (t *text) covered(start, end uint64) bool {
	i, _ := slices.BinarySearchFunc(t.fdes, start, func(p fdeRange, off uint64) int {
		if p.start <= off {
			return -1
		}
		return 1
	})
	for i--; i >= 0 && i < len(t.fdes) && t.fdes[i].start <= start && start < end; i++ {
		start = max(start, t.fdes[i].end)
	}
	return start >= end
}

// enter records a place that may be entered with nothing known.
func (m *Map) enter(p place) {
	if t := m.secs[p.sec]; t != nil {
		t.entries, t.open = append(t.entries, p.off), true
	}
}

// patch records code that may be replaced.
func (m *Map) patch(p place, size uint64) {
	if t := m.secs[p.sec]; t != nil && p.off < uint64(len(t.code)) {
		t.patched, t.open = append(t.patched, span{p.off, p.off + min(size, uint64(len(t.code))-p.off)}), true
	}
}

// jump records that the instruction at from may continue at to.
func (m *Map) jump(from, to place) {
	t := m.secs[to.sec]
	switch {
	case t == nil: // not in a requested section
	case from.sec != to.sec:
		m.arrive(from, to)
	default:
		t.edges, t.open = append(t.edges, edge{from.off, to.off}), true
	}
}

// refuse records a range about which something is not understood.
func (m *Map) refuse(sec int, start, end uint64, format string, a ...any) {
	if t := m.secs[sec]; t != nil {
		t.unknown, t.open = append(t.unknown, unknownCode{start, max(end, start+1), fmt.Sprintf(format, a...)}), true
	}
}

// fail records that nothing can be proven. The first reason stays.
func (m *Map) fail(format string, a ...any) {
	if m.broken == "" {
		m.broken = fmt.Sprintf(format, a...)
	}
}

// newMap returns an empty map of the sections among secs that have code.
func newMap(f *elfrw.File, secs []int) *Map {
	m := &Map{f: f, secs: map[int]*text{}}
	for _, i := range secs {
		if i <= 0 || i >= f.NumSections() || m.secs[i] != nil {
			continue
		}
		s := f.Section(i)
		if !s.Is(elf.SHT_PROGBITS) || s.Has(elf.SHF_COMPRESSED) {
			continue
		}
		m.secs[i] = &text{sec: i, code: s.Data(), open: true}
	}
	return m
}

// sections returns the sections of the map in order.
func (m *Map) sections() []*text {
	var all []*text
	for _, t := range m.secs {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *text) int { return cmp.Compare(a.sec, b.sec) })
	return all
}
