// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of a kernel with PREEMPT_DYNAMIC. The suite runs in the model that the kernel has
 * when the module is loaded.
 */
#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>

#include "preempt.h"
#include "suite.h"

static const struct sct_point module_points[SCT_POINTS] = SCT_POINT_LIST;

#define ROUNDS	200

/*
 * In how many of the rounds does the point leave the task to be rescheduled? An
 * interrupt may reschedule it, or ask for it once more, but hardly ever in between.
 */
static int left(struct kunit *test, const struct sct_point *p, bool irqs_off)
{
	int i, n = 0;

	for (i = 0; i < ROUNDS; i++) {
		struct sct_call c = { };

		set_tsk_need_resched(current);
		p->pass(&c);
		n += irqs_off ? c.x : test_tsk_need_resched(current);
		KUNIT_EXPECT_EQ_MSG(test, c.result, 0, "%s", p->name);
		KUNIT_EXPECT_EQ_MSG(test, c.bad, 0, "%s: r2", p->name);
	}
	return n;
}

static void expect_points(struct kunit *test, const struct sct_point *points)
{
	int i;

	for (i = 0; i < SCT_POINTS; i++) {
		const struct sct_point *p = &points[i];
		int n = left(test, p, i == SCT_POINTS - 1);

		if (p->schedules)
			KUNIT_EXPECT_LT_MSG(test, n, ROUNDS / 10, "%s", p->name);
		else
			KUNIT_EXPECT_GT_MSG(test, n, ROUNDS * 9 / 10, "%s", p->name);
	}
}

static void points_of_kernel(struct kunit *test)
{
	expect_points(test, sct_kernel_points);
}

static void points_of_module(struct kunit *test)
{
	expect_points(test, module_points);
}

/* irqentry_exit_cond_resched(): a loop without a point of preemption is preempted. */
static void interrupt(struct kunit *test)
{
	unsigned long end = jiffies + 10 * HZ;

	set_tsk_need_resched(current);
	while (test_tsk_need_resched(current) && time_before(jiffies, end))
		cpu_relax();
	KUNIT_EXPECT_FALSE(test, test_tsk_need_resched(current));
}

static int rival(void *unused)
{
	while (!kthread_should_stop())
		cpu_relax();
	return 0;
}

/*
 * Two tasks on one CPU: in the lazy model, the tick at the end of a task's time asks for
 * a lazy reschedule first; in the full model it never does.
 */
static void model(struct kunit *test)
{
	int cpu = raw_smp_processor_id(), i, lazy = 0, full = 0;
	struct task_struct *t;

	KUNIT_EXPECT_EQ(test, preempt_model_lazy(), !preempt_model_full());
	KUNIT_EXPECT_FALSE(test, preempt_model_none());
	KUNIT_EXPECT_FALSE(test, preempt_model_voluntary());
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
	t = kthread_create_on_cpu(rival, NULL, cpu, "sct_rival/%u");
	KUNIT_ASSERT_FALSE(test, IS_ERR(t));
	wake_up_process(t);
	for (i = 0; i < 20; i++) {
		unsigned long end = jiffies + HZ, flags;

		preempt_disable();
		do {
			cpu_relax();
			flags = read_thread_flags();
			flags &= _TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY;
		} while (!flags && time_before(jiffies, end));
		lazy += !!(flags & _TIF_NEED_RESCHED_LAZY);
		full += flags == _TIF_NEED_RESCHED;
		preempt_enable();
		schedule();
	}
	kthread_stop(t);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	if (preempt_model_lazy()) {
		KUNIT_EXPECT_GT(test, lazy, 10);
	} else {
		KUNIT_EXPECT_EQ(test, lazy, 0);
		KUNIT_EXPECT_GT(test, full, 10);
	}
}

static struct kunit_case preempt_cases[] = {
	KUNIT_CASE(points_of_kernel),
	KUNIT_CASE(points_of_module),
	KUNIT_CASE(interrupt),
	KUNIT_CASE(model),
	{ },
};

static struct kunit_suite preempt_suite = {
	.name = "static_call_preempt",
	.suite_init = sct_suite_init,
	.test_cases = preempt_cases,
};

static int __init sct_preempt_init(void)
{
	return 0;
}

static void __exit sct_preempt_exit(void)
{
}

sct_module_suite(preempt_suite, sct_preempt_init, sct_preempt_exit);
MODULE_DESCRIPTION("Tests of PREEMPT_DYNAMIC");
MODULE_LICENSE("GPL");
