/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every word that a slot may hold before a site is patched. ld.lld takes nothing but nop for
 * a call that needs a restore, so all targets are of this unit.
 */
#include "sc_asm.h"

	.abiversion 2
	.text

key sl, sl_target
key sl_null, 0
tramp sl
tramp sl_null

func sl_target
	addis 9,2,sl_data@toc@ha
	ld 9,sl_data@toc@l(9)
	add 3,3,9
	blr
endfunc sl_target

func sl_nop
	frame
	bl __SCT__sl
	nop
	unframe
endfunc sl_nop

func sl_cror15
	frame
	bl __SCT__sl
	cror 15,15,15
	unframe
endfunc sl_cror15

func sl_cror31
	frame
	bl __SCT__sl
	cror 31,31,31
	unframe
endfunc sl_cror31

/* Saved and restored by hand: as this tool's own stack form leaves it. */
func sl_ld
	frame
	std 2,24(1)
	bl __SCT__sl
	ld 2,24(1)
	addis 9,2,sl_data@toc@ha
	ld 9,sl_data@toc@l(9)
	add 3,3,9
	unframe
endfunc sl_ld

func sl_null_cror
	frame
	bl __SCT__sl_null
	cror 31,31,31
	unframe
endfunc sl_null_cror

func sl_null_ld
	frame
	std 2,24(1)
	bl __SCT__sl_null
	ld 2,24(1)
	unframe
endfunc sl_null_ld

	.data
	.balign 8
sl_data:
	.quad 1000
	.section .note.GNU-stack,"",@progbits
