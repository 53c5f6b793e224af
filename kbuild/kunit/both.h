/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of sct_both.o, an object that is linked to the kernel image and to the module
 * sct_both_mod. Each has a suite of its own, and its own keys of these names.
 */
#ifndef _BOTH_H
#define _BOTH_H

#include "sct.h"

/**
 * struct sct_both - what the object has
 * @call: calls its key that begins with a function
 * @call_null: calls its key that begins with NULL
 * @call_kernel: calls the key of @SCT_FUNC of the kernel image
 * @plain: what the first key begins with
 * @update: changes the first key
 * @update_null: changes the second
 */
struct sct_both {
	sct_caller_t *call;
	sct_caller_t *call_null;
	sct_caller_t *call_kernel;
	sct_func_t *plain;
	void (*update)(void *func);
	void (*update_null)(void *func);
};

extern const struct sct_both sct_both;

/* What @plain adds. */
#define SCT_BOTH_BASE	7L

#ifdef SCT_BOTH_UNIT

#include <kunit/test.h>
#include <linux/module.h>

#include "suite.h"

#ifdef MODULE
#define sct_both_sites		THIS_MODULE->static_call_sites
#define sct_both_sites_end	(sct_both_sites + THIS_MODULE->num_static_call_sites)
#else
extern struct static_call_site __start_static_call_sites[], __stop_static_call_sites[];
#define sct_both_sites		__start_static_call_sites
#define sct_both_sites_end	__stop_static_call_sites
#endif

/* The table of this unit has one site of each caller. */
static void both_listed(struct kunit *test)
{
	sct_caller_t *callers[] = { sct_both.call, sct_both.call_null, sct_both.call_kernel };
	struct static_call_site *site;
	int i;

	for (i = 0; i < ARRAY_SIZE(callers); i++) {
		unsigned long start = (unsigned long)callers[i];
		unsigned long size = sct_function_size(start);
		int listed = 0;

		KUNIT_ASSERT_NE(test, size, 0);
		for (site = sct_both_sites; site < sct_both_sites_end; site++)
			listed += (unsigned long)&site->addr + site->addr - start < size;
		KUNIT_EXPECT_EQ_MSG(test, listed, 1, "caller %d", i);
	}
}

static void both_expect(struct kunit *test, sct_caller_t *call, long want, const char *what)
{
	struct sct_call c = { .x = SCT_X };

	call(&c);
	KUNIT_EXPECT_EQ_MSG(test, c.result, want, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, c.bad, 0, "%s: r2", what);
}

/* Functions of this unit and of all that are there, there and back. */
static void both_own_keys(struct kunit *test)
{
	int i, choice;

	both_expect(test, sct_both.call, SCT_X + SCT_BOTH_BASE, "at first");
	both_expect(test, sct_both.call_null, 0, "at first");
	for (i = 0; i < SCT_UNITS; i++) {
		const struct sct_unit *u = sct_units[i];

		for (choice = 0; u && choice < SCT_CHOICES; choice++) {
			void *func = u->target[SCT_FUNC][choice];
			long want = SCT_X + SCT_BASE(i) + choice * SCT_STEP;

			sct_both.update(func);
			both_expect(test, sct_both.call, want, u->name);
			sct_both.update(sct_both.plain);
			both_expect(test, sct_both.call, SCT_X + SCT_BOTH_BASE, "again");
		}
		if (!u)
			continue;
		sct_both.update_null(u->target[SCT_NULL][0]);
		both_expect(test, sct_both.call_null, SCT_BASE(i), u->name);
		sct_both.update_null(NULL);
		both_expect(test, sct_both.call_null, 0, "again");
	}
}

static void both_kernel_key(struct kunit *test)
{
	const struct sct_keys *keys = sct_units[SCT_KERNEL]->keys[SCT_KERNEL];
	int i;

	for (i = 0; i < SCT_UNITS; i++) {
		const struct sct_unit *u = sct_units[i];

		if (!u)
			continue;
		keys->update(SCT_FUNC, u->target[SCT_FUNC][0]);
		both_expect(test, sct_both.call_kernel, SCT_X + SCT_BASE(i), u->name);
	}
	keys->update(SCT_FUNC, sct_both.plain);
	both_expect(test, sct_both.call_kernel, SCT_X + SCT_BOTH_BASE, "function of the object");
	sct_reset();
}

static void both_exit(struct kunit *test)
{
	sct_both.update(sct_both.plain);
	sct_both.update_null(NULL);
	sct_reset();
}

static struct kunit_case both_cases[] = {
	KUNIT_CASE(both_listed),
	KUNIT_CASE(both_own_keys),
	KUNIT_CASE(both_kernel_key),
	{ },
};

static struct kunit_suite both_suite = {
	.name = "static_call_both_" __stringify(SCT_BOTH_UNIT),
	.suite_init = sct_suite_init,
	.exit = both_exit,
	.test_cases = both_cases,
};

#endif /* SCT_BOTH_UNIT */

#endif /* _BOTH_H */
