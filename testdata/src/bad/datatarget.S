/* SPDX-License-Identifier: BSD-3-Clause */
/* The key's first doubleword points at data. */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, datum
tramp x

func caller
	frame
	bl __SCT__x
	nop
	unframe
endfunc caller

	.data
	.balign 8
	.globl datum
	.type datum,@object
datum:	.quad 0
	.size datum,8
	.section .note.GNU-stack,"",@progbits
