/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Arguments and results of every class through static calls: a patched site must not move the
 * stack (parameters beyond the eighth, variable ones and large structures lie there), nor touch
 * a register that carries one. The targets and the key of inc are in other objects.
 */
#include "abi.h"
#include "sc.h"
#include "targets.h"

static long a_base;
long a_seen;

void a_init(long x)
{
	a_base = x;
	a_seen = 0;
}

SC_DEFINE(twelve, t_twelve);
SC_DEFINE(varargs, t_varargs);
SC_DEFINE(dbl, t_double);
SC_DEFINE(pair, t_pair);
SC_DEFINE(wide, t_wide);
SC_DEFINE(string, t_string);
SC_DEFINE_NULL(pass, t_twelve);
SC_DECLARE(inc, t_inc);

long a_twelve(long x)
{
	return SC_CALL(twelve)(x, x + 1, 2, 3, 4, 5, 6, 7, 8, 9, x, a_base) + a_base;
}

long a_varargs(long x)
{
	return SC_CALL(varargs)(7, x, 1.0, x + 1, 2.0, 3L, 3.5, 4L, 4.5, 5L, 5.0, 6L, 6.0,
				a_base, 7.0) - a_base;
}

double a_double(double x)
{
	double r = SC_CALL(dbl)(x, 1.5f, 3);

	return r + (double)a_base;
}

long a_pair(long a, long b)
{
	struct pair p = { a, b };

	p = SC_CALL(pair)(p);
	return p.a * 1000 + p.b + a_base;
}

long a_wide(long x)
{
	struct wide w = { { x, x + 1, x + 2, x + 3, x + 4, x + 5 }, 0.5 };
	long s = 0;

	w = SC_CALL(wide)(w, 3);
	for (int i = 0; i < 6; i++)
		s += w.v[i] * (i + 1);
	return s + (long)(w.d * 2) + a_base;
}

const char *a_string(int which)
{
	const char *s = SC_CALL(string)(which);

	a_seen += s[0];
	return s;
}

/* No target: the first argument comes back, as after the kernel's trampoline. */
long a_pass(long x)
{
	return SC_CALL(pass)(x, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) + a_base;
}

int a_elsewhere(int x)
{
	return SC_CALL(inc)(x) * 2 + (int)a_base;
}

int a_elsewhere_tail(int x)
{
	return SC_CALL(inc)(x);
}
