/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of keys that may change, to count what a call executes. There are two of each kind: one in a
 * loop, from which the compiler may move what does not change, and one in a function of its own
 * that makes no other call.
 *
 *   own, other  the key holds a function of the unit of the call, or of another; both read a global
 *   never       the same as other, and the key may not become NULL
 *   null, ret0  the key holds NULL, or __static_call_return0
 *   none        no call
 *
 * An instruction that does nothing marks where the count begins and ends.
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
int count(void);

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
DEFINE_STATIC_CALL(never, t_own);
DEFINE_STATIC_CALL_NULL(null, t_own);
DEFINE_STATIC_CALL_RET0(ret0, t_own);
#else
DECLARE_STATIC_CALL(own, t_own);
DECLARE_STATIC_CALL(other, t_own);
DECLARE_STATIC_CALL(never, t_own);
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

/* r is for what follows the call, so that it is no tail call. */
#define ONE(name, call)							\
	__attribute__((noinline)) static long one_##name(long x)	\
	{								\
		long r = x;						\
		call;							\
		__asm__ volatile("" : "+r"(r));				\
		return r;						\
	}								\
	LOOP(ones_##name, x = one_##name(x))

/* For the compiler this is a call; the loop without one would have another shape. */
#define NONE __asm__ volatile("" : : : "lr", "ctr", "r0", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "memory")

LOOP(loop_none, NONE)
LOOP(loop_own, x = CALL(own)(x))
LOOP(loop_other, x = CALL(other)(x))
LOOP(loop_never, x = CALL(never)(x))
LOOP(loop_ret0, x += CALL(ret0)(x))
ONE(none, )
ONE(own, r = CALL(own)(x))
ONE(other, r = CALL(other)(x))
ONE(never, r = CALL(never)(x))
ONE(ret0, r = CALL(ret0)(x) + 1)
#ifdef POINTER
LOOP(loop_null, { long (*f)(long) = CALL(null); if (f) f(x); })
ONE(null, { long (*f)(long) = CALL(null); if (f) f(x); r = 1; })
#else
LOOP(loop_null, static_call_cond(null)(x))
ONE(null, { static_call_cond(null)(x); r = 1; })
#endif

static volatile long times;	/* no function is made for a number of its own */

#define MARK() __asm__ volatile("ori 29,29,0" : : : "memory")
#define MEASURE(f, x, want)						\
	do {								\
		for (times = 10; times <= 20; times += 10) {		\
			long n = times;					\
			MARK();						\
			long r = f(x, n);				\
			MARK();						\
			wrong |= r != (want);				\
		}							\
	} while (0)

int count(void)
{
	int wrong = 0;

	static_call_update(own, t_own);
	static_call_update(other, t_other);
	static_call_update(never, t_other);
	MEASURE(loop_none, 7, 7);
	MEASURE(loop_own, 0, n);
	MEASURE(loop_other, 0, n);
	MEASURE(loop_never, 0, n);
	MEASURE(loop_null, 7, 7);
	MEASURE(loop_ret0, 7, 7);
	MEASURE(ones_none, 7, 7);
	MEASURE(ones_own, 0, n);
	MEASURE(ones_other, 0, n);
	MEASURE(ones_never, 0, n);
	MEASURE(ones_null, 1, 1);
	MEASURE(ones_ret0, 1, 1);
	return wrong;
}

#endif

#ifdef MAIN
int main(void)
{
	return count();
}
#endif
