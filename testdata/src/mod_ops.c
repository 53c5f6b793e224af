/* SPDX-License-Identifier: BSD-3-Clause */
#include "sc.h"

int mod_op(int x);
void mod_hook(int x);
extern int mod_state;

SC_DEFINE(mod_op, mod_op);
SC_DEFINE_NULL(mod_hook, mod_hook);

int mod_op(int x)
{
	return x * mod_state;
}

void mod_hook(int x)
{
	mod_state += x;
}

int mod_twice(int x)
{
	int r = SC_CALL(mod_op)(x);

	return r + SC_CALL(mod_op)(r) + mod_state;
}
