/* SPDX-License-Identifier: BSD-3-Clause */
/* The bl is the last word of its section. */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, target
tramp x

func target
	addi 3,3,1
	blr
endfunc target

	.section .text.end,"ax",@progbits
func caller
	frame
	bl __SCT__x
endfunc caller
	.section .note.GNU-stack,"",@progbits
