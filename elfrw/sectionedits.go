// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
)

// ByteEdits and RelaEdits make many edits in one section and look it up only
// once.

// ByteEdits are edits of the bytes of one section.
type ByteEdits struct {
	edit *Edit
	sec  Section
	data []byte
	part int // see partNumber, -1 before the first edit
}

// Bytes starts edits of a section's bytes. It is an error if the section has no bytes in
// the file that may be replaced: strings, symbols and relocations have methods of their own.
func (e *Edit) Bytes(sec int) (none ByteEdits, err error) {
	s, err := e.section(sec)
	if err != nil {
		return none, err
	}
	if err := s.rawBytes(); err != nil {
		return none, err
	}
	if s.Is(elf.SHT_STRTAB) {
		return none, fmt.Errorf("section %v: strings are added, not replaced", s)
	}
	return ByteEdits{e, s, s.Data(), -1}, nil
}

// Replace replaces len(want) bytes at byte offset off of the section with as
// many others. It is an error if the section does not hold want there.
func (b *ByteEdits) Replace(off uint64, want, new []byte) error {
	switch d := b.data; {
	case len(want) != len(new):
		return fmt.Errorf("section %v+0x%x: replacing %d bytes by %d", b.sec, off, len(want), len(new))
	case off > uint64(len(d)) || uint64(len(want)) > uint64(len(d))-off:
		return fmt.Errorf("section %v+0x%x: %d bytes pass the end of the section (0x%x)", b.sec, off, len(want), len(d))
	case !bytes.Equal(d[off:][:len(want)], want):
		got := d[off:][:len(want)]
		return fmt.Errorf("section %v+0x%x: expected % x, found % x", b.sec, off, string(want), string(got)) // as strings: slices would escape
	case len(want) == 0:
		return nil
	}
	b.edit.addSplice(b.edit.lazyPart(b.sec, &b.part), b.sec.Off+off, uint64(len(new)), new, false)
	return nil
}

// Grow makes room for n more edits, at least one.
func (b *ByteEdits) Grow(n int) { b.edit.lazyPart(b.sec, &b.part).grow(n) }

// RelaEdits are edits of one SHT_RELA or SHT_REL section. Entries keep the numbers of
// the input throughout, and symbol indices may be provisional. It is an error to name an
// entry or a symbol that does not exist, to place a relocation outside its section, or
// to give one in SHT_REL an addend, which has to be in the place itself.
type RelaEdits struct {
	edit    *Edit
	sec     Section
	data    []byte
	size    int  // of an entry
	part    int  // see partNumber, -1 before the first edit
	target  int  // the section that is relocated, -1 if r_offset is an address
	hasSyms bool // its symbols are those of the symbol table
}

// Relas starts edits of a SHT_RELA or SHT_REL section. Any other section is an error.
func (e *Edit) Relas(sec int) (none RelaEdits, err error) {
	s, err := e.section(sec)
	if err != nil {
		return none, err
	}
	size := relocSize(elf.SectionType(s.Type))
	if size == 0 {
		return none, fmt.Errorf("section %v: is %v, want SHT_RELA or SHT_REL", s, elf.SectionType(s.Type))
	}
	if s.Is(elf.SHT_REL) && e.edited(sec) == nil { // New reads none of it
		if err := s.checkRel(); err != nil {
			return none, err
		}
	}
	t := RelaEdits{edit: e, sec: s, data: s.Data(), size: size, part: -1, target: int(s.Info), hasSyms: int(s.Link) == e.f.symtab.Index}
	if c := e.changedSections[sec]; c != nil {
		t.target = int(c.Info)
	}
	if elf.Type(e.f.hdr.Type) != elf.ET_REL {
		t.target = -1
	}
	return t, nil
}

// Grow makes room for n more edits, at least one.
func (t *RelaEdits) Grow(n int) { t.place().grow(n) }

// Set replaces entry i.
func (t *RelaEdits) Set(i int, r Rela) error {
	if err := t.check(i, 1, &r); err != nil {
		return err
	}
	t.replaced(i)
	t.add(i, t.size, &r)
	return nil
}

// Retarget replaces the symbol and the type of entry i.
func (t *RelaEdits) Retarget(i, symbol int, typ uint32) error {
	if err := t.check(i, 1, &Rela{Symbol: symbol}); err != nil {
		return err
	}
	t.replaced(i)
	t.edit.countRela(symbol, t.sec.Index, 1)
	t.place().addWord(t.at(i)+8, 8, 8, t.edit.f.info(uint32(symbol), typ), t.hasSyms)
	return nil
}

// Drop removes entry i. Later entries move up and the section shrinks by one
// entry.
func (t *RelaEdits) Drop(i int) error {
	if err := t.check(i, 1, &Rela{}); err != nil {
		return err
	}
	if err := t.edit.resizable(); err != nil {
		return err
	}
	t.replaced(i)
	t.place().addWord(t.at(i), uint8(t.size), 0, 0, false)
	return nil
}

// Insert inserts an entry before entry i, or after the last one if i is the
// number of entries.
func (t *RelaEdits) Insert(i int, r Rela) error {
	if err := t.check(i, 0, &r); err != nil {
		return err
	}
	if err := t.edit.resizable(); err != nil {
		return err
	}
	t.add(i, 0, &r)
	return nil
}

