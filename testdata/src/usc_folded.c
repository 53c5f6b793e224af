/* SPDX-License-Identifier: BSD-3-Clause */
/* Callers that differ in their key alone. */
#define STATIC_CALL_RUNTIME
#include "static_call.h"

int slow(int x);
int call_a(int x);
int call_b(int x);
int zero_a(int x);
int zero_b(int x);
int same_a(int x);

__attribute__((noinline)) int slow(int x)
{
	return x + 1;
}

static int fast(int x)
{
	return x + 1000;
}

DEFINE_STATIC_CALL(a, slow);
DEFINE_STATIC_CALL(b, slow);
DEFINE_STATIC_CALL_RET0(za, slow);
DEFINE_STATIC_CALL_RET0(zb, slow);

#define CALLER(name, key)					\
	__attribute__((noinline)) int name(int x)		\
	{							\
		static_call_save_toc();				\
		return static_call(key)(x) + 0;			\
	}

CALLER(call_a, a)
CALLER(call_b, b)
CALLER(zero_a, za)
CALLER(zero_b, zb)
CALLER(same_a, a)

static void show(void)
{
	printf("%d %d %d %d %d\n", call_a(1), call_b(1), zero_a(1), zero_b(1), same_a(1));
}

int main(void)
{
	show();
	static_call_update(a, fast);
	static_call_update(za, fast);
	show();
	static_call_update(b, abs);
	static_call_update(zb, abs);
	printf("%d %d %d %d %d\n", call_a(1), call_b(-5), zero_a(1), zero_b(-5), same_a(1));
	printf("folded: %d %d\n", call_a == call_b, zero_a == zero_b);
	return 0;
}
