// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// An objectEditor makes the same edits to a file and to its reading. The reading keeps
// all numbers: what is removed is marked, and left out at the end.
type objectEditor struct {
	t    testing.TB
	f    *elfrw.File
	e    *elfrw.Edit
	r    *reading
	secs []*rsec // by provisional index
	syms []*rsym // likewise
	gone map[any]bool
}

func newObjectEditor(t testing.TB, data []byte) *objectEditor {
	t.Helper()
	f, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	r := read(t, data)
	return &objectEditor{t, f, f.Edit(), r, slices.Clone(r.secs), slices.Clone(r.syms), map[any]bool{}}
}

func (o *objectEditor) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// layout compares the output with the reading and returns it.
func (o *objectEditor) layout() []byte {
	o.t.Helper()
	out := image(o.t, o.e)
	o.finish().check(o.t, out)
	o.checkOffsets(out)
	return out
}

// image lays out an edit and writes it.
func image(t testing.TB, e *elfrw.Edit) []byte {
	t.Helper()
	m, err := e.Layout()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	if m.Size() != int64(out.Len()) {
		t.Fatalf("Size says %d bytes, written were %d", m.Size(), out.Len())
	}
	if f, err := elfrw.New(out.Bytes()); err != nil {
		t.Fatalf("the output: %v", err)
	} else if err := f.CheckReferences(); err != nil {
		t.Fatalf("the output: %v", err)
	}
	return out.Bytes()
}

// finish returns the reading without what was removed.
func (o *objectEditor) finish() *reading {
	o.r.secs = slices.DeleteFunc(slices.Clone(o.secs), func(s *rsec) bool { return o.gone[s] })
	o.r.syms = slices.DeleteFunc(slices.Clone(o.syms), func(y *rsym) bool { return o.gone[y] })
	for _, s := range o.r.secs {
		s.members = slices.DeleteFunc(s.members, func(m *rsec) bool { return o.gone[m] })
		if elf.SectionType(s.hdr.Type) == shtAddrsig {
			s.refs = slices.DeleteFunc(s.refs, func(y *rsym) bool { return o.gone[y] })
		}
	}
	return o.r
}

// checkOffsets checks that sections do not overlap, and are aligned as well as in the
// input.
func (o *objectEditor) checkOffsets(out []byte) {
	o.t.Helper()
	f, err := elfrw.New(out)
	o.must(err)
	type span struct{ off, end uint64 }
	spans := []span{{0, 64}, {f.Header().Shoff, f.Header().Shoff + 64*uint64(f.NumSections())}}
	for s := range f.Sections() {
		if !s.Is(elf.SHT_NOBITS) && !s.Is(elf.SHT_NULL) && s.Size > 0 {
			spans = append(spans, span{s.Off, s.Off + s.Size})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(int64(a.off) - int64(b.off)) })
	for i := 1; i < len(spans); i++ {
		if spans[i].off < spans[i-1].end {
			o.t.Fatalf("what is at 0x%x begins before 0x%x", spans[i].off, spans[i-1].end)
		}
	}
	aligned := func(f *elfrw.File) bool {
		for s := range f.Sections() {
			if !s.Is(elf.SHT_NULL) && s.Off%max(s.Addralign, 1) != 0 {
				return false
			}
		}
		return true
	}
	if aligned(o.f) && !aligned(f) {
		o.t.Fatal("a section is not aligned")
	}
}

// users returns what keeps a symbol from being removed.
func (o *objectEditor) users(y *rsym, but map[*rsec]bool) (out []*rsec) {
	for _, s := range o.secs {
		if o.gone[s] || but[s] {
			continue
		}
		used := s.sig == y || elf.SectionType(s.hdr.Type) != shtAddrsig && slices.Contains(s.refs, y) ||
			slices.ContainsFunc(s.relas, func(r *rrela) bool { return r.sym == y })
		if used {
			out = append(out, s)
		}
	}
	return out
}

// opaque reports whether a section refers to symbols in an unknown way.
func (o *objectEditor) opaque(but *rsec) bool {
	for i := 1; i < o.f.NumSections(); i++ {
		if s := o.secs[i]; s != but && !o.gone[s] && s.link != nil && s.link == o.r.symtab {
			switch typ := elf.SectionType(s.hdr.Type); typ {
			case elf.SHT_REL, elf.SHT_RELA, elf.SHT_GROUP, elf.SHT_SYMTAB_SHNDX, shtAddrsig, shtCallGraph12, 0x6fff4c09, elf.SHT_NULL:
			default:
				return true
			}
		}
	}
	return false
}

// removeSymbol removes a symbol if nothing refers to it, and expects an error
// otherwise.
func (o *objectEditor) removeSymbol(i int) bool {
	o.t.Helper()
	y := o.syms[i]
	want := i != 0 && !o.gone[y] && len(o.users(y, nil)) == 0 && !o.opaque(nil)
	if err := o.e.RemoveSymbol(i); (err == nil) != want {
		o.t.Fatalf("RemoveSymbol(%d): %v; it can be removed: %v", i, err, want)
	}
	if want {
		o.gone[y] = true
	}
	return want
}

