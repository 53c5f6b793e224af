// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit in the last module, and the measurement. Each number is a line
 *
 *	cost: CALLER KEY FUNCTION HOW: N.NN
 *
 * with the instructions of a call outside of the function's body, which begins at
 * the local entry.
 */
#define COST_UNIT	b
#define COST_ID		COST_B
#include "unit.h"

#include <linux/irqflags.h>
#include <linux/sched.h>

#include <asm/time.h>

/* Hundredths of an instruction for each call. */
static long cost(void (*loop)(void))
{
	unsigned long flags;
	u64 start, ticks;

	/* The first time is for the caches of the emulator. */
	loop();
	local_irq_save(flags);
	start = mftb();
	loop();
	ticks = mftb() - start;
	local_irq_restore(flags);

	/* With -icount shift=0 an instruction is a nanosecond. */
	return DIV_ROUND_CLOSEST_ULL(ticks * 1000 * 100, tb_ticks_per_usec * COST_CALLS);
}

static void print(const struct cost_unit *caller, int key, const char *func,
		  const char *how, void (*loop)(void), long rest)
{
	long n = cost(loop) - rest;

	if (abs(n) < 2)
		n = 0;
	pr_info("cost: %s %s %s %s: %ld.%02ld\n", caller->name, cost_units[key]->name,
		func, how, n / 100, n % 100);
}

static void measure(const struct cost_unit *caller, int key)
{
	const struct cost_keys *keys = caller->keys[key];
	long empty = cost(caller->empty);
	int i;

	for (i = 0; i < COST_UNITS; i++) {
		const struct cost_unit *u = cost_units[i];
		/* The loop has a bl without a nop. */
		long rest = empty + cost(u->direct) - cost(u->empty) - 100;

#if defined(CONFIG_HAVE_STATIC_CALL) && !defined(CONFIG_HAVE_STATIC_CALL_INLINE)
		/* Nothing restores r2 when the trampoline leads to another unit. */
		if (i != key && caller == cost_units[key])
			continue;
#endif
		keys->update(u->target);
		print(caller, key, u->name, "saved", keys->call, rest);
		if (keys->unsaved)
			print(caller, key, u->name, "unsaved", keys->unsaved, rest);
		keys->update(cost_units[key]->target);
	}

	keys->update(__static_call_return0);
	print(caller, key, "return0", "saved", keys->call, empty);
	if (keys->unsaved)
		print(caller, key, "return0", "unsaved", keys->unsaved, empty);
	keys->update(cost_units[key]->target);

	print(caller, key, "null", "saved", keys->cond,
	      cost(caller->empty_note));
}

#ifdef CONFIG_PREEMPTION

static const struct cost_unit *measured;

/* Each preempt_enable() calls the scheduler, which returns because interrupts are off. */
static void pending(void)
{
	unsigned long flags;

	local_irq_save(flags);
	set_tsk_need_resched(current);
	measured->preempt();
	local_irq_restore(flags);
}

static void print_point(const char *what, void (*loop)(void))
{
	long n = cost(loop) - cost(measured->empty_void);

	if (n < 2)
		n = 0;
	pr_info("cost: %s %s: %ld.%02ld\n", measured->name, what, n / 100, n % 100);
}

/* All of a point of preemption, with the functions that it calls. */
static void measure_preemption(const struct cost_unit *caller)
{
	measured = caller;
	print_point("cond_resched()", caller->resched);
	print_point("might_sleep()", caller->might);
	print_point("preempt_disable(), preempt_enable()", caller->preempt);
	print_point("the same when the task has to reschedule and interrupts are off", pending);
}

#else

static void measure_preemption(const struct cost_unit *caller)
{
}

#endif /* CONFIG_PREEMPTION */

static int __init cost_b_init(void)
{
	int i, key;

	cost_units[COST_ID] = &unit;
	for (i = 0; i < COST_UNITS; i++)
		for (key = 0; key < COST_UNITS; key++)
			if (cost_units[i]->keys[key])
				measure(cost_units[i], key);
	measure_preemption(cost_units[COST_KERNEL]);
	measure_preemption(cost_units[COST_B]);
	cost_units[COST_ID] = NULL;
	pr_info("cost: done\n");
	return 0;
}

static void __exit cost_b_exit(void)
{
}

module_init(cost_b_init);
module_exit(cost_b_exit);

MODULE_DESCRIPTION("Instructions per static call, unit b");
MODULE_LICENSE("GPL");
