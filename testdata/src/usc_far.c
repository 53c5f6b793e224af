/* SPDX-License-Identifier: BSD-3-Clause */
/* A call and its stub, with 36 MB between them if the linker puts the stubs ahead of other code. */
#ifdef FILL
__asm__(".text\n.space 0x2400000\n");
#else
#ifdef MAIN
#define STATIC_CALL_RUNTIME
#endif
#include "static_call.h"

int far_call(int x);
int far_loop(int x);
int slow(int x);
DECLARE_STATIC_CALL(op, slow);

#ifdef MAIN

__attribute__((noinline)) int slow(int x)
{
	return x + 1;
}

static int fast(int x)
{
	return x + 1000;
}

DEFINE_STATIC_CALL(op, slow);

int main(void)
{
	printf("%d ", far_call(1));
	static_call_update(op, fast);
	printf("%d ", far_call(1));
	static_call_update(op, abs);
	printf("%d, %d\n", far_call(-5), far_loop(-1));
	return 0;
}

#else

static volatile int zero;

__attribute__((noinline)) int far_call(int x)
{
	static_call_save_toc();
	return static_call(op)(x) + zero;
}

/* The first call's stub saves. */
__attribute__((noinline)) int far_loop(int x)
{
	int sum = zero;

	for (int i = 0; i < 3; i++)
		sum += static_call(op)(x);
	return sum;
}

#endif
#endif
