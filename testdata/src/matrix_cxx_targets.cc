/* SPDX-License-Identifier: BSD-3-Clause */
#include "matrix_cxx.h"

static long bias = 100, count;

long t_step(long x)
{
	count++;
	return x + bias;
}

long t_throw(long x)
{
	count++;
	if (x & 1)
		throw Thrown{ x + bias };
	return x - bias;
}

long t_calls()
{
	return count;
}
