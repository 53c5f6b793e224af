/* SPDX-License-Identifier: BSD-3-Clause */
/* Legal, and odd: nothing says which ABI (e_flags 0) and no function has a local entry, as in
   the kernel's assembly objects. */
#include "../sc_asm.h"

	.text

key x, target

leaf target
	addi 3,3,1
	blr
endfunc target

leaf caller
	frame
	bl __SCT__x
	nop
	unframe
endfunc caller
	.section .note.GNU-stack,"",@progbits
