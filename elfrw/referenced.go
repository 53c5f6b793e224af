// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// references counts what refers to each symbol and section, as the edit leaves the file.
// The first removal makes it with one pass over everything; it is then kept up to date,
// so that removals cost linear time.
type references struct {
	symbols, sections counts
	defined           *chain // by section: symbols; ask each for its section
}

// counts holds the number of references for each index, and the section of the last one
// counted, or 0 if that is not known.
type counts struct{ n, by []int32 }

// count counts a reference to index i of limit. A file may name an index that does not
// exist where New does not look, as in sh_link of SHT_PROGBITS. Nothing is counted then.
func (c *counts) count(i, limit, by int, delta int32) {
	if i >= limit {
		return
	}
	for i >= len(c.n) {
		c.n, c.by = append(c.n, 0), append(c.by, 0)
	}
	c.n[i] += delta
	switch {
	case delta > 0:
		c.by[i] = int32(by)
	case c.by[i] == int32(by):
		c.by[i] = 0
	}
}

// references returns the counts of references, and makes them on first use.
func (e *Edit) references() (*references, error) {
	if e.refs != nil {
		return e.refs, nil
	}
	if err := e.f.CheckReferences(); err != nil {
		return nil, err
	}
	if err := e.f.checkOtherReferences(); err != nil {
		return nil, err
	}
	n, m := e.numSymbols(), e.numSections()
	r := &references{
		symbols:  counts{make([]int32, n), make([]int32, n)},
		sections: counts{make([]int32, m), make([]int32, m)},
		defined:  newChain(m, n),
	}
	for i := n - 1; i > 0; i-- {
		r.defined.prepend(e.symbol(i).Section, i)
	}
	e.refs = r
	for i := 1; i < m; i++ {
		if !e.goneSections.has(i) {
			e.count(i, 1)
		}
	}
	return r, nil
}

// count adds (or, with -1, subtracts) what section i refers to.
func (e *Edit) count(i int, delta int32) {
	h := e.head(i)
	if h.Type == elf.SHT_NULL {
		return
	}
	e.refs.sections.count(h.Link, e.numSections(), i, delta)
	// Relocations are removed together with their section, so they do not
	// count.
	if h.infoIsSection() && relocSize(h.Type) == 0 {
		e.refs.sections.count(int(h.Info), e.numSections(), i, delta)
	}
	for sym := range e.symbolsOf(i) {
		e.refs.symbols.count(sym, e.numSymbols(), i, delta)
	}
}

// countRela counts a relocation in section i, if references are being counted.
func (e *Edit) countRela(sym, i int, delta int32) {
	if e.refs != nil {
		e.refs.symbols.count(sym, e.numSymbols(), i, delta)
	}
}

// sectionChanges is called before a section changes, and sectionAdded
// afterwards.
func (e *Edit) sectionChanges(i int) {
	if e.refs != nil {
		e.count(i, -1)
	}
}

func (e *Edit) sectionAdded(i int) {
	if e.refs != nil {
		e.count(i, 1)
	}
	if h := e.head(i); e.relocs != nil && relocSize(h.Type) > 0 {
		e.relocs.add(int(h.Info), i)
	}
}

// unreferenced returns an error if there are references to symbol or section i.
func (e *Edit) unreferenced(c *counts, i int) error {
	switch {
	case i >= len(c.n) || c.n[i] <= 0:
		return nil
	case c.by[i] != 0:
		return fmt.Errorf("section %s refers to it", e.sectionString(int(c.by[i])))
	}
	return fmt.Errorf("%d references to it are left", c.n[i])
}

// symbolsOf visits the symbols that section i names in a way that keeps them from
// being removed.
func (e *Edit) symbolsOf(i int) iter.Seq[int] {
	return func(yield func(int) bool) {
		switch h := e.head(i); {
		case h.Link != e.f.symtab.Index || h.Link == 0:
		case relocSize(h.Type) > 0:
			for r := range e.liveRelas(i) {
				if !yield(r.Symbol) {
					return
				}
			}
		case h.Type == elf.SHT_GROUP:
			yield(int(h.Info))
		case h.Type == SHTLLVMCallGraph12: // no edit adds one
			for at := range e.f.Section(i).symbolWords() {
				if !yield(int(le.Uint32(e.f.data[at:]))) {
					return
				}
			}
		}
	}
}

// symbolWords visits the file offsets of the symbol indices in SHT_REL sections and in
// LLVM's call graph as it was up to LLVM 12: two indices and a weight of 8 bytes.
func (s Section) symbolWords() iter.Seq[uint64] {
	var size uint64
	var at []uint64
	switch elf.SectionType(s.Type) {
	case elf.SHT_REL:
		size, at = relSize, []uint64{uint64(s.f.symbolAt())}
	case SHTLLVMCallGraph12:
		size, at = callGraphSize, []uint64{0, 4}
	}
	return func(yield func(uint64) bool) {
		if size == 0 {
			return
		}
		for off := s.Off; off+size <= s.Off+s.Size; off += size {
			for _, a := range at {
				if !yield(off + a) {
					return
				}
			}
		}
	}
}

