/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of a trampoline in forms that scpatch leaves alone, beside one that it rewrites. The
 * targets are of the same unit.
 */
#include "sc_asm.h"

	.abiversion 2
	.machine power10
	.text

key op, odd_target
tramp op

/* R_PPC64_REL24, for comparison */
func odd_plain
	frame
	bl __SCT__op
	nop
	unframe
endfunc odd_plain

/* R_PPC64_REL14: a tail call if the argument is 0 */
func odd_conditional
	cmpdi 3,0
	beq __SCT__op
	li 3,-1
	blr
endfunc odd_conditional

/* R_PPC64_PLTCALL: -fno-plt, -mlongcall */
func odd_plt
	frame
	std 2,24(1)
	addis 12,2,__SCT__op@plt@ha
	ld 12,__SCT__op@plt@l(12)
	.reloc .,R_PPC64_PLTSEQ,__SCT__op
	mtctr 12
	.reloc .,R_PPC64_PLTCALL,__SCT__op
	bctrl
	ld 2,24(1)
	unframe
endfunc odd_plt

/* R_PPC64_REL24_P9NOTOC: no TOC pointer, and no prefixed instruction in stubs */
	.globl odd_p9notoc
	.type odd_p9notoc,@function
odd_p9notoc:
	.localentry odd_p9notoc,1
	frame
	.reloc .,R_PPC64_REL24_P9NOTOC,__SCT__op
	.long 0x48000001
	unframe
endfunc odd_p9notoc
	.section .note.GNU-stack,"",@progbits
