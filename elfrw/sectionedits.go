// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// An edit of many places of a section looks the section up once.

// ByteEdits are edits of the bytes of one section.
type ByteEdits struct {
	edit *Edit
	sec  Section
	data []byte
	part int // see partNumber, -1 before the first edit
}

// Bytes starts edits of a section's bytes.
func (e *Edit) Bytes(sec int) (none ByteEdits, err error) {
	s, err := e.section(sec)
	if err != nil {
		return none, err
	}
	if err := s.opaque(); err != nil {
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
		return fmt.Errorf("section %v+0x%x: expects % x, found % x", b.sec, off, string(want), string(got)) // not the slice, which would escape
	case len(want) == 0:
		return nil
	}
	b.edit.addSplice(b.edit.lazyPart(b.sec, &b.part), b.sec.Off+off, uint64(len(new)), new, false)
	return nil
}

// Grow makes room for n more edits, at least one.
func (b *ByteEdits) Grow(n int) { b.edit.lazyPart(b.sec, &b.part).grow(n) }

// RelaEdits are edits of one SHT_RELA section. Entries keep the numbers of the
// input throughout, and symbol indices may be provisional.
type RelaEdits struct {
	edit    *Edit
	sec     Section
	data    []byte
	part    int  // see partNumber, -1 before the first edit
	hasSyms bool // its symbols are those of the symbol table
}

// Relas starts edits of a SHT_RELA section.
func (e *Edit) Relas(sec int) (none RelaEdits, err error) {
	s, err := e.section(sec)
	if err != nil {
		return none, err
	}
	if !s.Is(elf.SHT_RELA) {
		return none, fmt.Errorf("section %v: is %v, want SHT_RELA", s, elf.SectionType(s.Type))
	}
	return RelaEdits{e, s, s.Data(), -1, int(s.Link) == e.f.symtab.Index}, nil
}

// Grow makes room for n more edits, at least one.
func (t *RelaEdits) Grow(n int) { t.place().grow(n) }

// Set replaces entry i.
func (t *RelaEdits) Set(i int, r elf.Rela64) error {
	if err := t.check(i, 1, r.Info); err != nil {
		return err
	}
	t.add(uint64(i)*relaSize, relaSize, &r)
	return nil
}

// SetInfo replaces r_info of entry i: its symbol and its type.
func (t *RelaEdits) SetInfo(i int, info uint64) error {
	if err := t.check(i, 1, info); err != nil {
		return err
	}
	t.place().addWord(t.sec.Off+uint64(i)*relaSize+8, 8, 8, info, t.hasSyms)
	return nil
}

// Drop removes entry i. Later entries move up and the section shrinks by one
// entry.
func (t *RelaEdits) Drop(i int) error {
	if err := t.check(i, 1, 0); err != nil {
		return err
	}
	t.place().addWord(t.sec.Off+uint64(i)*relaSize, relaSize, 0, 0, false)
	return nil
}

// Insert inserts an entry before entry i, or after the last one if i is their
// number.
func (t *RelaEdits) Insert(i int, r elf.Rela64) error {
	if err := t.check(i, 0, r.Info); err != nil {
		return err
	}
	t.add(uint64(i)*relaSize, 0, &r)
	return nil
}

func (t *RelaEdits) add(at, del uint64, r *elf.Rela64) {
	var b [relaSize]byte
	le.PutUint64(b[0:], r.Off)
	le.PutUint64(b[8:], r.Info)
	le.PutUint64(b[16:], uint64(r.Addend))
	t.edit.addSplice(t.place(), t.sec.Off+at, del, b[:], t.hasSyms)
}

func (t *RelaEdits) place() *part { return t.edit.lazyPart(t.sec, &t.part) }

// check rejects the number of an entry or of a symbol that does not exist.
func (t *RelaEdits) check(i, del int, info uint64) error {
	if n := len(t.data) / relaSize; i < 0 || i > n-del {
		return fmt.Errorf("section %v: relocation %d of %d", t.sec, i, n)
	}
	if n := t.edit.f.NumSymbols() + len(t.edit.added); t.hasSyms && info>>32 >= uint64(n) {
		return fmt.Errorf("section %v: relocation %d: symbol %d of %d", t.sec, i, info>>32, n)
	}
	return nil
}

// lazyPart returns the part of a section. It is made when it is first asked for,
// because a section without an edit has none.
func (e *Edit) lazyPart(s Section, part *int) *part {
	if *part < 0 {
		*part = e.partNumber(s)
	}
	return &e.parts[*part]
}
