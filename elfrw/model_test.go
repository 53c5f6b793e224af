// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/elfrw"
)

// A model is the content of a file without its layout. References to symbols
// are pointers, so that indices do not matter.
type model struct {
	secs            []*msec
	syms            []*msym
	locals, globals []*msym // new ones
	first           int     // the first global symbol
	symtab, shndx   int
	addedShndx      bool
	machine, typ    uint16
	flags           uint32
	entry           uint64
}

type msym struct {
	name        string
	info, other uint8
	shndx       elf.SectionIndex // of undefined and reserved symbols
	section     int
	value, size uint64
}

type msec struct {
	name  string
	hdr   elf.Section64 // without what layout and string tables decide
	data  []byte        // nil if one of the following fields holds the content
	relas []mslot
	refs  []*msym // LLVM's address-significance table
	sig   *msym   // of a group
}

// An mslot is a relocation of the input and what comes before it.
type mslot struct {
	before []mrela
	rela   *mrela
	used   bool
}

type mrela struct {
	off    uint64
	typ    uint32
	addend int64
	sym    *msym
	wild   uint32 // the index, if there is no such symbol
}

// snapshot reads a file.
func snapshot(f *elfrw.File) *model {
	h := f.Header()
	m := &model{symtab: f.Symtab().Index, first: f.FirstGlobal(), machine: h.Machine, typ: h.Type, flags: h.Flags, entry: h.Entry}
	for i := range f.NumSymbols() {
		s := f.Symbol(i)
		y := &msym{name: string(f.SymbolName(s)), info: s.Info, other: s.Other, section: s.Section, value: s.Value, size: s.Size}
		if s.Shndx >= elf.SHN_LORESERVE && s.Shndx != elf.SHN_XINDEX {
			y.shndx = s.Shndx
		}
		m.syms = append(m.syms, y)
	}
	at := func(i uint32) (*msym, uint32) {
		if int(i) < len(m.syms) {
			return m.syms[i], 0
		}
		return nil, i
	}
	at32 := func(off int, d []byte) (*msym, uint32) { return at(binary.LittleEndian.Uint32(d[off:])) }
	for i := range f.NumSections() {
		s := f.Section(i)
		c := &msec{hdr: s.Section64}
		if i > 0 && !s.Is(elf.SHT_NULL) {
			c.name = s.NameString()
		}
		c.hdr.Name, c.hdr.Off = 0, 0
		m.secs = append(m.secs, c)
		switch d := s.Data(); {
		case i == 0:
			c.hdr.Size = 0 // the number of sections
		case i == m.symtab:
			c.hdr.Info, c.hdr.Size = 0, 0
		case s.Is(elf.SHT_SYMTAB_SHNDX):
			m.shndx = i
			c.hdr.Size = 0
		case entrySize(s) > 0 && int(s.Link) == m.symtab:
			for ; len(d) > 0; d = d[entrySize(s):] {
				r := &mrela{off: binary.LittleEndian.Uint64(d), typ: binary.LittleEndian.Uint32(d[8:])}
				if s.Is(elf.SHT_RELA) {
					r.addend = int64(binary.LittleEndian.Uint64(d[16:]))
				}
				r.sym, r.wild = at(binary.LittleEndian.Uint32(d[12:]))
				c.relas = append(c.relas, mslot{rela: r})
			}
			c.relas = append(c.relas, mslot{})
			c.hdr.Size = 0
		case s.Is(elf.SHT_GROUP):
			c.sig, _ = at(s.Info)
			c.hdr.Info = 0
			c.data = d
		case s.Is(shtCallGraph12) && m.symtab != 0 && int(s.Link) == m.symtab && len(d)%16 == 0:
			c.data = bytes.Clone(d)
			for i := 0; i < len(d); i += 16 {
				for _, at := range []int{i, i + 4} {
					y, _ := at32(at, d)
					c.refs = append(c.refs, y)
				}
				clear(c.data[i:][:8])
			}
		case s.Is(shtAddrsig) && m.symtab != 0 && int(s.Link) == m.symtab:
			for len(d) > 0 {
				v, n := binary.Uvarint(d)
				if n <= 0 {
					break
				}
				y, _ := at(uint32(v))
				c.refs = append(c.refs, y)
				d = d[n:]
			}
			c.hdr.Size = 0
		default:
			c.data = d
			if len(d) > 0 {
				c.hdr.Size = 0
			}
		}
	}
	return m
}

// The flat form of a model has indices again, for comparison.
type flat struct {
	Secs []flatSec
	Syms []flatSym
	First,
	Machine, Type, Flags int
	Entry uint64
}

type flatSec struct {
	Name  string
	Hdr   elf.Section64
	Data  string
	Relas []flatRela
	Refs  []int
	Sig   int
}

type flatRela struct {
	Off         uint64
	Type, Index uint32
	Addend      int64
}

type flatSym struct {
	Name        string
	Info, Other uint8
	Shndx       elf.SectionIndex
	Section     int
	Value, Size uint64
}

func (m *model) flatten() flat {
	all := slices.Concat(m.syms[:m.first], m.locals, m.syms[m.first:], m.globals)
	index := make(map[*msym]int, len(all))
	out := flat{First: m.first + len(m.locals), Machine: int(m.machine), Type: int(m.typ), Flags: int(m.flags), Entry: m.entry}
	for i, y := range all {
		index[y] = i
		out.Syms = append(out.Syms, flatSym{y.name, y.info, y.other, y.shndx, y.section, y.value, y.size})
	}
	for _, c := range m.secs {
		s := flatSec{Name: c.name, Hdr: c.hdr, Data: string(c.data)}
		put := func(r mrela) {
			f := flatRela{Off: r.off, Type: r.typ, Index: r.wild + uint32(len(m.locals)), Addend: r.addend}
			if r.sym != nil {
				f.Index = uint32(index[r.sym])
			}
			s.Relas = append(s.Relas, f)
		}
		for _, slot := range c.relas {
			for _, r := range slot.before {
				put(r)
			}
			if slot.rela != nil {
				put(*slot.rela)
			}
		}
		for _, y := range c.refs {
			s.Refs = append(s.Refs, index[y])
		}
		if c.sig != nil {
			s.Sig = index[c.sig]
		}
		out.Secs = append(out.Secs, s)
	}
	if m.addedShndx {
		out.Secs = append(out.Secs, flatSec{Name: ".symtab_shndx", Hdr: elf.Section64{
			Type: uint32(elf.SHT_SYMTAB_SHNDX), Link: uint32(m.symtab), Addralign: 4, Entsize: 4,
		}})
	}
	return out
}

// compare compares the output with the model.
func (m *model) compare(t testing.TB, out *elfrw.File) {
	t.Helper()
	want, got := m.flatten(), snapshot(out).flatten()
	for i := range min(len(want.Secs), len(got.Secs)) {
		// New strings in a string table are compared as names.
		if w, g := &want.Secs[i], &got.Secs[i]; elf.SectionType(w.Hdr.Type) == elf.SHT_STRTAB && len(g.Data) > len(w.Data) {
			g.Data = g.Data[:len(w.Data)]
		}
	}
	if !reflect.DeepEqual(want, got) {
		if d := cmp.Diff(want, got); len(d) < 20_000 {
			t.Fatalf("the output is not what was asked for (-want +got):\n%s", d)
		}
		t.Fatal("the output is not what was asked for")
	}
}
