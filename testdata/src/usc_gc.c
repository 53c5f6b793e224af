/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program whose linker collects what nobody uses: one function with a call that the run time
 * rewrites is used, another is not. Prints what the calls yield before and after an update. With
 * -DSTATIC_CALL_SAVE_TOC=0 the calls go through stubs instead.
 */
#define STATIC_CALL_RUNTIME
#ifndef STATIC_CALL_SAVE_TOC
#define STATIC_CALL_SAVE_TOC 1
#endif
#include <static_call.h>

static int slow(int x)
{
	return x + 1;
}

static int fast(int x)
{
	return x + 1000;
}

DEFINE_STATIC_CALL(op, slow);
DEFINE_STATIC_CALL(other, slow);

__attribute__((noinline)) int gc_used(int x);
__attribute__((noinline)) int gc_unused(int x);

int gc_used(int x)
{
	return static_call(op)(x) + 0;
}

int gc_unused(int x)
{
	return static_call(other)(x) + 0;
}

int main(void)
{
	printf("%d\n", gc_used(1));
	static_call_update(op, fast);
	printf("%d\n", gc_used(1));
	return 0;
}
