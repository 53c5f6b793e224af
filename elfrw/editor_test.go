// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// An editor makes the same edits to a file and to its model.
type editor struct {
	t    testing.TB
	f    *elfrw.File
	e    *elfrw.Edit
	m    *model
	news map[int]*msym // by provisional index
	old  int           // sections of the input
}

func newEditor(t testing.TB, data []byte) *editor {
	t.Helper()
	f, err := elfrw.New(data)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return &editor{t: t, f: f, e: f.Edit(), m: snapshot(f), news: map[int]*msym{}, old: f.NumSections()}
}

func (d *editor) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *editor) sym(i int) *msym {
	if s, ok := d.news[i]; ok {
		return s
	}
	return d.m.syms[i]
}

// find returns the sections that ok accepts.
func (d *editor) find(ok func(i int, s elfrw.Section) bool) []int {
	var out []int
	for i := 1; i < d.old; i++ {
		if ok(i, d.f.Section(i)) {
			out = append(out, i)
		}
	}
	return out
}

// plain returns the sections whose bytes may be edited.
func (d *editor) plain(min uint64) []int {
	return d.find(func(i int, s elfrw.Section) bool {
		switch elf.SectionType(s.Type) {
		case elf.SHT_NULL, elf.SHT_NOBITS, elf.SHT_STRTAB, elf.SHT_SYMTAB, elf.SHT_SYMTAB_SHNDX, elf.SHT_GROUP, elf.SHT_REL, elf.SHT_RELA, shtAddrsig, shtCallGraph12:
			return false
		}
		return s.Size >= min
	})
}

func (d *editor) relas(min uint64) []int {
	return d.find(func(i int, s elfrw.Section) bool {
		return entrySize(s) > 0 && int(s.Link) == d.m.symtab && s.Size >= entrySize(s)*min
	})
}

// entrySize returns the size of the entries of a section whose relocations can be
// edited.
func entrySize(s elfrw.Section) uint64 {
	switch {
	case s.Is(elf.SHT_RELA):
		return 24
	case s.Is(elf.SHT_REL) && s.Entsize == 16 && s.Size%16 == 0 && s.Info != 0:
		return 16
	}
	return 0
}

// entries returns the number of relocations in a section.
func (d *editor) entries(sec int) int {
	s := d.f.Section(sec)
	return int(s.Size / entrySize(s))
}

// fit returns a relocation as it can be in a section.
func (d *editor) fit(sec int, r elf.Rela64) elf.Rela64 {
	if d.f.Section(sec).Is(elf.SHT_REL) {
		r.Addend = 0
	}
	return r
}

func (d *editor) replace(sec int, off uint64, b []byte) {
	d.t.Helper()
	c := d.m.secs[sec]
	d.must(d.e.ReplaceBytes(sec, off, d.f.Section(sec).Data()[off:][:len(b)], b))
	c.data = slices.Clone(c.data)
	copy(c.data[off:], b)
}

func (d *editor) appendData(sec int, b []byte) {
	d.t.Helper()
	d.must(d.e.AppendData(sec, b))
	c := d.m.secs[sec]
	c.data = append(slices.Clone(c.data), b...)
	if len(c.data) > 0 {
		c.hdr.Size = 0
	}
}

func (d *editor) model(r elf.Rela64) mrela {
	return mrela{off: r.Off, typ: uint32(r.Info), addend: r.Addend, sym: d.sym(int(r.Info >> 32))}
}

func (d *editor) setRela(sec, i int, r elf.Rela64) {
	d.t.Helper()
	r = d.fit(sec, r)
	d.must(d.e.SetRela(sec, i, asRela(r)))
	n := d.model(r)
	d.m.secs[sec].relas[i].rela, d.m.secs[sec].relas[i].used = &n, true
}

func (d *editor) dropRela(sec, i int) {
	d.t.Helper()
	d.must(d.e.DropRela(sec, i))
	d.m.secs[sec].relas[i].rela, d.m.secs[sec].relas[i].used = nil, true
}

