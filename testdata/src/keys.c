/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys and trampolines for extkey.c, in another object or in a shared library. k_set changes
 * them, so a call must go through the trampoline for ever.
 */
#include "keys.h"

static long seen;
static int factor = 3;

int k_op(int x)
{
	seen++;
	return x * factor;
}

static int other_op(int x)
{
	seen += 10;
	return x - factor;
}

void k_hook(int x)
{
	seen += x * 100;
}

SC_DEFINE(far_op, k_op);
SC_DEFINE_NULL(far_hook, k_hook);
SC_DEFINE_RET0(far_zero, k_op);

void k_set(int which)
{
	if (which) {
		SC_UPDATE(far_op, other_op);
		SC_UPDATE(far_hook, k_hook);
		SC_UPDATE(far_zero, k_op);
	} else {
		SC_UPDATE(far_op, k_op);
		SC_UPDATE(far_hook, 0);
		SC_UPDATE(far_zero, __static_call_return0);
	}
}

long k_seen(void)
{
	return seen;
}
