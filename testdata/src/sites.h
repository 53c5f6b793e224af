/* SPDX-License-Identifier: BSD-3-Clause */
/* The callers in sites.c, for sites_main.c. */
#ifndef SITES_H
#define SITES_H

void s_init(long x);
long s_state(void);

int s_add(int a, int b);
int s_two(int x);
int s_mixed(int x);
void s_note(int x);
void s_loop(int n);
int s_static(int x);
int s_static_second(int x);
int s_tail(int x);
void s_tail_void(int x);
int s_tail_cond(int x);
int s_null(int x);
int s_null_cond(int x, int really);
void s_null_tail(int x);
long s_ret0(long x);
long s_ret0_cond(long x);
int s_ret0_tail(int x);
int s_alloca(int n);
int s_after_pointer(int (*f)(int), int x);
int s_switch(int x);
int s_nested(int x);
int s_arg_order(int x);
int s_cond_expr(int x);
int s_globals(int x);

int s_init_text(int x);
int s_cold(int x);
int s_sched(int x);
int s_unlikely(int x);

#endif
