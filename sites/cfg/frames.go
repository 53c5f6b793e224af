// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
)

// Pointer encodings of .eh_frame and of exception tables (LSB 5.0, Core, Generic Part,
// 10.5.1): how a value is stored and what it is relative to.
const (
	encOmit     = 0xff
	encIndirect = 0x80
	encFormat   = 0x0f
	encApply    = 0x70

	encPCRel = 0x10
)

var (
	errCut     = errors.New("cut short")
	errUnknown = errors.New("not understood")
)

// A cursor reads a range of a section.
type cursor struct {
	data []byte
	off  uint64 // in the section
	end  uint64
	err  error
}

func (c *cursor) bytes(n uint64) []byte {
	if c.err != nil || n > c.end-c.off {
		c.err = errors.Join(c.err, errCut)
		return make([]byte, min(n, 8))
	}
	b := c.data[c.off : c.off+n]
	c.off += n
	return b
}

func (c *cursor) u8() byte    { return c.bytes(1)[0] }
func (c *cursor) u32() uint32 { return binary.LittleEndian.Uint32(c.bytes(4)) }

// leb128 reads a LEB128 number, signed or not.
func (c *cursor) leb128(signed bool) (v uint64) {
	for shift := uint(0); ; shift += 7 {
		b := c.u8()
		if c.err != nil {
			return 0
		}
		if shift > 63 || shift == 63 && !signed && b > 1 {
			c.err = errUnknown
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			if signed && b&0x40 != 0 {
				v |= ^uint64(0) << (shift + 7)
			}
			return v
		}
	}
}

// value reads a number in the format of enc and does not add its base.
func (c *cursor) value(enc byte) uint64 {
	switch enc & encFormat {
	case 0x0, 0x4, 0xc: // absptr, udata8, sdata8
		return binary.LittleEndian.Uint64(c.bytes(8))
	case 0x1:
		return c.leb128(false)
	case 0x9:
		return c.leb128(true)
	case 0x2:
		return uint64(binary.LittleEndian.Uint16(c.bytes(2)))
	case 0xa:
		return uint64(int64(int16(binary.LittleEndian.Uint16(c.bytes(2)))))
	case 0x3:
		return uint64(c.u32())
	case 0xb:
		return uint64(int64(int32(c.u32())))
	}
	c.err = errUnknown
	return 0
}

// pointers resolves pointers in the unwinder's sections. The field is at off in
// section sec and has size bytes; raw is its value. A null pointer has section 0, and
// a pointer to something outside this file has section elsewhere.
type pointers interface {
	point(sec int, off, size, raw uint64, enc byte) (place, error)
	// plain reports whether no relocation changes the bytes in [start, end).
	plain(sec int, start, end uint64) bool
	// names visits the places that relocations in [start, end) name, and returns
	// how many relocations there are.
	names(sec int, start, end uint64, visit func(place)) (n int)
}

const elsewhere = -1

// pointer reads a pointer.
func (c *cursor) pointer(p pointers, sec int, enc byte) (place, error) {
	at := c.off
	raw := c.value(enc)
	if c.err != nil {
		return place{}, c.err
	}
	if enc&encIndirect != 0 || enc&encApply != 0 && enc&encApply != encPCRel {
		return place{}, errUnknown
	}
	return p.point(sec, at, c.off-at, raw, enc)
}

// A cie holds what the FDEs of one CIE have in common.
type cie struct {
	code  byte // encoding of code addresses
	lsda  byte // of the address of the exception table
	sized bool // FDEs give the length of their augmentation data
}

// An unwinding reads .eh_frame and the exception tables that it names.
type unwinding struct {
	m        *Map
	ptr      pointers
	budget   uint64         // bytes of exception tables that may still be read
	pointed  int            // non-null pointers of the entry
	suspects map[int]string // sections with exception tables that are not read, and why
}

func (m *Map) unwind(p pointers) {
	u := unwinding{m: m, ptr: p, budget: 2*uint64(len(m.f.Bytes())) + 1<<20, suspects: map[int]string{}}
	for i := 1; i < m.f.NumSections(); i++ {
		s := m.f.Section(i)
		if string(s.NameBytes()) != ".eh_frame" || !s.Has(elf.SHF_ALLOC) || s.Size == 0 {
			continue
		}
		if s.Data() == nil || s.Has(elf.SHF_COMPRESSED) {
			u.anywhere("section %v has no content", s)
			continue
		}
		u.section(s)
	}
	for _, t := range m.secs {
		t.addUnnamed()
	}
	for sec, why := range u.suspects {
		p.names(sec, 0, ^uint64(0), func(to place) { m.refuse(to.sec, to.off, to.off+1, "%s", why) })
	}
}

// section reads the entries of .eh_frame. An entry of size 0 ends the contribution of
// one input of a linker; others may follow. If the size of an entry is wrong,
// everything after it is lost.
func (u *unwinding) section(s elfrw.Section) {
	data := s.Data()
	cies := map[uint64]cie{}
	for off := uint64(0); uint64(len(data))-off >= 4; {
		c := cursor{data: data, off: off, end: uint64(len(data))}
		size := uint64(c.u32())
		end := c.off + size
		if size == 0xffffffff || size != 0 && size < 4 || size > c.end-c.off {
			u.lost(s, off, c.end, errUnknown)
			if m := u.m; m.image {
				u.anywhere("section %v+0x%x: %v", s, off, errUnknown)
			}
			return
		}
		c.end = end
		u.pointed = 0
		err := error(nil)
		if size > 0 {
			err = u.entry(&c, s, cies)
		}
		if n := u.ptr.names(s.Index, off, end, func(place) {}); err == nil && n != u.pointed && !u.m.image {
			err = errors.New("relocations of something that is not a pointer")
			delete(cies, off)
		}
		if err != nil {
			u.lost(s, off, end, err)
		}
		off = end
	}
}

