/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the calls of odd_calls.S. */
#include <stdio.h>

static volatile int base = 3;

int odd_target(int x)
{
	return x + base;
}

int odd_plain(int), odd_conditional(int), odd_plt(int), odd_p9notoc(int);

int main(void)
{
	printf("%d %d %d %d %d\n", odd_plain(1), odd_conditional(0), odd_conditional(1), odd_plt(2), odd_p9notoc(3));
	return 0;
}
