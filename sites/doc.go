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
// # What may leave its trampoline
//
// The callee of a direct call may be in another link unit: for a bl with a slot
// behind it the linker, or the module loader, sees to r2 (ELFv2 §3.6.4.1). A
// call that has no slot may go only to a function that is provably of the same
// unit and leaves r2 alone. The run time matters too: a site of a key that can
// change may leave its trampoline only if the run time patches sites, and in a
// module or in user space only with a restore whose save is proven, because the
// linker writes the slot for the target of link time. Package documentation of
// reloc explains r2, entries and stubs.
package sites
