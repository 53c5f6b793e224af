/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes eight away if r2 is that of its own unit: the datum is found through it. */
#ifdef APART
	.section .text.target,"ax",@progbits
#endif
#ifdef LE1
	.balign 16
	.globl target
	.type target,@function
	.localentry target,1
target:	li 2,0
	addi 3,3,-8
	blr
endfunc target
#else
func target
	addis 9,2,eight@toc@ha
	ld 9,eight@toc@l(9)
	sub 3,3,9
	blr
endfunc target
#endif
	.section .data.target,"aw",@progbits
	.balign 8
eight:	.quad 8
	.text
