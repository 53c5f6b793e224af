/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites with everything that they need, which are wrong all the same.
 *
 *     entered    bl __SCS__entered; ld r2,24(r1)   v_intruder branches to the slot
 *     table      bl __SCS__table; ld r2,24(r1)     a jump table has the slot
 *     frameless  bl __SCS__frameless; ld r2,24(r1) in a function that makes no frame
 *     far        bl f_hidden; ld r2,24(r1)         the stub of its entry is out of reach
 *     right      bl __SCS__right; ld r2,24(r1)     nothing is wrong here
 */
#include "forms.h"

	.text
hiddenkey entered, f_hidden
hiddenkey table, f_hidden
hiddenkey frameless, f_hidden
hiddenkey far, f_hidden
hiddenkey right, f_hidden

savestub entered
savestub table
savestub frameless
savestub right

	.pushsection .far,"awx",@progbits
	.balign 16
	.type __SCJ__far,@function
__SCJ__far:
	addis 12,2,__SCK__far@toc@ha
	ld 12,__SCK__far@toc@l(12)
	mtctr 12
	bctr
	.size __SCJ__far,.-__SCJ__far
	.popsection

	.hidden f_hidden
func f_hidden
	addis 9,2,v_data@toc@ha
	ld 9,v_data@toc@l(9)
	add 3,3,9
	blr
endfunc f_hidden

caller entered, 0, "bl __SCS__entered", ld 2,24(1)
caller right, 0, "bl __SCS__right", ld 2,24(1)
caller far, 1, "bl f_hidden", ld 2,24(1)

func v_intruder
	cmpdi 3,0
	beq v_entered.site+4
	blr
endfunc v_intruder

func v_table
	frame
	addis 9,2,v_targets@toc@ha
	addi 9,9,v_targets@toc@l
	sldi 3,3,3
	ldx 9,9,3
	cmpdi 3,0
	bne v_table.site
	mtctr 9
	bctr
v_table.site:
	bl __SCS__table
	ld 2,24(1)
	unframe
endfunc v_table

func v_frameless
	mflr 31
v_frameless.site:
	bl __SCS__frameless
	ld 2,24(1)
	mtlr 31
	blr
endfunc v_frameless

entry far, __SCJ__far

	.data
	.balign 8
v_targets:
	.quad v_table.site, v_table.site+4
v_data:
	.quad 1000
	.section .note.GNU-stack,"",@progbits
