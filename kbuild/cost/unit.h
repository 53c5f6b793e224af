/* SPDX-License-Identifier: GPL-2.0-only */
/* One unit. COST_UNIT is its name, COST_ID its number. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "cost.h"

#define COST(what)	__PASTE(__PASTE(cost_, COST_UNIT), _##what)

static long seen;

/* It needs r2, as nearly all functions of the kernel do. */
static noinline notrace long target(long x)
{
	return x + READ_ONCE(seen);
}

/* Only its type is used. */
static noinline notrace void __maybe_unused note(long x)
{
	WRITE_ONCE(seen, x);
}

DEFINE_STATIC_CALL(COST(func), target);
EXPORT_STATIC_CALL_GPL(COST(func));
DEFINE_STATIC_CALL_NULL(COST(null), note);
EXPORT_STATIC_CALL_GPL(COST(null));

/* Changes the registers that a call does, so that the loop is the same. */
static __always_inline long nothing(long x)
{
	register long r3 asm("r3") = x;

	asm volatile("" : "+r" (r3) : : "r0", "r4", "r5", "r6", "r7", "r8", "r9",
		     "r10", "r11", "r12", "lr", "ctr", "xer", "cr0", "cr1", "cr5",
		     "cr6", "cr7", "memory");
	return r3;
}

COST_LOOP(empty, x = nothing(x))
COST_LOOP(empty_note, nothing(x))
COST_LOOP(direct, x = target(x))

#ifdef CONFIG_PREEMPTION
/* Likewise for a call without an argument. */
static __always_inline void clobber(void)
{
	asm volatile("" : : : "r0", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11",
		     "r12", "lr", "ctr", "xer", "cr0", "cr1", "cr5", "cr6", "cr7", "memory");
}

COST_LOOP(empty_void, clobber())
COST_LOOP(preempt, preempt_disable(); preempt_enable())
COST_LOOP(resched, cond_resched())
COST_LOOP(might, might_sleep())
#endif

#define COST_OWNER	kernel
#include "callers.h"

#if COST_ID >= COST_A
#define COST_OWNER	a
#include "callers.h"
#endif

#if COST_ID >= COST_B
#define COST_OWNER	b
#include "callers.h"
#endif

static const struct cost_unit unit = {
	.name = __stringify(COST_UNIT),
	.target = target,
	.empty = empty,
	.empty_note = empty_note,
	.direct = direct,
#ifdef CONFIG_PREEMPTION
	.empty_void = empty_void,
	.preempt = preempt,
	.resched = resched,
	.might = might,
#endif
	.keys = {
		&kernel_keys,
#if COST_ID >= COST_A
		&a_keys,
#endif
#if COST_ID >= COST_B
		&b_keys,
#endif
	},
};
