/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls, stubs and the table as scpatch --user leaves them, by hand: for a program, or with PLUGIN
 * for a shared library. Each call traps if r2 does not come back.
 */
	.macro	toc_caller name, branch:vararg
	.globl	\name
	.type	\name,@function
	.balign	16
\name:	addis	2,12,.TOC.-\name@ha
	addi	2,2,.TOC.-\name@l
	.localentry \name,.-\name
	mflr	0
	std	0,16(1)
	std	31,-8(1)
	stdu	1,-48(1)
	std	2,24(1)
	mr	31,2
	.globl	\name\()_site
\name\()_site:
.L\name:
	\branch
	ld	2,24(1)
	tdne	2,31
	addi	1,1,48
	ld	0,16(1)
	ld	31,-8(1)
	mtlr	0
	blr
	.size	\name,.-\name
	.endm

	.macro	notoc_caller name, branch:vararg
	.globl	\name
	.type	\name,@function
	.balign	16
\name:	.localentry \name,1
	mflr	0
	std	0,16(1)
	stdu	1,-32(1)
	.globl	\name\()_site
\name\()_site:
.L\name:
	\branch
	addi	1,1,32
	ld	0,16(1)
	mtlr	0
	blr
	.size	\name,.-\name
	.endm

	.macro	notoc_tail name, branch:vararg
	.globl	\name
	.type	\name,@function
	.balign	16
\name:	.localentry \name,1
	.globl	\name\()_site
\name\()_site:
.L\name:
	\branch
	nop
	.size	\name,.-\name
	.endm

#ifdef PLUGIN
#define LOAD_TOC(key)	addis 12,2,key@got@ha; ld 12,key@got@l(12); ld 12,0(12)
#define LOAD_NOTOC(key)	pld 12,key@got@pcrel; ld 12,0(12)
#else
#define LOAD_TOC(key)	addis 12,2,key@toc@ha; ld 12,key@toc@l(12)
#define LOAD_NOTOC(key)	pld 12,key@pcrel
#endif
#define NEVER_NULL
#define TEST_NULL	cmpdi 12,0; beqlr

#define STUBS(name, test)				\
	.section .text.static_call,"ax",@progbits;	\
	.balign	64;					\
__SCS__##name: std 2,24(1);				\
__SCJ__##name: nop; LOAD_TOC(__SCK__##name);			\
	test;						\
	mtctr	12;					\
	bctr;						\
	.balign	64;					\
__SCN__##name:						\
	.localentry __SCN__##name,1;			\
	LOAD_NOTOC(__SCK__##name);			\
	test;						\
	mtctr	12;					\
	bctr

	/* Of the stub itself. */
	.macro	stub_entry name, key
	.section static_call_sites,"awR",@progbits
	.balign	8
	.long	\name-.
	.long	\name-.
	.quad	\key
	.endm

	.macro	entry name, stub, key, flags
	.section static_call_sites,"awR",@progbits
	.balign	8
	.long	.L\name-.
	.long	\stub-.
	.quad	\key+\flags
	.endm

#define TAIL 1
#define NOTOC 2

	.text
#ifdef PLUGIN
	toc_caller	plugin_op, bl __SCJ__rt_op
	toc_caller	plugin_own, bl __SCJ__plugin_key
	notoc_caller	plugin_own_notoc, bl __SCN__plugin_key@notoc

	STUBS(rt_op, NEVER_NULL)
	STUBS(plugin_key, NEVER_NULL)

	entry	plugin_op, __SCJ__rt_op, __SCK__rt_op, 0
	entry	plugin_own, __SCJ__plugin_key, __SCK__plugin_key, 0
	entry	plugin_own_notoc, __SCN__plugin_key, __SCK__plugin_key, NOTOC
#else
	toc_caller	op_toc, bl __SCJ__rt_op
	notoc_caller	op_notoc, bl __SCN__rt_op@notoc
	notoc_tail	op_tail, b __SCN__rt_op@notoc
	toc_caller	op_stub, bl __SCS__rt_op
	toc_caller	hook_toc, bl __SCJ__rt_hook
	notoc_caller	hook_notoc, bl __SCN__rt_hook@notoc
	notoc_tail	hook_tail, b __SCN__rt_hook@notoc
	toc_caller	zero_toc, bl __SCJ__rt_zero
	notoc_caller	zero_notoc, bl __SCN__rt_zero@notoc
	notoc_tail	zero_tail, b __SCN__rt_zero@notoc

	STUBS(rt_op, NEVER_NULL)
	STUBS(rt_hook, TEST_NULL)
	STUBS(rt_zero, TEST_NULL)

	entry	op_toc, __SCJ__rt_op, __SCK__rt_op, 0
	stub_entry __SCJ__rt_op, __SCK__rt_op
	.globl	op_stub_stub
	.set	op_stub_stub,__SCJ__rt_op
	entry	op_notoc, __SCN__rt_op, __SCK__rt_op, NOTOC
	entry	op_tail, __SCN__rt_op, __SCK__rt_op, NOTOC+TAIL
	entry	hook_toc, __SCJ__rt_hook, __SCK__rt_hook, 0
	entry	hook_notoc, __SCN__rt_hook, __SCK__rt_hook, NOTOC
	entry	hook_tail, __SCN__rt_hook, __SCK__rt_hook, NOTOC+TAIL
	entry	zero_toc, __SCJ__rt_zero, __SCK__rt_zero, 0
	entry	zero_notoc, __SCN__rt_zero, __SCK__rt_zero, NOTOC
	entry	zero_tail, __SCN__rt_zero, __SCK__rt_zero, NOTOC+TAIL
#endif

	.section .note.GNU-stack,"",@progbits
