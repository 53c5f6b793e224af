// SPDX-License-Identifier: BSD-3-Clause

// Package tocsave proves that a call may be followed by ld r2,24(r1).
//
// The TOC save doubleword, 24(r1) (ELFv2 §2.2.3), belongs to the function that
// makes the call. It holds r2 only if that function, or a linker's stub on its
// behalf, has stored it there. After a call into another link unit, the load is
// the only way to restore r2. Where the doubleword does not hold this
// function's own r2, the load causes a crash some instructions later. Nothing
// in an object says which is the case, so it must be derived from the
// instructions:
//
//	f:  addis r2,r12,...      global entry
//	    addi  r2,r2,...
//	    mflr  r0              local entry                 own
//	    std   r0,16(r1)
//	    stdu  r1,-96(r1)      f has a frame: its own slot own
//	    std   r2,24(r1)                                   own, slot
//	    mtctr r12
//	    bctrl                 r2 is another unit's             slot
//	    ld    r2,24(r1)                                   own, slot
//	    bl    g               proven                      own, slot
//	    nop
//	    addi  r1,r1,96        another frame, another slot own
//
// # The data-flow
//
// [Analyse] follows every path forward from the local entry, with a state that
// says what is true on all paths up to that point:
//
//	own     r2 is the TOC pointer of this function's unit
//	slot    24(r1) holds that TOC pointer
//	frame   r1 points to a frame that this function has made
//	held    or r1 points to a frame that it has had before
//	lost    a call was made that may return again after 24(r1) has changed
//	copies  the other registers that hold it (clang -O0: mr r7,r2; std r7,24(r1))
//	regs    for each register: a number, an address made from r1, or neither
//
// A call is proven if own and slot are true before it: then the load gives r2
// the value that it has now, whatever the callee does to r2.
//
//	entry        own if the symbol's st_other says that r2 is used (ELFv2 §3.4.1)
//	set slot     std of r2 or of a copy to 24(r1), with own and frame
//	clear slot   any change of r1; a store that may overlap 24..31(r1); a bl while
//	             own does not hold, since a stub would save what r2 holds; code
//	             that is patched; a second return, see below
//	set own      ld r2,24(r1) with slot; mr of a copy
//	clear own    bctrl and the like; any other write of r2; a NOTOC call
//	join         and; registers become what covers both
//
// Before the frame exists, 24(r1) belongs to the caller, and a save there
// proves nothing: a compiler may move an annotation before a shrink-wrapped
// stdu.
//
// # What is known of stores
//
// A register is tracked as "n bytes from r1 at the entry", or from r1 as a
// certain instruction or join has set it. After other arithmetic it is
// "anywhere in the stack". A store through such a register clears slot unless
// its bytes are known to lie elsewhere.
//
// A store through any other register is assumed not to touch the slot. This is
// the only assumption about the program, and it comes from the ABI. The linkage
// area at the low end of a frame is not an object of the language, and no code
// gets an address within it (§2.2.3). The address of a local variable, wherever
// it goes (into memory, to a callee in r3 and back), is valid only for that
// variable. For the same reason a callee does not change the slot: in its
// caller's frame it may write to the parameter save area and to the LR and CR
// save doublewords, and only its stub writes to the slot. A load of the back
// chain gives an address in the stack.
//
// ELFv2 §2.2.2.1 says what a function may change: r0, r3 to r12, and, when it
// is called through a pointer, r2. A bl keeps own: either its callee is in the
// same unit and preserves r2, or the linker makes a stub for it and turns the
// nop into a restore. The caller's code relies on that anyway. All copies are
// dropped at a call, even those in registers that the callee preserves, because
// a compiler's routines that save and restore registers are called with bl too.
//
// # Second returns
//
// setjmp returns twice, and so do vfork, getcontext and functions written in
// assembly: any call may return twice, and so may sc. The second return may
// come from anywhere that the function reaches after the call. It restores the
// r1 of the call, but not memory. So a call keeps the slot only if nothing on a
// path from the call on invalidates the slot: alloca, which turns the
// doubleword into memory of the program; any other change of r1, or a store,
// before another call; or a branch out of what is known. These facts are
// propagated backwards from where they occur. If a call does not keep the slot,
// the code after it may run again, before a second return of a later call. So
// from there on no call keeps the slot, until r1 is moved down. Two things do
// not clear own: a call, because a second return has the r2 with which the call
// returns, and an ld r2,24(r1) right after a call, because the original program
// has it too.
//
// Again in a verdict says that the call itself does not keep the slot. Then
// 24(r1) may have changed when the call returns the second time, even if r2 was
// saved: a save by a stub is no better than one by the function. Only the
// callee could put r2 there, as glibc's longjmp does.
//
// # Ways in and out
//
// Indirect branches, landing pads, patched code and entries from outside show
// in relocations and tables, not in the instructions. They are the fields of
// [Func]. The caller must fill these; package cfg does. Soundness depends on
// their being complete:
//
//	bctr into a jump table          Func.Jumps, [Func.TextTable]
//	__jump_table, __ex_table        Func.Jumps: from the code to its target
//	.gcc_except_table               Func.LandingPads
//	feature fixups, alternatives    Func.Patched
//	labels whose address is in the object
//	                                Func.Labels
//	code that jumps in: foo.cold, .fixup, symbols within the extent,
//	alternatives that jump back
//	                                Func.Entries
//
// A verdict says that the word after a call is entered if one of these or a
// branch leads there, or if an indirect branch might.
//
// An indirect branch without known targets is a tail call if r1 and own are as
// at the entry. If it used a jump table, its targets would have no frame
// either, because code has one frame size however it is reached (its unwind
// information says so). Anywhere else such a branch might go to any
// instruction, and nothing in the function is proven. A branch out of the
// extent, or one with a relocation, leaves the function. Only code that is
// reached from the entries counts: padding and tables between the code are not
// instructions.
//
// The linker may still change an inline PLT sequence (§3.6) into a plain bl. So
// its std r2,24(r1) does not count as a save, and its bctrl changes r2 no more
// than a bl does.
//
// A state can only get weaker, by about a hundred steps at most. So the work is
// linear in the size of the function. A function may have at most 4 MiB.
package tocsave
