/* SPDX-License-Identifier: BSD-3-Clause */
/* One site, for objects whose kind is what matters. */
#include "../sc.h"

static int base = 3;

__attribute__((noinline)) int target(int x)
{
	return x + base;
}

SC_DEFINE(x, target);
SC_DEFINE_NULL(n, target);

int caller(int x)
{
	int r = SC_CALL(x)(x);

	SC_CALL(n)(r);
	base++;
	return r + base;
}
