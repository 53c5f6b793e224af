/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of static calls. There are three units: the kernel image, the module
 * sct_a and the module sct_b. Each has keys, functions for them, and callers of
 * its own keys and of those of the units before it. Each has a suite of KUnit,
 * which goes through all units that are there at that time.
 */
#ifndef _SCT_H
#define _SCT_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/static_call.h>
#include <linux/types.h>

/* Numbers of the units, not an enum because the preprocessor needs them. */
#define SCT_KERNEL	0
#define SCT_A		1
#define SCT_B		2
#define SCT_UNITS	3

/**
 * enum sct_kind - the keys that each unit has
 * @SCT_FUNC: begins with a function of the unit
 * @SCT_NULL: begins with NULL, and is called with static_call_cond()
 * @SCT_RET0: begins with __static_call_return0
 * @SCT_TWELVE: twelve arguments, four of them on the stack
 * @SCT_VARARGS: a variable number of arguments
 * @SCT_SLEEP: the function sleeps until it is woken
 * @SCT_MOD: modules may call and not update it (EXPORT_STATIC_CALL_TRAMP)
 * @SCT_KINDS: how many there are
 */
enum sct_kind {
	SCT_FUNC,
	SCT_NULL,
	SCT_RET0,
	SCT_TWELVE,
	SCT_VARARGS,
	SCT_SLEEP,
	SCT_MOD,
	SCT_KINDS,
};

/* Functions of a unit for one key; the last is a leaf that does not need r2. */
#define SCT_CHOICES	3
#define SCT_BARE	2

/* What functions for @SCT_FUNC add to their argument. */
#define SCT_BASE(unit)	(((unit) + 1) * 1000L)
#define SCT_STEP	100L

/* The argument in most tests. */
#define SCT_X		41L

/* In the argument: sleep for a moment. */
#define SCT_NAP		BIT(40)

/* A function that was patched by a livepatch adds this to the result. */
#define SCT_PATCHED	1000000L

#define SCT_MAGIC	0x5ca7c4UL

/**
 * struct sct_wait - meeting point with a function that sleeps
 * @inside: the function has been entered
 * @go: it may return
 */
struct sct_wait {
	struct completion inside;
	struct completion go;
};

/**
 * struct sct_call - one use of a caller
 * @x: argument
 * @wait: argument for @SCT_SLEEP
 * @result: what the function has returned
 * @evaluated: how often the argument for @SCT_NULL has been evaluated
 * @bad: calls after which r2, or data that is reached by it, was not the same
 */
struct sct_call {
	long x;
	struct sct_wait *wait;
	long result;
	int evaluated;
	int bad;
};

typedef void sct_caller_t(struct sct_call *c);

/* The types of the keys. */
typedef long sct_func_t(long x);
typedef void sct_note_t(long *sum);
typedef long sct_twelve_t(long a, long b, long c, long d, long e, long f,
			  long g, long h, long i, long j, long k, long l);
typedef long sct_varargs_t(int n, ...);
typedef long sct_sleep_t(struct sct_wait *wait);

/**
 * struct sct_shape - a caller of @SCT_FUNC
 * @call: the caller
 * @calls: how many calls it makes
 * @name: what is special about it
 */
struct sct_shape {
	sct_caller_t *call;
	int calls;
	const char *name;
};

/**
 * struct sct_keys - what a unit does with the keys of a unit
 * @call: callers for each kind
 * @shapes: other callers of @SCT_FUNC, until one has no name
 * @update: changes the key of that kind
 * @store: writes the function into the key of @SCT_FUNC, and does nothing else
 * @query: reads it
 * @pointer: the trampoline of @SCT_FUNC
 */
struct sct_keys {
	sct_caller_t *call[SCT_KINDS];
	struct sct_shape shapes[11];
	void (*update)(enum sct_kind kind, void *func);
	void (*store)(void *func);
	void *(*query)(enum sct_kind kind);
	sct_func_t *(*pointer)(void);
};

