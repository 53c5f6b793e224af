/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Alternative code as the kernel has it (arch/powerpc/include/asm/feature-fixups.h): it lies in a
 * section of its own that is not executable, and runs where it was copied to. A site in it must
 * be noticed, and left alone; the site in al_caller is one like any other.
 */
#include "sc_asm.h"

	.abiversion 2
	.text

key al, al_target
tramp al

func al_target
	addi 3,3,1
	blr
endfunc al_target

func al_caller
	frame
	bl __SCT__al
	nop
	unframe
endfunc al_caller

	.section __ftr_alt_97,"a"
	bl __SCT__al
	nop
