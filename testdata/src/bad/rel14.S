/* SPDX-License-Identifier: BSD-3-Clause */
/* A conditional branch (R_PPC64_REL14) to a trampoline. */
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
	cmpdi 3,0
	beq __SCT__x
	blr
endfunc caller
	.section .note.GNU-stack,"",@progbits
