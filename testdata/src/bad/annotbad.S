/* SPDX-License-Identifier: BSD-3-Clause */
/* The table names a word that is no branch. */
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
	nop
.Lat:	addi 3,3,1
	unframe
endfunc caller

	.section .static_call_sites,"aw",@progbits
	.balign 8
	.long .Lat - ., 0
	.quad __SCK__x - .
	.section .note.GNU-stack,"",@progbits
