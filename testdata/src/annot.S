/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites that only a table shows: the trampoline an_local is a local symbol, the assembler has
 * resolved the branches to it, and no relocation is left. Others have their relocation too.
 *
 *   ANNOT=8    entries { s32 addr; s32 key; }, both R_PPC64_REL32
 *   ANNOT=16   entries { s32 addr; long key; }, R_PPC64_REL32 and R_PPC64_REL64
 *   ANNOT=0    no table: the branches to an_local are hidden, and have to be noticed
 *   PARTIAL    the table leaves out an_two and an_tail
 *
 * Bit 0 of a key says tail. The first site is named by section symbol and addend, because that
 * is what the assembler makes of a local label; the last by its function's symbol.
 */
#include "sc_asm.h"

	.abiversion 2
	.text

key an_local, an_target
key an_hidden, an_target2
key an_null, 0

localtramp an_local
tramp an_hidden
tramp an_null

leaf an_target local
	addi 3,3,1
	blr
endfunc an_target

	.hidden an_target2
func an_target2
	addis 9,2,an_data@toc@ha
	ld 9,an_data@toc@l(9)
	add 3,3,9
	blr
endfunc an_target2

func an_one
	frame
.Lone:	bl __SCT__an_local
	nop
	addi 3,3,10
	unframe
endfunc an_one

/* Two sites, the second with a relocation of its own. */
func an_two
	frame
.Ltwo:	bl __SCT__an_local
	nop
.Ltwo_b: bl __SCT__an_hidden
	nop
	unframe
endfunc an_two

func an_tail
	addi 3,3,20
.Ltail:	b __SCT__an_local
endfunc an_tail

func an_null
	frame
.Lnull:	bl __SCT__an_null
	nop
	unframe
endfunc an_null

	.section .text.an_leaf,"ax",@progbits
	.balign 16
	.globl an_leaf
	.type an_leaf,@function
an_leaf:
	b __SCT__an_hidden
endfunc an_leaf

	.data
	.balign 8
an_data:
	.quad 1000

#if ANNOT == 8
.macro site at, name, flags=0
	.long \at - .
	.long __SCK__\name - . + \flags
.endm
#elif ANNOT == 16
.macro site at, name, flags=0
	.long \at - .
	.long 0
	.quad __SCK__\name - . + \flags
.endm
#endif

#if ANNOT
	.section .static_call_sites,"aw",@progbits
	.balign 8
site .Lone, an_local
#ifndef PARTIAL
site .Ltwo, an_local
#endif
site .Ltwo_b, an_hidden
#ifndef PARTIAL
site .Ltail, an_local, 1
#endif
site .Lnull, an_null
site an_leaf, an_hidden, 1
#endif
	.section .note.GNU-stack,"",@progbits
