/* SPDX-License-Identifier: BSD-3-Clause */
#include "usc.h"

static volatile long near_bias = 30;

static long near(long x)
{
	return x + near_bias;
}

/* A call from the object of the key, too. */
static long around(long x)
{
	return usc_twice(x) + near_bias;
}

DEFINE_STATIC_CALL(usc_op, usc_far);
DEFINE_STATIC_CALL_NULL(usc_hook, usc_note);
DEFINE_STATIC_CALL_RET0(usc_zero, usc_far);
DEFINE_STATIC_CALL(usc_floats, usc_many);
DEFINE_STATIC_CALL(usc_struct, usc_wide);

void usc_set(int which)
{
	switch (which) {
	case 0:
		static_call_update(usc_op, usc_far);
		static_call_update(usc_hook, NULL);
		static_call_update(usc_zero, (long (*)(long))(void *)__static_call_return0);
		break;
	case 1:
		static_call_update(usc_op, usc_farther);
		static_call_update(usc_hook, usc_note);
		static_call_update(usc_zero, around);
		break;
	case 2:
		static_call_update(usc_op, near);
		static_call_update(usc_zero, NULL);
		break;
	}
}