// entry reads one entry, without its size.
func (u *unwinding) entry(c *cursor, s elfrw.Section, cies map[uint64]cie) error {
	idOff := c.off
	id := uint64(c.u32())
	if id == 0 {
		x, err := u.cie(c, s.Index)
		if err == nil {
			cies[idOff-4] = x
		}
		return err
	}
	x, ok := cies[idOff-id]
	if !ok || id > idOff {
		if n := u.ptr.names(s.Index, idOff, c.end, func(place) {}); n == 0 {
			u.anywhere("section %v+0x%x: an entry without a CIE", s, idOff-4)
		}
		return errors.New("an entry without a CIE")
	}
	return u.fde(c, s, x)
}

// lost records that entries are not understood. Their relocations tell which
// code they describe, and where their exception tables are. A table that is not
// read may have landing pads anywhere that the relocations of its section point
// to.
func (u *unwinding) lost(s elfrw.Section, start, end uint64, err error) {
	why := fmt.Sprintf("section %v+0x%x: %v", s, start, err)
	u.ptr.names(s.Index, start, end, func(to place) {
		if u.m.secs[to.sec] != nil {
			u.m.refuse(to.sec, to.off, to.off+1, "%s", why)
		} else if u.suspects[to.sec] == "" {
			u.suspects[to.sec] = why
		}
	})
}

// anywhere records an entry for unknown code: any code that no other entry covers.
func (u *unwinding) anywhere(format string, a ...any) {
	if u.m.uncovered == "" {
		u.m.uncovered = fmt.Sprintf(format, a...)
	}
}

// pointer reads a pointer of an entry.
func (u *unwinding) pointer(c *cursor, sec int, enc byte) (place, error) {
	to, err := c.pointer(u.ptr, sec, enc)
	if err == nil && to.sec != 0 {
		u.pointed++
	}
	return to, err
}

func (u *unwinding) cie(c *cursor, sec int) (x cie, err error) {
	version := c.u8()
	n := bytes.IndexByte(c.data[c.off:c.end], 0)
	if c.err != nil || n < 0 {
		return x, errCut
	}
	augmentation := c.bytes(uint64(n + 1))[:n]
	switch version {
	case 1, 3:
	case 4: // followed by the sizes of an address and of a segment selector
		if c.u8() != 8 || c.u8() != 0 {
			return x, errUnknown
		}
	default:
		return x, errUnknown
	}
	c.leb128(false)
	c.leb128(true)
	if version == 1 {
		c.u8()
	} else {
		c.leb128(false)
	}
	x.lsda = encOmit
	if len(augmentation) == 0 {
		return x, c.err
	}
	if augmentation[0] != 'z' {
		return x, errUnknown
	}
	x.sized = true
	if size := c.leb128(false); c.err == nil && size <= c.end-c.off {
		c.end = c.off + size
	} else {
		return x, errCut
	}
	for _, a := range augmentation[1:] {
		switch a {
		case 'L':
			x.lsda = c.u8()
		case 'R':
			x.code = c.u8()
		case 'P':
			enc := c.u8()
			if enc != encOmit { // what it points to does not matter
				if _, err := u.pointer(c, sec, enc&^encIndirect); err != nil {
					return x, err
				}
			}
		case 'S', 'B', 'G':
		default:
			return x, errUnknown
		}
	}
	return x, c.err
}

// fde reads the entry of one function, or of a part of one.
func (u *unwinding) fde(c *cursor, s elfrw.Section, x cie) error {
	off := c.off
	begin, err := u.pointer(c, s.Index, x.code)
	if err != nil {
		if u.ptr.names(s.Index, off, off+8, func(place) {}) == 0 {
			u.anywhere("section %v+0x%x: %v", s, off, err)
		}
		return err
	}
	size := c.value(x.code & encFormat)
	var table place // null if there is none
	tableErr := error(nil)
	if x.sized && c.err == nil {
		if n := c.leb128(false); n > c.end-c.off {
			c.err = errCut
		} else if x.lsda != encOmit {
			table, tableErr = u.pointer(c, s.Index, x.lsda)
		}
	}
	t := u.m.secs[begin.sec]
	switch {
	case begin.sec == 0 && table.sec != 0:
		u.anywhere("section %v+0x%x: an exception table without a function", s, off)
		return nil
	case t == nil:
		return nil // not in a requested section
	case c.err != nil:
		u.m.refuse(begin.sec, begin.off, begin.off+1, "section %v+0x%x: %v", s, off, c.err)
		return c.err
	case begin.off+size <= begin.off || begin.off+size > uint64(len(t.code)):
		err := errors.New("an entry that extends past the code")
		u.m.refuse(begin.sec, begin.off, begin.off+1, "section %v+0x%x: %v", s, off, err)
		return err
	}
	p := fdeRange{start: begin.off, end: begin.off + size, lsda: table.sec != 0 || tableErr != nil}
	if tableErr == nil && p.lsda {
		tableErr = u.exceptions(table, begin, &p)
	}
	if tableErr != nil {
		u.m.refuse(begin.sec, p.start, p.end, "its exception table: %v", tableErr)
	}
	t.fdes, t.open = append(t.fdes, p), true
	return nil
}
