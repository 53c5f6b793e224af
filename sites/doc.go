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
// [Find] looks and changes nothing. It finds a site where a branch has a
// relocation against a trampoline __SCT__name, where an entry of
// .static_call_sites points, and (only to report it) where a branch without a
// relocation decodes to a local trampoline. It pairs trampolines with keys
// __SCK__name. The R_PPC64_ADDR64 on a key tells what the key holds when the
// program starts.
//
// [MakePlan] turns that and the [Options] into a [Plan], a value: a [Form] for
// each site, or the [Reason] why it stays on its trampoline. All decisions are
// made there.
//
// [Plan.Apply] turns the plan into an edit. [Plan.Check] compares the written
// output with the plan.
//
// Errors name the section and the place; the caller adds the name of the file.
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
//	check_  what the output says; uses nothing of apply_
//
// [MakePlan] turns the options into an environment, which says what a place and
// a run time mean for sites. Package stub generates the code of stubs.
//
// # What may leave its trampoline
//
// The callee of a direct call may be in another link unit: for a bl followed by
// a slot, the linker or the module loader takes care of r2 (ELFv2 §3.6.4.1). A
// call without a slot may go only to a function that is provably in the same
// unit and preserves r2. The run time matters too: a site of a key that can
// change may go direct only if the run time repatches sites and restores r2
// itself, as in the kernel image. The documentation of package reloc explains
// r2, entry points and stubs.
//
// # What restores r2
//
// At every other site something must restore r2. For those, the function
// restore tries the forms in the order of [Forms] and takes the first that is
// sound.
//
//	stack      bl X; ld r2,24(r1)       package tocsave proves the save
//	paca       bl X; ld r2,D(r13)       the kernel image's code has the PACA
//	save-stub  bl stub; ld r2,24(r1)    a stub of the key saves r2 and jumps
//	linker     bl __SCT__name; nop      local entry 1: the linker does it
//	shadow     b stub                   a stub calls, and restores r2
//
// Stubs jump through the key, so they are right whatever it holds. They are in
// their own section, with a symbol for each [StubEntry]. A later run treats a
// call to a stub like a call to the trampoline.
package sites
