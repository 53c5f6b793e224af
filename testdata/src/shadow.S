/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tail calls of static calls whose targets are in another link unit: nothing after a plain b
 * can restore r2. Unpatched, these functions return with the library's r2.
 */
#include "sc_asm.h"

	.text

/* The twelve parameters of sh_op are where the caller has put them: four lie in the stack. */
func sh_op
	b __SCT__sh_op
endfunc sh_op

/* With a frame of its own that is gone when it jumps. */
func sh_framed
	frame
	addi 5,5,1
	addi 1,1,48
	ld 0,16(1)
	mtlr 0
	b __SCT__sh_op
endfunc sh_framed

func sh_null
	b __SCT__sh_null
endfunc sh_null

/* A call without a slot, with the last four parameters in its own frame. */
func sh_noslot
	mflr 0
	std 0,16(1)
	stdu 1,-128(1)
	li 0,1
	std 0,96(1)
	std 0,104(1)
	std 0,112(1)
	std 0,120(1)
	bl __SCT__sh_op
	addi 3,3,1
	addi 1,1,128
	ld 0,16(1)
	mtlr 0
	blr
endfunc sh_noslot

	.section .text.sct,"ax",@progbits
tramp sh_op
tramp sh_null

key sh_op, shadow_target
key sh_null, 0

	.section .note.GNU-stack,"",@progbits
