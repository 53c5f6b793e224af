/* SPDX-License-Identifier: BSD-3-Clause */
/* The matrix in C++: exceptions through static calls, and static calls while they fly. */
#ifndef MATRIX_CXX_H
#define MATRIX_CXX_H

#include "../../include/static_call.h"

struct Thrown {
	long value;
};

/* Two families of targets: t_ in a place of their own, a_ in main's object. */
long t_step(long x);
long t_throw(long x);		/* throws Thrown if x is odd */
long t_calls();
long a_step(long x);
long a_throw(long x);
long a_calls();

DECLARE_STATIC_CALL(x_step, t_step);
DECLARE_STATIC_CALL(x_fixed, t_step);
DECLARE_STATIC_CALL(x_throw, t_throw);
DECLARE_STATIC_CALL(x_hook, t_step);	/* begins as NULL */

void x_set(int round);

extern long x_log;

/* A static call in a destructor, which the compiler puts into landing pads. */
struct Guard {
	long value;
	explicit Guard(long v) : value(v) {}
	~Guard() { x_log = (x_log * 3 + static_call(x_step)(value)) & 0xffffff; }
};

/* These go to COMDAT groups, of the caller's object and of main's. */
inline __attribute__((noinline)) long x_inline(long x)
{
	long r = static_call(x_step)(x);

	static_call_cond(x_hook)(r);
	return r + static_call(x_fixed)(r) + (x_log & 1);
}

template <int N>
struct Repeat {
	static __attribute__((noinline)) long run(long x)
	{
		Guard g(N);
		long r = 0;

		for (int i = 0; i < N; i++)
			r = r * 2 + static_call(x_throw)(x + 2 * i);
		return r;
	}
};

long x_catch(long x);
long x_pass(long x);
long x_rethrow(long x);
long x_groups(long x);

#endif
