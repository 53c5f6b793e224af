/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * N calls of one kind, to count the instructions that a call takes, as count.c does, but of keys
 * that may change. The first argument is the kind:
 *
 *   own, other  the key holds a function of the unit of the call, or of another; both read a global
 *   null, ret0  the key holds NULL, or __static_call_return0
 *   loop        no call
 *
 * The same source is the objects: main (-DMAIN), the calls (-DCALLS), the keys (-DKEYS), which may
 * be in one object with the calls, and the targets: -DTARGET=t_own and -DTARGET=t_other. With
 * -DPOINTER the calls are calls through the pointer in the key.
 */
#include <stdio.h>
#include <stdlib.h>

#include "static_call.h"

long t_own(long x);
long t_other(long x);
long count(const char *kind, long n);

#ifdef TARGET
static long step = 1;
static long *volatile keep_step = &step;	/* step may change */

long TARGET(long x)
{
	return x + step;
}
#endif

#ifdef KEYS
DEFINE_STATIC_CALL_NULL(own, t_own);
DEFINE_STATIC_CALL_NULL(other, t_own);
DEFINE_STATIC_CALL_NULL(null, t_own);
DEFINE_STATIC_CALL_RET0(ret0, t_own);
#else
DECLARE_STATIC_CALL(own, t_own);
DECLARE_STATIC_CALL(other, t_own);
DECLARE_STATIC_CALL(null, t_own);
DECLARE_STATIC_CALL(ret0, t_own);
#endif

#ifdef CALLS

#ifdef POINTER
#define CALL(name) static_call_query(name)
#else
#define CALL(name) static_call(name)
#endif

#define KEEP(x, i) __asm__ volatile("" : "+r"(x), "+r"(i) : : "ctr")
#define LOOP(name, call)						\
	__attribute__((noinline)) static long name(long x, long n)	\
	{								\
		for (long i = 0; i < n; i++) {				\
			call;						\
			KEEP(x, i);					\
		}							\
		return x;						\
	}

LOOP(loop, )
LOOP(call_own, x = CALL(own)(x))
LOOP(call_other, x = CALL(other)(x))
LOOP(call_ret0, x += CALL(ret0)(x))
#ifdef POINTER
LOOP(call_null, { long (*f)(long) = CALL(null); if (f) f(x); })
#else
LOOP(call_null, static_call_cond(null)(x))
#endif

long count(const char *kind, long n)
{
	static_call_update(own, t_own);
	static_call_update(other, t_other);
	switch (kind[1]) {
	case 'w': return call_own(0, n);
	case 't': return call_other(0, n);
	case 'u': return call_null(n, n);
	case 'e': return call_ret0(n, n);
	case 'o': return loop(n, n);
	}
	return 0;
}

#endif

#ifdef MAIN
int main(int argc, char **argv)
{
	long n = argc == 3 ? atol(argv[2]) : -1, r = count(argv[1], n);

	printf("%ld\n", r);
	return r != n;
}
#endif
