/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * User-space static calls in the manner of the kernel's, for scpatch's tests.
 *
 *   SC_DECLARE(name, func)       name's key and trampoline are somewhere; func gives the type
 *   SC_DEFINE(name, func)        ... and are here; the first target is func
 *   SC_DEFINE_NULL(name, func)   ... no target: a call does nothing (func gives the type only)
 *   SC_DEFINE_WEAK(name, func)   ... func may turn out to be undefined, hence NULL
 *   SC_DEFINE_RET0(name, func)   ... the first target is __static_call_return0
 *   SC_DEFINE_UNIT(name, func)   SC_DEFINE with a trampoline that must never leave its link unit
 *   SC_DEFINE_UNIT_NULL(...)     SC_DEFINE_NULL, likewise
 *   SC_CALL(name)(args...)       the call: compiles to `bl __SCT__name; nop`
 *   SC_UPDATE(name, func)        changes the key; sites that left the trampoline do not follow
 *   SC_QUERY(name)               the key's pointer
 *
 * The trampoline is the out-of-line implementation: it jumps through the key, so that a program
 * which nothing has patched is right as well, and its output is what a patched one must print.
 *
 * A jump cannot restore r2 after a target of another link unit, so somebody must do it on the way
 * back. SC_DEFINE's trampoline says `.localentry NAME,1` ("clobbers r2", ELFv2 3.4.1): the linker
 * then routes each `bl` through a stub that saves r2 and makes the slot `ld r2,24(r1)`. A callee
 * of that kind is entered with neither r2 nor r12 of use, so it finds its own address by bcl.
 * It lies in .text.sct: within one input section ld.bfd accepts a branch to it that has no slot,
 * and then nothing restores r2; from another section it says so.
 *
 * SC_DEFINE_UNIT's trampoline has the usual pair of entry points, lies in .text as the kernel's
 * does, and is right only while all targets are functions of the link unit.
 *
 * Code compiled for pc-relative addressing (-mcpu=power10) has no TOC pointer to care for, and
 * one short trampoline serves both kinds.
 */
#ifndef SC_H
#define SC_H

#ifdef __cplusplus
#define SC_C extern "C"
#define SC_KEY_LINKAGE extern "C"
#else
#define SC_C extern
#define SC_KEY_LINKAGE
#endif

struct sc_key {
	void *func;
	void *sites;	/* the run time's; nothing here uses it */
};

#define SC_STR_(x) #x
#define SC_STR(x) SC_STR_(x)
#define SC_CAT_(a, b) a##b
#define SC_CAT(a, b) SC_CAT_(a, b)

SC_C long __static_call_return0(void);

/* How a trampoline gets its key's address: a shared library's key may be preempted. */
#if defined(__powerpc64__) && defined(__PCREL__)
/* pld 12,key@reloc(0),1: spelled out, because clang 14 crashes on it in asm of file scope. */
#if defined(__PIC__) && !defined(__PIE__)
#define SC_TARGET_TO_R12(key)				\
	"	.reloc .,R_PPC64_GOT_PCREL34," key "\n"	\
	"	.long 0x04100000,0xe5800000\n"		\
	"	ld 12,0(12)\n"
#else
#define SC_TARGET_TO_R12(key)				\
	"	.reloc .,R_PPC64_PCREL34," key "\n"	\
	"	.long 0x04100000,0xe5800000\n"
#endif
#elif defined(__powerpc64__)
#if defined(__PIC__) && !defined(__PIE__)
#define SC_TARGET_TO_R12(key)				\
	"	addis 12,2," key "@got@ha\n"		\
	"	ld 12," key "@got@l(12)\n"		\
	"	ld 12,0(12)\n"
#else
#define SC_TARGET_TO_R12(key)				\
	"	addis 12,2," key "@toc@ha\n"		\
	"	ld 12," key "@toc@l(12)\n"
#endif
#endif

#define SC_TEST_NULL					\
	"	cmpdi 12,0\n"				\
	"	beqlr\n"

#define SC_TRAMP_BEGIN(name, section)			\
	"	.pushsection " section ",\"ax\",@progbits\n"	\
	"	.balign 16\n"				\
	"	.globl __SCT__" #name "\n"		\
	"	.type __SCT__" #name ",@function\n"	\
	"__SCT__" #name ":\n"

#define SC_TRAMP_END(name)				\
	"	.size __SCT__" #name ",.-__SCT__" #name "\n"	\
	"	.popsection\n"

#define SC_JUMP						\
	"	mtctr 12\n"				\
	"	bctr\n"

#if defined(__x86_64__)

/* Only for an object that scpatch has to refuse. */
#define SC_TRAMP_LINKER(name, test)			\
	__asm__(SC_TRAMP_BEGIN(name, ".text.sct")	\
		"	jmp *__SCK__" #name "(%rip)\n"	\
		SC_TRAMP_END(name))
