// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"maps"
	"slices"
)

// Layout decides where everything goes and returns the file to write. The Edit
// must not be used afterwards. It fails with ErrSigned; if two edits change the
// same bytes; if sections overlap in the file, or what must move has an alignment of
// more than 16 MiB; and with a *FormatError if a relocation or a section group of the
// file refers to something that does not exist. An empty edit does not check these.
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
	l := &layout{Edit: e, changed: slices.Sorted(maps.Keys(e.changedSections))}
	for _, step := range []func() error{
		l.cutSections, l.numberSections, l.layoutSymbols, l.renumber, l.nameSections, l.layoutGroups, l.layoutHeaders, l.place,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return newImage(e), nil
}

// A layout is the state of one call of Layout. Until the end, the section headers are in
// the order of provisional indices, with those of removed sections.
type layout struct {
	*Edit
	changed  []int    // changed sections in ascending order
	cut      indexSet // sections of the input whose bytes are removed
	final    []uint32 // by section: its final index; nil if it is the provisional one
	finalLen int      // number of sections of the output
	table    []byte   // the output's section headers, nil while they are the input's
	tableIn  int      // the body that holds them

	symbolNames, sectionNames *stringTable // may be the same
	firstGlobal               uint32       // its final index

	follows []int32 // by section: the part that it follows and moves with, -1 for none
}

// cutSections removes the bytes of sections that were removed or move, and replaces the
// content of others.
func (l *layout) cutSections() error {
	for i := range l.goneSections.all() {
		if i < l.f.shnum {
			l.cutSection(i)
		}
	}
	for _, i := range l.changed {
		switch c, s := l.changedSections[i], l.f.Section(i); {
		case l.goneSections.has(i):
		case c.moved:
			l.cutSection(i)
		case c.replaced && len(c.Data)+int(s.Size) > 0:
			l.replace(s, c.Data)
		}
	}
	return nil
}

func (l *layout) cutSection(i int) {
	s := l.f.Section(i)
	if !s.hasBytes() || s.Size == 0 && s.Off < ehdrSize {
		return
	}
	l.partAt(s).splices = nil // drop edits of its bytes
	l.replace(s, nil)
	l.cut.add(i)
}

// numberSections decides which final index each section gets.
func (l *layout) numberSections() error {
	l.finalLen = l.numSections()
	if l.goneSections.n == 0 {
		return nil
	}
	l.final = make([]uint32, l.numSections())
	n := uint32(0)
	for i := range l.final {
		if !l.goneSections.has(i) {
			l.final[i] = n
			n++
		}
	}
	l.finalLen = int(n)
	return nil
}

// finalSection maps a provisional index of a section to the final one.
func (l *layout) finalSection(i int) int {
	if l.final == nil {
		return i
	}
	return int(l.final[i])
}

// appendSection adds a section that Layout itself needs.
func (l *layout) appendSection(s NewSection) {
	l.sections = append(l.sections, s)
	if l.final != nil {
		l.final = append(l.final, uint32(l.finalLen))
	}
	l.finalLen++
}

// header returns the output's section header with provisional index i, for editing. It
// is valid until the next section is added.
func (l *layout) header(i int) []byte {
	if l.table == nil {
		t := l.f.table()
		l.table = append(make([]byte, 0, t.end-t.off+uint64(len(l.sections))*shdrSize), l.f.data[t.off:t.end]...)
	}
	return l.table[i*shdrSize:][:shdrSize]
}

// nameSections determines the offsets of section names, and appends the headers of new
// sections.
func (l *layout) nameSections() error {
	for _, i := range l.changed {
		c := l.changedSections[i]
		if c.renamed && !l.goneSections.has(i) {
			name, err := l.sectionNames.put(l, c.Name)
			if err != nil {
				return err
			}
			c.name = name
		}
	}
	for i := range l.sections {
		s := &l.sections[i]
		name := uint32(0)
		if !l.goneSections.has(l.f.shnum + i) {
			var err error
			if name, err = l.sectionNames.add(l, s.Name); err != nil {
				return err
			}
		}
		info := s.Info
		switch s.Type {
		case elf.SHT_GROUP:
			info = l.finalSymbol(info)
		case elf.SHT_RELA, elf.SHT_REL:
			size := relocSize(s.Type)
			for _, r := range s.Relas {
				s.Data = l.f.appendRela(s.Data, r, size)
			}
			s.Relas = nil
			l.finalRelas(s.Data, size)
		}
		l.header(0) // makes l.table
		l.table = appendHeader(l.table, elf.Section64{
			Name: name, Type: uint32(s.Type), Flags: uint64(s.Flags), Size: s.size(),
			Link: uint32(s.Link), Info: info, Addralign: s.Addralign, Entsize: s.Entsize,
		})
	}
	return nil
}

