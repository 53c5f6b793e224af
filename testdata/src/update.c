/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys that change while the program runs: sites have to follow, and with nobody to patch them
 * again they can do so only through their trampolines. u_fixed's key is in no way written.
 */
#include "sc.h"
#include "targets.h"

static int scale = 2;

static SC_NOINLINE int u_double(int x)
{
	return x * scale;
}

SC_DEFINE(u_op, t_inc);
SC_DEFINE_NULL(u_hook, t_note);
SC_DEFINE_RET0(u_zero, t_inc);
SC_DEFINE(u_fixed, t_add);

int u_call(int x)
{
	int r = SC_CALL(u_op)(x);

	SC_CALL(u_hook)(x);
	r = r * 1000 + SC_CALL(u_zero)(x);
	return r * scale;
}

int u_call_fixed(int x)
{
	return SC_CALL(u_fixed)(x, 1) + scale;
}

void u_set(int which)
{
	switch (which) {
	case 0:
		SC_UPDATE(u_op, t_inc);
		SC_UPDATE(u_hook, 0);
		SC_UPDATE(u_zero, __static_call_return0);
		break;
	case 1:
		SC_UPDATE(u_op, u_double);
		SC_UPDATE(u_hook, t_note);
		SC_UPDATE(u_zero, t_inc);
		break;
	case 2:
		SC_UPDATE(u_op, t_dec);
		SC_UPDATE(u_zero, u_double);
		break;
	}
}

int u_is_null(void)
{
	return SC_QUERY(u_hook) == 0;
}
