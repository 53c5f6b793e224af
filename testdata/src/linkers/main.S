/* SPDX-License-Identifier: BSD-3-Clause */
/* The program around call.S: its exit status is what check() says. */
#include "../sc_asm.h"

	.abiversion 2
	.text
func main
	frame
	bl check
	nop
	unframe
endfunc main
	.section .note.GNU-stack,"",@progbits
