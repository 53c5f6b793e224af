/* SPDX-License-Identifier: BSD-3-Clause */
/* A kernel image larger than a branch reaches: trampolines and callers at both
 * ends of 40 MB. */
#include "sc_asm.h"

#ifdef BEGIN
leaf first /* 0 would be NULL */
	blr
endfunc first
leaf near_begin
	blr
endfunc near_begin
key begin, near_begin
tramp begin
	/* key end and its trampoline are at the other end */
func call_begin
	frame
	bl __SCT__begin
	nop
	bl __SCT__end
	nop
	bl __SCT__null_end
	nop
	bl __SCT__crossed
	nop
	unframe
endfunc call_begin
	.section .text.pad,"ax",@progbits
	.skip 0x2800000
#else
leaf near_end
	blr
endfunc near_end
key end, near_end
key null_end, 0
key crossed, near_begin
tramp end
tramp null_end
tramp crossed
func call_end
	frame
	bl __SCT__begin
	nop
	bl __SCT__end
	nop
	unframe
endfunc call_end
#endif
