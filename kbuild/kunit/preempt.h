/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Points at which a task may be preempted, in a kernel with PREEMPT_DYNAMIC. Each is
 * compiled into the kernel image and into a module, which has the suite.
 */
#ifndef _PREEMPT_H
#define _PREEMPT_H

#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "sct.h"

/**
 * struct sct_point - a point of preemption
 * @name: what it calls
 * @pass: goes through it once
 * @schedules: whether a task that has to reschedule does so there, in all models that a
 *	kernel with PREEMPT_LAZY has
 */
struct sct_point {
	const char *name;
	sct_caller_t *pass;
	bool schedules;
};

#define SCT_POINTS	5

extern const struct sct_point sct_kernel_points[SCT_POINTS];

static noinline void point_cond_resched(struct sct_call *c)
{
	SCT_CHECK(c, c->result = cond_resched());
}

static noinline void point_might_resched(struct sct_call *c)
{
	SCT_CHECK(c, might_resched());
}

static noinline void point_enable(struct sct_call *c)
{
	preempt_disable();
	SCT_CHECK(c, preempt_enable());
}

static noinline void point_enable_notrace(struct sct_call *c)
{
	preempt_disable_notrace();
	SCT_CHECK(c, preempt_enable_notrace());
}

/* The function is called, and returns because interrupts are off. */
static noinline void point_enable_irqs_off(struct sct_call *c)
{
	unsigned long flags;

	local_irq_save(flags);
	preempt_disable();
	SCT_CHECK(c, preempt_enable());
	c->x = test_tsk_need_resched(current);
	local_irq_restore(flags);
}

#define SCT_POINT_LIST							\
{									\
	{ "cond_resched", point_cond_resched, false },			\
	{ "might_resched", point_might_resched, false },		\
	{ "preempt_enable", point_enable, true },			\
	{ "preempt_enable_notrace", point_enable_notrace, true },	\
	{ "preempt_enable, interrupts off", point_enable_irqs_off, false }, \
}

#endif /* _PREEMPT_H */
