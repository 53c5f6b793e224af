/* SPDX-License-Identifier: BSD-3-Clause */
/* The slot is a nop with a relocation of its own. */
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
	.reloc .,R_PPC64_ADDR16_LO,target
	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
