/* SPDX-License-Identifier: BSD-3-Clause */
/* A trampoline is called and no key of that name is anywhere. */
#include "../sc_asm.h"

	.abiversion 2
	.text

func caller
	frame
	bl __SCT__x
	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