/**
 * struct sct_unit - the kernel image or a module
 * @name: its name
 * @id: its number
 * @target: functions for each kind; kinds that are not like @SCT_FUNC have one
 * @count: how often they have been called, all but @SCT_BARE
 * @keys: by the unit that owns the keys; NULL if they are out of reach
 * @by_pointer: calls @c->x through a pointer
 * @victim: calls a function with a site for @SCT_FUNC that gets a livepatch
 * @sites: table of sites of the unit that run-time patching works on
 * @nr_sites: their number
 */
struct sct_unit {
	const char *name;
	int id;
	void *target[SCT_KINDS][SCT_CHOICES];
	atomic_long_t *count;
	const struct sct_keys *keys[SCT_UNITS];
	void (*by_pointer)(sct_func_t *func, struct sct_call *c);
	sct_caller_t *victim;
	struct static_call_site *(*sites)(void);
	unsigned int (*nr_sites)(void);
};

/* All units that are there. */
extern const struct sct_unit *sct_units[SCT_UNITS];

void sct_reset(void);
unsigned long sct_function_size(unsigned long addr);

#define SCT_DECLARE_KEYS(unit)						\
	DECLARE_STATIC_CALL(sct_##unit##_func, sct_func_t);		\
	DECLARE_STATIC_CALL(sct_##unit##_null, sct_note_t);		\
	DECLARE_STATIC_CALL(sct_##unit##_ret0, sct_func_t);		\
	DECLARE_STATIC_CALL(sct_##unit##_twelve, sct_twelve_t);		\
	DECLARE_STATIC_CALL(sct_##unit##_varargs, sct_varargs_t);	\
	DECLARE_STATIC_CALL(sct_##unit##_sleep, sct_sleep_t);		\
	DECLARE_STATIC_CALL(sct_##unit##_mod, sct_func_t)

SCT_DECLARE_KEYS(kernel);
SCT_DECLARE_KEYS(a);
SCT_DECLARE_KEYS(b);

/* These get a livepatch. */
void sct_kernel_victim(struct sct_call *c);
void sct_a_victim(struct sct_call *c);
void sct_b_victim(struct sct_call *c);

/* The TOC pointer; 0 where there is none, and r2 may change. */
static __always_inline unsigned long sct_toc(void)
{
	unsigned long r2;

	if (IS_ENABLED(CONFIG_PPC_KERNEL_PCREL))
		return 0;

	asm volatile("mr %0,2" : "=r" (r2) : : "memory");
	return r2;
}

/* Saves r2 where the word after a module's call loads it from, in the caller's frame. */
static __always_inline void sct_save(void)
{
	asm volatile("std 2,24(%0)" : : "b" (current_stack_pointer) : "memory");
}

/*
 * A call that static_call() has not prepared, in a frame where nothing has saved r2.
 * In a module that is built without scpatch such a call would be wrong, and the compiler
 * saves r2 for each static call: it may do so before the first statement.
 */
#ifdef STATIC_CALL_UNLISTED

#define SCT_UNPREPARED(name)	static_call(name)

static __always_inline void sct_spoil_save(void)
{
}

#else

#define SCT_UNPREPARED(name)	STATIC_CALL_TRAMP(name)

static __always_inline void sct_spoil_save(void)
{
	asm volatile("std %0,24(%1)" : : "r" (0L), "b" (current_stack_pointer) : "memory");
}

#endif

/* A reference through the TOC: wrong if r2 is. Each unit has its own. */
static unsigned long __maybe_unused sct_magic = SCT_MAGIC;

#define SCT_CHECK(c, statement)						\
do {									\
	unsigned long r2 = sct_toc();					\
									\
	statement;							\
	if (sct_toc() != r2 || READ_ONCE(sct_magic) != SCT_MAGIC)	\
		(c)->bad++;						\
} while (0)

#endif /* _SCT_H */
