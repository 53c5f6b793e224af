/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "keys.h"

int e_op(int x);
int e_tail(int x);
int e_hook(int x);
int e_zero(int x);
int e_all(int x);

int main(void)
{
	for (int i = 0; i < 3; i++) {
		k_set(i & 1);
		printf("round %d: op %d tail %d", i, e_op(4), e_tail(4));
		printf(" hook %d zero %d", e_hook(4), e_zero(4));
		printf(" all %d", e_all(5));
		printf(" seen %ld\n", k_seen());
	}
	return 0;
}
