/* SPDX-License-Identifier: BSD-3-Clause */
/* The target is a local function of a group, which the linker may discard. */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, target
tramp x

func caller
	frame
	bl __SCT__x
	nop
	unframe
endfunc caller

	.section .text.grouped,"axG",@progbits,group_signature,comdat
	.weak group_signature
group_signature:
func target local
	addi 3,3,1
	blr
endfunc target
	.section .note.GNU-stack,"",@progbits
