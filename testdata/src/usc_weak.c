/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A static call that another object may define. If none does, the address of its key is NULL.
 */
#ifdef DEFINITION
#include "static_call.h"

static long twice(long x)
{
	return 2 * x;
}

DEFINE_STATIC_CALL(wk_may_be, twice);
#else

#define STATIC_CALL_RUNTIME
#include "static_call.h"

long plain(long x);
DECLARE_STATIC_CALL(wk_may_be, plain);
#pragma weak __SCK__wk_may_be
#pragma weak __SCT__wk_may_be

static volatile long one = 1;

long plain(long x)
{
	return x + one;
}

DEFINE_STATIC_CALL(wk_is, plain);

__attribute__((noinline)) static long call(long x)
{
	long y = static_call(wk_is)(x);

	return &__SCK__wk_may_be ? y + static_call(wk_may_be)(x) + one : -y;
}

int main(void)
{
	printf("%ld\n", call(5));
	if (&__SCK__wk_may_be) {
		static_call_update(wk_may_be, plain);
		printf("%ld\n", call(5));
	}
	return 0;
}
#endif
