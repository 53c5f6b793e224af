/* SPDX-License-Identifier: BSD-3-Clause */
/* The table gives a site another key than its branch does. */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, target
key y, target
tramp x
tramp y

func target
	addi 3,3,1
	blr
endfunc target

func caller
	frame
.Lat:	bl __SCT__x
	nop
	addi 3,3,1
	unframe
endfunc caller

	.section .static_call_sites,"aw",@progbits
	.balign 8
	.long .Lat - ., 0
	.quad __SCK__y - .
	.section .note.GNU-stack,"",@progbits
