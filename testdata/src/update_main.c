/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "targets.h"

int u_call(int x);
int u_call_fixed(int x);
void u_set(int which);
int u_is_null(void);

int main(void)
{
	t_set_bias(10);
	printf("first: %d\n", u_call(3));
	for (int i = 0; i < 6; i++) {
		u_set(i % 3);
		printf("set %d: call %d fixed %d", i % 3, u_call(3), u_call_fixed(3));
		printf(" null %d calls %ld sum %ld\n", u_is_null(), t_calls(), t_sum());
	}
	return 0;
}
