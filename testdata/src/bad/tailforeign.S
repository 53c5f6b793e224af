/* SPDX-License-Identifier: BSD-3-Clause */
/* R_PPC64_REL24 tail site whose target is of another unit, as far as one can know. */
#include "../sc_asm.h"

	.abiversion 2
	.text

key x, elsewhere
tramp x

func caller
	b __SCT__x
endfunc caller
	.section .note.GNU-stack,"",@progbits
