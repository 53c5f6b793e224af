// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
	"github.com/scpatch/scpatch/sites/stub"
)

// addStubs writes the planned stubs into a section of their own, with symbols,
// relocations, and in user space call-frame information.
func (a *applier) addStubs() error {
	if len(a.Stubs) == 0 {
		return nil
	}
	if err := a.addStubData(); err != nil {
		return err
	}
	stubs := newStubs{through: map[stubName]int64{}}
	for _, st := range a.Stubs {
		if err := a.assemble(&stubs, st); err != nil {
			return err
		}
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: layout.StubSection, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR,
		Addralign: stub.Align, Data: stubs.code.Bytes,
	})
	if err != nil {
		return err
	}
	for i, s := range stubs.symbols {
		s.Section = sec
		sym, err := a.edit.AddSymbol(s)
		if err != nil {
			return err
		}
		a.entries[stubs.names[i]] = sym
	}
	var relas []byte
	for _, sym := range a.stubTies {
		relas = appendRela(relas, rela64(0, sym, uint32(elf.R_PPC64_NONE), 0))
	}
	for _, r := range stubs.code.Relas {
		relas = appendRela(relas, r)
	}
	if err := a.addRelaOf(layout.StubSection, sec, relas); err != nil {
		return err
	}
	if err := a.fillUserCells(stubs.through); err != nil {
		return err
	}
	if !a.env.unwinds {
		return nil
	}
	return a.addFrames(stubs.frames, a.entries[stubs.names[0]])
}

// addStubData adds what the stubs load: cells, and addresses of keys.
func (a *applier) addStubData() error {
	if a.env.cells {
		if err := a.addCells(); err != nil {
			return err
		}
	}
	if err := a.addPointers(); err != nil {
		return err
	}
	return a.addUserCells()
}

// newStubs are the stubs before they become a section.
type newStubs struct {
	code    stub.Code
	frames  []stub.Frame
	symbols []elfrw.NewSymbol
	names   []stubName         // of the symbols
	through map[stubName]int64 // where a stub goes through its key, in bytes from its start
}

// assemble appends a stub.
func (a *applier) assemble(n *newStubs, st Stub) error {
	key, err := a.access(st)
	if err != nil {
		return err
	}
	n.code.Start(key)
	start := uint64(len(n.code.Bytes))
	other, returns := uint8(0), 0
	switch st.Kind {
	case StubSave:
		n.through[stubName{st.Key, st.Kind}] = int64(n.code.Save(key)) - int64(start)
	case StubNoTOC:
		other = ppc64.LocalEntryClobbers.SetOther(0)
		n.through[stubName{st.Key, st.Kind}] = int64(n.code.NoTOC(key)) - int64(start)
	case StubShadow:
		toc, stack, err := a.shadowSymbols()
		if err != nil {
			return err
		}
		returns = n.code.Shadow(key, toc, stack)
	}
	end := uint64(len(n.code.Bytes))
	name := a.Object.Keys[st.Key].Name
	add := func(e StubEntry, value uint64) {
		n.symbols = append(n.symbols, elfrw.NewSymbol{
			Name: stubPrefixes[e] + name, Bind: elf.STB_LOCAL, Type: elf.STT_FUNC, Other: other,
			Value: value, Size: end - value,
		})
		n.names = append(n.names, stubName{st.Key, e})
	}
	add(st.Kind, start)
	if st.Kind == StubSave {
		jump := start + ppc64.WordSize
		if key.Patched { // a call that saves r2 itself does not need the nop
			jump += ppc64.WordSize
		}
		add(StubJump, jump)
	}
	n.frames = append(n.frames, stub.Frame{Start: start, End: end, Returns: uint64(returns)})
	return nil
}

// access is keyAccess with the symbol, which may have been added.
func (a *applier) access(st Stub) (stub.Key, error) {
	key, _ := a.keyAccess(st.Key, st.Kind)
	if key.Cell {
		key.Sym, key.Off = a.tocSym, a.cells[st.Key]
		return key, nil
	}
	if key.Follows {
		key.CellSym, key.CellOff = a.cellSym, int64(a.userCells[stubName{st.Key, st.Kind}])
	}
	if key.Indirect && st.Kind != StubNoTOC {
		key.Pointer, key.Off = a.pointerSym, a.pointers[st.Key]
	}
	sym, err := a.keySymbol(st.Key)
	key.Sym = sym
	return key, err
}

// shadowSymbols returns .TOC. and the thread-local pointer to the top of the
// thread's stack. Symbols that the object lacks are added as undefined.
func (a *applier) shadowSymbols() (toc, stack int, err error) {
	if toc, err = a.undefined(".TOC.", elf.STT_NOTYPE); err == nil {
		stack, err = a.undefined(a.ShadowStack, elf.STT_TLS)
	}
	return toc, stack, err
}

// addFrames adds call-frame information for the stubs. first is the symbol at the
// start of their section. The information goes to the end of the object's .eh_frame.
// If an object has a second section of that name, ld.bfd's --gc-sections confuses the
// FDEs of the two and keeps unused functions.
func (a *applier) addFrames(frames []stub.Frame, first int) error {
	old, base := a.Object.lastFrames()
	data, entries := stub.Unwind(frames, base, first)
	var relas []byte
	for _, r := range entries {
		relas = appendRela(relas, r)
	}
	if old != 0 {
		return a.extend(old, data, relas)
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: frameSection, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC, Addralign: 8, Data: data,
	})
	if err != nil {
		return err
	}
	return a.addRelaOf(frameSection, sec, relas)
}

// lastFrames returns the object's .eh_frame and its size. It returns 0 if no entries
// can be added, because the section is in a group or a zero terminates it.
func (o *Object) lastFrames() (sec int, size uint64) {
	s, ok := o.File.SectionByName(frameSection)
	d := s.Data()
	if !ok || !s.Is(elf.SHT_PROGBITS) || s.Has(elf.SHF_GROUP) || len(d)%4 != 0 || endsInZero(d) {
		return 0, 0
	}
	return s.Index, s.Size
}

// endsInZero reports whether the last entry of call-frame information has length 0, or
// whether the bytes are not a list of entries.
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
