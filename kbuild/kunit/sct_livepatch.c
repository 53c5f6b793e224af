// SPDX-License-Identifier: GPL-2.0-only
/*
 * A livepatch for functions with a static call, one of the kernel image and one
 * of the module sct_a. The new functions make the same call, from here.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/livepatch.h>
#include <linux/module.h>

#include "sct.h"
#include "suite.h"

static noinline void livepatch_kernel_victim(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(sct_kernel_func)(c->x) + SCT_PATCHED);
}

static noinline void livepatch_a_victim(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(sct_a_func)(c->x) + SCT_PATCHED);
}

static struct klp_func kernel_funcs[] = {
	{ .old_name = "sct_kernel_victim", .new_func = livepatch_kernel_victim },
	{ }
};

static struct klp_func a_funcs[] = {
	{ .old_name = "sct_a_victim", .new_func = livepatch_a_victim },
	{ }
};

static struct klp_object objs[] = {
	{ .funcs = kernel_funcs },
	{ .name = "sct_a", .funcs = a_funcs },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objs,
};

/* Does this thread get the new functions? All threads do after a while. */
static bool patched(const struct sct_unit *u)
{
	unsigned long end = jiffies + 60 * HZ;
	struct sct_call c = { .x = 41 };

	do {
		u->victim(&c);
		if (c.result >= SCT_PATCHED)
			return true;
		msleep(50);
	} while (time_before(jiffies, end));
	return false;
}

static void expect_patched(struct kunit *test, int id)
{
	const struct sct_unit *u = sct_units[id];
	int i, choice, round, functions = 0;

	KUNIT_ASSERT_NOT_NULL(test, u);
	KUNIT_ASSERT_TRUE(test, patched(u));
	for (round = 0; round < 2; round++) {
		for (i = 0; i < SCT_UNITS; i++) {
			if (!sct_units[i])
				continue;
			functions++;
			for (choice = 0; choice < SCT_CHOICES; choice++) {
				long want = 41 + SCT_BASE(i) + choice * SCT_STEP + SCT_PATCHED;
				struct sct_call c = { .x = 41 };

				u->keys[id]->update(SCT_FUNC,
						    sct_units[i]->target[SCT_FUNC][choice]);
				u->victim(&c);
				KUNIT_EXPECT_EQ(test, c.result, want);
				KUNIT_EXPECT_EQ_MSG(test, c.bad, 0, "r2");
				/* The same key from where there is no livepatch. */
				u->keys[id]->call[SCT_FUNC](&c);
				KUNIT_EXPECT_EQ(test, c.result, want - SCT_PATCHED);
				KUNIT_EXPECT_EQ_MSG(test, c.bad, 0, "r2");
			}
		}
	}
	KUNIT_EXPECT_EQ(test, functions, 2 * SCT_UNITS);
}

static void function_of_kernel(struct kunit *test)
{
	expect_patched(test, SCT_KERNEL);
}

static void function_of_module(struct kunit *test)
{
	expect_patched(test, SCT_A);
}

static void livepatch_exit(struct kunit *test)
{
	sct_reset();
}

static struct kunit_case livepatch_cases[] = {
	KUNIT_CASE(function_of_kernel),
	KUNIT_CASE(function_of_module),
	{ },
};

static struct kunit_suite livepatch_suite = {
	.name = "static_call_livepatch",
	.suite_init = sct_suite_init,
	.exit = livepatch_exit,
	.test_cases = livepatch_cases,
};

static int __init sct_livepatch_init(void)
{
	return klp_enable_patch(&patch);
}

static void __exit sct_livepatch_exit(void)
{
}

sct_module_suite(livepatch_suite, sct_livepatch_init, sct_livepatch_exit);
MODULE_DESCRIPTION("Tests of static calls, livepatch");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
