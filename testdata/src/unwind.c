/* SPDX-License-Identifier: BSD-3-Clause */
/* A call to stop in: of main, of unwind_caller, of what a call goes through, of a library (-DTARGET). */
#include "static_call.h"

long unwind_target(long x);

static volatile long bias = 3;

#ifdef TARGET

long unwind_target(long x)
{
	return x + bias;
}

#else

#include <stdio.h>

DEFINE_STATIC_CALL_NULL(unwind_op, unwind_target);

__attribute__((noinline)) long unwind_caller(long x)
{
	long r = static_call(unwind_op)(x);

	return r + bias;
}

int main(void)
{
	static_call_update(unwind_op, unwind_target);
	printf("%ld\n", unwind_caller(1));
	return 0;
}

#endif
