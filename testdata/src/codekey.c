/* SPDX-License-Identifier: BSD-3-Clause */
/* The program of codekey.S. */
#include <stdio.h>

int ck_call(void);
int ck_one(void);
int ck_two(void);
void ck_set(int (*)(void));

int main(void)
{
	int before = ck_call();

	ck_set(ck_two);
	printf("%d %d\n", before, ck_call());
}
