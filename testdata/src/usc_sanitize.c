/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What usc_calls.c calls with -fsanitize=kernel-address (outline, as in KASAN) and -fsanitize=thread,
 * without the memory that the real run times need. A program that never calls any of it fails.
 */
#include <stdlib.h>

static volatile unsigned long seen;

#define NOTE(name)			\
	void name(void *, long);	\
	void name(void *p, long n)	\
	{				\
		(void)p, (void)n;	\
		seen++;			\
	}

NOTE(__asan_load1_noabort)
NOTE(__asan_load2_noabort)
NOTE(__asan_load4_noabort)
NOTE(__asan_load8_noabort)
NOTE(__asan_load16_noabort)
NOTE(__asan_loadN_noabort)
NOTE(__asan_store1_noabort)
NOTE(__asan_store2_noabort)
NOTE(__asan_store4_noabort)
NOTE(__asan_store8_noabort)
NOTE(__asan_store16_noabort)
NOTE(__asan_storeN_noabort)
NOTE(__asan_handle_no_return)
NOTE(__tsan_init)
NOTE(__tsan_func_entry)
NOTE(__tsan_func_exit)
NOTE(__tsan_read8)
NOTE(__tsan_write8)
NOTE(__tsan_read16)
NOTE(__tsan_write16)
NOTE(__tsan_read_range)
NOTE(__tsan_write_range)
NOTE(__tsan_volatile_read8)
NOTE(__tsan_volatile_write8)
NOTE(__tsan_atomic_thread_fence)

long __tsan_atomic64_load(const long *p, int order);
long __tsan_atomic64_load(const long *p, int order)
{
	(void)order;
	seen++;
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

void __tsan_atomic64_store(long *p, long v, int order);
void __tsan_atomic64_store(long *p, long v, int order)
{
	(void)order;
	seen++;
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

static __attribute__((destructor)) void any(void)
{
	if (!seen)
		abort();
}
