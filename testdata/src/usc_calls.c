/* SPDX-License-Identifier: BSD-3-Clause */
#include "usc.h"

static volatile long calls_bias = 7;

static long here(long x)
{
	return x * 2 + calls_bias;
}

/* This object's own. */
DEFINE_STATIC_CALL(usc_here, here);
DEFINE_STATIC_CALL(usc_fixed, here);

/* The trampoline is a function like another, where there is one. */
#if STATIC_CALL_TRAMPOLINES
static long (*volatile pointer)(long) = __SCT__usc_op;
#else
#define pointer static_call(usc_op)
#endif

long usc_call(long x)
{
	long r = static_call(usc_op)(x);

	static_call_cond(usc_hook)(r + calls_bias);
	r = r * 10000 + static_call(usc_fixed)(x);
	if (static_call_query(usc_zero))
		r += static_call(usc_zero)(x);
	return r + calls_bias;
}

double usc_call_many(long x)
{
	double r = static_call(usc_floats)(x, 2, 3, 4, 5, 6, 7, 8, 9, calls_bias, 1.5, (double)x);

	return r + (double)calls_bias;
}

long usc_call_wide(long x)
{
	struct usc_wide w = { { x, 1, 2, 3, 4, calls_bias } };
	long r = 0;

	w = static_call(usc_struct)(w, 3);
	for (int i = 0; i < 6; i++)
		r = r * 2 + w.v[i];
	return r + calls_bias;
}

long usc_call_pointer(long x)
{
	long r = pointer(x);

	return r + calls_bias;
}

long usc_call_twice(long x)
{
	return usc_twice(x) + calls_bias;
}

/* In turn the target of its own call. */
long usc_recurse(long n)
{
	if (n <= 0)
		return calls_bias;
	static_call_save_toc();
	return static_call(usc_here)(n - 1) + calls_bias;
}

/* A frame for the call alone, if the compiler has its way: the save must not go to the caller's. */
long usc_shrink(long x)
{
	static_call_save_toc();
	if (x < 0)
		return calls_bias;
	return static_call(usc_op)(x);
}

long usc_call_here(long x)
{
	return static_call(usc_here)(x) + calls_bias;
}

void usc_set_here(int which)
{
	if (which == 0)
		static_call_update(usc_here, here);
	else if (which == 1)
		static_call_update(usc_here, usc_far);
	else
		static_call_update(usc_here, usc_recurse);
}

int usc_query(void)
{
	return (static_call_query(usc_hook) != NULL) + 2 * (static_call_query(usc_here) == here);
}
