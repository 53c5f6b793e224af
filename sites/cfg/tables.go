// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
)

// A distance is an element of data that holds the distance to a place in the
// text. It is usually an element of a jump table, and then relative to the
// start of the table. Its relocation is relative to the element instead, so the
// target is S + A - (P - table). Only the references to the table show where
// the table starts.
type distance struct {
	off  uint64 // P
	size uint64
	to   place // S + A
}

// A table is a place, in a section with distances, that something refers to.
type table struct {
	off        uint64
	sec        int    // the code that refers to it
	begin, end uint64 // the first reference, and the end of the last one
	foreign    bool   // other code may refer to it too
}

// backward limits how far before a field the entry of a table of structures may
// begin, if the distance in the field is relative to the entry.
const backward = 64

func (r *reader) distance(in elfrw.Section, rel reloc.Rela, to place, h reloc.Howto) {
	r.distances[in.Index] = append(r.distances[in.Index], distance{rel.Off, uint64(h.Size), to})
}

// mayHaveTables reports whether a compiler puts jump tables into a section.
func mayHaveTables(s elfrw.Section) bool {
	name := s.NameString()
	for _, prefix := range []string{".rodata", ".lrodata", ".data.rel.ro", ".text"} {
		if name == prefix || strings.HasPrefix(name, prefix+".") {
			return true
		}
	}
	return useOf(s) == useCode
}

// tables finds where the distances lead.
func (r *reader) tables() {
	if len(r.distances) == 0 {
		return
	}
	bases := r.tableReferences()
	for sec, all := range r.distances {
		slices.SortFunc(all, func(a, b distance) int {
			return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.size, b.size), comparePlaces(a.to, b.to))
		})
		for i := 0; i < len(all); {
			n := 1
			for i+n < len(all) && all[i+n].size == all[i].size && all[i+n].off == all[i+n-1].off+all[i].size {
				n++
			}
			r.run(all[i:i+n], bases[sec])
			i += n
		}
	}
}

// run reads distances that follow each other without a gap.
func (r *reader) run(all []distance, bases []table) {
	first := all[0].off
	i, _ := slices.BinarySearchFunc(bases, first, func(b table, off uint64) int { return cmp.Compare(b.off, off) })
	var base *table
	for _, d := range all {
		for i < len(bases) && bases[i].off <= d.off {
			base = &bases[i]
			i++
		}
		switch t := r.secs[d.to.sec]; {
		case base != nil:
			l := label{off: d.to.off - (d.off - base.off), kind: tabled, sec: base.sec, begin: base.begin, end: base.end}
			if base.foreign {
				l.sec, l.begin, l.end = 0, 1, 0
			}
			r.label(d.to.sec, l)
		case t.starts(d.to.off): // the address of a function, from the field itself
			t.begun, t.open = append(t.begun, d.to.off), true
		default:
			r.refuse(d.to.sec, d.to.off-min(d.to.off, d.off-first+backward), d.to.off+1, "a table with an unknown base in section %v", r.f.Section(d.to.sec))
		}
	}
}

// A tableReference is a reference to a section with distances.
type tableReference struct {
	to   place
	from place
	ok   bool // from code
}

// tableReferences finds the code that refers to the sections with distances: directly,
// or through an address in .toc.
func (r *reader) tableReferences() map[int][]table {
	refs, through := r.directReferences()
	if len(through) > 0 {
		secs := map[int]bool{}
		for p, to := range through {
			secs[p.sec] = true
			refs = append(refs, tableReference{to: to, ok: true}) // the table exists, whatever uses it
		}
		r.each(r.watch(func(sec int) bool { return secs[sec] }), func(in elfrw.Section, rel reloc.Rela) {
			p, _ := r.target(rel)
			if to, ok := through[p]; ok {
				refs = append(refs, tableReference{to, place{in.Index, rel.Off}, useOf(in) == useCode})
			}
		})
	}
	return tablesAt(refs)
}

// directReferences finds the references to the sections with distances, except those in
// sections of addresses, such as .toc: of these through says what each names.
func (r *reader) directReferences() (refs []tableReference, through map[place]place) {
	through = map[place]place{}
	syms := r.watch(func(sec int) bool { return r.distances[sec] != nil && mayHaveTables(r.f.Section(sec)) })
	r.each(syms, func(in elfrw.Section, rel reloc.Rela) {
		to, _ := r.target(rel)
		switch h, known := reloc.Lookup(rel.Type()); {
		case known && (h.Size == 0 || h.Field == reloc.Low24 || h.Field == reloc.Low14):
		case useOf(in) == useCode:
			refs = append(refs, tableReference{to, place{in.Index, rel.Off}, true})
		case useOf(in) == useAddresses:
			from := place{in.Index, rel.Off}
			if other, ok := through[from]; ok && other != to { // two relocations at one field
				refs = append(refs, tableReference{to: to})
			} else {
				through[from] = to
			}
		case useOf(in) == useData:
			refs = append(refs, tableReference{to: to})
		}
	})
	return refs, through
}

// tablesAt returns the tables that references name, by section and place. A table is
// foreign unless all references come from code of one section.
func tablesAt(refs []tableReference) map[int][]table {
	slices.SortStableFunc(refs, func(a, b tableReference) int { return comparePlaces(a.to, b.to) })
	bases := map[int][]table{}
	for i := 0; i < len(refs); {
		b := table{off: refs[i].to.off, begin: ^uint64(0)}
		sec := refs[i].to.sec
		for ; i < len(refs) && refs[i].to == (place{sec, b.off}); i++ {
			from := refs[i].from
			switch {
			case !refs[i].ok, b.sec != 0 && from.sec != 0 && b.sec != from.sec:
				b.foreign = true
			case from.sec != 0:
				b.sec, b.begin, b.end = from.sec, min(b.begin, from.off), max(b.end, from.off+1)
			}
		}
		b.foreign = b.foreign || b.sec == 0
		bases[sec] = append(bases[sec], b)
	}
	return bases
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.sec, b.sec), cmp.Compare(a.off, b.off))
}