// checkOtherReferences checks what CheckReferences leaves: sections that only linkers
// read.
func (f *File) checkOtherReferences() error {
	for i := 1; i < f.shnum; i++ {
		s := f.Section(i)
		if int(s.Link) != f.symtab.Index || s.Link == 0 {
			continue
		}
		if err := s.checkSymbolWords(); err != nil {
			return err
		}
	}
	return nil
}

func (s Section) checkSymbolWords() error {
	size := uint64(relSize)
	switch elf.SectionType(s.Type) {
	case elf.SHT_REL:
	case SHTLLVMCallGraph12:
		size = callGraphSize
	default:
		return nil
	}
	if s.Size%size != 0 {
		return s.bad(shSize, "sh_size", "is 0x%x, not a multiple of %d", s.Size, size)
	}
	for at := range s.symbolWords() {
		if sym := le.Uint32(s.f.data[at:]); sym >= uint32(s.f.NumSymbols()) {
			return s.badAt(at, "symbol index", fmt.Sprintf("is of symbol %d of %d", sym, s.f.NumSymbols()))
		}
	}
	return nil
}

// liveRelas visits the relocations of section i as this edit leaves them, in any order.
func (e *Edit) liveRelas(i int) iter.Seq[Rela] {
	return func(yield func(Rela) bool) {
		if i >= e.f.shnum {
			s := &e.sections[i-e.f.shnum]
			for k := range s.numRelas() {
				if !yield(s.rela(e.f, k)) {
					return
				}
			}
			return
		}
		var replaced map[int]bool
		if p := e.edited(i); p != nil {
			replaced = map[int]bool{}
			if !e.splicedRelas(i, p, replaced, yield) {
				return
			}
		}
		for k, r := range e.f.Relas(i) {
			if !replaced[k] && !yield(r) {
				return
			}
		}
	}
}

// splicedRelas visits the relocations that a part's splices insert, and records which
// entries of the input they replace.
func (e *Edit) splicedRelas(i int, p *part, replaced map[int]bool, yield func(Rela) bool) bool {
	s := e.f.Section(i)
	size := relocSize(e.f.SectionType(i))
	for k := range p.splices {
		c := &p.splices[k]
		entry := int(c.off-s.Off) / size
		if e.removed(c) > 0 {
			replaced[entry] = true
		}
		var r Rela
		switch {
		case c.body:
			r = e.f.decodeRela(e.bodies[c.word].ins)
		case c.n == 8: // r_info
			r = e.f.decodeRela(s.Data()[entry*size:][:size])
			sym, typ := e.f.splitInfo(c.word)
			r.Symbol, r.Type = int(sym), typ
		default: // dropped
			continue
		}
		if !yield(r) {
			return false
		}
	}
	return true
}

// relocsOf returns the relocation sections of section i.
func (e *Edit) relocsOf(i int) []int {
	if e.relocs == nil {
		e.relocs = newChain(e.numSections(), e.numSections())
		for r := e.numSections() - 1; r > 0; r-- {
			if h := e.head(r); relocSize(h.Type) > 0 && int64(h.Info) < int64(e.numSections()) {
				e.relocs.prepend(int(h.Info), r)
			}
		}
	}
	var out []int
	for r := range e.relocs.of(i) {
		if h := e.head(r); int(h.Info) == i && !e.goneSections.has(r) {
			out = append(out, r)
		}
	}
	slices.Sort(out) // r may be listed twice
	return slices.Compact(out)
}

// groupOf returns the group of section i as this edit leaves it, 0 for none.
func (e *Edit) groupOf(i int) int {
	if i >= e.f.shnum {
		return e.sections[i-e.f.shnum].Group
	}
	if c := e.changedSections[i]; c != nil {
		return c.Group
	}
	return e.groupBefore(i)
}

// groupBefore returns the group of section i in the input, 0 for none.
func (e *Edit) groupBefore(i int) int {
	if e.groups == nil {
		e.groups = make([]int32, e.f.shnum)
		for g := 1; g < e.f.shnum; g++ {
			if e.f.SectionType(g) != elf.SHT_GROUP {
				continue
			}
			for m := range e.f.Section(g).Members() {
				e.groups[m] = int32(g)
			}
		}
	}
	return int(e.groups[i])
}

// join notes that a section was put into a group.
func (e *Edit) join(i, group int) {
	if group == 0 {
		return
	}
	if e.joined == nil {
		e.joined = map[int][]int{}
	}
	e.joined[group] = append(e.joined[group], i)
}

