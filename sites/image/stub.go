// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"debug/elf"
	"encoding/binary"
	"math"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// maxStub is the largest number of instructions in the linkers' stubs for long
// branches.
const maxStub = 8

// stubTarget returns where a linker's stub for a long branch leads. Such a stub is a branch, or a
// load relative to r2 and a jump. It returns 0 for anything else.
func (im *image) stubTarget(at uint64) uint64 {
	m := stubMachine{im: im}
	if im.toc != 0 {
		m.set(ppc64.RegTOC, im.toc)
	}
	for range maxStub {
		w, _, _, err := im.word(at)
		if err != nil {
			return 0
		}
		in := ppc64.Decode(w, 0)
		switch {
		case in.Op == ppc64.OpB && !w.LK() && !w.AA():
			return at + uint64(in.Imm)
		case w == ppc64.Bctr:
			return m.ctr
		case !m.step(w, in):
			return 0
		}
		at += ppc64.WordSize
	}
	return 0
}

// A stubMachine holds the values of the registers in a stub.
type stubMachine struct {
	im    *image
	regs  [32]uint64
	known uint32 // mask of the registers with a known value
	ctr   uint64
}

func (m *stubMachine) has(r uint8) bool { return m.known>>r&1 != 0 }

func (m *stubMachine) set(r uint8, v uint64) {
	m.regs[r] = v
	m.known |= 1 << r
}

// step executes an instruction. It returns false for one that no stub has.
func (m *stubMachine) step(w ppc64.Word, in ppc64.Inst) bool {
	if w == ppc64.MtctrR12 {
		m.ctr = m.regs[ppc64.RegEntry]
		return m.has(ppc64.RegEntry)
	}
	if in.RA == 0 || !m.has(in.RA) {
		return false
	}
	sum := m.regs[in.RA] + uint64(in.Imm)
	switch {
	case in.Op == ppc64.OpAddis, in.Op == ppc64.OpAddi:
		m.set(in.RT, sum)
		return true
	case in.Op == ppc64.OpLd && in.RT == ppc64.RegEntry:
		v, ok := m.im.doubleword(sum)
		m.set(in.RT, v)
		return ok
	}
	return false
}

// doubleword returns what is at an address when the kernel starts.
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

// readSlots reads all dynamic relocations, which only an image with long
// branches needs. MaxUint64 stands for anything but an address of the image.
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
		return errkind.BadStub.Errorf("the entry at 0x%x cannot name the stub at 0x%x", s.entry, s.out)
	}
	return edit.ReplaceBytes(sec.Index, off, make([]byte, 4), binary.LittleEndian.AppendUint32(nil, uint32(rel)))
}
