/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

int w_call(int x);
int w_call_present(int x);
extern int w_base;

int main(void)
{
	printf("absent %d\n", w_call(1));
	printf("present %d\n", w_call_present(1));
	printf("base %d\n", w_base);
	return 0;
}
