// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// findSlots looks at the word after each branch, and at other relocations of the two
// words.
func (o *Object) findSlots() error {
	for lo, hi := range o.bySection() {
		sec := int(o.Sites[lo].Section)
		rela, err := o.sorted(sec)
		if err != nil {
			return err
		}
		if err := o.findSlotsOf(o.Sites[lo:hi], o.File.Section(sec).Data(), &rela); err != nil {
			return err
		}
	}
	return nil
}

// findSlotsOf does this for the sites of a section. A site has two words, and sites
// do not overlap, because a slot is not a branch. A tail site has no slot, so another
// site may follow it directly.
func (o *Object) findSlotsOf(list []Site, code []byte, rela *reloc.Sorted) (err error) {
	next := 0
	for i := range list {
		s := &list[i]
		if !s.Tail && !s.Odd {
			s.Slot, s.SlotWord = slotAt(code, s.Off)
		}
		end := s.Off + 2*ppc64.WordSize
		if i+1 < len(list) {
			end = min(end, list[i+1].Off)
		}
		if next, err = o.siteRelocs(s, end, rela, max(next, int(s.Rela))); err != nil {
			return err
		}
	}
	return nil
}

// siteRelocs looks at the relocations of a site's words, which end at an offset. It
// searches from guess on, and returns the number, by place, of the first relocation
// after the site.
func (o *Object) siteRelocs(s *Site, end uint64, rela *reloc.Sorted, guess int) (next int, err error) {
	before := s.Off - min(s.Off, reloc.LongestField-1) // a relocation from here on may reach the branch
	for next = rela.Search(before, guess); next < rela.Len() && err == nil; next++ {
		at := rela.Index(next)
		switch off := rela.Off(at); {
		case off >= end:
			return next, nil
		case off >= s.Off+ppc64.WordSize:
			s.Slot, s.SlotWord = SlotNone, 0
		case off >= s.Off:
			err = o.siteReloc(s, at, rela.At(at))
		default:
			if r := rela.At(at); r.Fills() && r.End() > s.Off {
				err = o.secondReloc(s, r)
			}
		}
	}
	return next, err
}

// siteReloc handles a relocation of a site's branch word.
func (o *Object) siteReloc(s *Site, i int, r reloc.Rela) error {
	switch {
	case i == int(s.Rela) || r.Type() == uint32(elf.R_PPC64_NONE):
		return nil
	case s.Rela < 0 && r.IsCall() && s.Word.IsBranch() && r.Off == s.Off && !s.Decoded:
		// Only the table names the site; this relocation says what it calls.
		if r.Addend != 0 && o.File.Symbol(int(r.Sym())).Type() != elf.STT_SECTION {
			return o.at(int(s.Section), r.Off, int64(r.Type()), "addend is 0x%x, but a call has none", r.Addend)
		}
		s.Rela, s.Type, s.Sym = int32(i), r.Type(), int32(r.Sym())
		return nil
	}
	return o.secondReloc(s, r)
}

func (o *Object) secondReloc(s *Site, r reloc.Rela) error {
	return o.at(int(s.Section), r.Off, int64(r.Type()), "the branch has this relocation in addition to that of a call")
}

func slotAt(code []byte, off uint64) (SlotState, ppc64.Word) {
	w, err := ppc64.Load(code, off+ppc64.WordSize)
	switch {
	case err != nil:
	case w == ppc64.Nop:
		return SlotNop, w
	case w.IsNop():
		return SlotCror, w
	case w == ppc64.RestoreTOC:
		return SlotRestore, w
	case w&^0xfffc == restorePACA(0):
		return SlotPACA, w
	}
	return SlotNone, 0
}

// restorePACA is ld r2,off(r13).
func restorePACA(off int64) ppc64.Word { return 0xe84d0000 | ppc64.Word(off) }