func (d *editor) insertRela(sec, i int, r elf.Rela64) {
	d.t.Helper()
	r = d.fit(sec, r)
	d.must(d.e.InsertRela(sec, i, asRela(r)))
	slot := &d.m.secs[sec].relas[i]
	slot.before = append(slot.before, d.model(r))
}

func (d *editor) setOther(i int, other uint8) {
	d.t.Helper()
	d.must(d.e.SetSymbolOther(i, other))
	d.m.syms[i].other = other
}

func (d *editor) addSymbol(s elfrw.NewSymbol) int {
	d.t.Helper()
	i, err := d.e.AddSymbol(s)
	d.must(err)
	y := &msym{name: s.Name, info: elf.ST_INFO(s.Bind, s.Type), other: s.Other, section: s.Section, value: s.Value, size: s.Size}
	if s.Bind == elf.STB_LOCAL {
		d.m.locals = append(d.m.locals, y)
	} else {
		d.m.globals = append(d.m.globals, y)
	}
	if s.Section >= int(elf.SHN_LORESERVE) && d.m.shndx == 0 {
		d.m.addedShndx = true
	}
	d.news[i] = y
	return i
}

func (d *editor) addSection(s elfrw.NewSection) int {
	d.t.Helper()
	i, err := d.e.AddSection(s)
	d.must(err)
	if i != len(d.m.secs) {
		d.t.Fatalf("AddSection returned %d, want %d", i, len(d.m.secs))
	}
	flags := s.Flags
	if s.Group != 0 {
		flags |= elf.SHF_GROUP
		g := d.m.secs[s.Group]
		g.data = binary.LittleEndian.AppendUint32(bytes.Clone(g.data), uint32(i))
		g.hdr.Size = uint64(len(g.data))
	}
	d.m.secs = append(d.m.secs, &msec{name: s.Name, data: s.Data, hdr: elf.Section64{
		Type: uint32(s.Type), Flags: uint64(flags), Link: uint32(s.Link), Info: s.Info, Addralign: s.Addralign, Entsize: s.Entsize,
	}})
	return i
}

func (d *editor) addRela(target int, relas ...elf.Rela64) int {
	d.t.Helper()
	var raw bytes.Buffer
	binary.Write(&raw, binary.LittleEndian, relas)
	i := d.addSection(elfrw.NewSection{
		Name: ".rela.new", Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Addralign: 8, Entsize: 24,
		Link: d.m.symtab, Info: uint32(target), Data: raw.Bytes(),
	})
	c := d.m.secs[i]
	c.data = nil
	for _, r := range relas {
		n := d.model(r)
		c.relas = append(c.relas, mslot{rela: &n})
	}
	return i
}

// layout writes the output and checks everything that an edit must keep.
func (d *editor) layout() []byte {
	d.t.Helper()
	out, err := d.tryLayout()
	d.must(err)
	return out
}

// tryLayout is layout if Layout may fail.
func (d *editor) tryLayout() ([]byte, error) {
	d.t.Helper()
	empty := d.e.Empty()
	image, err := d.e.Layout()
	if err != nil {
		return nil, err
	}
	if image.Size() > 64<<20 {
		return nil, errors.New("too large for a test")
	}
	var out bytes.Buffer
	n, err := image.WriteTo(&out)
	d.must(err)
	if n != image.Size() || n != int64(out.Len()) {
		d.t.Fatalf("WriteTo says %d bytes, Size %d, written were %d", n, image.Size(), out.Len())
	}
	d.must(image.Check(out.Bytes()))
	if same := bytes.Equal(out.Bytes(), d.f.Bytes()); image.Unchanged() && !same || empty && !same {
		d.t.Fatal("the image says it is unchanged, it is not")
	}
	f, err := elfrw.New(out.Bytes())
	if err != nil {
		d.t.Fatalf("New of the output: %v", err)
	}
	if _, err := d.f.ELF(); err == nil {
		if _, err := f.ELF(); err != nil {
			d.t.Fatalf("debug/elf: %v", err)
		}
	}
	d.m.compare(d.t, f)
	checkPlaces(d.t, d.f, f)
	return out.Bytes(), nil
}
