/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A key that other units may not see: its table entry names the trampoline, and
 * .static_call_tramp_key says which key that is, as EXPORT_STATIC_CALL_TRAMP does.
 */
#include "sc_asm.h"

	.abiversion 2
	.text

key tk_own, tk_target
tramp tk_own

func tk_target
	addi 3,3,1
	blr
endfunc tk_target

func tk_caller
	frame
.Lown:	bl __SCT__tk_own
	nop
.Lfar:	bl __SCT__tk_far
	nop
	unframe
endfunc tk_caller

	.section .static_call_tramp_key,"a",@progbits
	.balign 4
	.long __SCT__tk_own - .
	.long __SCK__tk_own - .

	.section .static_call_sites,"aw",@progbits
	.balign 8
	.long .Lown - ., 0
	.quad __SCK__tk_own - .
	.long .Lfar - ., 0
	.quad __SCT__tk_far - .
	.section .note.GNU-stack,"",@progbits
