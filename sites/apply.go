// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"maps"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
)

// Apply turns the plan into an edit of the object's file. It is an error if a
// word that changes is not what Find saw.
func (p *Plan) Apply() (*elfrw.Edit, error) {
	a := applier{Plan: p, edit: p.Object.File.Edit(), keySyms: map[int]int{}, entries: map[stubName]int{}, byName: map[string]int{}}
	if err := a.addUserParts(); err != nil {
		return nil, err
	}
	if err := a.addStubs(); err != nil {
		return nil, err
	}
	for lo, hi := range p.Object.bySection() {
		if err := a.section(lo, hi); err != nil {
			return nil, err
		}
	}
	for _, sym := range slices.Sorted(maps.Keys(p.marked)) {
		other := p.Object.File.Symbol(sym).Other
		if err := a.edit.SetSymbolOther(sym, ppc64.LocalEntryClobbers.SetOther(other)); err != nil {
			return nil, err
		}
	}
	if err := a.insertRelocations(); err != nil {
		return nil, err
	}
	if err := a.userTable(); err != nil {
		return nil, err
	}
	if err := a.table(); err != nil {
		return nil, err
	}
	if err := a.record(); err != nil {
		return nil, err
	}
	return a.edit, nil
}

// A sectionEdit holds the edits of one section of code and its relocations.
type sectionEdit struct {
	code  elfrw.ByteEdits
	relas elfrw.RelaEdits // if any of them changes
}

// section rewrites the sites [lo, hi), which are all in one section.
func (a *applier) section(lo, hi int) error {
	changes, words, relas := false, 0, 0
	for i := lo; i < hi; i++ {
		s, d := &a.Object.Sites[i], &a.Decisions[i]
		if !d.changes() {
			continue
		}
		changes = true
		if d.Word != s.Word {
			words++
		}
		if d.Slot != s.SlotWord {
			words++
		}
		if s.Rela >= 0 && (!d.Word.IsBranch() || a.retargets(s, d)) {
			relas++
		}
	}
	if !changes {
		return nil
	}
	var e sectionEdit
	var err error
	sec := int(a.Object.Sites[lo].Section)
	if e.code, err = a.edit.Bytes(sec); err != nil {
		return err
	}
	if words > 0 {
		e.code.Grow(words)
	}
	if relas > 0 {
		if e.relas, err = a.edit.Relas(int(a.Object.relas.edited[sec])); err != nil {
			return err
		}
		e.relas.Grow(relas)
	}
	for i := lo; i < hi; i++ {
		if d := &a.Decisions[i]; d.changes() {
			if err := a.site(&a.Object.Sites[i], d, &e); err != nil {
				return err
			}
		}
	}
	return nil
}

// site rewrites one site: the branch word, its relocation, the slot.
func (a *applier) site(s *Site, d *Decision, e *sectionEdit) error {
	if err := e.word(s.Off, s.Word, d.Word); err != nil {
		return err
	}
	if err := e.word(s.Off+ppc64.WordSize, s.SlotWord, d.Slot); err != nil {
		return err
	}
	if !d.Word.IsBranch() {
		if s.Rela < 0 {
			return nil
		}
		// A REL24 left on a nop would put a displacement into it.
		return e.relas.Drop(int(s.Rela))
	}
	if !a.retargets(s, d) {
		return nil // only the slot changes
	}
	target := int(d.Target)
	if target == 0 {
		target = a.entries[stubName{int(s.Key), d.Stub}]
	}
	switch {
	case s.Rela >= 0 && a.Object.tramps.Of(int(s.Sym)) >= 0: // without an addend
		return e.relas.Retarget(int(s.Rela), target, s.Type)
	case s.Rela >= 0:
		return e.relas.Set(int(s.Rela), elfrw.Rela{Off: s.Off, Symbol: target, Type: s.Type})
	}
	// What the assembler would have written.
	typ := elf.R_PPC64_REL24
	if s.NoTOC() {
		typ = elf.R_PPC64_REL24_NOTOC
	}
	a.inserted = append(a.inserted, insertion{int(s.Section), rela64(s.Off, target, uint32(typ), 0)})
	return nil
}

func (e *sectionEdit) word(off uint64, old, new ppc64.Word) error {
	if old == new {
		return nil
	}
	var want, is [ppc64.WordSize]byte
	old.Put(want[:])
	new.Put(is[:])
	return e.code.Replace(off, want[:], is[:])
}
