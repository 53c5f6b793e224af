/* SPDX-License-Identifier: BSD-3-Clause */
/* One target of the run time's test, compiled as rt_large, rt_a and rt_b: -DRT_NAME, -DRT_BIAS. */
#include "usc_rt.h"

static volatile long bias = RT_BIAS;

long RT_NAME(long x)
{
	return x + bias;
}

#ifdef RT_ONE_ENTRY
long RT_ONE_ENTRY(long x)
{
	return x + RT_ONE;
}
#endif
