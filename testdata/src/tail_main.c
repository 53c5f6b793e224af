/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

long tl_static(long), tl_hidden(long), tl_global(long), tl_null(long), tl_ret0(long);
long tl_cond(long), tl_call(long);

int main(void)
{
	printf("static %ld\n", tl_static(1));
	printf("hidden %ld\n", tl_hidden(1));
	printf("global %ld\n", tl_global(1));
	printf("null %ld\n", tl_null(1));
	printf("ret0 %ld\n", tl_ret0(1));
	printf("cond %ld %ld\n", tl_cond(1), tl_cond(-1));
	printf("call %ld\n", tl_call(1));
	return 0;
}
