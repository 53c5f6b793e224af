// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"debug/elf"
	"encoding/binary"
	"math"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/scpatch/scpatch/sites/layout"
)

// maxStub is how many instructions the linkers' stubs for long branches have.
const maxStub = 8

// behind follows a stub of the linker, for a branch over a long distance in the
// image, to where it leads: a branch, or a load by r2 and a jump. It returns 0
// for anything else.
func (im *image) behind(at uint64) uint64 {
	const r2, r12 = 2, 12
	regs, known := [32]uint64{r2: im.toc}, uint32(0)
	if im.toc != 0 {
		known = 1 << r2
	}
	ctr := uint64(0)
	for range maxStub {
		w, _, _, err := im.word(at)
		if err != nil {
			return 0
		}
		base := regs[w.RA()]
		switch isKnown := known&(1<<w.RA()) != 0; {
		case w.IsBranch() && !w.LK() && !w.AA():
			return at + uint64(w.Displacement())
		case w == bctr:
			return ctr
		case w.Opcode() == 15 && isKnown && w.RA() != 0: // addis
			regs[w.RT()], known = base+uint64(w.SI()<<16), known|1<<w.RT()
		case w.Opcode() == 14 && isKnown && w.RA() != 0: // addi
			regs[w.RT()], known = base+uint64(w.SI()), known|1<<w.RT()
		case w.Opcode() == 58 && w.XODS() == 0 && w.RT() == r12 && isKnown && w.RA() != 0: // ld
			v, ok := im.doubleword(base + uint64(w.DS()))
			if !ok {
				return 0
			}
			regs[r12], known = v, known|1<<r12
		case w == mtctrR12 && known&(1<<r12) != 0:
			ctr = regs[r12]
		default:
			return 0
		}
		at += ppc64.WordSize
	}
	return 0
}

const (
	bctr     ppc64.Word = 0x4e800420
	mtctrR12 ppc64.Word = 0x7d8903a6
)

// doubleword is what lies at an address when the kernel starts.
func (im *image) doubleword(at uint64) (uint64, bool) {
	if im.slots == nil {
		im.readSlots()
	}
	if v, ok := im.slots[at]; ok {
		return v, v != math.MaxUint64
	}
	b := im.memory.Bytes(at, 8)
	if b == nil {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

// readSlots reads all dynamic relocations. Only an image with long branches needs
// that. What is not an address of the image is MaxUint64.
func (im *image) readSlots() {
	im.slots = map[uint64]uint64{}
	for i := 1; i < im.file.NumSections(); i++ {
		s := im.file.Section(i)
		if !s.Is(elf.SHT_RELA) || !s.Has(elf.SHF_ALLOC) {
			continue
		}
		t, _ := reloc.NewTable(s.Data()) // readRelocations has read it
		for j := range t.Len() {
			r := t.At(j)
			v := uint64(r.Addend)
			if _, twice := im.slots[r.Off]; twice || r.Type() != uint32(elf.R_PPC64_RELATIVE) {
				v = math.MaxUint64
			}
			im.slots[r.Off] = v
		}
	}
}

// setStub makes a site's entry name a stub.
func (p *Plan) setStub(edit *elfrw.Edit, s *Site) error {
	at := s.entry + layout.StubField
	rel := int64(s.out - at)
	sec, off, ok := p.memory.Locate(at)
	if !ok || int64(int32(rel)) != rel {
		return kind.BadStub.Errorf("the entry at 0x%x cannot name the stub at 0x%x", s.entry, s.out)
	}
	return edit.ReplaceBytes(sec.Index, off, make([]byte, 4), binary.LittleEndian.AppendUint32(nil, uint32(rel)))
}
