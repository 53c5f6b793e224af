/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

long sl_nop(long), sl_cror15(long), sl_cror31(long), sl_ld(long);
long sl_null_cror(long), sl_null_ld(long);

int main(void)
{
	printf("nop %ld\n", sl_nop(1));
	printf("cror15 %ld\n", sl_cror15(1));
	printf("cror31 %ld\n", sl_cror31(1));
	printf("ld %ld\n", sl_ld(1));
	printf("null cror %ld\n", sl_null_cror(1));
	printf("null ld %ld\n", sl_null_ld(1));
	return 0;
}
