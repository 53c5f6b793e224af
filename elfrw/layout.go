// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"errors"
	"fmt"
)

// Layout decides where everything goes and returns the file to write. The Edit
// must not be used afterwards. It fails with ErrSigned; if two edits change the
// same bytes; if something that must move cannot be moved soundly; and with a
// *FormatError if a relocation or a section group of the file refers to
// something that does not exist. An empty edit does not check these.
func (e *Edit) Layout() (*Image, error) {
	if e.Empty() {
		return newImage(e), nil
	}
	if e.f.Signed() && !e.strip {
		return nil, ErrSigned
	}
	if err := e.f.CheckReferences(); err != nil {
		return nil, err
	}
	l := &layout{Edit: e}
	for _, step := range []func() error{
		l.addSymbols, l.renumber, l.removeSections, l.addHeaders, l.place,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return newImage(e), nil
}

// A layout is the state of one call of Layout.
type layout struct {
	*Edit
	table   []byte         // the output's section headers, nil while they are the input's
	strs    map[int]uint64 // string tables: their size so far
	follows []int32        // by section: the part that it follows and moves with, -1 for none
}

// header returns section header i of the output, for editing. It may be used
// until the next new section.
func (l *layout) header(i int) []byte {
	if l.table == nil {
		t := l.f.table()
		l.table = append(make([]byte, 0, t.end-t.off+uint64(len(l.secs))*shdrSize), l.f.data[t.off:t.end]...)
	}
	return l.table[i*shdrSize:][:shdrSize]
}

// addString appends a string to a string table and returns its offset there.
func (l *layout) addString(sec Section, s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	if l.strs == nil {
		l.strs = map[int]uint64{}
	}
	size, ok := l.strs[sec.Index]
	if !ok {
		size = sec.Size
		if l.partOf != nil && l.partOf[sec.Index] != 0 {
			for _, p := range l.parts[l.partOf[sec.Index]-1].splices {
				size += l.inserted(&p)
			}
		}
	}
	if size+uint64(len(s))+1 > 1<<32-1 {
		return 0, fmt.Errorf("section %v: the string table passes 4 GiB", sec)
	}
	l.splice(sec, sec.Off+sec.Size, 0, append([]byte(s), 0))
	l.strs[sec.Index] = size + uint64(len(s)) + 1
	return uint32(size), nil
}

// addSymbols puts the new symbols into the symbol table.
func (l *layout) addSymbols() error {
	if len(l.added) == 0 {
		return nil
	}
	wide := false // some section number does not fit into st_shndx
	for _, list := range [][]newSymbol{l.locals, l.globals} {
		for i := range list {
			s := &list[i]
			name, err := l.addString(l.f.strtab, s.Name)
			if err != nil {
				return err
			}
			s.name = name
			wide = wide || s.Section >= int(elf.SHN_LORESERVE)
		}
	}
	first, end := l.f.FirstGlobal(), l.f.NumSymbols()
	l.insertSymbols(first, l.locals)
	l.insertSymbols(end, l.globals)
	if n := len(l.locals); n > 0 {
		le.PutUint32(l.header(l.f.symtab.Index)[shInfo:], uint32(first+n))
	}
	switch x := l.f.symShndx; {
	case x.Index != 0:
		l.splice(x, x.Off+uint64(first)*4, 0, extended(nil, l.locals))
		l.splice(x, x.Off+uint64(end)*4, 0, extended(nil, l.globals))
	case wide && l.f.shstr.Index == 0:
		return errors.New("a new symbol needs a SHT_SYMTAB_SHNDX, and there is no table for its name")
	case wide:
		ext := extended(make([]byte, first*4), l.locals)
		ext = extended(append(ext, make([]byte, (end-first)*4)...), l.globals)
		l.secs = append(l.secs, NewSection{
			Name: ".symtab_shndx", Type: elf.SHT_SYMTAB_SHNDX, Addralign: 4, Entsize: 4,
			Link: l.f.symtab.Index, Data: ext,
		})
	}
	return nil
}

// insertSymbols inserts symbols before symbol i of the input.
func (l *layout) insertSymbols(i int, syms []newSymbol) {
	raw := make([]byte, 0, len(syms)*SymSize)
	for _, s := range syms {
		shndx := uint16(elf.SHN_XINDEX)
		if s.Section < int(elf.SHN_LORESERVE) {
			shndx = uint16(s.Section)
		}
		raw = le.AppendUint32(raw, s.name)
		raw = append(raw, elf.ST_INFO(s.Bind, s.Type), s.Other)
		raw = le.AppendUint16(raw, shndx)
		raw = le.AppendUint64(raw, s.Value)
		raw = le.AppendUint64(raw, s.Size)
	}
	t := l.f.symtab
	l.splice(t, t.Off+uint64(i)*SymSize, 0, raw)
}

// extended appends the symbols' entries of SHT_SYMTAB_SHNDX to b.
func extended(b []byte, syms []newSymbol) []byte {
	for _, s := range syms {
		x := 0
		if s.Section >= int(elf.SHN_LORESERVE) {
			x = s.Section
		}
		b = le.AppendUint32(b, uint32(x))
	}
	return b
}

// addHeaders names the new sections and appends their headers.
func (l *layout) addHeaders() error {
	for i := range l.secs {
		s := &l.secs[i]
		name, err := l.addString(l.f.shstr, s.Name)
		if err != nil {
			return err
		}
		if s.Type == elf.SHT_RELA {
			if err := l.finalSymbols(s.Data); err != nil {
				return fmt.Errorf("new section %q: %w", s.Name, err)
			}
		}
		l.header(0) // makes l.table
		l.table = appendHeader(l.table, elf.Section64{
			Name: name, Type: uint32(s.Type), Flags: uint64(s.Flags), Size: uint64(len(s.Data)),
			Link: uint32(s.Link), Info: s.Info, Addralign: s.Addralign, Entsize: s.Entsize,
		})
	}
	return nil
}

func appendHeader(b []byte, h elf.Section64) []byte {
	b = le.AppendUint32(b, h.Name)
	b = le.AppendUint32(b, h.Type)
	b = le.AppendUint64(b, h.Flags)
	b = le.AppendUint64(b, h.Addr)
	b = le.AppendUint64(b, h.Off)
	b = le.AppendUint64(b, h.Size)
	b = le.AppendUint32(b, h.Link)
	b = le.AppendUint32(b, h.Info)
	b = le.AppendUint64(b, h.Addralign)
	return le.AppendUint64(b, h.Entsize)
}
