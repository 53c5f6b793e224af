// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// RemoveSection removes section i. It must be the last section, not counting
// those that were removed before, so the others keep their numbers. This undoes
// AddSection, byte for byte if the file had nothing but alignment between its
// parts.
//
// Layout fails if a symbol, a group or another section refers to it. Its name
// is removed too if it is at the end of the string table.
func (e *Edit) RemoveSection(i int) error {
	s, err := e.section(i)
	switch last := e.f.shnum - 1 - e.numRemoved; {
	case err != nil:
		return err
	case i != last:
		return fmt.Errorf("section %v: only the last section can be removed, which is %d", s, last)
	case i == e.f.symtab.Index || i == e.f.strtab.Index || i == e.f.shstr.Index || i == e.f.symShndx.Index:
		return fmt.Errorf("section %v cannot be removed: it is a table of the file", s)
	}
	e.numRemoved++
	return nil
}

// removeSections removes the headers, the names and the bytes of the removed sections.
func (l *layout) removeSections() error {
	if l.numRemoved == 0 {
		return nil
	}
	if len(l.secs) > 0 {
		return fmt.Errorf("section %q: sections cannot be added and removed by one edit", l.secs[0].Name)
	}
	kept := l.f.shnum - l.numRemoved
	if err := l.checkUnused(kept); err != nil {
		return err
	}
	l.removeNames(kept)
	for i := kept; i < l.f.shnum; i++ {
		if s := l.f.Section(i); s.hasBytes() {
			l.addBody(l.partAt(s), s.Off, s.Size, nil, false)
			l.partAt(s).closes = true
		}
	}
	l.header(0) // makes l.table
	l.table = l.table[:kept*shdrSize]
	return nil
}

// checkUnused wants no reference to a section with a number of kept or above.
func (l *layout) checkUnused(kept int) error {
	refuse := func(i int, format string, a ...any) error {
		return fmt.Errorf("section %v cannot be removed: %s refers to it", l.f.Section(i), fmt.Sprintf(format, a...))
	}
	for i := range l.f.NumSymbols() {
		if sec := l.f.SymbolSection(i); sec >= kept {
			return refuse(sec, "symbol %d", i)
		}
	}
	for _, list := range [][]newSymbol{l.locals, l.globals} {
		for i := range list {
			if sec := list[i].Section; sec >= kept {
				return refuse(sec, "the new symbol %q", list[i].Name)
			}
		}
	}
	for i := 1; i < kept; i++ {
		s := l.f.Section(i)
		switch {
		case s.Is(elf.SHT_NULL):
			continue
		case int64(s.Link) >= int64(kept) && int64(s.Link) < int64(l.f.shnum):
			return refuse(int(s.Link), "section %v", s)
		case (s.Is(elf.SHT_RELA) || s.Has(elf.SHF_INFO_LINK)) && int64(s.Info) >= int64(kept) && int64(s.Info) < int64(l.f.shnum):
			return refuse(int(s.Info), "section %v", s)
		case s.Is(elf.SHT_GROUP):
			for m := range s.Members() {
				if m >= kept {
					return refuse(m, "section group %v", s)
				}
			}
		}
	}
	return nil
}

// removeNames removes the names of the removed sections from the end of the string
// table, unless something else is named there.
func (l *layout) removeNames(kept int) {
	names := l.f.shstr.Data()
	begin := len(names)
	for i := l.f.shnum - 1; i >= kept; i-- {
		if name := int(l.f.Section(i).Name); name > 0 {
			begin = min(begin, name)
		}
	}
	if begin == len(names) || names[begin-1] != 0 {
		return
	}
	for i := 1; i < kept; i++ {
		s := l.f.Section(i)
		if int64(s.Name) >= int64(begin) && !s.Is(elf.SHT_NULL) || int(s.Link) == l.f.shstr.Index && i != l.f.symtab.Index {
			return
		}
	}
	if l.f.strtab.Index == l.f.shstr.Index {
		for i := range l.f.NumSymbols() {
			if int64(l.f.SymbolNameOff(i)) >= int64(begin) {
				return
			}
		}
	}
	s := l.f.shstr
	if l.partOf != nil && l.partOf[s.Index] != 0 {
		return // what is appended there must not move
	}
	l.splice(s, s.Off+uint64(begin), uint64(len(names)-begin), nil)
	l.partAt(s).closes = true
}

// clear makes the part for a removed section begin where what precedes it ends, if
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
// its alignment did not matter.
func (l *layout) closeUp(p *part, shift int64) int64 {
	up := alignShift(shift, p.align)
	if !p.closes || p.grows >= 0 {
		return up
	}
	gap := p.followStart - p.end
	if p.sec < l.f.shnum-l.numRemoved {
		// A string table: what was moved when the names were added moves back.
		gap = uint64(shift) & (p.align - 1)
	}
	if p.end+gap > p.followStart || !l.zeros(p.end, p.end+gap) {
		return up
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
