// SPDX-License-Identifier: BSD-3-Clause

// Package layout describes what a static call consists of in a file: the names
// of keys, trampolines and stubs, and the layout of the tables of sites. It is
// all that the code that writes these shares with package verify, which checks
// them.
//
//	.static_call_sites, 8 bytes    s32 addr; s32 key;
//	.static_call_sites, 16 bytes   s32 addr; s32 stub; s64 key;
//	static_call_sites              s32 addr; s32 stub; u64 key;
//
// The first two are the kernel's. Each of their fields is relative to its own
// address, and the low two bits of key are flags; a stub of 0 means none. The
// third is for user space. Its name is a C identifier, so linkers define
// __start_ and __stop_ symbols for it; its key is an absolute address, also
// with flags.
//
// The stub is a site's fallback: the code that it calls if it cannot call the
// key's target. In a module that is a stub that jumps through a cell, a
// doubleword of the module that the run time keeps up to date with the key. The
// four bytes before the stub hold the cell's address, relative to itself:
//
//	s32 cell;
//	__SCS__name: std r2,24(r1)
//	__SCJ__name: ld r12,cell@toc(r2); mtctr r12; bctr
//
//	s32 cell;
//	__SCN__name: pld r12,cell@pcrel; mtctr r12; bctr
//
// A site whose stub is __SCS__ has no save of its own. One whose stub is __SCN__ keeps
// no TOC pointer.
//
// In user space a stub goes through a cell too. The cell is the first field of
// an entry of another table, static_call_cells, which tells the run time which
// key the cell follows:
//
//	u64 cell; u64 key; s32 stub; s32 0;
//
// Before the run time starts, and after it ends, the cell holds the address of
// stub: the code after the jump through the cell, which goes through the key
// itself.
package layout

// Names that the static-call macros give to what they define (Linux,
// include/linux/static_call_types.h).
const (
	TrampPrefix = "__SCT__"
	KeyPrefix   = "__SCK__"
	Return0Name = "__static_call_return0"
)

// Prefixes of the names of stubs, which jump through a key.
const (
	SaveStubPrefix  = "__SCS__" // saves r2 in 24(r1) first
	JumpStubPrefix  = "__SCJ__" // the same stub after the save
	NoTOCStubPrefix = "__SCN__" // for callers without a TOC pointer

	ShadowStubPrefix = "__SCX__" // keeps LR on a stack of the thread's own, and restores r2
)

// The tables of sites.
const (
	KernelTable = ".static_call_sites"
	UserTable   = "static_call_sites"
	// UserMark is a section of one byte. A program that has the mark but no
	// user-space table has lost the table.
	UserMark = "static_call_mark"

	// If a linker script puts the kernel's table into another section, these
	// symbols enclose it.
	TableStart = "__start_static_call_sites"
	TableStop  = "__stop_static_call_sites"

	EntrySize = 16 // bytes, of an entry with a stub
	StubField = 4  // byte offset of stub in it

	UserKeyField = 8 // byte offset of key in user space's table

	// UserCells is the table of cells in user space.
	UserCells     = "static_call_cells"
	CellsStart    = "__start_static_call_cells"
	CellsStop     = "__stop_static_call_cells"
	CellSize      = 24 // bytes, of an entry
	CellKeyField  = 8  // byte offset of key in it
	CellStubField = 16 // byte offset of stub in it

	// StubSection holds the stubs. The linker scripts of the kernel and of user
	// space put a section with this name into .text.
	StubSection = ".text.unlikely.static_call"

	// PointerSection holds the addresses of keys for stubs. Nothing writes to it while
	// the program runs, and linkers protect it.
	PointerSection = ".data.rel.ro.static_call"
	PointerSize    = 8 // bytes, of an address

	// CellBefore is the distance in bytes from the cell's address to
	// __SCS__name or __SCN__name, which follows it.
	CellBefore = 4
)

// Flags in the low bits of an entry's key.
const (
	FlagTail  = 1 // the site is a tail call
	FlagInit  = 2 // in the kernel's table, the kernel's own: the site is in init text
	FlagNoTOC = 2 // in the user-space table: the caller keeps no TOC pointer
	FlagMask  = 3
)

// KeyField returns the byte offset of the key in an entry of entrySize bytes of
// the kernel's table.
func KeyField(entrySize int) uint64 { return uint64(entrySize) / 2 }
