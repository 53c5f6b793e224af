// SPDX-License-Identifier: BSD-3-Clause

// Package verify checks the static-call sites of an object or of a final image:
// each must call what its key holds when the program starts, and r2 must be
// right again after the call. A build runs it last. It does not know how sites
// are found or how the plan was made: it reads the tables, the record of the
// decisions, and the code.
//
// # The file in memory
//
// An image has addresses. An object is given some, and its relocations are
// applied to what is read, as a linker would do. So both are read in the same
// way.
//
//	              sections          symbols of other units
//	0 ───────────┬──────┬──────┬────┬──┬──┬──┬─────────►
//	             │ code │ keys │ ...│  │  │  │
//	             └──────┴──────┴────┴──┴──┴──┘
//
// What a doubleword holds when the program starts is in its bytes or in the
// dynamic relocation on it. It is another place in the image, or a symbol that
// the dynamic linker will look up; such symbols get addresses in the region
// after the sections. If the dynamic linker chooses where the image lies, each
// address has a relocation, and what has none is a number.
//
// Two instructions that make an address of an object must both have it from one
// symbol: at the addresses that verify gives to sections, the high halves of two
// symbols may be equal by chance.
//
// # A site
//
//	entry ──► addr: bl X       to X ──► ... code ... ──► what the key holds
//	   │           slot                    │
//	   └────► key ◄────────────────────────┘ or through the key itself
//
// To find where a branch leads, verify executes the code there, in an
// interpreter that knows few instructions and takes few steps. Registers hold
// numbers (once the caller's r2 is a number, all addresses are) or doublewords
// that are known by their address. So verify understands a linker's stub, a
// trampoline, and a stub of scpatch by what they do:
//
//	std   r2,24(r1)        the save is made
//	addis r12,r2,k@toc@ha  r12 = a number
//	ld    r12,k@toc@l(r12) r12 = the doubleword at k
//	cmpdi r12,0            both paths are followed: k may come to hold NULL
//	beqlr
//	mtctr r12
//	bctr                   through k, with the target in r12
//
// A stub may leave out the test only if the key's trampoline has none.
//
// The site is right if the branch leads through the key, or to the function
// that the key holds: at its global entry with its address in r12, or at its
// local entry with its TOC pointer in r2 (ELFv2 §2.2.1). For NULL the site may
// be a nop or a blr; for return 0 it may be an li.
//
// # The cells of user space
//
// A stub of user space jumps through a cell, which the run time keeps as the key that
// the cell's entry in static_call_cells names. So an entry has to name the key of
// every call that goes through its cell; and the cell has to hold at first the place
// that the entry names, which goes through the key itself. verify goes on there.
// Nothing keeps any other doubleword as the key, unless a linker made it.
//
// # The slot
//
// A function in the same unit preserves r2 if its st_other says so (§3.4.1).
// After a call to anything else, the slot must restore r2, and 24(r1) must hold
// it: either the code on the way has saved it, or package cfg proves that
// the calling function has. A restore without a save is an error, and so is a
// nop where r2 is lost. In an object, a nop is also right where the linker or
// the module loader will see from the symbol that it must put a stub there.
//
// Where the record says that the word after a call is its slot, nothing but a nop or
// one of these loads of r2 may be there.
//
// A key can change. Each table says what a run time may write into the branch
// word of an entry. In the kernel image that is any function of the image, with
// the restore from the PACA to follow. In user space it is any function of the
// unit, or a way through the key; so the slot must always have the restore,
// with a proven save. An entry may describe a stub itself. If a call is in no
// table, its save counts for the calls after it; the save of a listed call does
// not.
//
// # The record
//
// scpatch leaves a record of each site in sections that are not loaded: its
// place, its key, its form. A site that no table names is checked against the
// record; a site in both must be the same in both. A place of 0 belongs to code
// that the linker has dropped. A call to a trampoline that is in neither was
// not patched. If both are missing, nothing is known about the sites that call
// their targets, and that is an error.
//
// Where a library has versions of a key, their names in .dynsym get the version:
// op@V1. A name in a record that has no version may be that of any of them.
//
// A site that was kept is right if its branch enters the trampoline of its key,
// whatever that does: it may be compiled code, or another object's.
//
// Stubs of the form shadow are not followed, because they make a call
// themselves. No table lists their sites; for sites in a record, only the
// stub's name is checked.
package verify
