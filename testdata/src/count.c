/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * N static calls, 1000 when no number is given, to count the instructions that one takes
 * (../e2e/cells.txt says how). The first argument is which: call, null, ret0, or loop, the same
 * loop without a call. The target is c_target, here or with -DCOUNT_EXTERN in another object or
 * library (count_target.c).
 */
#include <stdio.h>
#include <stdlib.h>

#include "sc.h"

#ifdef COUNT_EXTERN
long c_target(long x);
#else
#define COUNT_HERE
#include "count_target.c"
#endif

SC_DEFINE(count, c_target);
SC_DEFINE_NULL(count_null, c_target);
SC_DEFINE_RET0(count_ret0, c_target);

/*
 * The empty asm keeps a loop from being unrolled or merged with another, and from counting in
 * the counter register, which none with a call can do: all loops cost the same.
 */
#define KEEP(x, i) __asm__ volatile("" : "+r"(x), "+r"(i) : : "ctr")

SC_NOINLINE long count_loop(long x, long n)
{
	for (long i = 0; i < n; i++)
		KEEP(x, i);
	return x;
}

SC_NOINLINE long count_call(long x, long n)
{
	for (long i = 0; i < n; i++) {
		x = SC_CALL(count)(x);
		KEEP(x, i);
	}
	return x;
}

SC_NOINLINE long count_call_null(long x, long n)
{
	for (long i = 0; i < n; i++) {
		SC_CALL(count_null)(x);
		KEEP(x, i);
	}
	return x;
}

SC_NOINLINE long count_call_ret0(long x, long n)
{
	for (long i = 0; i < n; i++) {
		x += SC_CALL(count_ret0)(x);
		KEEP(x, i);
	}
	return x;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 1000;
	long x = argc + 3, r;

	switch (argc > 1 ? argv[1][0] : 'c') {
	case 'l': r = count_loop(x, n); break;
	case 'n': r = count_call_null(x, n); break;
	case 'r': r = count_call_ret0(x, n); break;
	default:  r = count_call(x, n); break;
	}
	printf("%ld\n", r);
	return 0;
}
