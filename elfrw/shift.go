// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// A span is a range of file offsets.
type span struct{ off, end uint64 }

// table returns the range of the section header table.
func (f *File) table() span {
	return span{f.hdr.Shoff, f.hdr.Shoff + uint64(f.shnum)*shdrSize}
}

// place decides what moves, and by how much.
func (l *layout) place() error {
	resized := l.finalLen != l.f.shnum || len(l.sections) > 0
	for i := range l.parts {
		if err := l.sortSplices(&l.parts[i]); err != nil {
			return err
		}
		resized = resized || l.parts[i].grows != 0
	}
	switch {
	case resized || l.cut.n > 0:
		if err := l.resizable(); err != nil {
			return err
		}
		l.addParts()
	case l.table != nil || l.ehdr != nil:
		l.addParts()
	}
	if l.strip {
		size := uint64(len(l.f.data))
		p := part{place: place{sec: partSignature, off: size - l.f.signatureSize(), end: size}}
		l.addBody(&p, p.off, p.end-p.off, nil, false)
		l.parts = append(l.parts, p)
	}
	l.parts = inFileOrder(l.parts)
	if err := l.survey(); err != nil || l.table == nil {
		return err
	}
	if err := l.move(); err != nil {
		return err
	}
	l.writeHeaders()
	return nil
}

// addParts adds the parts that change with the size of any section.
func (l *layout) addParts() {
	l.header(0) // makes l.table
	table := l.f.table()
	t := part{place: place{sec: partTable, off: table.off, end: table.end}, closes: true}
	l.tableIn = len(l.bodies)
	l.addBody(&t, t.off, t.end-t.off, l.table, false)
	t.grows = int64(l.finalLen*shdrSize) - int64(t.end-t.off)
	h := part{place: place{sec: partHeader, end: ehdrSize}}
	l.addBody(&h, 0, ehdrSize, l.elfHeader(), false)
	l.parts = append(l.parts, h, t)
	if len(l.placed()) > 0 {
		// After the last section: before the section header table if that comes
		// last, otherwise after everything except the trailing bytes.
		at := l.f.end
		if table.end == l.f.end {
			at = table.off
		}
		l.parts = append(l.parts, part{place: place{sec: partNew, off: at, end: at}})
	}
}

// placed returns the sections that go to the end of the file: added ones, and those of the
// input that have to move there.
func (l *layout) placed() []int {
	var out []int
	for _, i := range l.changed {
		if l.changedSections[i].moved && !l.goneSections.has(i) {
			out = append(out, i)
		}
	}
	for k := range l.sections {
		if !l.goneSections.has(l.f.shnum + k) {
			out = append(out, l.f.shnum+k)
		}
	}
	return out
}

// survey goes through all sections. It checks that nothing overlaps an edited
// part, and finds out what follows each part.
func (l *layout) survey() error {
	for i := range l.parts {
		p := &l.parts[i]
		p.align, p.followEnd, p.followStart = 1, p.end, uint64(len(l.f.data))
		if i+1 < len(l.parts) {
			p.followStart = l.parts[i+1].off
		}
		// New keeps sections out of the headers, except for empty ones.
		if 0 < p.sec && p.sec < l.f.shnum && (p.off < ehdrSize || i > 0 && p.off < l.parts[i-1].end) {
			return fmt.Errorf("section %v cannot be edited: it overlaps what is at file offset 0x%x", l.f.Section(p.sec), p.off)
		}
	}
	find := newFinder(l.parts)
	// q lies after part last, or q is part last and moves with the part before
	// it.
	follow := func(last int, q *place, align uint64) (part int) {
		part = find.followed(q, last)
		if part < 0 {
			return part
		}
		p := &l.parts[part]
		p.align = max(p.align, align)
		if part == last {
			p.followEnd, p.followStart = max(p.followEnd, q.end), min(p.followStart, q.off)
		}
		return part
	}
	l.follows = make([]int32, l.f.shnum)
	for i := 1; i < l.f.shnum; i++ {
		q, typ, to := l.f.placeOf(i)
		if typ == elf.SHT_NULL || l.goneSections.has(i) && !l.cut.has(i) {
			l.follows[i] = -1
			continue
		}
		k := find.last(&q, typ == elf.SHT_RELA)
		if err := l.checkOverlap(&q, k); err != nil {
			return err
		}
		if l.cut.has(i) {
			to = 1 // it is removed
		} else if c := l.changedSections[i]; c != nil {
			to = max(to, c.Addralign)
		}
		l.follows[i] = int32(follow(k, &q, to))
	}
	table := place{sec: partTable, off: l.f.table().off, end: l.f.table().end}
	follow(find.last(&table, false), &table, 8)
	return nil
}

// checkOverlap rejects an edit of bytes that also belong to another section. k is the
// last part that is at or before q.
func (l *layout) checkOverlap(q *place, k int) error {
	if k >= 0 && l.parts[k].sec == partSignature && q.off > l.parts[k].off {
		return fmt.Errorf("the empty section %v is inside the signature", l.f.Section(q.sec))
	}
	if q.end == q.off {
		return nil
	}
	if k >= 0 && l.parts[k].sec == q.sec {
		k--
	}
	if k >= 0 && l.parts[k].end > q.off {
		return l.overlap(&l.parts[k], l.f.Section(q.sec))
	}
	for k++; k < len(l.parts) && l.parts[k].off < q.end; k++ {
		if l.parts[k].sec != q.sec {
			return l.overlap(&l.parts[k], l.f.Section(q.sec))
		}
	}
	return nil
}

