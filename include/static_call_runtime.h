/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The run time of static_call.h: makes the calls that scpatch --user has patched follow their keys.
 * It is in the one file of a program that defines STATIC_CALL_RUNTIME.
 *
 *   key ──► func      unit ──► unit ──► ...       executable, shared libraries, plug-ins
 *           patch       └► sites: branch, stub, key
 *
 * scpatch links a call to the stub of its key, which is always right. The run time shortens the call.
 * A branch is one of
 *
 *   bl stub         through the key's cell (static_call_cells.h), or through the key
 *   bl function     at its local entry: the key's function, in the same unit and within reach; or the
 *                   unit's own function that returns 0
 *   nop             the key is NULL
 *
 * If the entry points at a stub, which calls outside the table use, its word is one of
 *
 *   nop             the code after it goes through the key
 *   b function      at its local entry, likewise; for NULL, to a blr
 *
 * The word after the branch stays as it is. If the caller has a TOC pointer, it is `ld r2,24(r1)` with
 * a proven save. So one aligned word changes while other threads run. Both words are of the patch class
 * (Power ISA Book II, concurrent modification and execution of instructions): a thread executes either
 * the old one or the new one. It may execute an old word for a while, and then calls the old target,
 * which must still exist.
 *
 * The run time overwrites only its own words. Any other word belongs to the linker (a call that does
 * not reach its stub goes through a thunk), to a debugger or to the kernel (a trap). The run time leaves
 * those alone. Once it has met one, or if it cannot write at all, all calls go through their keys: then
 * what lies under a trap, or cannot be written, is right whatever happens to the key.
 */
#ifndef STATIC_CALL_RUNTIME_H
#define STATIC_CALL_RUNTIME_H

#include "static_call_text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define __SC_SINGLE_THREADED __libc_single_threaded
#endif
#endif
#ifndef __SC_SINGLE_THREADED
#define __SC_SINGLE_THREADED 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The lock covers the variables below and the branches, but not the keys, which change outside it. */
static pthread_mutex_t __sc_lock = PTHREAD_MUTEX_INITIALIZER;
static struct static_call_unit *__sc_units;
static int __sc_ended;		/* nothing is registered any more */
static int __sc_patching;	/* calls are shortened; otherwise all go through their keys */
static int __sc_probed;		/* it is known whether they may be shortened */
static int __sc_guarded;	/* the handlers of fork are there; -1: the system refuses them */

/* Bits of a unit's traps: words that are not the run time's. */
#define __SC_MET 1u	/* there are some */
#define __SC_STALE 2u	/* under one of them is a call that no longer follows its key */

static void __sc_patch(struct static_call_key *key);

/* ---- Sites --------------------------------------------------------------------------------- */

static inline uint32_t *__sc_branch(const struct static_call_site *s)
{
	return (uint32_t *)((uintptr_t)&s->addr + (uintptr_t)(intptr_t)s->addr);
}

static inline uintptr_t __sc_stub(const struct static_call_site *s)
{
	return (uintptr_t)&s->stub + (uintptr_t)(intptr_t)s->stub;
}

/* Whether an entry describes the stub itself. */
static inline int __sc_is_stub(const struct static_call_site *s)
{
	return (uintptr_t)__sc_branch(s) == __sc_stub(s);
}

static inline struct static_call_key *__sc_key(const struct static_call_site *s)
{
	return (struct static_call_key *)(s->key & ~(STATIC_CALL_SITE_TAIL | STATIC_CALL_SITE_NOTOC));
}

/* ---- What to write ------------------------------------------------------------------------- */

#define __SC_NOP 0x60000000u
#define __SC_BLR 0x4e800020u
#define __SC_LI_R3_0 0x38600000u

/* Whether an instruction reads or writes a general register; true if in doubt. */
static inline int __sc_names(uint32_t w, unsigned r)
{
	return (w >> 21 & 31) == r || (w >> 16 & 31) == r || (w >> 26 == 31 && (w >> 11 & 31) == r);
}

/*
 * Where a direct branch in a unit may enter a function, or 0. A function has two entry points
 * if its first instructions compute r2 from r12 (ELFv2 2.3.2.1); a branch to the second is right if the
 * caller's r2 has the value that they compute. If they leave both registers alone, it has one entry point.
 */
