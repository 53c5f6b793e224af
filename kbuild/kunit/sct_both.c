// SPDX-License-Identifier: GPL-2.0-only
/*
 * An object of the kernel image and of a module. Kbuild compiles it once, for modules.
 */
#include "both.h"

/* Reached through the TOC. */
static long base = SCT_BOTH_BASE;

static noinline long plain(long x)
{
	return x + READ_ONCE(base);
}

DEFINE_STATIC_CALL(sct_both_func, plain);
DEFINE_STATIC_CALL_NULL(sct_both_null, *(sct_note_t *)NULL);

static noinline void call(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(sct_both_func)(c->x));
}

static noinline void call_null(struct sct_call *c)
{
	SCT_CHECK(c, static_call_cond(sct_both_null)(&c->result));
}

static noinline void call_kernel(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(sct_kernel_func)(c->x));
}

static void update(void *func)
{
	static_call_update(sct_both_func, func);
}

static void update_null(void *func)
{
	static_call_update(sct_both_null, func);
}

const struct sct_both sct_both = {
	.call = call,
	.call_null = call_null,
	.call_kernel = call_kernel,
	.plain = plain,
	.update = update,
	.update_null = update_null,
};