// at returns the file offset of entry i of the input.
func (t *RelaEdits) at(i int) uint64 { return t.sec.Off + uint64(i)*uint64(t.size) }

// add replaces del bytes at entry i of the input by a relocation.
func (t *RelaEdits) add(i, del int, r *Rela) {
	var b [relaSize]byte
	t.edit.f.appendRela(b[:0], *r, t.size)
	t.edit.countRela(r.Symbol, t.sec.Index, 1)
	t.edit.addSplice(t.place(), t.at(i), uint64(del), b[:t.size], t.hasSyms)
}

// replaced stops counting the reference of entry i of the input.
func (t *RelaEdits) replaced(i int) {
	if t.edit.refs != nil {
		t.edit.countRela(t.edit.f.decodeRela(t.data[i*t.size:][:t.size]).Symbol, t.sec.Index, -1)
	}
}

func (t *RelaEdits) place() *part { return t.edit.lazyPart(t.sec, &t.part) }

// check rejects an entry number that does not exist, and a relocation that
// cannot be in the section.
func (t *RelaEdits) check(i, del int, r *Rela) error {
	if n := len(t.data) / t.size; i < 0 || i > n-del {
		return fmt.Errorf("section %v: relocation %d of %d", t.sec, i, n)
	}
	err := checkAddend(r, t.size)
	if err == nil && t.hasSyms {
		err = t.edit.checkSymbolOf(r)
	}
	if err == nil && t.target >= 0 {
		err = t.edit.checkPlace(r, t.target)
	}
	if err != nil {
		return fmt.Errorf("section %v: relocation %d: %w", t.sec, i, err)
	}
	return nil
}

// checkAddend returns an error if an entry of size bytes has no room for its addend.
func checkAddend(r *Rela, size int) error {
	if r.Addend != 0 && size == relSize {
		return fmt.Errorf("an addend of %d: in SHT_REL it is in the place to relocate", r.Addend)
	}
	return nil
}

// checkRela returns an error if the symbol of a relocation does not exist, or if it lies
// outside section target.
func (e *Edit) checkRela(r *Rela, target int) error {
	if err := e.checkSymbolOf(r); err != nil {
		return err
	}
	return e.checkPlace(r, target)
}

func (e *Edit) checkSymbolOf(r *Rela) error {
	switch n := e.numSymbols(); {
	case r.Symbol < 0 || r.Symbol >= n && r.Symbol != 0:
		return fmt.Errorf("symbol %d of %d", r.Symbol, n)
	case e.goneSymbols.has(r.Symbol):
		return fmt.Errorf("%s was removed", e.symbolString(r.Symbol))
	}
	return nil
}

// checkPlace checks that a relocation is inside section target. Only R_*_NONE may be at
// its end.
func (e *Edit) checkPlace(r *Rela, target int) error {
	if e.changedSections == nil && target < e.f.shnum && r.Off < le.Uint64(e.f.headerBytes(target)[shSize:]) {
		return nil // the usual case
	}
	if limit := e.limit(target); r.Off > limit || r.Off == limit && r.Type != 0 {
		return fmt.Errorf("r_offset 0x%x passes the end of the section (0x%x)", r.Off, limit)
	}
	return nil
}

// AddRelas adds relocations to section sec: at the end of its SHT_RELA section or, if
// it has only a SHT_REL section, at the end of that. If it has neither, they go into a
// new SHT_RELA section, which is named after it and joins its group.
func (e *Edit) AddRelas(sec int, relas ...Rela) error {
	if err := e.checkSection(sec); err != nil {
		return err
	}
	relocs := e.relocsOf(sec)
	if len(relocs) > 0 {
		k := slices.IndexFunc(relocs, func(i int) bool { return e.head(i).Type == elf.SHT_RELA })
		return e.appendRelas(sec, relocs[max(k, 0)], relas)
	}
	s := e.Section(sec)
	_, err := e.AddSection(NewSection{
		Name: ".rela" + s.Name, Type: elf.SHT_RELA, Info: uint32(sec), Group: s.Group, Relas: append([]Rela{}, relas...),
	})
	return err
}

// appendRelas adds relocations to section i, which has those of section sec.
func (e *Edit) appendRelas(sec, i int, relas []Rela) error {
	size := relocSize(e.head(i).Type)
	for _, r := range relas {
		err := checkAddend(&r, size)
		if err == nil {
			err = e.checkRela(&r, sec)
		}
		if err != nil {
			return fmt.Errorf("section %s: a new relocation: %w", e.sectionString(i), err)
		}
	}
	if i >= e.f.shnum {
		s := &e.sections[i-e.f.shnum]
		for _, r := range relas {
			e.countRela(r.Symbol, i, 1)
			if s.Relas != nil {
				s.Relas = append(s.Relas, r)
			} else {
				s.Data = e.f.appendRela(s.Data, r, size)
			}
		}
		return nil
	}
	t, err := e.Relas(i)
	for _, r := range relas {
		if err == nil {
			err = t.Insert(len(t.data)/t.size, r)
		}
	}
	return err
}

// lazyPart returns the part for a section, which it makes on first use: a
// section without an edit must have none.
func (e *Edit) lazyPart(s Section, number *int) *part {
	if *number < 0 {
		*number = e.partNumber(s)
	}
	return &e.parts[*number]
}
