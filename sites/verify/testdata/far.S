/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites whose calls need stubs of the linkers: the target is out of reach of a branch (in .far,
 * which is linked far away), in another unit, chosen by a resolver, or wants r12. All are in
 * .static_call_sites, with entries of 16 bytes.
 *
 *     far       bl f_far; nop                     a TOC caller, two entries
 *     farclob   bl f_farclob; nop                 a TOC caller, local entry 1
 *     ifunc     bl f_ifunc; nop                   a resolver's choice
 *     pcfar     bl f_far@notoc                    a caller without a TOC pointer
 *     pctoc     bl f_toc@notoc                    near, with two entries
 *     pcforeign bl ext@notoc                      another unit
 *     pcifunc   bl f_ifunc@notoc
 */
#include "forms.h"

	.text

hiddenkey far, f_far
hiddenkey farclob, f_farclob
hiddenkey ifunc, f_ifunc
hiddenkey pcfar, f_far
hiddenkey pctoc, f_toc
hiddenkey pcforeign, ext
hiddenkey pcifunc, f_ifunc

	.hidden f_toc
func f_toc
	addis 9,2,v_one@toc@ha
	ld 9,v_one@toc@l(9)
	add 3,3,9
	blr
endfunc f_toc

	.balign 64
	.hidden f_ifunc
	.globl f_ifunc
	.type f_ifunc,@gnu_indirect_function
f_ifunc:
	pla 3,f_toc@pcrel
	blr
endfunc f_ifunc

	.pushsection .far,"ax",@progbits
	.hidden f_far
func f_far
	addis 9,2,v_one@toc@ha
	ld 9,v_one@toc@l(9)
	add 3,3,9
	blr
endfunc f_far

	.hidden f_farclob
leaf f_farclob
	.localentry f_farclob,1
	addi 3,3,1
	li 2,0
	blr
endfunc f_farclob
	.popsection

caller far, 0, "bl f_far", nop
caller farclob, 0, "bl f_farclob", nop
caller ifunc, 0, "bl f_ifunc", nop
notoccaller pcfar, bl f_far@notoc
notoccaller pctoc, bl f_toc@notoc
notoccaller pcforeign, bl ext@notoc
notoccaller pcifunc, bl f_ifunc@notoc

kernelentry far
kernelentry farclob
kernelentry ifunc
kernelentry pcfar
kernelentry pctoc
kernelentry pcforeign
kernelentry pcifunc

	.data
	.balign 8
v_one:
	.quad 1
v_data:
	.quad 1000
	.section .note.GNU-stack,"",@progbits
