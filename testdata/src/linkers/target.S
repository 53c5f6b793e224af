/* SPDX-License-Identifier: BSD-3-Clause */
/* The target of call.S in another file. */
#include "../sc_asm.h"

	.abiversion 2
	.text
#include "target.h"

key x, target
	.section .note.GNU-stack,"",@progbits
