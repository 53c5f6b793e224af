/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The run time of static_call.h: makes the calls that scpatch --user has patched follow their keys.
 * It is in the one file of a program that defines STATIC_CALL_RUNTIME.
 *
 *   key ──► func      unit ──► unit ──► ...       executable, shared libraries, plug-ins
 *           patch       └► sites: branch, stub, key
 *
 * A branch is one of
 *
 *   bl function     at its local entry: the key's function, of the same unit, within reach; or the
 *                   unit's own way to return 0
 *   nop             the key is NULL
 *   bl stub         anything else: through the key. Always right.
 *
 * or, if what the entry points at is a stub, which others call that are not in the table,
 *
 *   b function      at its local entry, likewise; or, for NULL, a blr
 *   nop             through the key, which is what follows
 *
 * The word behind it stays as it is: `ld r2,24(r1)`, with the save proven, where the caller has
 * a TOC pointer. So one aligned word changes, and other threads run all the while. Both words are
 * of the patch class (Power ISA Book II, concurrent modification and execution of instructions): a
 * thread executes the old one or the new one. `li r3,0` and `blr`, which scpatch writes for a key
 * that begins as __static_call_return0 or NULL, are not of it; they are replaced when the unit is
 * registered, before its code runs.
 *
 * A thread may execute an old word for a while. It then calls the old target, which has to be there
 * still.
 */
#ifndef STATIC_CALL_RUNTIME_H
#define STATIC_CALL_RUNTIME_H

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The lock covers the list and the branches, not the keys: they change in front of it. */
static pthread_mutex_t __sc_lock = PTHREAD_MUTEX_INITIALIZER;
static struct static_call_unit *__sc_units;

/* ---- Sites --------------------------------------------------------------------------------- */

static inline uint32_t *__sc_branch(const struct static_call_site *s)
{
	return (uint32_t *)((uintptr_t)&s->addr + (uintptr_t)(intptr_t)s->addr);
}

static inline uintptr_t __sc_stub(const struct static_call_site *s)
{
	return (uintptr_t)&s->stub + (uintptr_t)(intptr_t)s->stub;
}

/* Whether an entry is of the stub itself. */
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

/* The protection of the segment of a unit that a range is in, or 0. */
static int __sc_protection(const struct static_call_unit *u, uintptr_t from, size_t len)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)u->ehdr;
	const Elf64_Phdr *p;
	uintptr_t bias = 0;
	int i, prot = 0;

	if (!e)
		return 0;
	p = (const Elf64_Phdr *)(u->ehdr + e->e_phoff);
	for (i = 0; e->e_type == ET_DYN && i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_offset == 0)
			bias = (uintptr_t)e - p[i].p_vaddr;
	for (i = 0; i < e->e_phnum; i++) {
		uintptr_t start = bias + p[i].p_vaddr;

		if (p[i].p_type != PT_LOAD || from < start || from - start > p[i].p_memsz ||
		    len > p[i].p_memsz - (from - start))
			continue;
		prot |= p[i].p_flags & PF_R ? PROT_READ : 0;
		prot |= p[i].p_flags & PF_W ? PROT_WRITE : 0;
		prot |= p[i].p_flags & PF_X ? PROT_EXEC : 0;
	}
	return prot;
}

/* Whether an instruction names a general register, read or written; true when in doubt. */
static inline int __sc_names(uint32_t w, unsigned r)
{
	return (w >> 21 & 31) == r || (w >> 16 & 31) == r || (w >> 26 == 31 && (w >> 11 & 31) == r);
}

/*
 * Where code of a unit may enter a function with a direct branch, or 0. A function has two entries
 * if its first instructions make r2 from r12 (ELFv2 2.3.2.1); a branch to the second one is right
 * if the caller has the very r2 that they make. If they leave both registers alone it has one entry.
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

/* `b' or `bl', or 0 if that is too far (ELFv2 3.5.3, R_PPC64_REL24). */
static uint32_t __sc_branch_to(const struct static_call_site *s, uintptr_t to)
{
	intptr_t d = (intptr_t)(to - (uintptr_t)__sc_branch(s));

	if (d < -0x2000000 || d >= 0x2000000)
		return 0;
	return 0x48000000u | ((uint32_t)d & 0x03fffffcu) | (s->key & STATIC_CALL_SITE_TAIL || __sc_is_stub(s) ? 0 : 1);
}

static uint32_t __sc_through_key(const struct static_call_site *s)
{
	uint32_t w = __sc_is_stub(s) ? __SC_NOP : __sc_branch_to(s, __sc_stub(s));

	if (!w)
		__static_call_die("(table)", "a call is too far from its stub");
	return w;
}

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
	else if (func && f % 4 == 0 && __sc_protection(u, f, 8) & PROT_EXEC) {
		f = __sc_entry(u, f, (s->key & STATIC_CALL_SITE_NOTOC) != 0);
		if (f)
			w = __sc_branch_to(s, f);
	}
	return w ? w : __sc_through_key(s);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* The pages that are open for writing at the moment; start == end: none. */
