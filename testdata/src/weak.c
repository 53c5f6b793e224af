/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A target that is weak and, with nothing else linked, undefined: its key is NULL then. And
 * one that is weak and defined here, which a strong definition elsewhere may replace.
 */
#include "sc.h"

void w_absent(int x) __attribute__((weak));
__attribute__((weak, noinline)) int w_present(int x)
{
	return x + 1;
}

SC_DEFINE_WEAK(w_absent, w_absent);
SC_DEFINE(w_present, w_present);

int w_base = 40;

int w_call(int x)
{
	SC_CALL(w_absent)(x);
	return x + w_base;
}

int w_call_present(int x)
{
	return SC_CALL(w_present)(x) + w_base;
}
