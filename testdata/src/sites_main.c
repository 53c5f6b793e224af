/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "abi.h"
#include "sites.h"
#include "targets.h"

#define CHECK(expr) printf("%s = %ld\n", #expr, (long)(expr))
#define CHECKD(expr) printf("%s = %.3f\n", #expr, (double)(expr))
#define CHECKS(expr) printf("%s = %s\n", #expr, expr)
#define CHECKV(stmt) (stmt, printf("%s; calls %ld sum %ld\n", #stmt, t_calls(), t_sum()))

static int twice(int x)
{
	return 2 * x;
}

int main(void)
{
	t_set_bias(100);
	s_init(7);
	a_init(9);
	CHECK(s_add(1, 2));
	CHECK(s_two(1));
	CHECK(s_mixed(1));
	CHECKV(s_note(5));
	CHECKV(s_loop(4));
	CHECK(s_static(1));
	CHECK(s_static_second(1));
	CHECK(s_tail(3));
	CHECKV(s_tail_void(4));
	CHECK(s_tail_cond(4));
	CHECK(s_tail_cond(5));
	CHECK(a_twelve(11));
	CHECK(a_varargs(12));
	CHECKD(a_double(1.25));
	CHECK(a_pair(3, 4));
	CHECK(a_wide(2));
	CHECKS(a_string(2));
	CHECK(a_pass(5));
	CHECK(a_elsewhere(5));
	CHECK(a_elsewhere_tail(5));
	CHECK(a_seen);
	CHECKV(s_null(1));
	CHECK(s_null_cond(3, 1));
	CHECK(s_null_cond(3, 0));
	CHECKV(s_null_tail(3));
	CHECK(s_ret0(9));
	CHECK(s_ret0_cond(9));
	CHECK(s_ret0_tail(9));
	CHECK(s_alloca(5));
	CHECK(s_after_pointer(twice, 4));
	for (int i = 0; i < 8; i++)
		CHECK(s_switch(i));
	CHECK(s_nested(1));
	CHECK(s_arg_order(1));
	CHECK(s_cond_expr(1));
	CHECK(s_cond_expr(4));
	CHECK(s_globals(4));
	CHECK(s_init_text(6));
	CHECK(s_cold(6));
	CHECK(s_sched(6));
	CHECK(s_unlikely(6));
	CHECK(s_unlikely(-6));
	CHECK(s_state());
	CHECKV(s_note(8));
	return 0;
}
