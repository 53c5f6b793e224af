// SPDX-License-Identifier: BSD-3-Clause

// Package verify checks the static-call sites of an object or of a final image:
// that each calls what its key holds when the program starts, and that r2 is
// right again behind the call. It is what a build runs last. It knows nothing of
// how sites are found or how the plan was made: it reads the tables, the record of
// what was decided, and the code.
//
// # The file in memory
//
// An image has addresses. An object gets some, and its relocations are applied
// to what is read, as a linker would; so both are read alike.
//
//	              sections          symbols of other units
//	0 ───────────┬──────┬──────┬────┬──┬──┬──┬─────────►
//	             │ code │ keys │ ...│  │  │  │
//	             └──────┴──────┴────┴──┴──┴──┘
//
// What a doubleword holds when the program starts is in its bytes, or in the
// dynamic relocation on it: another place of the image, or a symbol that the
// dynamic linker will look up, which has its address in the region behind.
//
// # A site
//
//	entry ──► addr: bl X       to X ──► ... code ... ──► what the key holds
//	   │           slot                    │
//	   └────► key ◄────────────────────────┘ or through the key itself
//
// Where a branch leads is found by executing what is there, with an interpreter
// that knows few instructions and not many steps: registers hold numbers (all
// addresses are, once r2 of the caller is) or doublewords that are known by their
// address. So a linker's stub, a trampoline, and a stub of scpatch's are
// understood by what they do:
//
//	std   r2,24(r1)        the save is made
//	addis r12,r2,k@toc@ha  r12 = a number
//	ld    r12,k@toc@l(r12) r12 = the doubleword at k
//	cmpdi r12,0            both ways are gone where k holds NULL
//	beqlr
//	mtctr r12
//	bctr                   through k, with the target in r12
//
// The site is right if that is the function which the key holds, at its global
// entry with its address in r12 or at its local one with its TOC pointer in r2
// (ELFv2 §2.2.1), or the key. NULL may be a nop or a blr, a return of 0 an li.
//
// # The slot
//
// A function of the same unit preserves r2 by its st_other (§3.4.1). Behind
// anything else the slot has to restore r2, and 24(r1) has to hold it: because
// the code on the way has saved it, or because package textmap proves that the
// function has. A restore without a save is an error, and so is a nop where r2 is
// lost. In an object a nop is right too where the linker, or the module loader,
// will see from the symbol that it has to put a stub there.
//
// A key can change. What a run time may write into a branch word of the table is
// the promise of that table: in the kernel image any function of it, with the
// PACA's restore to come; in user space any function of the unit or a way
// through the key, so that the slot has the restore and a proven save in any
// case. An entry may be of a stub itself. What a call in no table saves counts for
// those behind it; what a listed one does, does not.
//
// # The record
//
// scpatch leaves a record of each site in sections that are not loaded: its place,
// its key, its form. A site that no table names is judged by that; one that is in
// both must be the same in both. A place of 0 is that of code which the linker has
// dropped. What calls a trampoline and is in neither was not patched. Where both
// are gone nothing is known of the sites that call their targets, and that is an
// error.
//
// The stubs of the form shadow are not followed: they make a call of their own.
// No table lists their sites; of those in a record the stub's name is looked at.
package verify