#define SC_TRAMP_UNIT SC_TRAMP_LINKER

#elif defined(__PCREL__)

#define SC_TRAMP_PCREL(name, section, test)		\
	__asm__(SC_TRAMP_BEGIN(name, section)		\
		"	.localentry __SCT__" #name ",1\n"	\
		SC_TARGET_TO_R12("__SCK__" #name)	\
		test SC_JUMP				\
		SC_TRAMP_END(name))
#define SC_TRAMP_LINKER(name, test) SC_TRAMP_PCREL(name, ".text.sct", test)
#define SC_TRAMP_UNIT(name, test) SC_TRAMP_PCREL(name, ".text", test)

#else

#define SC_TRAMP_LINKER(name, test)			\
	__asm__(SC_TRAMP_BEGIN(name, ".text.sct")	\
		"	.localentry __SCT__" #name ",1\n"	\
		"	mflr 0\n"			\
		"	bcl 20,31,1f\n"			\
		"1:	mflr 12\n"			\
		"	mtlr 0\n"			\
		"	addis 2,12,(.TOC.-1b)@ha\n"	\
		"	addi 2,2,(.TOC.-1b)@l\n"	\
		SC_TARGET_TO_R12("__SCK__" #name)	\
		test SC_JUMP				\
		SC_TRAMP_END(name))

#define SC_TRAMP_UNIT(name, test)			\
	__asm__(SC_TRAMP_BEGIN(name, ".text")		\
		"1:	addis 2,12,(.TOC.-1b)@ha\n"	\
		"	addi 2,2,(.TOC.-1b)@l\n"	\
		"	.localentry __SCT__" #name ",.-__SCT__" #name "\n"	\
		SC_TARGET_TO_R12("__SCK__" #name)	\
		test SC_JUMP				\
		SC_TRAMP_END(name))

#endif

/* Shaped like a kernel module: all trampolines in .text, and all for one unit. */
#ifdef SC_UNIT_TRAMPOLINES
#define SC_TRAMP SC_TRAMP_UNIT
#else
#define SC_TRAMP SC_TRAMP_LINKER
#endif

#define SC_DECLARE(name, func)				\
	SC_C struct sc_key __SCK__##name;		\
	SC_C __typeof__(func) __SCT__##name

#define SC_DEFINE_KEY(name, func, init)			\
	SC_DECLARE(name, func);				\
	SC_KEY_LINKAGE struct sc_key __SCK__##name;	\
	struct sc_key __SCK__##name = { init, 0 }

#define SC_DEFINE(name, func)				\
	SC_DEFINE_KEY(name, func, (void *)(func));	\
	SC_TRAMP(name, "")
#define SC_DEFINE_NULL(name, func)			\
	SC_DEFINE_KEY(name, func, 0);			\
	SC_TRAMP(name, SC_TEST_NULL)
#define SC_DEFINE_WEAK(name, func)			\
	SC_DEFINE_KEY(name, func, (void *)(func));	\
	SC_TRAMP(name, SC_TEST_NULL)
#define SC_DEFINE_RET0(name, func)			\
	SC_DEFINE_KEY(name, func, (void *)__static_call_return0);	\
	SC_TRAMP(name, "")
#define SC_DEFINE_UNIT(name, func)			\
	SC_DEFINE_KEY(name, func, (void *)(func));	\
	SC_TRAMP_UNIT(name, "")
#define SC_DEFINE_UNIT_NULL(name, func)			\
	SC_DEFINE_KEY(name, func, 0);			\
	SC_TRAMP_UNIT(name, SC_TEST_NULL)

/*
 * Each call leaves the key's address in .discard.addressable, as the kernel's static_call() does
 * to keep the key's symbol in the object. In C++ that is asm: a static variable with a section
 * cannot be in functions that go to COMDAT groups and in functions that do not.
 */
#ifdef __cplusplus
#define SC_ADDRESSABLE(name)				\
	__asm__ volatile(".pushsection .discard.addressable,\"aw\",@progbits\n"	\
			 "	.balign 8\n"		\
			 "	.quad __SCK__" #name "\n"	\
			 "	.popsection")
#else
#define SC_ADDRESSABLE(name)				\
	static void *SC_CAT(sc_addressable_, __COUNTER__)	\
	__attribute__((used, section(".discard.addressable"))) = (void *)&__SCK__##name
#endif

/* The comma keeps it a direct call at -O0 too, where a statement's value goes through memory. */
#define SC_CALL(name)					\
	(__extension__({ SC_ADDRESSABLE(name); (void)0; }), __SCT__##name)

#define SC_UPDATE(name, target)				\
	(*(void *volatile *)&__SCK__##name.func = (void *)(target))
#define SC_QUERY(name)					\
	(*(void *volatile *)&__SCK__##name.func)

#define SC_NOINLINE __attribute__((noinline))
#define SC_SECTION(s) __attribute__((noinline, section(s)))

#endif
