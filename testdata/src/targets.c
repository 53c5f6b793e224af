/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compiled on its own into an object or a shared library, or included by sites.c when the
 * targets are to be in the object of the calls. Every target uses data of its own unit, which
 * goes wrong when it is entered with another unit's r2.
 */
#include <stdarg.h>

#include "targets.h"

long t_bias;
static long calls, sum;

void t_set_bias(long bias)
{
	t_bias = bias;
}

long t_calls(void)
{
	long n = calls;

	calls = 0;
	return n;
}

long t_sum(void)
{
	return sum;
}

int t_add(int a, int b)
{
	calls++;
	return a + b + (int)t_bias;
}

int t_inc(int x)
{
	calls++;
	return x + 1 + (int)t_bias;
}

int t_dec(int x)
{
	calls++;
	return x - 1 - (int)t_bias;
}

void t_note(int x)
{
	calls++;
	sum = sum * 3 + x;
}

long t_twelve(long a, long b, long c, long d, long e, long f,
	      long g, long h, long i, long j, long k, long l)
{
	calls++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f +
	       7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + t_bias;
}

long t_varargs(int n, ...)
{
	va_list ap;
	double d = 0;
	long s = 0;

	va_start(ap, n);
	for (int i = 0; i < n; i++) {
		s += va_arg(ap, long);
		d += va_arg(ap, double);
	}
	va_end(ap);
	calls++;
	return s * 1000 + (long)d + t_bias;
}

double t_double(double x, float y, int z)
{
	calls++;
	return x * 2 + (double)y * z + (double)t_bias;
}

struct pair t_pair(struct pair p)
{
	struct pair r = { p.b + t_bias, p.a - t_bias };

	calls++;
	return r;
}

struct wide t_wide(struct wide w, long k)
{
	for (int i = 0; i < 6; i++)
		w.v[i] = w.v[i] * k + t_bias;
	w.d += (double)k;
	calls++;
	return w;
}

const char *t_string(int which)
{
	static const char *const names[] = { "zero", "one", "two", "many" };

	calls++;
	return names[which & 3];
}

int t_nothing(void)
{
	calls++;
	return 77;
}
