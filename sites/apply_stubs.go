// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// addStubs writes the planned stubs into a section of their own, with symbols,
// relocations, and in user space call-frame information.
func (a *applier) addStubs() error {
	if len(a.Stubs) == 0 {
		return nil
	}
	if a.hasCells() {
		if err := a.addCells(); err != nil {
			return err
		}
	}
	var b codeBuffer
	var frames []frame
	var syms []elfrw.NewSymbol
	var names []stubName
	for _, st := range a.Stubs {
		key, err := a.access(st)
		if err != nil {
			return err
		}
		b.startStub(key)
		start := uint64(len(b.code))
		var toc, stack int
		other := uint8(0)
		switch st.Kind {
		case StubNoTOC:
			other = ppc64.LocalEntryClobbers.SetOther(0)
		case StubShadow:
			if toc, stack, err = a.shadowSymbols(); err != nil {
				return err
			}
		}
		calls := b.stub(st.Kind, key, toc, stack)
		end := uint64(len(b.code))
		name := a.Object.Keys[st.Key].Name
		add := func(e StubEntry, value uint64) {
			syms = append(syms, elfrw.NewSymbol{
				Name: stubPrefixes[e] + name, Bind: elf.STB_LOCAL, Type: elf.STT_FUNC, Other: other,
				Value: value, Size: end - value,
			})
			names = append(names, stubName{st.Key, e})
		}
		add(st.Kind, start)
		if st.Kind == StubSave {
			add(StubJump, start+ppc64.WordSize)
		}
		frames = append(frames, frame{start, end, uint64(calls)})
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: stubSection, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR,
		Addralign: stubAlign, Data: b.code,
	})
	if err != nil {
		return err
	}
	for i, s := range syms {
		s.Section = sec
		sym, err := a.edit.AddSymbol(s)
		if err != nil {
			return err
		}
		a.entries[names[i]] = sym
	}
	var relas []byte
	for _, sym := range a.stubTies {
		relas = appendRela(relas, rela64(0, sym, uint32(elf.R_PPC64_NONE), 0))
	}
	for _, r := range b.relas {
		relas = appendRela(relas, r)
	}
	if err := a.addRelaOf(stubSection, sec, relas); err != nil {
		return err
	}
	if a.Place != User {
		return nil
	}
	return a.addFrames(frames, a.entries[names[0]])
}

// access is keyAccess with a symbol for sure.
func (a *applier) access(st Stub) (keyAccess, error) {
	key, _ := a.keyAccess(st.Key, st.Kind)
	if key.cell {
		key.sym, key.off = a.tocSym, a.cells[st.Key]
		return key, nil
	}
	sym, err := a.keySymbol(st.Key)
	key.sym = sym
	return key, err
}

// shadowSymbols returns .TOC., and the thread-local pointer to the top of the
// thread's stack; the object has them, or they are added as undefined.
func (a *applier) shadowSymbols() (toc, stack int, err error) {
	if toc, err = a.undefined(".TOC.", elf.STT_NOTYPE); err == nil {
		stack, err = a.undefined(a.ShadowStack, elf.STT_TLS)
	}
	return toc, stack, err
}

// addCells adds a cell for each stub at the end of .toc, and remembers where.
func (a *applier) addCells() error {
	toc, old := a.Object.File.SectionByName(tocName)
	base := toc.Size
	switch {
	case !old:
	case !toc.Is(elf.SHT_PROGBITS) || !toc.Has(elf.SHF_ALLOC|elf.SHF_WRITE):
		return a.Object.at(toc.Index, 0, -1, "the section has type SHT_PROGBITS and is for data, this is %v with flags %v", elf.SectionType(toc.Type), elf.SectionFlag(toc.Flags))
	case toc.Addralign < 8:
		return a.Object.at(toc.Index, 0, -1, "the section has doublewords, but its alignment is %d", toc.Addralign)
	}
	pad := -base % 8
	var relas []byte
	a.cells = map[int]int64{}
	for _, st := range a.Stubs {
		if _, shared := a.cells[st.Key]; !shared {
			off := base + pad + uint64(len(relas)/reloc.RelaSize)*8
			a.cells[st.Key] = int64(off)
			relas = appendRela(relas, rela64(off, a.Object.trampoline(st.Key), uint32(elf.R_PPC64_ADDR64), 0))
		}
	}
	zeros := make([]byte, pad+uint64(len(a.cells))*8)
	a.findSectionSymbols()
	if old {
		if err := a.extend(toc.Index, zeros, relas); err != nil {
			return err
		}
		var err error
		a.tocSym, err = a.sectionSymbol(toc.Index)
		return err
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: tocName, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: 8, Data: zeros,
	})
	if err != nil {
		return err
	}
	if a.tocSym, err = a.sectionSymbol(sec); err != nil {
		return err
	}
	return a.addRelaOf(tocName, sec, relas)
}

// addFrames adds call-frame information for the stubs: a CIE that says that they
// have no frame and that LR holds the return address, and an FDE for each. Behind
// the call of a shadow stub the return address is where no unwinder finds it. first
// is the symbol at the start of the section.
//
// It goes to the end of the object's .eh_frame. With a second section of that name
// in one object ld.bfd's --gc-sections mistakes the FDEs of one for those of the
// other, and keeps functions that nobody uses.
func (a *applier) addFrames(frames []frame, first int) error {
	old, base := a.Object.lastFrames()
	b := entry(nil, []byte{
		0, 0, 0, 0, // CIE
		1, 'z', 'R', 0, codeAlign, dataAlignMinus8, dwarfLR, 1, pcrelSData4,
		cfaDefCFA, dwarfR1, 0,
	})
	var relas []byte
	for _, f := range frames {
		body := make([]byte, 13) // CIE pointer, pc_begin, pc_range, no augmentation data
		binary.LittleEndian.PutUint32(body[0:], uint32(len(b)+4))
		binary.LittleEndian.PutUint32(body[8:], uint32(f.end-f.start))
		if f.calls != 0 {
			body = append(body, cfaAdvanceLoc4)
			body = binary.LittleEndian.AppendUint32(body, uint32((f.calls-f.start)/codeAlign))
			body = append(body, cfaUndefined, dwarfLR)
		}
		relas = appendRela(relas, rela64(base+uint64(len(b)+8), first, uint32(elf.R_PPC64_REL32), int64(f.start)))
		b = entry(b, body)
	}
	if old != 0 {
		return a.extend(old, b, relas)
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: frameSection, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC, Addralign: 8, Data: b,
	})
	if err != nil {
		return err
	}
	return a.addRelaOf(frameSection, sec, relas)
}

// lastFrames returns the object's .eh_frame and its size, or 0 where entries cannot
// be put behind those that it has: it is in a group, or its end is marked by a zero.
func (o *Object) lastFrames() (sec int, size uint64) {
	s, ok := o.File.SectionByName(frameSection)
	d := s.Data()
	if !ok || !s.Is(elf.SHT_PROGBITS) || s.Has(elf.SHF_GROUP) || len(d)%4 != 0 || endsInZero(d) {
		return 0, 0
	}
	return s.Index, s.Size
}

// endsInZero reports whether the last entry of call-frame information has no
// length, or whether what is there is no list of entries.
func endsInZero(d []byte) bool {
	for len(d) >= 4 {
		n := uint64(binary.LittleEndian.Uint32(d))
		if n == 0 || n > uint64(len(d)-4) { // a terminator, or the extended form
			return true
		}
		d = d[4+n:]
	}
	return len(d) > 0
}
