// SPDX-License-Identifier: BSD-3-Clause

// Package sites finds static-call sites in ppc64le ELFv2 objects, decides what
// is sound for each, and rewrites them.
//
// # Model
//
//	             Find               MakePlan              Apply
//	elfrw.File ───────► Object ───────────────► Plan ───────────────► elfrw.Edit
//	                    sites, keys,   Options   a Decision             │ Layout, write
//	                    targets, table           for each site          ▼
//	                                               └──── Check ◄──── the output, read again
//
// [Find] looks and changes nothing. It sees a site where a relocation against a
// trampoline __SCT__name lies on a branch, where an entry of .static_call_sites
// points, and (only to report it) where a branch decodes to a local trampoline
// without a relocation. It pairs trampolines with keys __SCK__name, and finds
// what a key holds when the program starts from the R_PPC64_ADDR64 against it.
//
// [MakePlan] turns that and the [Options] into a [Plan], a value: a [Form] for
// each site, or the [Reason] why it stays on its trampoline. Nothing else
// decides anything.
//
// [Plan.Apply] turns the plan into an edit, [Plan.Check] holds the written
// output against the plan.
//
// Errors name the section and the place; the file's name is for the caller to add.
//
// # Rooms
//
// The prefix of a file's name says which step it belongs to. Files without one
// are the model that all steps share: objects, sites, keys, tables, forms,
// reasons. A step refers to itself and to what is above it in this list, never
// to what is below it.
//
//	        model: object.go, site.go, key.go, table.go, functions.go, …
//	find_   what the file says
//	plan_   what will be done, and the proofs that allow it
//	apply_  the edit
//	check_  what the output says; of apply_ it uses nothing
//
// [MakePlan] makes an environment of the options: what a place and a run time mean
// for sites. Package stub makes the code of stubs.
//
// # What may leave its trampoline
//
// The callee of a direct call may be in another link unit: for a bl with a slot
// behind it the linker, or the module loader, sees to r2 (ELFv2 §3.6.4.1). A
// call that has no slot may go only to a function that is provably of the same
// unit and leaves r2 alone. The run time matters too: a site of a key that can
// change may go direct only if the run time repatches sites and restores r2 by
// itself, as in the kernel image. Package documentation of reloc explains r2,
// entries and stubs.
//
// # What restores r2
//
// Everywhere else the site is open: decide leaves it to restore, which tries the
// forms in the order of [Forms] and takes the first that is sound.
//
//	stack      bl X; ld r2,24(r1)       package tocsave proves the save
//	paca       bl X; ld r2,D(r13)       the kernel image's code has the PACA
//	save-stub  bl stub; ld r2,24(r1)    a stub of the key saves r2 and jumps
//	linker     bl __SCT__name; nop      local entry 1: the linker does it
//	shadow     b stub                   a stub calls, and gives r2 back
//
// Stubs jump through the key, so that they are right whatever it holds. They
// are in a section of their own, with a symbol for each [StubEntry]; a later run
// takes a call of one for what a call of the trampoline is.
package sites
