/* SPDX-License-Identifier: BSD-3-Clause */
#include "matrix.h"

DEFINE_STATIC_CALL(step, t_step);
DEFINE_STATIC_CALL(fixed, t_step);
DEFINE_STATIC_CALL_RET0(zero, t_step);
DEFINE_STATIC_CALL_NULL(hook, t_note);
DEFINE_STATIC_CALL(twelve, t_twelve);
DEFINE_STATIC_CALL(sum, t_sum);
DEFINE_STATIC_CALL(real, t_real);
DEFINE_STATIC_CALL(swap, t_swap);
DEFINE_STATIC_CALL(scale, t_scale);
DEFINE_STATIC_CALL(back, t_back);
DEFINE_STATIC_CALL(jump, t_jump);

#define SET(f)						\
	do {						\
		static_call_update(step, f##_step);	\
		static_call_update(twelve, f##_twelve);	\
		static_call_update(sum, f##_sum);	\
		static_call_update(real, f##_real);	\
		static_call_update(swap, f##_swap);	\
		static_call_update(scale, f##_scale);	\
		static_call_update(back, f##_back);	\
		static_call_update(jump, f##_jump);	\
	} while (0)

void k_set(int round)
{
	switch (round) {
	case 0:
		SET(t);
		static_call_update(hook, 0);
		static_call_update(zero, (__typeof__(t_step) *)(void (*)(void))__static_call_return0);
		break;
	case 1:
		SET(a);
		static_call_update(hook, a_note);
		break;
	case 2:
		SET(c);
		static_call_update(zero, c_step);
		static_call_update(hook, c_note);
		break;
	default:
		SET(t);
		static_call_update(zero, t_step);
		static_call_update(hook, t_note);
	}
}

int k_null(void)
{
	return !static_call_query(hook);
}