// layoutGroups writes the members of groups that get or lose some, or whose members get
// other indices.
func (l *layout) layoutGroups() error {
	for k := range l.sections {
		s, g := &l.sections[k], l.f.shnum+k
		if s.Type == elf.SHT_GROUP && !l.goneSections.has(g) {
			s.Data = l.groupContent(s.Data, g)
			le.PutUint64(l.header(g)[shSize:], uint64(len(s.Data)))
		}
	}
	if l.final == nil && len(l.joined) == 0 && len(l.changed) == 0 {
		return nil
	}
	for g := 1; g < l.f.shnum; g++ {
		if l.f.SectionType(g) != elf.SHT_GROUP || l.goneSections.has(g) {
			continue
		}
		s := l.f.Section(g)
		flags := s.Data()
		if c := l.changedSections[g]; c != nil {
			flags = c.Data
		}
		if b := l.groupContent(flags, g); string(b) != string(s.Data()) {
			l.replace(s, b)
		}
	}
	return nil
}

func (l *layout) groupContent(flags []byte, g int) []byte {
	b := append([]byte(nil), flags[:groupFlagSize]...)
	for _, m := range l.members(g) {
		b = le.AppendUint32(b, uint32(l.finalSection(m)))
	}
	return b
}

// layoutHeaders writes the changed fields of section headers, still with provisional
// indices of sections but with final ones of symbols.
func (l *layout) layoutHeaders() error {
	for _, i := range l.changed {
		c, h := l.changedSections[i], l.header(i)
		le.PutUint32(h[shName:], c.name)
		le.PutUint32(h[shType:], uint32(c.Type))
		le.PutUint64(h[shFlags:], uint64(c.Flags))
		le.PutUint32(h[shLink:], uint32(c.Link))
		le.PutUint32(h[shInfo:], c.Info)
		le.PutUint64(h[shAddralign:], c.Addralign)
		le.PutUint64(h[shEntsize:], c.Entsize)
		if c.Type == elf.SHT_NOBITS {
			le.PutUint64(h[shSize:], c.Size)
		}
		switch {
		case i == l.f.symtab.Index:
			le.PutUint32(h[shInfo:], l.firstGlobal)
		case c.Type == elf.SHT_GROUP:
			le.PutUint32(h[shInfo:], l.finalSymbol(c.Info))
		}
	}
	return nil
}

// finishHeaders leaves out the headers of removed sections and gives the others the final
// indices of sections.
func (l *layout) finishHeaders() {
	l.finishTable()
	if l.ehdr == nil && l.finalLen == l.f.shnum && l.final == nil {
		return
	}
	// gABI, "ELF Header": numbers that do not fit into e_shnum and e_shstrndx go into
	// the first section header.
	b, first := l.elfHeader(), l.bodies[l.tableIn].ins
	if l.finalLen != l.f.shnum {
		n := l.finalLen
		if n >= int(elf.SHN_LORESERVE) {
			le.PutUint64(first[shSize:], uint64(n))
			n = 0
		} else if l.f.hdr.Shnum == 0 {
			le.PutUint64(first[shSize:], 0)
		}
		le.PutUint16(b[ehShnum:], uint16(n))
	}
	if l.final != nil {
		n := l.finalSection(l.f.shstr.Index)
		if n >= int(elf.SHN_LORESERVE) {
			le.PutUint32(first[shLink:], uint32(n))
			n = int(elf.SHN_XINDEX)
		} else if elf.SectionIndex(l.f.hdr.Shstrndx) == elf.SHN_XINDEX {
			le.PutUint32(first[shLink:], 0)
		}
		le.PutUint16(b[ehShstrndx:], uint16(n))
	}
}

func (l *layout) finishTable() {
	if l.final == nil {
		return
	}
	n, to := uint32(l.numSections()), 0
	for i := range int(n) {
		if l.goneSections.has(i) {
			continue
		}
		h := l.table[i*shdrSize:][:shdrSize]
		s := NewSection{Type: elf.SectionType(le.Uint32(h[shType:])), Flags: elf.SectionFlag(le.Uint64(h[shFlags:]))}
		if i > 0 && s.Type != elf.SHT_NULL {
			if link := le.Uint32(h[shLink:]); link < n {
				le.PutUint32(h[shLink:], l.final[link])
			}
			if info := le.Uint32(h[shInfo:]); s.infoIsSection() && info < n {
				le.PutUint32(h[shInfo:], l.final[info])
			}
		}
		copy(l.table[to:], h)
		to += shdrSize
	}
	l.bodies[l.tableIn].ins = l.table[:to]
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
