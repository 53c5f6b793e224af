// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/sites/layout"
)

// Flags in the low bits of an entry's key (Linux, include/linux/static_call_types.h).
const (
	FlagTail = layout.FlagTail
	FlagInit = layout.FlagInit

	flagMask = layout.FlagMask
)

// FlagNoTOC is a flag in the low bits of an entry's key in user space. It means
// that the caller keeps no TOC pointer.
const FlagNoTOC = layout.FlagNoTOC

// A Table is an existing .static_call_sites:
//
//	EntrySize 8:   s32 addr; s32 key;            R_PPC64_REL32, R_PPC64_REL32
//	EntrySize 16:  s32 addr; s32 stub; s64 key;  R_PPC64_REL32 twice, R_PPC64_REL64
//
// Each field is relative to its own address; the low two bits of key are flags.
// Only entries of a module have a stub, and of these only the ones that the run
// time may patch.
type Table struct {
	Section   int     // section index
	EntrySize int     // bytes
	Entries   []Entry // in the order of the table

	parts []tablePart // in user space: the sections of the table
}

// A tablePart is a section that holds the entries of a table from number first
// on.
type tablePart struct{ section, first int }

// place returns the place of an entry.
func (t *Table) place(entry int) (sec int, off uint64) {
	first := 0
	sec = t.Section
	if t.parts != nil {
		i, found := slices.BinarySearchFunc(t.parts, entry, func(p tablePart, entry int) int { return cmp.Compare(p.first, entry) })
		if !found {
			i--
		}
		sec, first = t.parts[i].section, t.parts[i].first
	}
	return sec, uint64(entry-first) * uint64(t.EntrySize)
}

// An Entry is one entry of a Table.
type Entry struct {
	Off     uint64    // of the site, in bytes from the start of its section
	Section int32     // index of the site's section
	Key     int32     // index in Object.Keys
	KeySym  int32     // index of the symbol that its relocation names
	way     int32     // in a table that was read: the index of Stub in Object.Tramps
	Flags   uint8     // FlagTail, FlagInit; in user space FlagTail, FlagNoTOC
	Stub    StubEntry // in user space and in modules: the stub entry that the run time can send the site to
	OfStub  bool      // the entry describes the stub itself, not a site
}

// userEntrySize is the size in bytes of an entry of the user-space table,
//
//	s32 addr; s32 stub; u64 key;    R_PPC64_REL32 twice, R_PPC64_ADDR64
//
// where addr and stub are relative to themselves, and the key's low two bits are
// flags. The key is absolute because it may be in another link unit: with a REL32,
// ld.bfd would silently store a wrong address.
//
// If addr equals stub, the entry describes the stub itself: the run time may make the
// stub's first instruction a branch to a function of this unit, and undo that.
const userEntrySize = layout.EntrySize

func keyRelocType(entrySize int) elf.R_PPC64 {
	if entrySize == 8 {
		return elf.R_PPC64_REL32
	}
	return elf.R_PPC64_REL64
}