// overlap is the error for a section that overlaps a part. The part is a section, too: New
// keeps sections out of everything else.
func (l *layout) overlap(p *part, s Section) error {
	return fmt.Errorf("section %v cannot be edited: it overlaps section %v in the file", l.f.Section(p.sec), s)
}

// move sums up how far everything shifts: by how much the parts before it grow
// or shrink, plus what keeps its offset the same modulo its alignment.
func (l *layout) move() error {
	shift := int64(0)
	for i := range l.parts {
		p := &l.parts[i]
		p.start = shift
		switch {
		case p.sec == partNew:
			l.placeNew(p)
		case p.sec > 0 && l.cut.has(p.sec):
			before := &l.parts[i-1]
			l.clear(p, max(before.followEnd, before.end+before.trimmed))
		}
		if p.grows > 0 || l.closes(p) {
			shift += p.grows
		}
		if shift != 0 && p.align > maxAlign {
			return fmt.Errorf("what follows file offset 0x%x has to move and needs an alignment of 0x%x", p.end, p.align)
		}
		shift = l.closeUp(p, shift)
		p.shift = shift
	}
	return nil
}

// closes reports whether what follows a part moves up if the part shrinks.
func (l *layout) closes(p *part) bool {
	return (p.closes || l.compact) && p.sec != partSignature && p.align <= maxAlign
}

// clear extends the part of a cut section back to the end of what precedes it, if
// there are only zeros between them.
func (l *layout) clear(p *part, end uint64) {
	if end >= p.off || !l.zeros(end, p.off) {
		return
	}
	p.grows -= int64(p.off - end)
	p.off = end
	p.splices[0].off = end
	l.bodies[p.splices[0].word].del = p.end - end
}

// closeUp returns how far what follows a part moves. shift is how far it would move if
// its alignment did not matter. Alignment padding between the two makes room, or goes
// away.
func (l *layout) closeUp(p *part, shift int64) int64 {
	gap := p.followStart - p.end
	closes := p.grows < 0 && l.closes(p)
	switch {
	case p.sec == partSignature || p.followStart < p.end:
		gap = 0
	case closes && p.sec > 0 && l.cut.has(p.sec):
	case gap < p.align:
	case shift < 0 || closes:
		gap = uint64(shift) & (p.align - 1) // what an earlier growth of the file added
	default:
		gap = 0
	}
	if !l.zeros(p.end, p.end+gap) {
		gap = 0
	}
	p.trimmed = gap
	return alignShift(shift-int64(gap), p.align)
}

// alignShift is alignUp for values that may be negative.
func alignShift(n int64, align uint64) int64 { return int64(alignUp(uint64(n), align)) }

// zeros reports whether the input has only zeros from one offset to another.
func (l *layout) zeros(off, end uint64) bool {
	return len(bytes.TrimLeft(l.f.data[off:end], "\x00")) == 0
}

// placeNew lays out the sections that go to the end of the file.
func (l *layout) placeNew(p *part) {
	begin := p.off + uint64(p.start)
	pos := begin
	for _, i := range l.placed() {
		var s *NewSection
		if i < l.f.shnum {
			s = &l.changedSections[i].NewSection
		} else {
			s = &l.sections[i-l.f.shnum]
		}
		at := alignUp(pos, max(1, s.Addralign))
		h := l.header(i)
		le.PutUint64(h[shOff:], at)
		if !s.hasBytes() {
			continue
		}
		if at > pos {
			l.addBody(p, p.off, 0, make([]byte, at-pos), false)
		}
		if len(s.Data) > 0 {
			l.addBody(p, p.off, 0, s.Data, false)
		}
		le.PutUint64(h[shSize:], uint64(len(s.Data)))
		pos = at + uint64(len(s.Data))
	}
	p.grows = int64(pos - begin)
}

// writeHeaders brings the section header table and the ELF header up to date.
func (l *layout) writeHeaders() {
	for i := 1; i < l.f.shnum; i++ {
		if k := l.follows[i]; k >= 0 && l.parts[k].shift != 0 && !l.isPlaced(i) {
			h := l.header(i)
			le.PutUint64(h[shOff:], le.Uint64(h[shOff:])+uint64(l.parts[k].shift))
		}
	}
	for i := range l.parts {
		switch p := &l.parts[i]; {
		case p.sec == partTable:
			le.PutUint64(l.elfHeader()[ehShoff:], l.f.hdr.Shoff+uint64(p.start))
		case 0 < p.sec && p.sec < l.f.shnum && !l.cut.has(p.sec):
			h := l.header(p.sec)
			le.PutUint64(h[shSize:], le.Uint64(h[shSize:])+uint64(p.grows))
		}
	}
	l.finishHeaders()
}

// isPlaced reports whether section i of the input is in placed.
func (l *layout) isPlaced(i int) bool {
	c := l.changedSections[i]
	return c != nil && c.moved
}

// alignUp rounds n up to a multiple of align, a power of two; 0 means no
// alignment.
func alignUp(n, align uint64) uint64 {
	if align == 0 {
		return n
	}
	return (n + align - 1) &^ (align - 1)
}
