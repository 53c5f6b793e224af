/* SPDX-License-Identifier: BSD-3-Clause */
/* Legal, and odd: R_PPC64_TOCSAVE marks the slot (ELFv2 3.5.4). */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, target
tramp x

func target
	addi 3,3,1
	blr
endfunc target

func caller
	frame
.Lsave:	nop
	bl __SCT__x
	.reloc .,R_PPC64_TOCSAVE,.Lsave
	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
