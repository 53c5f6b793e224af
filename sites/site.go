// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// A Tramp is a trampoline, which is a symbol __SCT__name, or an entry of a stub
// that an earlier run has added.
type Tramp struct {
	Sym   int32     // symbol index
	Key   int32     // index in Object.Keys; always valid
	Entry StubEntry // noStub for a trampoline
}

// A Site is a branch to a trampoline, or a branch that the site table names. An
// object may have very many sites, so the fields are no larger than necessary.
type Site struct {
	Off      uint64     // bytes from the start of the section
	Section  int32      // section index
	Key      int32      // index in Object.Keys
	Tramp    int32      // index in Object.Tramps, -1 if only a table names the site
	Word     ppc64.Word // the branch
	SlotWord ppc64.Word // the word in the slot, 0 with SlotNone

	// Rela is the index of the site's relocation among those of its section.
	// It is -1 if the assembler resolved the branch, or if a constant
	// has replaced it. Type and Sym are the type and the symbol of the
	// relocation.
	Rela int32
	Type uint32
	Sym  int32

	Entry   int32 // index of its entry in Object.Table, -1 if it has none
	User    int32 // index of its entry in Object.User, -1 if it has none
	Func    int32 // index of the symbol of the enclosing function, 0 if unknown
	Slot    SlotState
	Tail    bool // b, not bl
	Decoded bool // found only by decoding: no relocation and no table names it
	Odd     bool // not b or bl with a relative relocation: see oddCall

	noTOC  bool  // see findNoTOC
	number int32 // index in Object.Sites
}

// compare compares the site's place with another place.
func (s *Site) compare(sec int, off uint64) int {
	return cmp.Or(cmp.Compare(int(s.Section), sec), cmp.Compare(s.Off, off))
}

// NoTOC reports whether the caller keeps no TOC pointer (R_PPC64_REL24_NOTOC).
func (s *Site) NoTOC() bool {
	switch elf.R_PPC64(s.Type) {
	case elf.R_PPC64_REL24_NOTOC, elf.R_PPC64_REL24_P9NOTOC, elf.R_PPC64_PLTCALL_NOTOC:
		return true
	}
	return s.noTOC
}

// A SlotState says what follows the branch.
type SlotState uint8

const (
	SlotNone    SlotState = iota // none: the section ends, or something else or a relocation follows
	SlotNop                      // nop
	SlotCror                     // cror 15,15,15 or cror 31,31,31
	SlotRestore                  // ld r2,24(r1)
	SlotPACA                     // ld r2,D(r13)
)

// A StubEntry is one of the places where sites enter the stubs of their key. A
// stub jumps through the key, so it is right whatever the key holds.
type StubEntry uint8

const (
	noStub     StubEntry = iota
	StubSave             // __SCS__name: saves r2 at 24(r1) first
	StubJump             // __SCJ__name: the same stub after the save
	StubNoTOC            // __SCN__name: for callers without a TOC pointer
	StubShadow           // __SCX__name: keeps LR on a stack of the thread's own, calls, and restores r2
)

// stubPrefixes are the prefixes of the names of the entries, which are local
// symbols.
var stubPrefixes = [...]string{
	StubSave: layout.SaveStubPrefix, StubJump: layout.JumpStubPrefix,
	StubNoTOC: layout.NoTOCStubPrefix, StubShadow: layout.ShadowStubPrefix,
}

// stub returns the kind of stub that an entry belongs to.
func (e StubEntry) stub() StubEntry {
	if e == StubJump {
		return StubSave
	}
	return e
}

// A stubName names an entry of a key's stub.
type stubName struct {
	key   int
	entry StubEntry
}

// stubOf returns the entry that a symbol names, noStub if it is not a stub's.
func stubOf(s elfrw.Symbol, name []byte) StubEntry {
	if s.Bind() != elf.STB_LOCAL || s.Type() != elf.STT_FUNC || s.Section == 0 || len(name) < len(stubPrefixes[StubSave]) {
		return noStub
	}
	for e := StubSave; e <= StubShadow; e++ {
		if string(name[:len(stubPrefixes[e])]) == stubPrefixes[e] {
			return e
		}
	}
	return noStub
}
