// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// A reading is the content of a relocatable file, read without package elfrw. References
// to sections and symbols are pointers, so that numbers do not matter until it is
// flattened.
type reading struct {
	ehdr   elf.Header64
	secs   []*rsec
	syms   []*rsym
	symtab *rsec
	shstr  *rsec
}

type rsec struct {
	name    string
	hdr     elf.Section64 // without what pointers or the layout determine
	link    *rsec
	info    *rsec
	sig     *rsym
	data    string // of sections without structure
	relas   []*rrela
	refs    []*rsym // of LLVM's address-significance table and the old call graph
	members []*rsec
	noData  bool // one of the file's own tables, whose content is elsewhere
}

type rrela struct {
	off    uint64
	typ    uint32
	addend int64
	sym    *rsym
}

type rsym struct {
	name        string
	info, other uint8
	shndx       elf.SectionIndex // reserved ones
	sec         *rsec
	value, size uint64
	late        int // 0: in its place in the input; 1: rebound; 2: new
}

func (y *rsym) local() bool { return elf.ST_BIND(y.info) == elf.STB_LOCAL }

// zstring returns the string at an offset of a table.
func zstring(table []byte, off uint32) string {
	b := table[off:]
	return string(b[:bytes.IndexByte(b, 0)])
}

// read reads a relocatable file.
func read(t testing.TB, data []byte) *reading {
	t.Helper()
	r := &reading{}
	le := binary.LittleEndian
	decode := func(off uint64, v any) {
		t.Helper()
		if err := binary.Read(bytes.NewReader(data[off:]), le, v); err != nil {
			t.Fatal(err)
		}
	}
	decode(0, &r.ehdr)
	var first elf.Section64
	decode(r.ehdr.Shoff, &first)
	n, str := int(r.ehdr.Shnum), int(r.ehdr.Shstrndx)
	if n == 0 {
		n = int(first.Size)
	}
	if str == int(elf.SHN_XINDEX) {
		str = int(first.Link)
	}
	heads := make([]elf.Section64, n)
	decode(r.ehdr.Shoff, heads)
	content := func(i int) []byte {
		if i == 0 || elf.SectionType(heads[i].Type) == elf.SHT_NOBITS {
			return nil
		}
		return data[heads[i].Off : heads[i].Off+heads[i].Size]
	}
	names := content(str)
	for range heads {
		r.secs = append(r.secs, &rsec{})
	}
	r.shstr = r.secs[str]
	symtab, shndx := 0, []byte(nil)
	for i := range heads {
		switch elf.SectionType(heads[i].Type) {
		case elf.SHT_SYMTAB:
			symtab = i
		case elf.SHT_SYMTAB_SHNDX:
			shndx = content(i)
		}
	}
	r.symtab = r.secs[symtab]
	if symtab != 0 {
		raw := make([]elf.Sym64, heads[symtab].Size/24)
		decode(heads[symtab].Off, raw)
		strings := content(int(heads[symtab].Link))
		for i, s := range raw {
			y := &rsym{name: zstring(strings, s.Name), info: s.Info, other: s.Other, value: s.Value, size: s.Size}
			switch x := elf.SectionIndex(s.Shndx); {
			case x == elf.SHN_XINDEX:
				y.sec = r.secs[le.Uint32(shndx[4*i:])]
			case x >= elf.SHN_LORESERVE:
				y.shndx = x
			case x != 0:
				y.sec = r.secs[x]
			}
			r.syms = append(r.syms, y)
		}
	}
	symAt, mips := 12, elf.Machine(r.ehdr.Machine) == elf.EM_MIPS
	if mips {
		symAt = 8
	}
	for i := 1; i < n; i++ {
		h, s := heads[i], r.secs[i]
		typ := elf.SectionType(h.Type)
		s.hdr = h
		s.hdr.Name, s.hdr.Off, s.hdr.Size, s.hdr.Link, s.hdr.Info = 0, 0, 0, 0, 0
		if typ == elf.SHT_NULL {
			continue
		}
		if str != 0 {
			s.name = zstring(names, h.Name)
		}
		if h.Link != 0 && int(h.Link) < n {
			s.link = r.secs[h.Link]
		}
		d := content(i)
		switch {
		case typ == elf.SHT_SYMTAB || typ == elf.SHT_SYMTAB_SHNDX || i == str || symtab != 0 && i == int(heads[symtab].Link):
			s.noData = true
		case typ == elf.SHT_GROUP:
			s.sig = r.syms[h.Info]
			s.data = string(d[:4])
			for ; len(d) > 4; d = d[4:] {
				s.members = append(s.members, r.secs[le.Uint32(d[4:])])
			}
		case (typ == elf.SHT_RELA || typ == elf.SHT_REL) && int(h.Link) == symtab && symtab != 0:
			s.info = r.secs[h.Info]
			for ; len(d) > 0; d = d[h.Entsize:] {
				e := &rrela{off: le.Uint64(d), typ: le.Uint32(d[20-symAt:]), sym: r.syms[le.Uint32(d[symAt:])]}
				if typ == elf.SHT_RELA {
					e.addend = int64(le.Uint64(d[16:]))
				}
				if mips {
					e.typ = binary.BigEndian.Uint32(d[12:])
				}
				s.relas = append(s.relas, e)
			}
		case typ == shtCallGraph12 && int(h.Link) == symtab:
			d = bytes.Clone(d)
			for b := d; len(b) > 0; b = b[16:] {
				s.refs = append(s.refs, r.syms[le.Uint32(b)], r.syms[le.Uint32(b[4:])])
				clear(b[:8])
			}
			s.data = string(d)
		case typ == shtAddrsig && int(h.Link) == symtab:
			for len(d) > 0 {
				v, k := binary.Uvarint(d)
				s.refs = append(s.refs, r.syms[v])
				d = d[k:]
			}
		default:
			s.data = string(d)
			if typ == elf.SHT_NOBITS {
				s.hdr.Size = h.Size
			}
			if elf.SectionFlag(h.Flags)&elf.SHF_INFO_LINK != 0 && int(h.Info) < n {
				s.info = r.secs[h.Info]
			} else {
				s.hdr.Info = h.Info
			}
		}
	}
	return r
}