static uintptr_t __sc_entry(const struct static_call_unit *u, uintptr_t f, int notoc)
{
	const uint32_t *code = (const uint32_t *)f;
	uintptr_t toc = (uintptr_t)((int64_t)(int16_t)code[0] * 65536 + (int16_t)code[1]);

	if (code[0] >> 16 == 0x3c4c && code[1] >> 16 == 0x3842)		/* addis r2,r12; addi r2,r2 */
		toc += f;
	else if (code[0] >> 16 == 0x3c40 && code[1] >> 16 == 0x3842)	/* lis r2; addi r2,r2 */
		;
	else if (code[0] == 0xe84cfff8 && code[1] == 0x7c426214)	/* ld r2,-8(r12); add r2,r2,r12 */
		toc = f + ((const uint64_t *)f)[-1];
	else if (code[0] == __SC_BLR)
		return f;
	else if (code[0] == __SC_NOP || code[1] == __SC_NOP ||		/* what do they make room for? */
		 __sc_names(code[0], 2) || __sc_names(code[0], 12) ||
		 __sc_names(code[1], 2) || __sc_names(code[1], 12))
		return 0;
	else
		return f;
	return notoc || toc != u->toc ? 0 : f + 8;
}

/* `b' or `bl', or 0 if the target is too far (ELFv2 3.5.3, R_PPC64_REL24). */
static uint32_t __sc_branch_to(const struct static_call_site *s, uintptr_t to)
{
	intptr_t d = (intptr_t)(to - (uintptr_t)__sc_branch(s));

	if (d < -0x2000000 || d >= 0x2000000)
		return 0;
	return 0x48000000u | ((uint32_t)d & 0x03fffffcu) | (s->key & STATIC_CALL_SITE_TAIL || __sc_is_stub(s) ? 0 : 1);
}

/* The branch that scpatch has linked; 0 if the linker had to replace it. */
static uint32_t __sc_through_key(const struct static_call_site *s)
{
	return __sc_is_stub(s) ? __SC_NOP : __sc_branch_to(s, __sc_stub(s));
}

