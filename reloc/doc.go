// SPDX-License-Identifier: BSD-3-Clause

// Package reloc describes the relocations of the 64-bit ELFv2 ABI for Power:
// their names and fields, the entries of a SHT_RELA section, and the checked
// insertion of a value.
//
// # Two registers
//
// A link unit (an executable, a shared library, the kernel, a module) has one
// table of contents, the TOC. Code reaches the unit's data through the address
// of the TOC in r2, the TOC pointer .TOC. (ELFv2 §2.2.2.1). A function needs r2
// to hold the TOC pointer of its own unit, not the caller's; but before Power
// ISA v3.1 no instruction tells code where it is. So there is a second
// register: a call that does not know its target's unit puts the target's
// address into r12 (§2.2.1), and the target derives r2 from it.
//
// # Two entry points
//
// So a function that uses the TOC has two entry points (§2.2.1, §3.4.1):
//
//	global entry:  addis r2,r12,(.TOC.-f)@ha    r12 = f
//	               addi  r2,r2,(.TOC.-f)@l
//	local entry:   ...                          r2  = TOC of f's unit
//
// Callers in the same unit, which share its r2, branch to the local entry. All
// other callers, and every call through a pointer, branch to the global entry.
// The symbol names the global entry; three bits of st_other give the distance
// between the two: ppc64.LocalEntry. These bits also mark two kinds of function
// with one entry point: 0 does not need r2 and preserves it, 1 does not need r2
// and may change it. A function compiled for Power10 addresses its data from
// the program counter (@pcrel). It is of kind 0 or, where its own calls do not
// restore r2, of kind 1.
//
// # A call in the same unit
//
//	caller                              callee
//	  bl f        R_PPC64_REL24 f  ──►  f+8: ...     local entry, r2 is right
//	  nop                                    blr     r2 is still right
//
// The linker adds the local entry's offset to S, provided that the relocation
// names the function's symbol. With a section symbol plus an addend it cannot
// do that, and the call enters at the global entry with whatever r12 holds.
//
// # A call into another unit
//
//	caller                        stub, made by the linker       callee
//	  bl f   R_PPC64_REL24 f ──►    std   r2,24(r1)
//	                                addis r12,r2,plt@ha
//	                                ld    r12,plt@l(r12)
//	                                mtctr r12
//	                                bctr                    ──►  f:   addis r2,r12,...
//	  ld r2,24(r1)    ◄────────────────────────────────────────       blr
//
// The stub saves r2 in the TOC save doubleword of the caller's frame, 24(r1)
// (§2.2.3), and the linker turns the nop after the bl into the load that
// restores it. That is why a nop must follow a bl to a function that might be
// in another unit. It is also why a tail call, a plain b, cannot go there:
// nothing runs after it that could restore r2, and by then 24(r1) is in its
// caller's frame.
//
// The compiler may save r2 itself, once for many calls, and mark that with
// R_PPC64_TOCSAVE (§3.5). Nothing else says whether 24(r1) holds r2. A tool
// that puts a restore after a call must prove that r2 was saved, or save it.
//
// # Calls without a TOC
//
// R_PPC64_REL24_NOTOC marks a call from code that has no TOC pointer in r2 and
// needs none restored (§2.2.1): there is no nop. For a target that uses a TOC,
// the linker makes a stub that loads r12 and goes to the global entry. The
// reverse case, an R_PPC64_REL24 to a function of kind 1, gets a stub that
// saves r2, and the nop becomes the restore, as if the function were in another
// unit.
//
// R_PPC64_PLTSEQ, R_PPC64_PLTCALL and their _NOTOC twins mark the instructions
// of a stub that the compiler has placed inline at the call (§3.6). They change
// no bits.
//
// # Formulas
//
// [Howto] describes each type with the letters of §3.5.2:
//
//	S      the symbol's value            A  the addend
//	P      the address of the field      R  the symbol's offset in its output section
//	.TOC.  the TOC pointer of the unit   G  the offset of the GOT entry from .TOC.
//	L      the address of the PLT entry  M  the offset of the PLT entry from .TOC.
//	B      the load address of the unit
//
//	#lo #hi #higher #highest       16 bits each of the number, from the right
//	#ha #highera #highesta         the same, made up for the sign of what is below
//	#high #higha                   as #hi and #ha, without a check of the range
//
// # Insertion
//
// [Insert] takes the value of a formula and does the last step of every linker:
// it checks the range and alignment, takes the part that the type names, clears
// the field and sets it. The addend of a RELA entry replaces what the field
// held; it is never added to it (§3.5).
//
//	code []byte, off, type, S + A - P ──► Howto ──► range ──► alignment ──► form ──► field
package reloc
