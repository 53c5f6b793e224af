// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/kind"
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

// stubEntry returns the symbol of a stub's entry, which is there or was added.
func (a *applier) stubEntry(key int, e StubEntry) int {
	if sym := a.Object.stubSymbol(key, e); sym != 0 {
		return sym
	}
	return a.entries[stubName{key, e}]
}

// shadowSymbols returns .TOC., and the thread-local pointer to the top of the
// thread's stack; the object has them, or they are added as undefined.
func (a *applier) shadowSymbols() (toc, stack int, err error) {
	if toc, err = a.undefined(".TOC.", elf.STT_NOTYPE); err == nil {
		stack, err = a.undefined(a.ShadowStack, elf.STT_TLS)
	}
	return toc, stack, err
}

func (a *applier) undefined(name string, typ elf.SymType) (int, error) {
	if i, ok := a.byName[name]; ok {
		return i, nil
	}
	f := a.Object.File
	found := 0
	for i := f.FirstGlobal(); i < f.NumSymbols() && found == 0; i++ {
		if string(f.SymbolName(f.Symbol(i))) == name {
			found = i
		}
	}
	if found == 0 {
		var err error
		if found, err = a.edit.AddSymbol(elfrw.NewSymbol{Name: name, Bind: elf.STB_GLOBAL, Type: typ}); err != nil {
			return 0, err
		}
	} else if s := f.Symbol(found); typ == elf.STT_TLS && s.Type() != typ && s.Section != 0 {
		return 0, kind.WrongOption.Errorf("symbol %s is not thread-local", printable(name))
	}
	a.byName[name] = found
	return found, nil
}

// A frame is the extent of a stub, in bytes from the start of the section, and
// the return address of the call that it makes, from the start of the stub.
type frame struct {
	start, end, calls uint64
}

// Call-frame instructions (DWARF 5 §6.4.2) and the register numbers of ELFv2
// §2.4.
const (
	cfaDefCFA       = 0x0c
	cfaAdvanceLoc4  = 0x04
	cfaUndefined    = 0x07
	cfaNop          = 0x00
	dwarfR1         = 1
	dwarfLR         = 65
	pcrelSData4     = 0x1b // DW_EH_PE_pcrel | DW_EH_PE_sdata4
	codeAlign       = 4
	dataAlignMinus8 = 0x78 // -8 as SLEB128
)

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

const frameSection = ".eh_frame"

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

// entry appends a CIE or an FDE with its length, filled up to 8 bytes.
func entry(b, body []byte) []byte {
	for (4+len(body))%8 != 0 {
		body = append(body, cfaNop)
	}
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
}
