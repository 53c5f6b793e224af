/* SPDX-License-Identifier: BSD-3-Clause */
/* The key points into a function, where no symbol is. */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, .Linside
tramp x

func target
	addi 3,3,1
.Linside:
	addi 3,3,2
	blr
endfunc target

func caller
	frame
	bl __SCT__x
	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
