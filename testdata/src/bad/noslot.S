/* SPDX-License-Identifier: BSD-3-Clause */
/* The word after the bl is an instruction of the program. */
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
	bl __SCT__x
	addi 3,3,1
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
