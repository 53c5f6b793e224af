/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Static calls for user-space programs: calls through a pointer that changes rarely. The macros have
 * the same meaning as in Linux. docs/static_call.md is the manual.
 *
 *   DECLARE_STATIC_CALL(name, func)      the call is defined elsewhere; func gives the type
 *   DEFINE_STATIC_CALL(name, func)       defines the call, initially to func; it is never NULL
 *   DEFINE_STATIC_CALL_NULL(name, func)  ... initially NULL: a call does nothing
 *   DEFINE_STATIC_CALL_RET0(name, func)  ... initially __static_call_return0: a call returns 0
 *   static_call(name)(args...)           the call
 *   static_call_cond(name)(args...)      the call, where it may be NULL; returns no value
 *   static_call_update(name, func)       later calls go to func
 *   static_call_query(name)              where calls go
 *   static_call_patching()               whether the run time makes calls direct; otherwise they go
 *                                        through their keys, and are still right
 *
 * Each call has a key, __SCK__name, which holds the pointer. On ppc64le (ELFv2) it also has a
 * trampoline, __SCT__name, which jumps through the key, and static_call() is `bl __SCT__name; nop`.
 * So the program is right as compiled, and scpatch finds every call by its relocation. On any other
 * architecture, static_call() is a call through the pointer in the key.
 *
 * Options, to be defined before this header is included:
 *
 *   STATIC_CALL_RUNTIME   in one file of a program: compile the run time, which rewrites patched
 *                         calls, into this file
 *   STATIC_CALL_SAVE_TOC  1: save r2 at each call, see static_call_save_toc()
 */
#ifndef STATIC_CALL_H
#define STATIC_CALL_H

#include <stdio.h>
#include <stdlib.h>

#if !defined(__GNUC__)
#error "static_call.h needs gcc or clang"
#endif

#if defined(__powerpc64__) && defined(__LITTLE_ENDIAN__) && defined(_CALL_ELF) && _CALL_ELF == 2
#define STATIC_CALL_TRAMPOLINES 1
#else
#define STATIC_CALL_TRAMPOLINES 0
#endif

#ifndef STATIC_CALL_SAVE_TOC
#define STATIC_CALL_SAVE_TOC 0
#endif

/*
 * For g++ a template's instance has a type only when its address is taken. A compiler that rejects
 * the use of one of these macros prints its line, with the comment.
 */
#ifdef __cplusplus
#define __STATIC_CALL_C extern "C" /* a static call belongs in a namespace, not in a class or function */
#define __STATIC_CALL_TYPE(func) __typeof__(*&func) /* func: one function, not a member of an object, not overloaded */
#else
#define __STATIC_CALL_C extern
#define __STATIC_CALL_TYPE(func) __typeof__(func)
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct static_call_key {
	void *func;		/* first: the trampoline and scpatch's stubs load it */
	unsigned long flags;
	void (*patch)(struct static_call_key *key);	/* set by the run time when the key has patched calls */
};

#define STATIC_CALL_NULLABLE 1UL	/* flags: the trampoline tests for NULL */

/*
 * What a key of DEFINE_STATIC_CALL_RET0 holds. It is weak, and visible even with -fvisibility=hidden,
 * so that all units of a program agree on one address.
 */
long __static_call_return0(void);
__attribute__((weak, visibility("default"), section(".text.static_call_return0")))
long __static_call_return0(void)
{
	return 0;
}

static inline __attribute__((unused, cold, noreturn))
void __static_call_die(const char *name, const char *what)
{
	fprintf(stderr, "static call %s: %s\n", name, what);
	abort();
}

/*
 * Store the key first, then update the calls that do not read it. This thread reads `patch' only after
 * the new target is visible, and the run time sets `patch' before it reads the target: one of the two
 * sees what the other wrote.
 */
static inline __attribute__((unused))
void __static_call_update(struct static_call_key *key, const char *name, void *func)
{
	void (*patch)(struct static_call_key *);

	if (!func && !(key->flags & STATIC_CALL_NULLABLE))
		__static_call_die(name, "DEFINE_STATIC_CALL's calls cannot be NULL; DEFINE_STATIC_CALL_NULL's can");
	__atomic_store_n(&key->func, func, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	patch = __atomic_load_n(&key->patch, __ATOMIC_ACQUIRE);
	if (patch)
		patch(key);
}

#ifdef __cplusplus
}
#endif

/* ---- Keys ---------------------------------------------------------------------------------- */

#define DECLARE_STATIC_CALL(name, func)						\
	__STATIC_CALL_C struct static_call_key __SCK__##name;			\
	__STATIC_CALL_C __STATIC_CALL_TYPE(func) __SCT__##name __STATIC_CALL_VISIBLE

/*
 * Only asm uses it, hence `used', and a name that link-time optimization must leave alone. It has its
 * own section, so no code can reach it through a neighbour's address.
 */
#ifdef __clang__
#define __STATIC_CALL_USED(name) __attribute__((used, section(".data.sck." #name)))
#else
#define __STATIC_CALL_USED(name) __attribute__((used, externally_visible, section(".data.sck." #name)))
#endif

