/* SPDX-License-Identifier: BSD-3-Clause */
/* A program whose calls are patched by hand, for the run time of include/static_call.h. */
#ifndef USC_RT_H
#define USC_RT_H

#include "static_call.h"

/* Each adds a number of its own, which it reads by way of its unit's TOC. */
long rt_local(long x);		/* in the program: two entries */
long rt_single(long x);		/* ... one entry, no TOC */
long rt_large(long x);		/* ... compiled for large code */
long rt_a(long x);		/* in shared libraries */
long rt_b(long x);
long rt_one(long x);		/* ... with one entry */

#define RT_LOCAL 1000
#define RT_SINGLE 3
#define RT_LARGE 2000
#define RT_A 3000
#define RT_B 4000
#define RT_ONE 4
#define RT_PLUGIN 5000

DECLARE_STATIC_CALL(rt_op, rt_local);
DECLARE_STATIC_CALL(rt_hook, rt_local);
DECLARE_STATIC_CALL(rt_zero, rt_local);

#endif
