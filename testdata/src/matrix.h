/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The matrix: a caller, its keys, and their targets, each in the object of the caller, in another
 * object, or in another link unit. How they are linked chooses; -DKEYS_HERE, -DTARGETS_HERE and
 * -DCALLER_HERE put what has to be in one object into one. What the program prints is the same.
 *
 *   matrix_main.c    t_, the targets           matrix_targets.c ─┐
 *   rounds, a_   ──► c_, the caller, and c_    matrix_caller.c  ─┼─► matrix_family.h
 *                    k_, the keys              matrix_keys.c     └─ one family of targets
 *
 * Three families of targets, the caller's own (c_), main's (a_) and those in a place of their own
 * (t_), take turns: every key goes from unit to unit.
 */
#ifndef MATRIX_H
#define MATRIX_H

#include <setjmp.h>
#include <stdarg.h>

#include "../../include/static_call.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pair {
	long a, b;
};

struct floats {			/* four floating-point registers */
	float v[4];
};

struct wide {			/* memory */
	long v[9];
	double d;
};

typedef long callback(long x);

#define FAMILY(family) \
	long family##_step(long x); \
	void family##_note(long x); \
	long family##_twelve(long a, long b, long c, long d, long e, long f, \
			long g, long h, long i, long j, long k, long l); \
	long family##_sum(int n, ...); \
	double family##_real(double x, float y, struct floats z, int n); \
	struct pair family##_swap(struct pair p); \
	struct wide family##_scale(struct wide w, long k); \
	long family##_back(callback *cb, long x); \
	void family##_jump(jmp_buf *env, int x); \
	long family##_calls(void)

FAMILY(t);
FAMILY(a);
FAMILY(c);

DECLARE_STATIC_CALL(step, t_step);
DECLARE_STATIC_CALL(fixed, t_step);	/* never changes */
DECLARE_STATIC_CALL(zero, t_step);	/* begins as __static_call_return0 */
DECLARE_STATIC_CALL(hook, t_note);	/* begins as NULL */
DECLARE_STATIC_CALL(twelve, t_twelve);
DECLARE_STATIC_CALL(sum, t_sum);
DECLARE_STATIC_CALL(real, t_real);
DECLARE_STATIC_CALL(swap, t_swap);
DECLARE_STATIC_CALL(scale, t_scale);
DECLARE_STATIC_CALL(back, t_back);
DECLARE_STATIC_CALL(jump, t_jump);

void k_set(int round);			/* 0: as in the beginning, 1: a_, 2: c_, 3: t_ and no zero, no NULL */
int k_null(void);

#define MATRIX_CALLS(X)							\
	X(plain) X(twelve) X(sum) X(real) X(structs) X(recurse) X(alloca)	\
	X(jump) X(onepath) X(shrink) X(tail) X(several) X(loop) X(saved) X(select)

#define X(name) long c_call_##name(long x);
MATRIX_CALLS(X)
#undef X

#ifdef __cplusplus
}
#endif

#endif
