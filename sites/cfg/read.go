// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// Read collects what is known about the code of the sections in secs of a
// relocatable object. An error means that the object contradicts itself.
// Something that Read merely does not understand is not an error: nothing is
// proven for the code that it could affect.
func Read(f *elfrw.File, secs []int) (*Map, error) {
	m := newMap(f, secs)
	if len(m.secs) == 0 {
		return m, nil
	}
	if err := layout.CheckMachine(f); err != nil {
		return nil, err
	}
	if typ := elf.Type(f.Header().Type); typ != elf.ET_REL {
		return nil, fmt.Errorf("file type is %v, want ET_REL", typ)
	}
	r := &reader{Map: m, distances: map[int][]distance{}, sorted: map[int]*reloc.Sorted{}}
	m.readSymbols()
	if err := r.readTables(); err != nil {
		return nil, err
	}
	m.unwind(r)
	r.references()
	r.tables()
	for _, t := range m.sections() {
		m.branches(t)
	}
	return m, nil
}

// A reader reads an object.
type reader struct {
	*Map
	relas     [][]reloc.Table       // of each loaded section
	bySec     []int                 // sections with relocations, in order
	distances map[int][]distance    // in data: see tables
	sorted    map[int]*reloc.Sorted // see sortedRelocs
}

// readTables checks all relocations, and finds those of every loaded section.
func (r *reader) readTables() error {
	f := r.f
	r.relas = make([][]reloc.Table, f.NumSections())
	if err := f.CheckReferences(); err != nil {
		return err
	}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		if !s.Is(elf.SHT_RELA) {
			if _, other := layout.OtherRelocations(s); other {
				r.fail("relocations of another kind in section %v", s)
			}
			continue
		}
		in := f.Section(int(s.Info))
		if s.Size == 0 || !in.Has(elf.SHF_ALLOC) && !layout.IsAlternative(in) {
			continue
		}
		t, err := reloc.NewTable(s.Data())
		if err != nil {
			return fmt.Errorf("section %v: %w", s, err)
		}
		if r.relas[in.Index] == nil {
			r.bySec = append(r.bySec, in.Index)
		}
		r.relas[in.Index] = append(r.relas[in.Index], t)
	}
	for _, t := range r.secs {
		t.relocs = sortRelocs(r.relas[t.sec])
	}
	return nil
}

// symbolPlace returns where a symbol is defined.
func (m *Map) symbolPlace(s elfrw.Symbol) (place, bool) {
	if m.image {
		s.Value -= m.f.Section(s.Section).Addr
	}
	return place{s.Section, s.Value}, s.Section != 0
}

// target returns the place S + A of a relocation.
func (r *reader) target(rel reloc.Rela) (place, bool) {
	s := r.f.Symbol(int(rel.Sym()))
	return place{s.Section, s.Value + uint64(rel.Addend)}, s.Section != 0
}

// watch returns the symbols that are defined in sections that satisfy want.
func (r *reader) watch(want func(sec int) bool) index.Set {
	set := index.NewSet(r.f.NumSymbols())
	for s := range r.f.Symbols() {
		if s.Section != 0 && want(s.Section) {
			set.Add(s.Index)
		}
	}
	return set
}

// each calls f for every relocation against one of the symbols.
func (r *reader) each(syms index.Set, f func(in elfrw.Section, rel reloc.Rela)) {
	for _, sec := range r.bySec {
		in := r.f.Section(sec)
		for _, t := range r.relas[sec] {
			for i := range t.Len() {
				if syms.Has(int(t.Info(i) >> 32)) {
					f(in, t.At(i))
				}
			}
		}
	}
}
