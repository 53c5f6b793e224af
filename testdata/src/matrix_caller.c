/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The calls. Every function uses this unit's data after its last call, so that an r2 which was not
 * restored shows.
 */
#include "matrix.h"

#ifdef KEYS_HERE
#include "matrix_keys.c"
#endif
#ifdef TARGETS_HERE
#include "matrix_targets.c"
#endif

#define F(name) c_##name
#define BIAS 3000
#include "matrix_family.h"

static long own = 5, seen;
static callback *volatile pointer = c_step;	/* nothing is known of what it points to */

static long done(long r)
{
	seen += r;
	return r + own;
}

long c_call_plain(long x)
{
	return done(static_call(step)(x));
}

long c_call_twelve(long x)
{
	return done(static_call(twelve)(x, x + 1, 2, 3, 4, 5, 6, 7, 8, 9, x, own));
}

long c_call_sum(long x)
{
	return done(static_call(sum)(7, x, 1.0, x + 1, 2.0, 3L, 3.5, 4L, 4.5, 5L, 5.0, 6L, 6.0, own, 7.0));
}

long c_call_real(long x)
{
	struct floats z = { { 1, 2, (float)x, 4 } };

	return done((long)(static_call(real)((double)x, 1.5f, z, 3) * 4));
}

long c_call_structs(long x)
{
	struct pair p = { x, own };
	struct wide w = { { x, 1, 2, 3, 4, 5, 6, 7, 8 }, 0.5 };
	long s = 0;

	p = static_call(swap)(p);
	w = static_call(scale)(w, p.a);
	for (int i = 0; i < 9; i++)
		s += w.v[i] * (i + 1);
	return done(s + p.b + (long)(w.d * 2));
}

/* Down and up again through the target, by a call back from its unit. */
long c_call_recurse(long x)
{
	if (x <= 0)
		return done(static_call(step)(x));
	return static_call(back)(c_call_recurse, x) + own;
}

/* r1 moves before the call, between calls, and while an argument is made. */
long c_call_alloca(long x)
{
	long *v = __builtin_alloca((x + 1) * sizeof(*v)), s = 0;

	for (long i = 0; i <= x; i++) {
		char *more = __builtin_alloca(16 * i + 8);

		more[0] = (char)i;
		v[i] = static_call(step)(i + more[0]);
	}
	pointer(x);
	for (long i = x; i >= 0; i--)
		s = s * 3 + v[i] + static_call(fixed)(i);
	return done(s);
}

long c_call_jump(long x)
{
	jmp_buf env;
	volatile long before = x;
	int code = setjmp(env);

	if (!code)
		static_call(jump)(&env, (int)x);
	return done(static_call(step)(code) + before);
}

/* gcc and clang save r2 for the call through the pointer, on that path. */
long c_call_onepath(long x)
{
	long r = x;

	if (x & 1)
		r += pointer(x) * own;
	r += static_call(step)(r);
	if (x & 2)
		r -= pointer(r);
	return done(r + static_call(fixed)(r));
}

/* No frame on the short path. */
long c_call_shrink(long x)
{
	if (__builtin_expect(x < own, 1))
		return x;
	for (long i = 0; i < x; i += 3)
		seen += static_call(step)(i) + static_call(zero)(i);
	return seen & 0xfff;
}

/* Looks like a leaf. */
long c_call_tail(long x)
{
	return static_call(step)(x + 1);
}

long c_call_several(long x)
{
	long r = static_call(step)(x);

	static_call_cond(hook)(r);
	r = r * 2 + static_call(zero)(r);
	static_call_cond(hook)(r);
	r += static_call(fixed)(r) - static_call(step)(static_call(fixed)(x));
	return done(r + static_call(zero)(1));
}

long c_call_loop(long x)
{
	long r = 0;

	for (long i = 0; i < x * 3; i++) {
		static_call_cond(hook)(i);
		r = (r * 5 + static_call(step)(i)) & 0xffff;
		if (i & 1)
			r += pointer(r);
	}
	return done(r);
}

/* Annotated: r2 is saved here, for all three. */
long c_call_saved(long x)
{
	long r;

	static_call_save_toc();
	r = static_call(step)(x);
	static_call_cond(hook)(r);
	return done(r + static_call(step)(r));
}

long c_call_select(long x)
{
	long r;

	switch (x) {
	case 0: r = static_call(step)(x); break;
	case 1: r = static_call(fixed)(x) + 1; break;
	case 2: static_call_cond(hook)(x); r = 2; break;
	case 3: r = static_call(zero)(x) + 3; break;
	case 4: r = pointer(x); break;
	case 5: r = static_call(step)(x) + pointer(x); break;
	default: return static_call(fixed)(x);
	}
	return done(r);
}