// members returns the members of group g as this edit leaves it, those of the
// input first.
func (e *Edit) members(g int) []int {
	var out []int
	if g < e.f.shnum {
		for m := range e.f.Section(g).Members() {
			if e.groupOf(m) == g && !e.goneSections.has(m) {
				out = append(out, m)
			}
		}
	}
	had := len(out)
	for _, m := range e.joined[g] {
		if e.groupOf(m) == g && !e.goneSections.has(m) {
			out = append(out, m)
		}
	}
	// A section that left and came back is listed twice.
	slices.Sort(out[had:])
	was := out[:had]
	return append(was, slices.DeleteFunc(slices.Compact(out[had:]), func(m int) bool { return m < e.f.shnum && e.groupBefore(m) == g })...)
}

// renumberable returns an error if a section refers to symbols in an unknown
// way, which forbids changing any symbol's index.
func (e *Edit) renumberable() error { return e.renumberableWithout(0) }

// renumberableWithout is renumberable after section i is removed.
func (e *Edit) renumberableWithout(i int) error {
	if e.opaque == nil {
		e.opaque = e.f.opaqueReferences()
	}
	for _, o := range e.opaque {
		if o != i && !e.goneSections.has(o) {
			s := e.f.Section(o)
			return fmt.Errorf("section %v of type %v may refer to symbols by index, and indices would change", s, elf.SectionType(s.Type))
		}
	}
	return nil
}

// opaqueReferences returns the sections that refer to symbols in an unknown
// way. The result is never nil.
func (f *File) opaqueReferences() []int {
	out := []int{}
	for i := 1; i < f.shnum && f.symtab.Index != 0; i++ {
		if int(le.Uint32(f.headerBytes(i)[shLink:])) != f.symtab.Index {
			continue
		}
		switch t := f.SectionType(i); {
		case t == elf.SHT_NULL, t == SHTLLVMCallGraph, structured(t): // a call graph's symbols are those of its relocations
		default:
			out = append(out, i)
		}
	}
	return out
}

// RemoveSection removes section i together with its relocation sections and the symbols
// that it defines. Its group loses it as a member; the members of a removed group stay,
// but in no group.
//
// It is an error if something else refers to it: a relocation of another section to one
// of its symbols, the signature of a group, sh_link or sh_info of another section. The
// file's own tables (symbols, their names, section names) cannot be removed.
//
// The file closes up, so that adding a section and removing it again leaves no trace
// if the file had nothing but alignment between its parts.
func (e *Edit) RemoveSection(i int) error {
	if err := e.checkSection(i); err != nil {
		return err
	}
	if err := e.removeSection(i); err != nil {
		var format *FormatError
		if errors.As(err, &format) {
			return err
		}
		return fmt.Errorf("section %s cannot be removed: %w", e.sectionString(i), err)
	}
	return nil
}

func (e *Edit) removeSection(i int) error {
	if e.isTable(i) {
		return errors.New("it is a table of the file")
	}
	if err := e.resizable(); err != nil {
		return err
	}
	if _, err := e.references(); err != nil {
		return err
	}
	gone := e.withRelocs(i)
	var symbols []int
	for _, s := range gone {
		e.count(s, -1)
		symbols = append(symbols, e.definedIn(s)...)
	}
	if err := e.removable(gone, symbols); err != nil {
		for _, s := range gone {
			e.count(s, 1)
		}
		return err
	}
	if e.head(i).Type == elf.SHT_GROUP {
		e.dissolve(i)
	}
	for _, s := range gone {
		e.goneSections.add(s)
	}
	for _, s := range symbols {
		e.goneSymbols.add(s)
	}
	return nil
}

// withRelocs returns section i, its relocation sections, and theirs.
func (e *Edit) withRelocs(i int) []int {
	out, seen := []int{i}, map[int]bool{i: true}
	for k := 0; k < len(out); k++ {
		for _, r := range e.relocsOf(out[k]) {
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}

// definedIn returns the symbols that section i defines.
func (e *Edit) definedIn(i int) []int {
	var out []int
	for s := range e.refs.defined.of(i) {
		if !e.goneSymbols.has(s) && e.symbol(s).Section == i {
			out = append(out, s)
		}
	}
	return out
}

// removable returns an error if something refers to the section gone[0], to its
// relocation sections gone[1:], or to their symbols.
func (e *Edit) removable(gone, symbols []int) error {
	if err := e.unreferenced(&e.refs.sections, gone[0]); err != nil {
		return err
	}
	for _, r := range gone[1:] {
		if err := e.unreferenced(&e.refs.sections, r); err != nil {
			return fmt.Errorf("its relocations %s: %w", e.sectionString(r), err)
		}
	}
	if len(symbols) > 0 {
		if err := e.renumberableWithout(gone[0]); err != nil {
			return err
		}
	}
	for _, s := range symbols {
		if err := e.unreferenced(&e.refs.symbols, s); err != nil {
			return fmt.Errorf("its %s: %w", e.symbolString(s), err)
		}
	}
	return nil
}

// dissolve removes all members from a group.
func (e *Edit) dissolve(g int) {
	for _, m := range e.members(g) {
		s := e.Section(m)
		was := s
		s.Group, s.Flags = 0, s.Flags&^elf.SHF_GROUP
		e.setSection(m, &was, s)
	}
}
