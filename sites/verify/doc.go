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
// The value of a doubleword when the program starts comes from its bytes or
// from the dynamic relocation on it. It is the address of a place in the image,
// or of a symbol that the dynamic linker will look up; such symbols get
// addresses in the region after the sections. If the dynamic linker chooses
// where the image lies, every address has a relocation, and a doubleword
// without one is a number.
//
// Two instructions in an object that together make an address must both refer
// to one symbol: at the addresses that verify gives to sections, the high
// halves of two symbols may be equal by chance.
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
// A stub in user space jumps through a cell, which the run time keeps equal to the
// key in the cell's entry in static_call_cells. So the entry must name the key of
// every call that goes through its cell. At first the cell must hold the address in
// the entry, of code that goes through the key itself; verify continues there. No
// other doubleword follows the key, unless a linker made it.
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
// Where the record says that the word after a call is its slot, that word must be a
// nop or one of these loads of r2.
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
// not patched. If both are missing, sites that call their targets cannot be
// found, and that is an error.
//
// If a library has several versions of a key, verify adds the version to the
// names from .dynsym: op@V1. A name without a version in a record may stand for
// any of them.
//
// A site that was kept is right if its branch enters the trampoline of its key,
// whatever the trampoline does: it may be compiled code, or belong to another
// object.
//
// Stubs of the form shadow are not followed, because they make a call
// themselves. No table lists their sites; for sites in a record, only the
// stub's name is checked.
package verify
