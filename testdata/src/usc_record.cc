// SPDX-License-Identifier: BSD-3-Clause
/* Sites whose code is of use, of no use, and in two objects: which of them does a linker leave in the record? */
#include <stdio.h>
#ifndef PART2
#define STATIC_CALL_RUNTIME
#endif
#include <static_call.h>

int plain(int x);
int other(int x);
DECLARE_STATIC_CALL(op, plain);

inline __attribute__((noinline)) int twice(int x)
{
	return static_call(op)(x) + static_call(op)(x);
}

#ifdef PART2
int dead_other(int x);

int other(int x)
{
	return static_call(op)(twice(x)) + 1;
}

int dead_other(int x)
{
	return static_call(op)(x) + 2;
}
#else
int dead_main(int x);

int plain(int x)
{
	return x + 1;
}

DEFINE_STATIC_CALL(op, plain);

int dead_main(int x)
{
	return static_call(op)(x) + 3;
}

int main(void)
{
	printf("%d\n", static_call(op)(twice(1)) + other(5));
	return 0;
}
#endif