/* What a call becomes: the shortest form that is right. */
static uint32_t __sc_word(const struct static_call_unit *u, const struct static_call_site *s, void *func)
{
	const uint32_t *zero = (const uint32_t *)u->zero;
	int has_zero = zero[0] == __SC_LI_R3_0 && zero[1] == __SC_BLR;	/* not so at -O0 */
	uintptr_t f = (uintptr_t)func;
	uint32_t w = 0;

	if (!func && !(s->key & STATIC_CALL_SITE_TAIL) && !__sc_is_stub(s))
		return __SC_NOP;
	if (has_zero && !func)
		w = __sc_branch_to(s, (uintptr_t)&zero[1]);
	else if (has_zero && func == (void *)__static_call_return0)
		w = __sc_branch_to(s, (uintptr_t)zero);
	else if (func && f % 4 == 0 && f >= u->code && f - u->code + 8 <= u->size) {
		f = __sc_entry(u, f, (s->key & STATIC_CALL_SITE_NOTOC) != 0);
		if (f)
			w = __sc_branch_to(s, f);
	}
	return w ? w : __sc_through_key(s);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/*
 * Sets a branch to what it should be, if the run time wrote it or if it is as scpatch has linked it.
 * Returns 0 if the system does not allow code to be changed.
 */
static int __sc_set(struct __sc_window *win, struct static_call_unit *u, const struct static_call_site *s, uint32_t word)
{
	uint32_t *at = __sc_branch(s), *last = &u->words[s - u->start];
	uint32_t old = __atomic_load_n(at, __ATOMIC_RELAXED), through = __sc_through_key(s);

	if (old == word) {
		*last = word;
	} else if (old == *last || (through && old == through)) {
		if (!__sc_open(win, u, (uintptr_t)at) || !__sc_store(win, at, word)) {
			u->traps |= __SC_STALE;
			return 0;
		}
		*last = word;
	} else if (*last || old >> 26 != 18) {	/* otherwise it is the linker's */
		u->traps |= __SC_MET;
		if (*last && *last != through)
			u->traps |= __SC_STALE;
	}
	return 1;
}

/* Makes a unit's sites of a key, or all its sites, follow; with `back' they go through their keys. */
static int __sc_follow(struct static_call_unit *u, const struct static_call_key *key, int back)
{
	struct __sc_window win = { 0, 0, 0, -1 };
	const struct static_call_site *s;
	void *func = 0;
	int done = 1;

	if (u->traps & __SC_STALE)
		key = 0;
	if (key)	/* once: a linker that folds code makes two sites one */
		func = __atomic_load_n(&key->func, __ATOMIC_ACQUIRE);
	else
		u->traps = 0;
	for (s = u->start; s < u->stop && done; s++) {
		struct static_call_key *k = __sc_key(s);
		uint32_t word;

		if (key && k != key)
			continue;
		if (!key)
			func = __atomic_load_n(&k->func, __ATOMIC_ACQUIRE);
		if (back || __atomic_load_n(&k->patch, __ATOMIC_RELAXED) != &__sc_patch)
			word = __sc_through_key(s);
		else
			word = __sc_word(u, s, func);
		if (word)
			done = __sc_set(&win, u, s, word);
	}
	return __sc_close(&win) && done;
}

/* From now on all calls go through their keys, if that is possible; with `must' it has to be. */
static void __sc_withdraw(int must)
{
	struct static_call_unit *u;
	int done;

	__atomic_store_n(&__sc_patching, 0, __ATOMIC_RELAXED);
	for (;;) {
		for (done = 1, u = __sc_units; u; u = u->next)
			done &= __sc_follow(u, 0, 1);
		if (done || (__sc_refused && !must))
			return;
		if (__sc_refused)
			__static_call_die("(text)", "a call has to go through its key again, and the system lets no code be changed");
		__sc_refused = 1;
	}
}

/* Makes all units follow a key, or all keys. */
static void __sc_follow_all(const struct static_call_key *key)
{
	struct static_call_unit *u;
	int met = 0, done = 1;

	for (u = __sc_units; u && done; u = u->next) {
		if (__sc_patching || u->traps & __SC_STALE)
			done = __sc_follow(u, key, !__sc_patching);
		met |= u->traps;
	}
	if (!done || (met && __sc_patching))
		__sc_withdraw(1);
}

/* ---- Whether to write ---------------------------------------------------------------------- */

/* Whether a debugger is attached: it will set traps, and later restore the words that it finds now. */
static int __sc_traced(void)
{
	char text[2048];
	const char *at;
	ssize_t n;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	at = strstr(text, "\nTracerPid:\t");
	return at && at[12] != '0';
}

/* Whether the system allows it, tried with the page of a unit's first site. */
static int __sc_may_write(const struct static_call_unit *u)
{
	struct __sc_window win = { 0, 0, 0, -1 };
	int may = __sc_open(&win, u, (uintptr_t)__sc_branch(u->start));

	__sc_close(&win);
	return may;
}

/* ---- The lock ------------------------------------------------------------------------------ */

/*
 * Signals are blocked while a thread has the lock, so a handler may make an update. During a fork the
 * forking thread has it, and fork handlers of other code (pthread_atfork) may make updates.
 */
struct __sc_holder {
	sigset_t mask;
	int error, cancel, forks;
};

/*
 * glibc has pthread_atfork in an archive. An object that went through objcopy --weaken does not get it
 * from there, and its address would be 0.
 */
#ifdef __GLIBC__
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);
extern void *__dso_handle __attribute__((visibility("hidden")));
#define __sc_atfork(before, after, child) __register_atfork(before, after, child, __dso_handle)
#else
#define __sc_atfork pthread_atfork
#endif

static int __sc_forking;
static pthread_t __sc_forker;

static void __sc_enter(struct __sc_holder *h)
{
	static const int now[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT };
	sigset_t all;
	size_t i;

	h->error = errno;
	h->forks = __atomic_load_n(&__sc_forking, __ATOMIC_ACQUIRE) && pthread_equal(__sc_forker, pthread_self());
	if (h->forks)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &h->cancel);
	sigfillset(&all);
	for (i = 0; i < sizeof(now) / sizeof(now[0]); i++)
		sigdelset(&all, now[i]);
	pthread_sigmask(SIG_BLOCK, &all, &h->mask);
	pthread_mutex_lock(&__sc_lock);
}

static void __sc_leave(const struct __sc_holder *h)
{
	__sc_written = 0;
	if (!h->forks) {
		pthread_mutex_unlock(&__sc_lock);
		pthread_sigmask(SIG_SETMASK, &h->mask, 0);
		pthread_setcancelstate(h->cancel, 0);
	}
	errno = h->error;
}

static struct __sc_holder __sc_fork_holder;
static int __sc_fork_alone;

static void __sc_before_fork(void)
{
	struct __sc_holder h;

	__sc_enter(&h);
	__sc_fork_holder = h;
	__sc_fork_alone = __SC_SINGLE_THREADED;
	__sc_forker = pthread_self();
	__atomic_store_n(&__sc_forking, 1, __ATOMIC_RELEASE);
}

