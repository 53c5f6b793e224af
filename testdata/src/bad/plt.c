/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls through inline PLT sequences (R_PPC64_PLTSEQ, R_PPC64_PLTCALL), with -fno-plt or
 * -mlongcall.
 */
#include "../sc.h"

int target(int x);
SC_DEFINE(x, target);
int base = 3;

int caller(int x)
{
	int r = SC_CALL(x)(x);

	return r + base;
}
