/* SPDX-License-Identifier: BSD-3-Clause */
#include "usc.h"

static volatile long far_bias = 1000, farther_bias = 2000, noted;

long usc_far(long x)
{
	return x + far_bias;
}

long usc_farther(long x)
{
	return x + farther_bias;
}

void usc_note(long x)
{
	noted = noted * 3 + x;
}

long usc_noted(void)
{
	return noted;
}

double usc_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j,
		double x, double y)
{
	return (double)(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + far_bias) +
	       x * 0.5 + y * 0.25;
}

struct usc_wide usc_wide(struct usc_wide w, long k)
{
	for (int i = 0; i < 6; i++)
		w.v[i] = w.v[i] * k + far_bias;
	return w;
}
