/* SPDX-License-Identifier: BSD-3-Clause */
/* One site in the barest of assembler, for the other byte order, the other class, ABI version 1. */
#ifdef ABI
	.abiversion ABI
#endif
	.text
	.globl caller
	.type caller,@function
caller:
	mflr 0
	bl __SCT__x
	nop
	mtlr 0
	blr
	.size caller,.-caller
	.globl __SCT__x
	.type __SCT__x,@function
__SCT__x:
	blr
	.size __SCT__x,.-__SCT__x
	.data
	.balign 8
	.globl __SCK__x
	.type __SCK__x,@object
__SCK__x:
	.long 0,0,0,0
	.size __SCK__x,16
