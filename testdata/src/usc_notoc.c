/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library of two objects: the caller keeps no TOC pointer, the target, of default visibility,
 * has two entries.
 */
#if defined(CALLER)
#include "static_call.h"
long target(long x);
long call(long x);
#pragma GCC visibility push(hidden)
DEFINE_STATIC_CALL(op, target);
#pragma GCC visibility pop
long call(long x)
{
	return static_call(op)(x) + 1;
}
#elif defined(TARGET)
long target(long x);
static volatile long bias = 100;
long target(long x)
{
	return x + bias;
}
#else
#include <stdio.h>
long call(long x);
int main(void)
{
	printf("%ld\n", call(3));
	return 0;
}
#endif
