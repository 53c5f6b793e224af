/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tail sites with R_PPC64_REL24, which compilers do not make for a trampoline (they cannot know
 * that it keeps r2). The trampolines' targets are all of this object, so that it may be.
 *
 *   tl_static    target: a function of one entry point and a local symbol
 *   tl_hidden    target: a hidden function with two entry points
 *   tl_global    target: a global function that the linker may let others preempt
 *   tl_null      NULL: blr
 *   tl_ret0      __static_call_return0
 *   tl_cond      a branch around a tail site, then a second one
 *   tl_call      a call of the same key, for comparison
 */
#include "sc_asm.h"

	.abiversion 2
	.text

key tl_static, target_static
key tl_hidden, target_hidden
key tl_global, target_global
key tl_null, 0
key tl_ret0, __static_call_return0

tramp tl_static
tramp tl_hidden
tramp tl_global
tramp tl_null
tramp tl_ret0

leaf target_static local
	addi 3,3,1
	blr
endfunc target_static

	.hidden target_hidden
func target_hidden
	addis 9,2,tl_data@toc@ha
	ld 9,tl_data@toc@l(9)
	add 3,3,9
	blr
endfunc target_hidden

func target_global
	addis 9,2,tl_data@toc@ha
	ld 9,tl_data@toc@l(9)
	sub 3,3,9
	blr
endfunc target_global

func tl_static
	b __SCT__tl_static
endfunc tl_static

func tl_hidden
	addi 3,3,2
	b __SCT__tl_hidden
endfunc tl_hidden

func tl_global
	b __SCT__tl_global
endfunc tl_global

func tl_null
	addi 3,3,3
	b __SCT__tl_null
endfunc tl_null

func tl_ret0
	b __SCT__tl_ret0
endfunc tl_ret0

func tl_cond
	cmpdi 3,0
	blt 1f
	b __SCT__tl_static
1:	neg 3,3
	b __SCT__tl_hidden
endfunc tl_cond

func tl_call
	frame
	bl __SCT__tl_hidden
	nop
	addis 9,2,tl_data@toc@ha
	ld 9,tl_data@toc@l(9)
	add 3,3,9
	unframe
endfunc tl_call

	.data
	.balign 8
tl_data:
	.quad 1000
	.section .note.GNU-stack,"",@progbits
