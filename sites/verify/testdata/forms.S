/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every form of site that verify knows, as scpatch leaves it, with its tables written by hand.
 * Each function v_NAME has one site, at the label v_NAME.site, of the key NAME.
 *
 *   In static_call_sites, for a TOC caller that saves r2 in its frame:
 *     stack     bl f_hidden                       the function
 *     out       bl __SCJ__out                     the way through the key, to another unit
 *     null      nop                               NULL
 *     ret0      li r3,0                           __static_call_return0
 *     got       bl __SCJ__got                     likewise, with the key's address from the GOT
 *     twice     bl __SCJ__twice                   saved by the stub of the call before, __SCS__again
 *     again     the stub __SCJ__again itself
 *   and for a caller without a TOC pointer:
 *     pc        bl f_single@notoc
 *     pcout     bl __SCN__pcout
 *     pctail    b f_single@notoc
 *     pcnull    blr
 *   In no table, because they always go through the key:
 *     save      bl __SCS__save; ld r2,24(r1)
 *   In .static_call_sites, entries of 16 bytes:
 *     direct    bl f_hidden; nop
 *     foreign   bl ext; nop                       the linker makes the stub and the restore
 *     tail      b f_hidden
 *     clobber   bl f_clobber; nop                 local entry 1: likewise
 *     kept      bl __SCT__kept; nop               the trampoline says local entry 1
 */
#include "forms.h"

	.text

hiddenkey stack, f_hidden
hiddenkey out, ext
hiddenkey null, 0
hiddenkey ret0, __static_call_return0
key got, ext
hiddenkey pc, f_single
hiddenkey pcout, ext
hiddenkey pctail, f_single
hiddenkey pcnull, 0
hiddenkey save, ext
hiddenkey twice, ext
hiddenkey again, ext
hiddenkey direct, f_hidden
hiddenkey foreign, ext
hiddenkey tail, f_hidden
hiddenkey clobber, f_clobber
hiddenkey kept, ext

savestub stack
savestub out
savestub null, null=1
savestub ret0
savestub got, got=1
savestub save, null=1
savestub twice, null=1
savestub again, patched=1
notocstub pc
notocstub pcout
notocstub pctail
notocstub pcnull, null=1

	.hidden f_hidden
func f_hidden
	addis 9,2,v_one@toc@ha
	ld 9,v_one@toc@l(9)
	add 3,3,9
	blr
endfunc f_hidden

func f_other local
	addis 9,2,v_one@toc@ha
	ld 9,v_one@toc@l(9)
	sub 3,3,9
	blr
endfunc f_other

	.hidden f_single
leaf f_single
	addi 3,3,1
	blr
endfunc f_single

	.hidden f_clobber
leaf f_clobber
	.localentry f_clobber,1
	addi 3,3,1
	li 2,0
	blr
endfunc f_clobber

	.pushsection .text.sct,"ax",@progbits
	.hidden __SCT__kept
leaf __SCT__kept
	.localentry __SCT__kept,1
	mflr 0
	bcl 20,31,1f
1:	mflr 12
	mtlr 0
	addis 2,12,(.TOC.-1b)@ha
	addi 2,2,(.TOC.-1b)@l
	addis 12,2,__SCK__kept@toc@ha
	ld 12,__SCK__kept@toc@l(12)
	mtctr 12
	bctr
endfunc __SCT__kept
	.popsection

caller stack, 1, "bl f_hidden", ld 2,24(1)
caller out, 1, "bl __SCJ__out", ld 2,24(1)
caller null, 1, nop, ld 2,24(1)
caller ret0, 1, "li 3,0", ld 2,24(1)
caller got, 1, "bl __SCJ__got", ld 2,24(1)
caller save, 0, "bl __SCS__save", ld 2,24(1)
caller direct, 0, "bl f_hidden", nop
caller foreign, 0, "bl ext", nop
caller clobber, 0, "bl f_clobber", nop
caller kept, 0, "bl __SCT__kept", nop
notoccaller pc, bl f_single@notoc
notoccaller pcout, bl __SCN__pcout@notoc

func v_twice
	frame
	bl __SCS__again
	ld 2,24(1)
v_twice.site:
	bl __SCJ__twice
	ld 2,24(1)
	addis 9,2,v_data@toc@ha
	ld 9,v_data@toc@l(9)
	add 3,3,9
	unframe
endfunc v_twice

func v_tail
v_tail.site:
	b f_hidden
endfunc v_tail

	.globl v_pctail
	.type v_pctail,@function
v_pctail:
	.localentry v_pctail,1
v_pctail.site:
	b f_single@notoc
endfunc v_pctail

	.globl v_pcnull
	.type v_pcnull,@function
v_pcnull:
	.localentry v_pcnull,1
v_pcnull.site:
	blr
endfunc v_pcnull

entry stack, __SCJ__stack
entry out, __SCJ__out
entry null, __SCJ__null
entry ret0, __SCJ__ret0
entry got, __SCJ__got
entry twice, __SCJ__twice
stubentry again
entry pc, __SCN__pc, 2
entry pcout, __SCN__pcout, 2
entry pctail, __SCN__pctail, 3
entry pcnull, __SCN__pcnull, 3
kernelentry direct
kernelentry foreign
kernelentry tail, 1
kernelentry clobber
kernelentry kept

	.data
	.balign 8
v_one:
	.quad 1
v_data:
	.quad 1000
	.section .note.GNU-stack,"",@progbits
