/* SPDX-License-Identifier: BSD-3-Clause */
/* A branch into the middle of a trampoline. */
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
	bl __SCT__x+8
	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
