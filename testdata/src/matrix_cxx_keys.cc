/* SPDX-License-Identifier: BSD-3-Clause */
#include "matrix_cxx.h"

DEFINE_STATIC_CALL(x_step, t_step);
DEFINE_STATIC_CALL(x_fixed, t_step);
DEFINE_STATIC_CALL(x_throw, t_throw);
DEFINE_STATIC_CALL_NULL(x_hook, t_step);

void x_set(int round)
{
	static_call_update(x_step, round & 1 ? a_step : t_step);
	static_call_update(x_throw, round & 2 ? a_throw : t_throw);
	static_call_update(x_hook, round & 1 ? t_step : nullptr);
}