// The flat form of a reading has numbers again, for comparison.
type flatReading struct {
	Ident         [16]byte
	Type, Machine uint16
	Flags         uint32
	Entry         uint64
	Secs          []flatRsec
	Syms          []flatRsym
	Symtab, Shstr int
	First         int
}

type flatRsec struct {
	Name            string
	Hdr             elf.Section64
	Link, Info, Sig int
	Data            string
	Relas           []flatRrela
	Refs, Members   []int
}

type flatRrela struct {
	Off    uint64
	Type   uint32
	Addend int64
	Sym    int
}

type flatRsym struct {
	Name        string
	Info, Other uint8
	Shndx       elf.SectionIndex
	Sec         int
	Value, Size uint64
}

// flatten assigns the numbers. Local symbols come first; within each kind, rebound and
// new ones come last.
func (r *reading) flatten() flatReading {
	secs, syms := map[*rsec]int{nil: 0}, map[*rsym]int{nil: 0}
	for i, s := range r.secs {
		secs[s] = i
	}
	order := slices.Clone(r.syms)
	kind := func(y *rsym) int {
		if y.local() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(order, func(a, b *rsym) int {
		return cmp.Or(cmp.Compare(kind(a), kind(b)), cmp.Compare(a.late, b.late))
	})
	out := flatReading{
		Ident: r.ehdr.Ident, Type: r.ehdr.Type, Machine: r.ehdr.Machine, Flags: r.ehdr.Flags, Entry: r.ehdr.Entry,
		Symtab: secs[r.symtab], Shstr: secs[r.shstr],
	}
	for i, y := range order {
		syms[y] = i
		if y.local() {
			out.First = i + 1
		}
	}
	for _, y := range order {
		out.Syms = append(out.Syms, flatRsym{y.name, y.info, y.other, y.shndx, secs[y.sec], y.value, y.size})
	}
	for _, s := range r.secs {
		f := flatRsec{Name: s.name, Hdr: s.hdr, Link: secs[s.link], Info: secs[s.info], Sig: syms[s.sig], Data: s.data}
		for _, e := range s.relas {
			f.Relas = append(f.Relas, flatRrela{e.off, e.typ, e.addend, syms[e.sym]})
		}
		for _, y := range s.refs {
			f.Refs = append(f.Refs, syms[y])
		}
		for _, m := range s.members {
			f.Members = append(f.Members, secs[m])
		}
		slices.Sort(f.Members) // their order means nothing
		out.Secs = append(out.Secs, f)
	}
	return out
}

// check compares an output with the reading.
func (r *reading) check(t testing.TB, out []byte) {
	t.Helper()
	want, got := r.flatten(), read(t, out).flatten()
	if reflect.DeepEqual(want, got) {
		return
	}
	if d := gocmp.Diff(want, got); len(d) < 20_000 {
		t.Fatalf("the output is not what was asked for (-want +got):\n%s", d)
	}
	t.Fatal("the output is not what was asked for")
}
