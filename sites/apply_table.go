// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// table writes the new entries of the kernel's table of sites: at the end of
// the existing table, or into a new one.
func (a *applier) table() error {
	n := a.NumAdded()
	if n == 0 || a.env.userTable {
		return nil
	}
	size, base := uint64(a.env.entrySize), uint64(0)
	t := a.Plan.table()
	if t != nil {
		base = uint64(len(t.Entries)) * size
	}
	a.findSectionSymbols()
	relas := make([]byte, 0, a.addedRelas()*reloc.RelaSize)
	for i := range n {
		var err error
		e := a.added(i)
		if relas, err = a.entryRelas(relas, &e, base+uint64(i)*size); err != nil {
			return err
		}
	}
	zeros := make([]byte, size*uint64(n))
	if t != nil {
		return a.extend(t.Section, zeros, relas)
	}
	sec, err := a.edit.AddSection(elfrw.NewSection{
		Name: tableName, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE,
		Addralign: layout.KeyField(a.env.entrySize), Entsize: size, Data: zeros,
	})
	if err != nil {
		return err
	}
	return a.addRelaOf(tableName, sec, relas)
}

// entryRelas appends the relocations of one entry at an offset of the table.
func (a *applier) entryRelas(relas []byte, e *Entry, at uint64) ([]byte, error) {
	key, err := a.keySymbol(int(e.Key))
	if err != nil {
		return nil, err
	}
	var sym, stub int
	var off, nop int64
	if e.Stub != noStub {
		stub = a.stubEntry(int(e.Key), e.Stub)
	}
	if e.OfStub {
		nop = ppc64.WordSize // after the save
		sym, off = stub, nop
	} else {
		if sym, err = a.sectionSymbol(int(e.Section)); err != nil {
			return nil, err
		}
		off = int64(e.Off)
	}
	relas = appendRela(relas, rela64(at, sym, uint32(elf.R_PPC64_REL32), off))
	if e.Stub != noStub {
		relas = appendRela(relas, rela64(at+layout.StubField, stub, uint32(elf.R_PPC64_REL32), nop))
	}
	return appendRela(relas, rela64(at+layout.KeyField(a.env.entrySize), key, uint32(a.env.keyReloc), int64(e.Flags))), nil
}

// addUserParts adds the sections of the user-space table, without their
// relocations, and the references that tie them to code.
func (a *applier) addUserParts() error {
	if a.marksTable(a.userParts()) {
		sym, err := a.addUserSection(layout.UserMark, 1, []byte{0})
		if err != nil {
			return err
		}
		a.stubTies = append(a.stubTies, sym)
	}
	for _, part := range a.userParts() {
		sym, err := a.addUserSection(userTable, 8, make([]byte, len(part.entries)*userEntrySize))
		if err != nil {
			return err
		}
		if part.code == 0 {
			a.stubTies = append(a.stubTies, sym)
			continue
		}
		first := a.added(part.entries[0])
		at := first.Off
		if first.OfStub {
			at = a.Object.File.SymbolValue(a.Object.stubSymbol(int(first.Key), first.Stub))
		}
		a.inserted = append(a.inserted, insertion{part.code, rela64(at, sym, uint32(elf.R_PPC64_NONE), 0)})
	}
	return nil
}

// addUserSection adds a section and returns its symbol.
func (a *applier) addUserSection(name string, align uint64, data []byte) (int, error) {
	a.findSectionSymbols()
	s := elfrw.NewSection{Name: name, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: align, Data: data}
	if name == userTable {
		s.Entsize = userEntrySize
	}
	sec, err := a.edit.AddSection(s)
	if err != nil {
		return 0, err
	}
	if name == userTable {
		a.parts = append(a.parts, sec)
	}
	return a.sectionSymbol(sec)
}

// userTable adds the relocations of the user-space table.
func (a *applier) userTable() error {
	for k, part := range a.userParts() {
		relas := make([]byte, 0, 3*len(part.entries)*reloc.RelaSize)
		for j, i := range part.entries {
			var err error
			e := a.added(i)
			if relas, err = a.entryRelas(relas, &e, uint64(j)*userEntrySize); err != nil {
				return err
			}
		}
		if err := a.addRelaOf(userTable, a.parts[k], relas); err != nil {
			return err
		}
	}
	return nil
}
