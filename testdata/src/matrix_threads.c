/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three threads call while a fourth changes the keys. Whatever target a call meets, its result is one
 * of three, and this unit's data must be found after it.
 */
#include <pthread.h>

#define STATIC_CALL_RUNTIME
#include "matrix.h"

enum { THREADS = 3, CALLS = 20000, UPDATES = 150 };

DEFINE_STATIC_CALL(step, t_step);
DEFINE_STATIC_CALL_NULL(hook, t_note);

static long own = 1 << 20;
static int running = THREADS;

static __attribute__((noinline)) long own_step(long x)
{
	return x + (own >> 10);
}

static long outer_step(long x)
{
	return t_step(x) + 1;
}

static void own_note(long x)
{
	(void)x;
	__atomic_fetch_add(&own, 0, __ATOMIC_RELAXED);
}

/* 0 if all is well. Calls through a pointer too, so that r2 is saved on one path. */
static __attribute__((noinline)) long one(long x, long (*volatile *also)(long))
{
	long r;

	if (x & 1)
		x = (*also)(x) - (own >> 10);
	r = static_call(step)(x) - x;
	static_call_cond(hook)(0);
	r += own;
	return r != own + 100 && r != own + 101 && r != own + (1 << 10);
}

static void *caller(void *arg)
{
	long (*volatile also)(long) = own_step;
	long wrong = 0;

	for (long i = 0; i < CALLS; i++)
		wrong += one(i, &also);
	*(long *)arg = wrong;
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELAXED);
	return 0;
}

int main(void)
{
	static long (*const steps[])(long) = { own_step, t_step, outer_step };
	pthread_t threads[THREADS];
	long wrong[THREADS], all = 0;
	int updates;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], 0, caller, &wrong[i]))
			return 1;
	for (updates = 0; updates < UPDATES || __atomic_load_n(&running, __ATOMIC_RELAXED); updates++) {
		static_call_update(step, steps[updates % 3]);
		static_call_update(hook, updates % 4 == 0 ? 0 : updates % 4 == 1 ? t_note : own_note);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], 0);
		all += wrong[i];
	}
	printf("%d calls, %ld wrong; enough updates: %d\n", THREADS * CALLS, all, updates >= UPDATES);
	return 0;
}
