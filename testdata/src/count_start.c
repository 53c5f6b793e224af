/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that makes none of its static calls, of ten keys: what the run time does with them when
 * the program starts. With PART a thousand calls, to be linked as often as one likes; without it the
 * keys and main.
 */
#ifndef PART
#define STATIC_CALL_RUNTIME
#endif
#define STATIC_CALL_SAVE_TOC 1
#include "static_call.h"

/* Macros do not expand in themselves. */
#define TEN(m, n) m(n##0, 0) m(n##1, 1) m(n##2, 2) m(n##3, 3) m(n##4, 4) m(n##5, 5) m(n##6, 6) m(n##7, 7) m(n##8, 8) m(n##9, 9)
#define TEN1(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7) m(n##8) m(n##9)
#define TEN2(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7) m(n##8) m(n##9)

int start_target(int x);

#ifdef PART

#define DECLARE(n, key) DECLARE_STATIC_CALL(start##key, start_target);
TEN(DECLARE, )

#define CALLER(n, key)						\
	__attribute__((used)) static int caller_##n(int x)	\
	{							\
		return static_call(start##key)(x) + 1;		\
	}
#define TENS(n) TEN(CALLER, n)
#define HUNDREDS(n) TEN1(TENS, n)

TEN2(HUNDREDS, x)

#else

#include <unistd.h>

int start_target(int x)
{
	return x;
}

#define DEFINE(n, key) DEFINE_STATIC_CALL(start##key, start_target);
TEN(DEFINE, )

int main(void)
{
	_exit(static_call_patching());
	return 0;
}

#endif
