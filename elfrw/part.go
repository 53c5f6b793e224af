// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"sort"
)

// A part is a range of the input in which something changes. Parts do not overlap, and
// in file order they contain all differences between input and output; everything
// between two parts is copied.
type part struct {
	place
	splices []splice
	renum   bool // copied relocations have symbols to renumber
	closes  bool // what follows moves up if the part shrinks; otherwise zeros take the room

	appended uint64 // bytes that AppendData has added

	// Set by place. Whatever lies between a part and the next one follows the part
	// and moves with it.
	align       uint64 // the largest alignment of what follows
	followEnd   uint64 // where the last of what follows ends
	followStart uint64 // where the first of what follows starts; if nothing does, the next part
	grows       int64  // bytes, by its splices
	trimmed     uint64 // bytes of zero padding after the part to delete if it shrinks
	start       int64  // how far the part itself moves
	shift       int64  // how far what follows it moves
}

// Parts that are not sections. They are ordered like sections with these numbers: new
// sections come after everything else that is empty at their place.
const (
	partHeader    = -1      // the ELF header
	partTable     = -2      // the section header table
	partNew       = 1 << 40 // where new sections go; empty in the input
	partSignature = -3      // a signature to drop
)

// maxAlign is the largest alignment for which padding is written: that of the largest
// page with which Linux maps files on Power.
const maxAlign = 1 << 24

// A place is where a part, or any section, is in the file.
type place struct {
	sec      int    // section index, or one of the parts above
	off, end uint64 // file offsets
}

// placeOf returns the place of section i, with its type and its alignment.
func (f *File) placeOf(i int) (p place, typ elf.SectionType, align uint64) {
	b := f.headerBytes(i)
	typ = elf.SectionType(le.Uint32(b[shType:]))
	p = place{sec: i, off: le.Uint64(b[shOff:])}
	p.end = p.off
	if typ != elf.SHT_NULL && typ != elf.SHT_NOBITS {
		p.end += le.Uint64(b[shSize:])
	}
	return p, typ, le.Uint64(b[shAddralign:])
}

// compare orders places by their offset in the file. At the same offset, empty parts
// come first.
func (p *place) compare(q *place) int {
	return cmp.Or(
		cmp.Compare(p.off, q.off),
		cmp.Compare(min(p.end-p.off, 1), min(q.end-q.off, 1)),
		cmp.Compare(p.sec, q.sec),
	)
}

// sortSplices sorts the part's splices and sums up how much they grow it. What is
// inserted at an offset comes before what is replaced there.
func (e *Edit) sortSplices(p *part) error {
	byPlace := func(a, b splice) int {
		if c := cmp.Compare(a.off, b.off); c != 0 {
			return c
		}
		return cmp.Compare(min(e.removed(&a), 1), min(e.removed(&b), 1))
	}
	if !slices.IsSortedFunc(p.splices, byPlace) {
		slices.SortStableFunc(p.splices, byPlace)
	}
	pos := p.off
	for i := range p.splices {
		s := &p.splices[i]
		if s.off < pos {
			return fmt.Errorf("two edits of the bytes at file offset 0x%x", s.off)
		}
		pos = s.off + e.removed(s)
		p.grows += int64(e.inserted(s)) - int64(e.removed(s))
	}
	return nil
}

// inFileOrder sorts parts. Parts are large, and there may be one for every
// relocation section, so it sorts their numbers instead.
func inFileOrder(parts []part) []part {
	order := make([]int32, len(parts))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return parts[a].compare(&parts[b].place) })
	out := make([]part, len(parts))
	for i, k := range order {
		out[i] = parts[k]
	}
	return out
}

// A finder finds parts by their place. If queries are in roughly ascending
// order, it seldom has to search. Assemblers put the relocation sections after
// the others, so each of the two groups ascends.
type finder struct {
	parts []part // in file order
	hint  [2]int // how many of them were at or before the last place
}

func newFinder(parts []part) *finder { return &finder{parts: parts} }

// last returns the number of the last part that is q or comes before it, -1 for none.
func (f *finder) last(q *place, rela bool) int {
	k := &f.hint[0]
	if rela {
		k = &f.hint[1]
	}
	isAt := func(k int) bool {
		return (k == 0 || f.parts[k-1].compare(q) <= 0) && (k == len(f.parts) || f.parts[k].compare(q) > 0)
	}
	switch {
	case isAt(*k):
	case *k < len(f.parts) && isAt(*k+1):
		*k++
	default:
		*k = sort.Search(len(f.parts), func(i int) bool { return f.parts[i].compare(q) > 0 })
	}
	return *k - 1
}

// followed returns the number of the part that q follows and moves with, -1 for
// none. k is what last returned for q.
func (f *finder) followed(q *place, k int) int {
	if k >= 0 && f.parts[k].sec == q.sec {
		k--
	}
	return k
}
