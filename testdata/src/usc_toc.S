/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fills a TOC with words, so that ld.bfd gives the next objects another one: what it does to large
 * programs of -mcmodel=small. With TARGET: and a function, rt_large, that uses this object's TOC.
 */
#ifdef TARGET
	.globl	rt_large
	.type	rt_large,@function
rt_large:
	addis	2,12,.TOC.-rt_large@ha
	addi	2,2,.TOC.-rt_large@l
	.localentry rt_large,.-rt_large
	ld	12,.Lword@toc(2)
	add	3,3,12
	blr
	.size	rt_large,.-rt_large
#else
	ld	12,.Lword@toc(2)
#endif
	.section .toc,"aw",@progbits
.Lword:	.quad	2000
	.rept	7000
	.quad	0
	.endr

	.section .note.GNU-stack,"",@progbits
