/* SPDX-License-Identifier: BSD-3-Clause */
/* For sources in assembler: functions with the two entry points of ELFv2, keys, trampolines. */
#ifndef SC_ASM_H
#define SC_ASM_H

.macro func name, bind=global
	.balign 16
	.\bind \name
	.type \name,@function
\name:
	addis 2,12,(.TOC.-\name)@ha
	addi 2,2,(.TOC.-\name)@l
	.localentry \name,.-\name
.endm

/* One entry point, r2 neither used nor changed (st_other 0). */
.macro leaf name, bind=global
	.balign 16
	.\bind \name
	.type \name,@function
\name:
.endm

.macro endfunc name
	.size \name,.-\name
.endm

.macro frame
	mflr 0
	std 0,16(1)
	stdu 1,-48(1)
.endm

.macro unframe
	addi 1,1,48
	ld 0,16(1)
	mtlr 0
	blr
.endm

.macro key name, target, bind=global
	.pushsection .data
	.balign 8
	.\bind __SCK__\name
	.type __SCK__\name,@object
__SCK__\name:
	.quad \target
	.quad 0
	.size __SCK__\name,16
	.popsection
.endm

/* A trampoline for targets of its own unit, with NULL tested. */
.macro tramp name
func __SCT__\name
	addis 12,2,__SCK__\name@toc@ha
	ld 12,__SCK__\name@toc@l(12)
	cmpdi 12,0
	beqlr
	mtctr 12
	bctr
endfunc __SCT__\name
.endm

/*
 * The same as a local symbol with one entry point: the assembler resolves a bl to it from the
 * same section and leaves no relocation. Needs the caller's r2, so callers are of this unit.
 */
.macro localtramp name
	.balign 16
	.type __SCT__\name,@function
__SCT__\name:
	addis 12,2,__SCK__\name@toc@ha
	ld 12,__SCK__\name@toc@l(12)
	cmpdi 12,0
	beqlr
	mtctr 12
	bctr
endfunc __SCT__\name
.endm

#endif
