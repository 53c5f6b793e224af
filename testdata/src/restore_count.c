/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * N calls of one kind, to count the instructions that a call takes, as count.c does, but of keys
 * that may change. The first argument is the kind:
 *
 *   own, lib    the key holds a function of the program, or of the library; both read a global
 *   null, ret0  the key holds NULL, or __static_call_return0
 *   loop        no call
 *
 * The same source is three objects: the calls (-DCALLS), the keys (-DKEYS), which may be in one
 * object with the calls, in another one, or in the library, and the targets: -DTARGET=t_own for the
 * program, t_lib for the library. With -DPOINTER the calls are calls through the pointer in the key.
 */
#include <stdio.h>
#include <stdlib.h>

#include "static_call.h"

long t_own(long x);
long t_lib(long x);

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
DEFINE_STATIC_CALL_NULL(lib, t_own);
DEFINE_STATIC_CALL_NULL(null, t_own);
DEFINE_STATIC_CALL_RET0(ret0, t_own);
#else
DECLARE_STATIC_CALL(own, t_own);
DECLARE_STATIC_CALL(lib, t_own);
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
LOOP(call_lib, x = CALL(lib)(x))
LOOP(call_ret0, x += CALL(ret0)(x))
#ifdef POINTER
LOOP(call_null, { long (*f)(long) = CALL(null); if (f) f(x); })
#else
LOOP(call_null, static_call_cond(null)(x))
#endif

int main(int argc, char **argv)
{
	long n = atol(argv[2]), r = 0;

	static_call_update(own, t_own);
	static_call_update(lib, t_lib);
	switch (argv[1][0] + argv[1][1]) {
	case 'o' + 'w': r = call_own(0, n); break;
	case 'l' + 'i': r = call_lib(0, n); break;
	case 'n' + 'u': r = call_null(n, n); break;
	case 'r' + 'e': r = call_ret0(n, n); break;
	case 'l' + 'o': r = loop(n, n); break;
	}
	printf("%ld\n", r);
	return r != n;
}

#endif
