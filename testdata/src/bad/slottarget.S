/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot is the target of a branch. */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, target
tramp x

func target
	addi 3,3,1
	blr
endfunc target

func caller
	frame
	cmpdi 3,0
	beq 1f
	bl __SCT__x
1:	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