#define __STATIC_CALL_DEFINE(name, func, first, flags, test)			\
	DECLARE_STATIC_CALL(name, func);					\
	struct static_call_key __SCK__##name __STATIC_CALL_USED(name) =		\
		{ __extension__(void *)(first), flags, 0 };			\
	__STATIC_CALL_TRAMPOLINE(name, test)

#define DEFINE_STATIC_CALL(name, func)						\
	__STATIC_CALL_DEFINE(name, func, func, 0, "")
#define DEFINE_STATIC_CALL_NULL(name, func)					\
	__STATIC_CALL_DEFINE(name, func, 0, STATIC_CALL_NULLABLE, __STATIC_CALL_TEST_NULL)
#define DEFINE_STATIC_CALL_RET0(name, func)					\
	__STATIC_CALL_DEFINE(name, func, __static_call_return0, STATIC_CALL_NULLABLE, __STATIC_CALL_TEST_NULL)

#define static_call_update(name, target)					\
	__extension__({								\
		__typeof__(__SCT__##name) *__sc_target = (target);		\
		__static_call_update(&__SCK__##name, #name, __extension__(void *)__sc_target);	\
	})

#define static_call_query(name)							\
	(__extension__(__typeof__(__SCT__##name) *)__atomic_load_n(&__SCK__##name.func, __ATOMIC_RELAXED))

/* ---- Calls --------------------------------------------------------------------------------- */

#if STATIC_CALL_TRAMPOLINES

/*
 * Whatever a pragma says, the trampoline is never declared local to this link unit: the compiler
 * would then make tail calls to it, which have no slot.
 */
#define __STATIC_CALL_VISIBLE __attribute__((visibility("default")))

#if defined(__clang__) || __GNUC__ >= 9
#define __static_call_asm __asm__ __volatile__ __inline__	/* counts as one instruction */
#else
#define __static_call_asm __asm__ __volatile__
#endif

/*
 * Saves r2 to 24(r1), where a restore after a call finds it (ELFv2 2.2.3). So scpatch can prove the
 * save and let the call leave its trampoline. static_call() does this with STATIC_CALL_SAVE_TOC. You
 * may write it yourself at the top of a block that makes several calls, but only where a call follows
 * on every path: a function without calls has no frame of its own, and would write to its caller's.
 * For the same reason r1 is an operand, although the text does not use it: it keeps the compiler from
 * moving the store before the instruction that makes the frame. The compiler may still move it in
 * other ways; scpatch checks the code that results.
 */
#if defined(__PCREL__)
#define static_call_save_toc() ((void)0)	/* no TOC pointer */
#elif defined(__clang__)
/*
 * With gcc's version below, clang would load r1 with a supposed variable. It makes the frame before
 * asm that has an operand there; clang 19 does not before asm that has the frame's address.
 */
#define static_call_save_toc()							\
	__extension__({								\
		char __sc_frame;						\
		__static_call_asm("std 2,24(1)" : "=m"(__sc_frame) : : "memory");	\
	})
#else
#define static_call_save_toc()							\
	__extension__({								\
		register void *__sc_frame __asm__("r1");			\
		__static_call_asm("std 2,24(1)" : : "r"(__sc_frame) : "memory");	\
	})
#endif

#if STATIC_CALL_SAVE_TOC
#define __STATIC_CALL_SAVE() static_call_save_toc()
#else
#define __STATIC_CALL_SAVE() ((void)0)
#endif

/*
 * Keeps the key's symbol in the object, for scpatch, in a section that ld -r keeps and a final link
 * drops (SHF_EXCLUDE). The comma makes it a direct call at -O0 too, where the value of a statement
 * goes through memory.
 */
#define static_call(name)							\
	(__extension__({							\
		__static_call_asm(".pushsection .discard.static_call,\"e\",@progbits\n"	\
				  "	.balign 8\n"				\
				  "	.quad __SCK__" #name "\n"		\
				  "	.popsection" : : );			\
		__STATIC_CALL_SAVE();						\
		(void)0;							\
	}), __SCT__##name)

/* The trampoline tests for NULL. */
#define static_call_cond(name) (void)static_call(name)

#else

#define __STATIC_CALL_VISIBLE
#define static_call_save_toc() ((void)0)
#define static_call_patching() 0
#define static_call(name) static_call_query(name)

/* Any function type will do in an ABI where arguments are in registers, or the caller removes them. */
static inline __attribute__((unused)) void __static_call_nop(void)
{
}

#define static_call_cond(name)							\
	(void)__extension__({							\
		void *__sc_func = __atomic_load_n(&__SCK__##name.func, __ATOMIC_RELAXED);	\
		(__typeof__(__SCT__##name) *)(__sc_func ? __sc_func : (void *)__static_call_nop);	\
	})

#define __STATIC_CALL_TEST_NULL ""
#define __STATIC_CALL_TRAMPOLINE(name, test)					\
	__STATIC_CALL_C __typeof__(__SCT__##name) __SCT__##name

#endif

#if STATIC_CALL_TRAMPOLINES
#include "static_call_ppc64le.h"
#endif

#endif
