// SPDX-License-Identifier: BSD-3-Clause

// Package tocsave proves that a call may be followed by ld r2,24(r1).
//
// The TOC save doubleword, 24(r1) (ELFv2 §2.2.3), belongs to the function that
// makes the call, and holds something only if that function, or a linker's stub
// on its behalf, has put it there. Behind a call that went into another link
// unit the load is the only way to get r2 back; where the doubleword does not
// hold this function's own r2 it is a crash some instructions later. Nothing in
// an object says which it is, so it has to be derived from the instructions:
//
//	f:  addis r2,r12,...      global entry
//	    addi  r2,r2,...
//	    mflr  r0              local entry                 own
//	    std   r0,16(r1)
//	    stdu  r1,-96(r1)      f has a frame: its own slot own
//	    std   r2,24(r1)                                   own, slot
//	    mtctr r12
//	    bctrl                 r2 is somebody else's            slot
//	    ld    r2,24(r1)                                   own, slot
//	    bl    g               proven                      own, slot
//	    nop
//	    addi  r1,r1,96        another frame, another slot own
//
// # The data-flow
//
// [Analyse] follows every path forward from the local entry with a state that
// says what holds on all paths up to here:
//
//	own     r2 is the TOC pointer of this function's unit
//	slot    24(r1) holds that TOC pointer
//	frame   r1 points to a frame that this function has made
//	held    or to one that it has had before
//	lost    a call was made that may return again when 24(r1) has changed
//	copies  the other registers that hold it (clang -O0: mr r7,r2; std r7,24(r1))
//	regs    for each register: a number, an address made from r1, or neither
//
// A call is proven where own and slot hold before it: then the load gives r2 the
// value that it has, whatever the callee does to r2.
//
//	entry        own if the symbol's st_other says that r2 is used (ELFv2 §3.4.1)
//	set slot     std r2,24(r1), or of a copy, with own and frame
//	clear slot   any change of r1; a store that may overlap 24..31(r1); a bl while
//	             own does not hold, since a stub would save what r2 holds; code
//	             that is patched; a second return, see below
//	set own      ld r2,24(r1) with slot; mr of a copy
//	clear own    bctrl and its like; any other write of r2; a NOTOC call
//	join         and; registers to what covers both
//
// Before the frame exists 24(r1) is the caller's, and a save there proves
// nothing: a compiler may move an annotation in front of a shrink-wrapped stdu.
//
// # What is known of stores
//
// A register is followed as "n bytes from r1 as it was at the entry", or from r1
// as a certain instruction or join has made it; after arithmetic that is not
// followed it is "anywhere in the stack". A store through such a register clears
// slot unless its bytes are known to lie elsewhere.
//
// A store through any other register is taken not to touch the slot. This is the
// one assumption about the program, and the ABI's: the linkage area at the low
// end of a frame is not an object of the language, no address within it is given
// to anybody (§2.2.3), and an address of a local variable, wherever it went
// (into memory, to a callee in r3 and back), is good for that variable only. For
// the same reason a callee does not change it: it may write to the parameter
// save area, and LR and CR save doublewords, of its caller's frame, and its stub
// to the slot. A load of the back chain gives an address in the stack.
//
// What a function may change is ELFv2 §2.2.2.1: r0, r3 to r12, and, when it is
// reached through a pointer, r2. A bl keeps own: its callee is of the same unit
// and preserves r2 or the linker makes a stub for it and the nop a restore; the
// caller's code relies on that anyway. All copies are dropped at a call, also
// those in registers that the callee preserves: the routines of a compiler that
// save and restore registers are called with bl too.
//
// # Second returns
//
// setjmp returns twice, and so do vfork, getcontext and what somebody wrote in
// assembly: any call may, and sc. It returns from anywhere that the function gets to
// behind it, to the r1 of the call and to memory as it is then. So a call keeps the
// slot only if nothing takes it away on a path from the call on: alloca, which makes
// the doubleword memory of the program; another change of r1, or a store, in front
// of another call; a branch out of what is known. These facts are followed backwards
// from where it happens. What is behind a call that does not keep the slot may be
// gone through again, in front of a second return of a later call: from there on no
// call keeps it, until r1 is moved down. As r2 is what a call returns with, and
// ld r2,24(r1) right behind a call is in the program as it was, neither loses own.
//
// A verdict says in Again that the call itself is such a one. Then 24(r1) is not
// what it was when the call returns the second time, whoever has saved r2: a stub
// is no better than the function, and it is the callee that has to put r2 there, as
// glibc's longjmp does.
//
// # Ways in and out
//
// Indirect branches, landing pads, patched code and entries from outside are in
// no instruction, but in relocations and tables: they are the fields of [Func],
// and it is the caller's duty to fill them; package textmap does. Completeness of
// those is what soundness stands on:
//
//	bctr into a jump table          Func.Jumps, [Func.TextTable]
//	__jump_table, __ex_table        Func.Jumps: from the code to its target
//	.gcc_except_table               Func.Pads
//	feature fixups, alternatives    Func.Patched
//	labels whose address is in the object
//	                                Func.Labels
//	code that jumps in: foo.cold, .fixup, symbols within the extent,
//	alternatives that jump back
//	                                Func.Unknown
//
// The word behind a call is entered, says a verdict, if one of these leads there or
// a branch does, or if an indirect branch might.
//
// An indirect branch without known targets is a tail call if r1 and own are as
// at the entry: a jump table there would be for code that has no frame either,
// since code has one frame size however it is reached (its unwind information
// says so). Anywhere else it might go to every instruction, and nothing in the
// function is proven. A branch out of the extent, or one with a relocation,
// leaves the function. Only what is reached from the entries counts: padding and
// tables between the code are not instructions.
//
// The linker may yet change an inline PLT sequence (§3.6) into a plain bl: its
// std r2,24(r1) is not a save that can be counted on, and its bctrl changes r2 no
// more than a bl.
//
// A state can only get weaker, by about a hundred steps at most, so that the work
// is linear in the size of the function, and stops at the limits of a function of
// 4 MiB.
package tocsave
