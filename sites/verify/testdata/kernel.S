/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel image in small: sites in the kernel's table, whose entries have 16 bytes, and calls in
 * none. Each function v_NAME has one site, at the label v_NAME.site, of the key NAME.
 *
 *     direct   bl f_target; nop
 *     paca     bl f_target; ld r2,16(r13)
 *     tail     b f_single                          of a caller without a TOC pointer
 *     tailnull blr                                 likewise
 *     null     nop; nop
 *     zero     li r3,0; nop
 *     through  bl __SCT__through; nop
 *     single   bl f_single; nop
 *     one      bl f_single; nop                    of a function that shares its caller's r2
 *     far      bl f_target; nop                    the trampoline is out of reach: a stub leads there
 *     linker   bl __SCT__linker; ld r2,24(r1)      in no table: the linker's stub saves r2
 */
#include "forms.h"

	.text

hiddenkey direct, f_target
hiddenkey paca, f_target
hiddenkey tail, f_single
hiddenkey tailnull, 0
hiddenkey null, 0
hiddenkey zero, __static_call_return0
hiddenkey through, f_target
hiddenkey single, f_single
hiddenkey one, f_single
hiddenkey far, f_target
hiddenkey linker, f_target

func f_target
	addis 9,2,v_data@toc@ha
	ld 9,v_data@toc@l(9)
	add 3,3,9
	blr
endfunc f_target

func f_other
	addis 9,2,v_data@toc@ha
	ld 9,v_data@toc@l(9)
	sub 3,3,9
	blr
endfunc f_other

leaf f_single
	addi 3,3,1
	blr
endfunc f_single

leaf f_clobber
	.localentry f_clobber,1
	li 2,0
	blr
endfunc f_clobber

leaf __static_call_return0
	li 3,0
	blr
endfunc __static_call_return0

tramp direct
tramp paca
tramp tail
tramp tailnull
tramp null
tramp zero
tramp through
tramp single
tramp one

	.pushsection .far,"awx",@progbits
tramp far
	.popsection

	.balign 16
	.type __SCJ__far,@function
__SCJ__far:
	addis 12,2,__SCK__far@toc@ha
	ld 12,__SCK__far@toc@l(12)
	cmpdi 12,0
	beqlr
	mtctr 12
	bctr
	.size __SCJ__far,.-__SCJ__far

leaf __SCT__linker
	.localentry __SCT__linker,1
	mflr 0
	bcl 20,31,1f
1:	mflr 12
	mtlr 0
	addis 2,12,(.TOC.-1b)@ha
	addi 2,2,(.TOC.-1b)@l
	addis 12,2,__SCK__linker@toc@ha
	ld 12,__SCK__linker@toc@l(12)
	mtctr 12
	bctr
endfunc __SCT__linker

caller direct, 0, "bl f_target", nop
caller paca, 0, "bl f_target", ld 2,16(13)
caller null, 0, nop, nop
caller zero, 0, "li 3,0", nop
caller through, 0, "bl __SCT__through", nop
caller single, 0, "bl f_single", nop
caller far, 0, "bl f_target", nop
caller linker, 0, "bl __SCT__linker", nop

leaf v_one
	mflr 0
	std 0,16(1)
	stdu 1,-48(1)
v_one.site:
	bl f_single
	nop
	unframe
endfunc v_one

leaf v_tail
	.localentry v_tail,1
	addi 3,3,1
v_tail.site:
	b f_single
endfunc v_tail

leaf v_tailnull
	.localentry v_tailnull,1
	addi 3,3,1
v_tailnull.site:
	blr
endfunc v_tailnull

#ifdef SMALL
/* Entries of 8 bytes. */
.macro listed name, flags=0, stub=0
entry_\name:
	.long v_\name\().site - .
	.reloc .,R_PPC64_REL32,__SCK__\name + \flags
	.long 0
.endm
#else
.macro listed name, flags=0, stub=0
entry_\name:
	.long v_\name\().site - .
.ifc \stub,0
	.long 0
.else
	.long \stub - .
.endif
	.reloc .,R_PPC64_REL64,__SCK__\name + \flags
	.quad 0
.endm
#endif
	.section .static_call_sites,"aw",@progbits
	.balign 8
	listed direct
	listed paca
	listed tail, 1
	listed tailnull, 1
	listed null
	listed zero
	listed through, 2
	listed single
	listed one
	listed far, 0, __SCJ__far
table_end:

	.data
	.balign 8
v_data:
	.quad 1000
	.type paca_offset,@object
paca_offset:
	.quad 16
	.size paca_offset,8
	.section .note.GNU-stack,"",@progbits
