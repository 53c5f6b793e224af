/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions per static call, for kernels with and without static calls. There
 * are three units: the kernel image, the module cost_a and the module cost_b.
 * cost_b measures and prints. To be run in qemu with -icount, where time counts
 * instructions.
 */
#ifndef _COST_H
#define _COST_H

#include <linux/compiler.h>
#include <linux/static_call.h>
#include <linux/stringify.h>

#define COST_KERNEL	0
#define COST_A		1
#define COST_B		2
#define COST_UNITS	3

/* The number of calls in a measurement. */
#define COST_CALLS	20000

/* The type of the keys that are called, and of those that may be NULL. */
typedef long cost_func_t(long x);
typedef void cost_note_t(long x);

/**
 * struct cost_keys - loops of a unit over a key of a unit
 * @call: calls the key that has a function
 * @unsaved: the same in a module, but without the save of static_call(); or NULL
 * @cond: calls the key that may be NULL
 * @update: changes the first of them
 */
struct cost_keys {
	void (*call)(void);
	void (*unsaved)(void);
	void (*cond)(void);
	void (*update)(void *func);
};

/**
 * struct cost_unit - the kernel image or a module
 * @name: its name
 * @target: its function
 * @empty: a loop that calls nothing
 * @empty_note: the same for a function without a result
 * @direct: a loop that calls @target by a single bl
 * @empty_void: a loop that calls nothing for the next three; NULL without PREEMPTION
 * @preempt: a loop of preempt_disable() and preempt_enable(); likewise
 * @resched: a loop of cond_resched(); likewise
 * @might: a loop of might_sleep(); likewise
 * @keys: by the unit that owns the keys; NULL if they are out of reach
 */
struct cost_unit {
	const char *name;
	cost_func_t *target;
	void (*empty)(void);
	void (*empty_note)(void);
	void (*direct)(void);
	void (*empty_void)(void);
	void (*preempt)(void);
	void (*resched)(void);
	void (*might)(void);
	const struct cost_keys *keys[COST_UNITS];
};

extern const struct cost_unit *cost_units[COST_UNITS];

#define COST_DECLARE_KEYS(unit)						\
	DECLARE_STATIC_CALL(cost_##unit##_func, cost_func_t);		\
	DECLARE_STATIC_CALL(cost_##unit##_null, cost_note_t)

COST_DECLARE_KEYS(kernel);
COST_DECLARE_KEYS(a);
COST_DECLARE_KEYS(b);

/*
 * A loop around something that takes its argument and has its result in r3. It
 * must not be unrolled.
 */
#define COST_LOOP(name, statement)					\
static noinline void name(void)						\
{									\
	long __maybe_unused x = 0;					\
	int i;								\
									\
	for (i = 0; i < COST_CALLS; i++) {				\
		OPTIMIZER_HIDE_VAR(i);					\
		statement;						\
	}								\
}

#endif /* _COST_H */
