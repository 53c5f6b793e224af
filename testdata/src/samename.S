/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Half of an object with two static calls of one name: WHICH is 1 or 2, and ld -r puts the halves
 * together. Keys and trampolines are local,
 * and the relocations of each trampoline tell which key is its own.
 */
#include "sc_asm.h"

#define CAT(a, b) a##b
#define NAME(a, b) CAT(a, b)

	.abiversion 2
	.text

key sn, NAME(sn_target, WHICH), local

	.section .text.sct,"ax"
	.balign 16
	.type __SCT__sn,@function
__SCT__sn:
	addis 2,12,(.TOC.-__SCT__sn)@ha
	addi 2,2,(.TOC.-__SCT__sn)@l
	.localentry __SCT__sn,.-__SCT__sn
	addis 12,2,__SCK__sn@toc@ha
	ld 12,__SCK__sn@toc@l(12)
	mtctr 12
	bctr
endfunc __SCT__sn

	.text
func NAME(sn_target, WHICH)
	addi 3,3,WHICH
	blr
endfunc NAME(sn_target, WHICH)

func NAME(sn_caller, WHICH)
	frame
	bl __SCT__sn
	nop
	unframe
endfunc NAME(sn_caller, WHICH)
