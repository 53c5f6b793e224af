// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"fmt"
)

// A span is a range of file offsets.
type span struct{ off, end uint64 }

// table returns where the section header table is.
func (f *File) table() span {
	return span{f.hdr.Shoff, f.hdr.Shoff + uint64(f.shnum)*shdrSize}
}

// place decides what moves, and by how much.
func (l *layout) place() error {
	resized := len(l.secs) > 0 || l.numRemoved > 0
	for i := range l.parts {
		if err := l.sortSplices(&l.parts[i]); err != nil {
			return err
		}
		resized = resized || l.parts[i].grows != 0
	}
	if resized {
		if t := elf.Type(l.f.hdr.Type); t != elf.ET_REL || l.f.hdr.Phnum > 0 {
			return fmt.Errorf("only a relocatable object without segments can change its size, but this is %v with %d", t, l.f.hdr.Phnum)
		}
		l.addParts()
	}
	if l.strip {
		size := uint64(len(l.f.data))
		p := part{place: place{sec: partSignature, off: size - l.f.signatureSize(), end: size}}
		l.addBody(&p, p.off, p.end-p.off, nil, false)
		l.parts = append(l.parts, p)
	}
	l.parts = inFileOrder(l.parts)
	if err := l.survey(); err != nil || !resized {
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
	t := part{place: place{sec: partTable, off: table.off, end: table.end}, closes: l.numRemoved > 0}
	l.addBody(&t, t.off, t.end-t.off, l.table, false)
	t.grows = int64(len(l.table)) - int64(t.end-t.off)
	l.parts = append(l.parts, part{place: place{sec: partHeader, end: ehdrSize}}, t)
	if len(l.secs) > 0 {
		// After the last section: before the section header table if that comes
		// last, otherwise after everything except the trailing bytes.
		at := l.f.end
		if table.end == l.f.end {
			at = table.off
		}
		l.parts = append(l.parts, part{place: place{sec: partNew, off: at, end: at}})
	}
}

// survey looks at every section for what the edited parts have to respect: that
// nothing else is at their place in the file, and what follows them.
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
	// q lies after part last, or is part last and is shifted with the part
	// before it.
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
		if typ == elf.SHT_NULL {
			l.follows[i] = -1
			continue
		}
		k := find.last(&q, typ == elf.SHT_RELA)
		if err := l.checkOverlap(&q, k); err != nil {
			return err
		}
		if i >= l.f.shnum-l.numRemoved {
			to = 1 // it goes
		}
		l.follows[i] = int32(follow(k, &q, to))
	}
	table := place{sec: partTable, off: l.f.table().off, end: l.f.table().end}
	follow(find.last(&table, false), &table, 8)
	return nil
}

// checkOverlap rejects an edit of bytes that also belong to another section. k is the
// last part that is the section at q, or comes before it.
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

func (l *layout) overlap(p *part, s Section) error {
	if p.sec <= 0 || p.sec >= l.f.shnum {
		return fmt.Errorf("section %v overlaps what has to change at 0x%x", s, p.off)
	}
	return fmt.Errorf("section %v cannot be edited: it overlaps section %v in the file", l.f.Section(p.sec), s)
}

// move adds up how far everything is shifted: by how much the parts before it grow,
// and by what it takes to keep its offset the same modulo its alignment. A part that
// shrinks moves nothing, unless it closes.
func (l *layout) move() error {
	shift := int64(0)
	for i := range l.parts {
		p := &l.parts[i]
		p.start = shift
		switch {
		case p.sec == partNew:
			l.placeNew(p)
		case p.sec > 0 && p.sec < l.f.shnum && p.sec >= l.f.shnum-l.numRemoved:
			before := &l.parts[i-1]
			l.clear(p, max(before.followEnd, before.end+before.trimmed))
		}
		if p.grows > 0 || p.closes {
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

// placeNew lays out the new sections.
func (l *layout) placeNew(p *part) {
	begin := p.off + uint64(p.start)
	pos := begin
	for i, s := range l.secs {
		at := alignUp(pos, max(1, s.Addralign))
		if at > pos {
			l.addBody(p, p.off, 0, make([]byte, at-pos), false)
		}
		if len(s.Data) > 0 {
			l.addBody(p, p.off, 0, s.Data, false)
		}
		pos = at + uint64(len(s.Data))
		le.PutUint64(l.header(l.f.shnum + i)[shOff:], at)
	}
	p.grows = int64(pos - begin)
}

// writeHeaders brings the section header table and the ELF header up to date.
func (l *layout) writeHeaders() {
	kept := l.f.shnum - l.numRemoved
	for i := 1; i < kept; i++ {
		if k := l.follows[i]; k >= 0 && l.parts[k].shift != 0 {
			h := l.header(i)
			le.PutUint64(h[shOff:], le.Uint64(h[shOff:])+uint64(l.parts[k].shift))
		}
	}
	var header *part
	moved := int64(0)
	for i := range l.parts {
		switch p := &l.parts[i]; {
		case p.sec == partHeader:
			header = p
		case p.sec == partTable:
			moved = p.start
		case 0 < p.sec && p.sec < kept:
			h := l.header(p.sec)
			le.PutUint64(h[shSize:], le.Uint64(h[shSize:])+uint64(p.grows))
		}
	}
	if moved != 0 {
		l.addSplice(header, ehShoff, 8, le.AppendUint64(nil, l.f.hdr.Shoff+uint64(moved)), false)
	}
	if n := kept + len(l.secs); n != l.f.shnum {
		// gABI: the count is in the first header's sh_size.
		if n >= int(elf.SHN_LORESERVE) {
			le.PutUint64(l.header(0)[shSize:], uint64(n))
			n = 0
		} else if l.f.hdr.Shnum == 0 {
			le.PutUint64(l.header(0)[shSize:], 0)
		}
		l.addSplice(header, ehShnum, 2, le.AppendUint16(nil, uint16(n)), false)
	}
}

// alignUp is for powers of two; 0 aligns to nothing.
func alignUp(n, align uint64) uint64 {
	if align == 0 {
		return n
	}
	return (n + align - 1) &^ (align - 1)
}
