/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

long an_one(long), an_two(long), an_tail(long), an_null(long), an_leaf(long);

int main(void)
{
	printf("one %ld\n", an_one(1));
	printf("two %ld\n", an_two(1));
	printf("tail %ld\n", an_tail(1));
	printf("null %ld\n", an_null(1));
	printf("leaf %ld\n", an_leaf(1));
	return 0;
}
