/* SPDX-License-Identifier: BSD-3-Clause */
/* Sites, stubs and entries of tables, written by hand as scpatch leaves them. */
#include "../../../testdata/src/sc_asm.h"

	.machine power10
	.abiversion 2

.macro hiddenkey name, target
	.hidden __SCK__\name
	key \name, \target
.endm

.macro savestub name, null=0, got=0, patched=0
	.pushsection .text.static_call,"ax",@progbits
	.balign 16
	.type __SCS__\name,@function
	.type __SCJ__\name,@function
__SCS__\name:
	std 2,24(1)
__SCJ__\name:
.if \patched
	nop
.endif
.if \got
	addis 12,2,__SCK__\name@got@ha
	ld 12,__SCK__\name@got@l(12)
	ld 12,0(12)
.else
	addis 12,2,__SCK__\name@toc@ha
	ld 12,__SCK__\name@toc@l(12)
.endif
.if \null
	cmpdi 12,0
	beqlr
.endif
	mtctr 12
	bctr
	.size __SCS__\name,.-__SCS__\name
	.size __SCJ__\name,.-__SCJ__\name
	.popsection
.endm

.macro notocstub name, null=0
	.pushsection .text.static_call,"ax",@progbits
	.balign 64
	.type __SCN__\name,@function
	.localentry __SCN__\name,1
__SCN__\name:
	pld 12,__SCK__\name@pcrel
.if \null
	cmpdi 12,0
	beqlr
.endif
	mtctr 12
	bctr
	.size __SCN__\name,.-__SCN__\name
	.popsection
.endm

.macro entry name, stub, flags=0
	.pushsection static_call_sites,"aw",@progbits
	.balign 8
entry_\name:
	.long v_\name\().site - .
	.long \stub - .
	.quad __SCK__\name + \flags
	.popsection
.endm

/* Of the stub itself, where a run time may cut it short. */
.macro stubentry name
	.pushsection static_call_sites,"aw",@progbits
	.balign 8
entry_\name:
	.long __SCJ__\name - .
	.long __SCJ__\name - .
	.quad __SCK__\name
	.popsection
.endm

.macro kernelentry name, flags=0
	.pushsection .static_call_sites,"aw",@progbits
	.balign 8
entry_\name:
	.long v_\name\().site - .
	.long 0
	.reloc .,R_PPC64_REL64,__SCK__\name + \flags
	.quad 0
	.popsection
.endm

/* A function with a site, and r2 of use after it: it adds v_data, which is 1000. */
.macro caller name, save, word, slot:vararg
func v_\name
	frame
.if \save
	std 2,24(1)
.endif
v_\name\().site:
	\word
	\slot
	addis 9,2,v_data@toc@ha
	ld 9,v_data@toc@l(9)
	add 3,3,9
	unframe
endfunc v_\name
.endm

/* One for which r2 is nothing: local entry 1. */
.macro notoccaller name, word:vararg
	.balign 64
	.globl v_\name
	.type v_\name,@function
v_\name:
	.localentry v_\name,1
	mflr 0
	std 0,16(1)
	stdu 1,-48(1)
v_\name\().site:
	\word
	addi 3,3,1000
	unframe
endfunc v_\name
.endm
