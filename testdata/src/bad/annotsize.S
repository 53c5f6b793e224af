/* SPDX-License-Identifier: BSD-3-Clause */
/* The table's size is a multiple of no entry size. */
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
.Lat:	bl __SCT__x
	nop
	unframe
endfunc caller

	.section .static_call_sites,"aw",@progbits
	.balign 8
	.long .Lat - .
	.long __SCK__x - .
	.long 0
	.section .note.GNU-stack,"",@progbits
