/* SPDX-License-Identifier: BSD-3-Clause */
/* bla: REL24 on a branch to an absolute address. */
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
	.reloc .,R_PPC64_REL24,__SCT__x
	bla 0
	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
