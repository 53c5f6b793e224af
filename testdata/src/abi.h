/* SPDX-License-Identifier: BSD-3-Clause */
/* The callers in abi.c, for sites_main.c. */
#ifndef ABI_H
#define ABI_H

extern long a_seen;
void a_init(long x);
long a_twelve(long x);
long a_varargs(long x);
double a_double(double x);
long a_pair(long a, long b);
long a_wide(long x);
const char *a_string(int which);
long a_pass(long x);
int a_elsewhere(int x);
int a_elsewhere_tail(int x);

#endif