static void __sc_after_fork(void)
{
	struct __sc_holder h = __sc_fork_holder;

	__atomic_store_n(&__sc_forking, 0, __ATOMIC_RELEASE);
	__sc_leave(&h);
}

static void __sc_cells_follow_all(const struct static_call_key *key);

/* Another thread may have changed a key, and does not exist in the child to make the calls follow. */
static void __sc_in_child(void)
{
	if (!__sc_fork_alone) {
		__sc_cells_follow_all(0);
		__sc_follow_all(0);
	}
	pthread_mutex_init(&__sc_lock, 0);
	pthread_mutex_lock(&__sc_lock);
	__sc_after_fork();
}

/* An update takes the lock even if no code is written, and a child may inherit it locked. */
static int __sc_guard_forks(void)
{
	if (!__sc_guarded)
		__sc_guarded = __sc_atfork(__sc_before_fork, __sc_after_fork, __sc_in_child) ? -1 : 1;
	return __sc_guarded > 0;
}

#include "static_call_cells.h"

/* ---- What static_call.h calls -------------------------------------------------------------- */

/* The key has changed. If several threads change it, the last one here sees the last value. */
static void __sc_patch(struct static_call_key *key)
{
	struct __sc_holder h;

	__sc_enter(&h);
	__sc_cells_follow_all(key);
	__sc_follow_all(key);
	__sc_leave(&h);
}

int __static_call_patching(void)
{
	return __atomic_load_n(&__sc_patching, __ATOMIC_RELAXED);
}

/* The calls of a key that belongs to another run time keep going through the key. */
void __static_call_register(struct static_call_unit *unit)
{
	const struct static_call_site *s;
	struct static_call_unit *u;
	struct __sc_holder h;
	uint32_t *words;

	/* Without the unit's headers it is not known what else is in a page of its code. */
	if (!(__sc_segment(unit, (uintptr_t)__sc_branch(unit->start), &unit->code, &unit->size) & PROT_EXEC))
		return;
	words = (uint32_t *)calloc((size_t)(unit->stop - unit->start), sizeof(*words));
	if (!words)
		return;
	__sc_enter(&h);
	for (u = __sc_units; u && u != unit; u = u->next)
		;
	if (!u && !__sc_ended) {
		unit->words = words;
		unit->traps = 0;
		unit->next = __sc_units;
		__sc_units = unit;
		words = 0;
	}
	if (!__sc_probed && !__sc_ended) {
		__sc_probed = 1;
		if (__sc_guard_forks() && !__sc_traced() && __sc_may_write(unit))
			__atomic_store_n(&__sc_patching, 1, __ATOMIC_RELAXED);
	}
	for (s = unit->start; s < unit->stop && !__sc_ended; s++)
		__sc_claim(__sc_key(s));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__sc_ended && __sc_patching && (!__sc_follow(unit, 0, 0) || unit->traps))
		__sc_withdraw(1);
	__sc_leave(&h);
	free(words);
}

/* The unit's code may still run, in a later destructor, so its sites go through their keys. */
void __static_call_unregister(struct static_call_unit *unit)
{
	const struct static_call_site *s;
	struct static_call_unit **u;
	struct __sc_holder h;
	uint32_t *words = 0;

	__sc_enter(&h);
	for (u = &__sc_units; *u && *u != unit; u = &(*u)->next)
		;
	if (*u) {
		if (!__sc_follow(unit, 0, 1))
			__sc_withdraw(0);
		*u = unit->next;
		words = unit->words;
		unit->words = 0;
		for (s = unit->start; s < unit->stop; s++)
			__sc_key_leaves(__sc_key(s));
		__sc_used_keys_stay();
		for (s = unit->start; s < unit->stop; s++)
			__sc_key_has_left(__sc_key(s));
	}
	__sc_leave(&h);
	free(words);
}

/* The run time is unloaded with its unit; the keys then belong to no run time. */
static __attribute__((destructor(101), used)) void __sc_end(void)
{
	struct static_call_unit *u;
	const struct static_call_site *s;
	struct __sc_holder h;

	__sc_enter(&h);
	__sc_ended = 1;
	if (__sc_units)
		__sc_withdraw(0);
	for (u = __sc_units; u; u = u->next)
		for (s = u->start; s < u->stop; s++)
			__sc_disclaim(__sc_key(s));
	__sc_cells_end();
	__sc_leave(&h);
}

#ifdef __cplusplus
}
#endif

#endif
