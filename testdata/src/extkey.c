/* SPDX-License-Identifier: BSD-3-Clause */
/* Callers of keys that this object does not define: their targets are unknown here. */
#include "keys.h"

int e_base = 5;

int e_op(int x)
{
	int r = SC_CALL(far_op)(x);

	return r + e_base;
}

int e_tail(int x)
{
	return SC_CALL(far_op)(x + e_base);
}

int e_hook(int x)
{
	SC_CALL(far_hook)(x);
	return x + e_base;
}

int e_zero(int x)
{
	return SC_CALL(far_zero)(x) + e_base;
}

int e_all(int x)
{
	int r = 0;

	for (int i = 0; i < x; i++) {
		SC_CALL(far_hook)(i);
		r += SC_CALL(far_op)(i) + SC_CALL(far_zero)(i);
	}
	return r + e_base;
}
