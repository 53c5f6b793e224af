// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"errors"

	"github.com/scpatch/scpatch/reloc"
)

// exceptions reads the exception table (LSDA) of a part, for its landing pads.
func (u *unwinding) exceptions(at, begin place, p *fdeRange) error {
	if at.sec == elsewhere {
		return errUnknown
	}
	s := u.m.f.Section(at.sec)
	data := s.Data()
	if !s.Has(elf.SHF_ALLOC) || s.Has(elf.SHF_COMPRESSED) || at.off > uint64(len(data)) {
		return errUnknown
	}
	return u.lsda(&cursor{data: data, off: at.off, end: uint64(len(data))}, at.sec, begin, p)
}

// lsda reads an exception table as GCC and LLVM write it: the base of landing pads, if
// that is not the start of the part; the encoding and the place of the types; and the
// call sites, each a range of code and its landing pad.
func (u *unwinding) lsda(c *cursor, sec int, begin place, p *fdeRange) error {
	from := begin
	own := true
	if enc := c.u8(); c.err == nil && enc != encOmit {
		var err error
		if from, err = c.pointer(u.ptr, sec, enc); err != nil {
			return err
		}
		if from.sec <= 0 {
			return errUnknown
		}
		own = false
	}
	if enc := c.u8(); enc != encOmit {
		c.leb128(false)
	}
	enc := c.u8()
	size := c.leb128(false)
	if c.err != nil || size > c.end-c.off {
		return errCut
	}
	c.end = c.off + size
	if enc&^encFormat != 0 || !u.ptr.plain(sec, c.off, c.end) {
		return errUnknown
	}
	if size > u.budget {
		return errors.New("overlapping exception tables")
	}
	u.budget -= size
	length := p.end - p.start
	for c.off < c.end {
		start, n, lp := c.value(enc), c.value(enc), c.value(enc)
		c.leb128(false) // the action
		switch {
		case c.err != nil:
			return c.err
		case start > length || n > length-start, lp >= length && own:
			return errUnknown
		case lp == 0:
			continue
		}
		to := place{from.sec, from.off + lp}
		if t := u.m.secs[to.sec]; to.sec != begin.sec {
			u.m.enter(to)
		} else {
			t.pads = append(t.pads, pad{to.off, p.start, p.end})
		}
	}
	return nil
}

// point resolves a pointer of an object by its relocation.
func (r *reader) point(sec int, off, size, raw uint64, _ byte) (place, error) {
	gone := false
	var rel reloc.Rela
	n := 0
	for x := range r.sortedRelocs(sec).Within(off, off+size) {
		if x.Type() == uint32(elf.R_PPC64_NONE) {
			gone = true // it pointed into a section that the linker has dropped
			continue
		}
		rel = x
		n++
	}
	if n == 0 {
		if raw == 0 || gone {
			return place{}, nil
		}
		return place{}, errors.New("a pointer without a relocation")
	}
	h, known := reloc.Lookup(rel.Type())
	if n > 1 || rel.Off != off || !known || uint64(h.Size) != size ||
		h.Field != reloc.Word32 && h.Field != reloc.Doubleword64 {
		return place{}, errUnknown
	}
	to, ok := r.target(rel)
	if !ok {
		return place{sec: elsewhere}, nil // defined in another object, or absolute
	}
	return to, nil
}

func (r *reader) names(sec int, start, end uint64, visit func(place)) (n int) {
	for rel := range r.sortedRelocs(sec).Within(start, end) {
		if rel.Type() == uint32(elf.R_PPC64_NONE) {
			continue
		}
		n++
		if to, ok := r.target(rel); ok {
			visit(to)
		}
	}
	return n
}

func (r *reader) plain(sec int, start, end uint64) bool {
	return r.names(sec, start, end, func(place) {}) == 0
}

// sortedRelocs returns the relocations of a section, which are sorted once.
func (r *reader) sortedRelocs(sec int) *reloc.Sorted {
	x, ok := r.sorted[sec]
	if !ok {
		n := sortRelocs(r.relas[sec])
		x = &n
		r.sorted[sec] = x
	}
	return x
}