struct __sc_window {
	uintptr_t start, end;
	int prot;		/* what they had */
};

static void __sc_close(struct __sc_window *w)
{
	if (w->start != w->end && mprotect((void *)w->start, w->end - w->start, w->prot))
		__static_call_die("(text)", strerror(errno));
	w->start = w->end = 0;
}

/* Executable all the while: other threads are in there. */
static int __sc_open(struct __sc_window *w, const struct static_call_unit *u, uintptr_t at)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	if (at - w->start < w->end - w->start)
		return 1;
	__sc_close(w);
	w->prot = __sc_protection(u, at, 4) | PROT_READ | PROT_EXEC;
	at &= ~(page - 1);
	if (mprotect((void *)at, page, w->prot | PROT_WRITE))
		return 0;
	w->start = at;
	w->end = at + page;
	return 1;
}

/* Writes a site's branch, or reports that the system does not let code be changed. */
static int __sc_write(struct __sc_window *win, const struct static_call_unit *u,
		      const struct static_call_site *s, uint32_t word)
{
	uint32_t *at = __sc_branch(s), old = *at;

	if (old == word)
		return 1;
	if (old >> 26 != 18 && old != __SC_NOP && old != __SC_LI_R3_0 && old != __SC_BLR)
		__static_call_die("(table)", "an entry points at something else than a call");
	if (!__sc_open(win, u, (uintptr_t)at))
		return 0;
	__atomic_store_n(at, word, __ATOMIC_RELAXED);
	/* Power ISA Book II, instruction storage. libgcc's __clear_cache does nothing here. */
	__asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync" : : "r"(at) : "memory");
	return 1;
}

/* Whether a site that cannot be written is right as it is. */
static int __sc_right(const struct static_call_site *s, void *func)
{
	uint32_t w = *__sc_branch(s);

	if (w == __SC_LI_R3_0)
		return func == (void *)__static_call_return0;
	if (w == __sc_through_key(s))
		return 1;
	if (w == __SC_NOP || w == __SC_BLR)
		return !func;
	return w == __sc_branch_to(s, (uintptr_t)func) ||
	       w == __sc_branch_to(s, (uintptr_t)func + 8);
}

/* Makes a unit's sites of a key, or all of them, follow. */
static void __sc_follow(const struct static_call_unit *u, const struct static_call_key *key)
{
	struct __sc_window win = { 0, 0, 0 };
	const struct static_call_site *s;

	for (s = u->start; s < u->stop; s++) {
		void *func;

		if (key && __sc_key(s) != key)
			continue;
		func = __atomic_load_n(&__sc_key(s)->func, __ATOMIC_ACQUIRE);
		if (!__sc_write(&win, u, s, __sc_word(u, s, func)) && !__sc_right(s, func))
			__static_call_die("(text)", "a call has to change, and the system does not let it");
	}
	__sc_close(&win);
}

/* ---- What static_call.h calls -------------------------------------------------------------- */

/* The key has changed. Of several threads that change it the last one here sees the last value. */
static void __sc_patch(struct static_call_key *key)
{
	struct static_call_unit *u;

	pthread_mutex_lock(&__sc_lock);
	for (u = __sc_units; u; u = u->next)
		__sc_follow(u, key);
	pthread_mutex_unlock(&__sc_lock);
}

void __static_call_register(struct static_call_unit *unit)
{
	const struct static_call_site *s;
	struct static_call_unit *u;

	pthread_mutex_lock(&__sc_lock);
	for (u = __sc_units; u && u != unit; u = u->next)
		;
	if (!u) {
		unit->next = __sc_units;
		__sc_units = unit;
	}
	for (s = unit->start; s < unit->stop; s++)
		__atomic_store_n(&__sc_key(s)->patch, &__sc_patch, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__sc_follow(unit, 0);
	pthread_mutex_unlock(&__sc_lock);
}

/* The unit's code may run once more, in a later destructor: its sites go through their keys. */
void __static_call_unregister(struct static_call_unit *unit)
{
	struct __sc_window win = { 0, 0, 0 };
	const struct static_call_site *s;
	struct static_call_unit **u;

	pthread_mutex_lock(&__sc_lock);
	for (u = &__sc_units; *u; u = &(*u)->next)
		if (*u == unit) {
			*u = unit->next;
			break;
		}
	for (s = unit->start; s < unit->stop; s++)
		(void)__sc_write(&win, unit, s, __sc_through_key(s));
	__sc_close(&win);
	pthread_mutex_unlock(&__sc_lock);
}

#ifdef __cplusplus
}
#endif

#endif
