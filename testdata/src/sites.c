/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kernel-style calls. With SC_TARGETS_HERE the global targets are in this object, else they
 * come from another object or from a shared library.
 */
#include "sc.h"
#include "sites.h"
#include "targets.h"

#ifdef SC_TARGETS_HERE
#include "targets.c"
#endif

/* Read after the calls: a wrong r2 would show. */
long s_seen;
static long s_base;
static int s_hist[4];

void s_init(long x)
{
	s_base = x;
	s_seen = 0;
}

long s_state(void)
{
	return s_seen;
}

/* Static targets: their keys hold a section symbol plus addend. */
static SC_NOINLINE int local_first(int x)
{
	s_hist[0]++;
	return x + (int)s_base;
}

static SC_NOINLINE int local_second(int x)
{
	s_hist[1]++;
	return x * 2 - (int)s_base;
}

SC_DEFINE(add, t_add);
SC_DEFINE(inc, t_inc);
SC_DEFINE(note, t_note);
SC_DEFINE(first, local_first);
SC_DEFINE(second, local_second);
SC_DEFINE_NULL(hook, t_note);
SC_DEFINE_NULL(hook2, t_note);
SC_DEFINE_RET0(zero, t_inc);
SC_DEFINE_RET0(zerol, t_nothing);
SC_DEFINE_UNIT(unit_first, local_first);
SC_DEFINE_UNIT_NULL(unit_hook, t_note);
SC_DEFINE(unused, t_dec);	/* a key without a site */

int s_add(int a, int b)
{
	int r = SC_CALL(add)(a, b);

	s_seen += r;
	return r;
}

int s_two(int x)
{
	int r = SC_CALL(inc)(x);

	return r * 10 + SC_CALL(inc)(r + (int)s_base);
}

int s_mixed(int x)
{
	int r = SC_CALL(inc)(x);

	SC_CALL(note)(r);
	SC_CALL(hook)(r);
	r += SC_CALL(zero)(r);
	s_seen++;
	return r + SC_CALL(add)(r, 1);
}

void s_note(int x)
{
	SC_CALL(note)(x);
	s_seen += s_base;
}

void s_loop(int n)
{
	for (int i = 0; i < n; i++)
		SC_CALL(note)(i + s_hist[i & 3] * 0);
	s_seen += n;
}

int s_static(int x)
{
	int r = SC_CALL(first)(x);

	return r + s_hist[0];
}

int s_static_second(int x)
{
	int r = SC_CALL(second)(x);

	return r + SC_CALL(unit_first)(x) * s_hist[1];
}

int s_tail(int x)
{
	return SC_CALL(inc)(x);
}

void s_tail_void(int x)
{
	SC_CALL(note)(x);
}

int s_tail_cond(int x)
{
	if (x & 1)
		return SC_CALL(inc)(x);
	return SC_CALL(first)(x);
}

int s_null(int x)
{
	SC_CALL(hook)(x);
	SC_CALL(unit_hook)(x);
	s_seen++;
	return x + (int)s_base;
}

int s_null_cond(int x, int really)
{
	if (really)
		SC_CALL(hook)(x);
	else
		s_seen += 2;
	SC_CALL(hook2)(x);
	return x;
}

void s_null_tail(int x)
{
	SC_CALL(hook)(x);
}

long s_ret0(long x)
{
	long r = SC_CALL(zero)((int)x);

	return r + SC_CALL(zerol)() + s_base;
}

long s_ret0_cond(long x)
{
	if (SC_CALL(zero)((int)x))
		return -1;
	return x;
}

int s_ret0_tail(int x)
{
	return SC_CALL(zero)(x);
}

int s_alloca(int n)
{
	int *v = __builtin_alloca(n * sizeof(*v));

	int sum = 0;

	for (int i = 0; i < n; i++)
		v[i] = SC_CALL(inc)(i);
	for (int i = 0; i < n; i++)
		sum += v[n - 1 - i] * i;
	return sum + (int)s_base;
}

/* The call through a pointer makes the compiler save r2 at 24(r1). */
int s_after_pointer(int (*f)(int), int x)
{
	int r = f(x);

	r += SC_CALL(inc)(r);
	return r + f(r) + (int)s_base;
}

int s_switch(int x)
{
	int r = 0;

	switch (x) {
	case 0: r = SC_CALL(inc)(x); break;
	case 1: r = SC_CALL(add)(x, 5); break;
	case 2: SC_CALL(note)(x); s_seen++; break;
	case 3: r = SC_CALL(first)(x) + 1; break;
	case 4: r = SC_CALL(second)(x) + 2; break;
	case 5: SC_CALL(hook)(x); break;
	case 6: r = SC_CALL(zero)(x); break;
	default: r = -1;
	}
	return r + (int)s_base;
}

int s_nested(int x)
{
	return SC_CALL(add)(SC_CALL(inc)(x), SC_CALL(first)(SC_CALL(inc)(x + 1)));
}

int s_arg_order(int x)
{
	int a = SC_CALL(inc)(x), b = SC_CALL(inc)(a);

	return SC_CALL(add)(b, a) - SC_CALL(add)(a, x);
}

int s_cond_expr(int x)
{
	return x > 3 ? SC_CALL(inc)(x) + 1 : SC_CALL(add)(x, x) + 2;
}

int s_globals(int x)
{
	long before = s_seen;
	int r = SC_CALL(inc)(x);

	s_seen = before + r;
	s_hist[2] = r;
	return (int)(s_seen - before) + s_hist[2] + (int)t_bias;
}

SC_SECTION(".init.text") int s_init_text(int x)
{
	SC_CALL(hook)(x);
	return SC_CALL(inc)(x) + (int)s_base;
}

__attribute__((cold, noinline)) int s_cold(int x)
{
	SC_CALL(note)(x);
	return SC_CALL(add)(x, 2) + (int)s_base;
}

SC_SECTION(".sched.text") int s_sched(int x)
{
	return SC_CALL(first)(x) + SC_CALL(zero)(x) + (int)s_base;
}

int s_unlikely(int x)
{
	if (__builtin_expect(x < 0, 0)) {
		SC_CALL(note)(-x);
		return s_cold(x) + SC_CALL(inc)(x);
	}
	return SC_CALL(inc)(x) + (int)s_base;
}
