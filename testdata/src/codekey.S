/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A key among code, which reaches it by a distance: the assembler resolves that, and no
 * relocation shows that ck_set changes the key.
 */
#include "sc_asm.h"

	.section .ck,"awx",@progbits

leaf ck_set
	mflr 5
	bcl 20,31,1f
1:	mflr 4
	mtlr 5
	std 3,__SCK__ck_op-1b(4)
	blr
endfunc ck_set

	.balign 8
	.type __SCK__ck_op,@object
__SCK__ck_op:
	.quad ck_one
	.quad 0
	.size __SCK__ck_op,16

	.text

tramp ck_op
	.protected __SCT__ck_op

leaf ck_one
	li 3,1
	blr
endfunc ck_one

leaf ck_two
	li 3,2
	blr
endfunc ck_two

	.section .text.ck_call,"ax",@progbits

func ck_call
	frame
	bl __SCT__ck_op
	nop
	unframe
endfunc ck_call

	.section .note.GNU-stack,"",@progbits
