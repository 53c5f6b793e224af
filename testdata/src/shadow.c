/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program of shadow.S, and with -DLIBRARY the library that its targets are in. Every thread
 * has a stack of return addresses of its own.
 */
typedef long op(long, long, long, long, long, long, long, long, long, long, long, long);

#ifdef LIBRARY

static long bias = 1000;
void shadow_bias(long b) { bias = b; }

/* Reads a global of this unit, and calls back into the other one. */
long shadow_target(long n, long call_back, long c, long d, long e, long f, long g, long h,
		   long i, long j, long k, long l)
{
	long sum = bias + n + c + d + e + f + g + h + i * 2 + j * 3 + k * 5 + l * 7;

	if (n > 0)
		sum += ((op *)call_back)(n - 1, call_back, c, d, e, f, g, h, i, j, k, l);
	return sum + bias;
}

#else

#include <pthread.h>
#include <stdio.h>

__thread void *sh_stack;

op sh_op, sh_framed, sh_noslot;
long sh_null(long);
void shadow_bias(long);

static long base = 7;
static int wrong;

#define R2() ({ long r2; __asm__ volatile("mr %0,2" : "=r"(r2)); r2; })

/* Called back by the target, and calls it again: the stacks are as deep as the recursion. */
__attribute__((noinline)) long again(long n, long call_back, long c, long d, long e, long f,
				     long g, long h, long i, long j, long k, long l)
{
	long r2 = R2();
	long sum = (n & 1 ? sh_framed : sh_op)(n, call_back, c, d, e, f, g, h, i, j, k, l) + base;

	if (R2() != r2)
		__atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
	return sum;
}

static void *work(void *arg)
{
	void *stack[256];
	long sum = 0, r2 = R2();

	sh_stack = stack;
	for (int n = 0; n < 50; n++) {
		sum += sh_op(n % 5, (long)again, 1, 2, 3, 4, 5, 6, 7, 8, 9, (long)arg);
		sum += sh_framed(n % 3, (long)again, 1, 2, 3, 4, 5, 6, 7, 8, 9, (long)arg);
		sum += sh_noslot(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, (long)arg);
		sum += sh_null(n) + base;
	}
	if (R2() != r2 || sh_stack != stack)
		__atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
	return (void *)sum;
}

int main(void)
{
	pthread_t t[3];
	void *sum;

	shadow_bias(100);
	for (long i = 0; i < 3; i++)
		pthread_create(&t[i], 0, work, (void *)i);
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &sum);
		printf("thread %d: %ld\n", i, (long)sum);
	}
	printf("r2 %s, the stacks of return addresses are %s\n", wrong ? "lost" : "kept", wrong ? "not as before" : "empty");
	return 0;
}

#endif
