/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of include/static_call.h, C or C++: calls, keys and targets each in a file of its own. */
#ifndef USC_H
#define USC_H

#include "static_call.h"

#ifdef __cplusplus
extern "C" {
#endif

struct usc_wide {
	long v[6];
};

/* usc_targets.c. Each reads data of its own unit. */
long usc_far(long x);
long usc_farther(long x);
void usc_note(long x);
long usc_noted(void);
double usc_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j,
		double x, double y);
struct usc_wide usc_wide(struct usc_wide w, long k);

/* usc_keys.c */
void usc_set(int which);

/* usc_calls.c. Those return nothing if what they read after the call is not their own. */
long usc_call(long x);
double usc_call_many(long x);
long usc_call_wide(long x);
long usc_call_pointer(long x);
long usc_call_twice(long x);
long usc_recurse(long n);
long usc_shrink(long x);
long usc_call_here(long x);
void usc_set_here(int which);
int usc_query(void);

#ifdef __cplusplus
}
#endif

DECLARE_STATIC_CALL(usc_op, usc_far);
DECLARE_STATIC_CALL(usc_hook, usc_note);
DECLARE_STATIC_CALL(usc_zero, usc_far);
DECLARE_STATIC_CALL(usc_floats, usc_many);
DECLARE_STATIC_CALL(usc_struct, usc_wide);

/* In several objects: in C++ a group, of which the linker keeps one. */
#ifdef __cplusplus
inline
#else
static inline
#endif
long usc_twice(long x)
{
	return static_call(usc_op)(static_call(usc_op)(x));
}

#endif