// removeSection removes a section with its relocations and symbols if nothing else refers
// to these, and expects an error otherwise.
func (o *objectEditor) removeSection(i int) bool {
	o.t.Helper()
	s := o.secs[i]
	out := map[*rsec]bool{s: true}
	for n := 0; n < len(out); {
		n = len(out)
		for _, r := range o.secs {
			if typ := elf.SectionType(r.hdr.Type); (typ == elf.SHT_RELA || typ == elf.SHT_REL) && out[r.info] && !o.gone[r] {
				out[r] = true
			}
		}
	}
	want := i != 0 && !o.gone[s] && !s.noData
	for _, r := range o.secs {
		if !o.gone[r] && !out[r] && (out[r.link] || out[r.info]) {
			want = false
		}
	}
	var syms []*rsym
	for _, y := range o.syms {
		if out[y.sec] && !o.gone[y] {
			syms = append(syms, y)
			want = want && len(o.users(y, out)) == 0 && !o.opaque(s)
		}
	}
	if err := o.e.RemoveSection(i); (err == nil) != want {
		o.t.Fatalf("RemoveSection(%d), %s: %v; it can be removed: %v", i, s.name, err, want)
	}
	if !want {
		return false
	}
	for _, m := range s.members {
		m.hdr.Flags &^= uint64(elf.SHF_GROUP)
	}
	for r := range out {
		o.gone[r] = true
	}
	for _, y := range syms {
		o.gone[y] = true
	}
	return true
}

// setSymbol changes the fields of a symbol.
func (o *objectEditor) setSymbol(i int, change func(*elfrw.NewSymbol)) {
	o.t.Helper()
	s, y := o.e.Symbol(i), o.syms[i]
	change(&s)
	o.must(o.e.SetSymbol(i, s))
	if i < o.f.NumSymbols() {
		y.late = 0
		if (s.Bind == elf.STB_LOCAL) != (i < o.f.FirstGlobal()) {
			y.late = 1
		}
	}
	o.fill(y, s)
}

func (o *objectEditor) fill(y *rsym, s elfrw.NewSymbol) {
	*y = rsym{
		name: s.Name, info: elf.ST_INFO(s.Bind, s.Type), other: s.Other, shndx: s.Shndx, value: s.Value, size: s.Size, late: y.late,
	}
	if s.Section != 0 {
		y.sec = o.secs[s.Section]
	}
}

func (o *objectEditor) addSymbol(s elfrw.NewSymbol) int {
	o.t.Helper()
	i, err := o.e.AddSymbol(s)
	o.must(err)
	y := &rsym{late: 2}
	o.fill(y, s)
	o.syms = append(o.syms, y)
	return i
}

func (o *objectEditor) addSection(s elfrw.NewSection) int {
	o.t.Helper()
	i, err := o.e.AddSection(s)
	o.must(err)
	n := &rsec{name: s.Name, data: string(s.Data), hdr: elf.Section64{
		Type: uint32(s.Type), Flags: uint64(s.Flags), Addralign: s.Addralign, Entsize: s.Entsize, Size: s.Size,
	}}
	if s.Link != 0 {
		n.link = o.secs[s.Link]
	}
	switch s.Type {
	case elf.SHT_GROUP:
		n.link, n.sig = o.r.symtab, o.syms[s.Info]
		n.hdr.Addralign, n.hdr.Entsize = 4, 4
	case elf.SHT_RELA:
		n.link, n.info = o.r.symtab, o.secs[s.Info]
		n.hdr.Addralign, n.hdr.Entsize, n.hdr.Flags = 8, 24, n.hdr.Flags|uint64(elf.SHF_INFO_LINK)
	}
	if s.Group != 0 {
		n.hdr.Flags |= uint64(elf.SHF_GROUP)
		o.secs[s.Group].members = append(o.secs[s.Group].members, n)
	}
	o.secs = append(o.secs, n)
	return i
}

func (o *objectEditor) rela(r elfrw.Rela) *rrela {
	return &rrela{r.Off, r.Type, r.Addend, o.syms[r.Symbol]}
}

// addRelas adds relocations to a section.
func (o *objectEditor) addRelas(sec int, relas ...elfrw.Rela) {
	o.t.Helper()
	o.must(o.e.AddRelas(sec, relas...))
	var in *rsec
	for _, typ := range []elf.SectionType{elf.SHT_REL, elf.SHT_RELA} {
		if i := slices.IndexFunc(o.secs, func(s *rsec) bool {
			return elf.SectionType(s.hdr.Type) == typ && s.info == o.secs[sec] && !o.gone[s]
		}); i >= 0 {
			in = o.secs[i]
		}
	}
	if in == nil {
		in = &rsec{name: ".rela" + o.secs[sec].name, link: o.r.symtab, info: o.secs[sec], hdr: elf.Section64{
			Type: uint32(elf.SHT_RELA), Flags: uint64(elf.SHF_INFO_LINK), Addralign: 8, Entsize: 24,
		}}
		for _, g := range o.secs {
			if slices.Contains(g.members, o.secs[sec]) && !o.gone[g] {
				in.hdr.Flags |= uint64(elf.SHF_GROUP)
				g.members = append(g.members, in)
			}
		}
		o.secs = append(o.secs, in)
	}
	for _, r := range relas {
		in.relas = append(in.relas, o.rela(r))
	}
}

// renameSection renames a section and its relocation section.
func (o *objectEditor) renameSection(i int, name string) {
	o.t.Helper()
	o.must(o.e.RenameSection(i, name))
	for _, r := range o.secs {
		for _, prefix := range []string{".rela", ".rel"} {
			if typ := elf.SectionType(r.hdr.Type); (typ == elf.SHT_RELA || typ == elf.SHT_REL) && r.info == o.secs[i] && !o.gone[r] && r.name == prefix+o.secs[i].name {
				r.name = prefix + name
			}
		}
	}
	o.secs[i].name = name
}
