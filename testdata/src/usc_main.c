/* SPDX-License-Identifier: BSD-3-Clause */
#define STATIC_CALL_RUNTIME
#include "usc.h"

static volatile long main_bias = 5;

int main(void)
{
	for (int i = 0; i < 7; i++) {
		usc_set(i % 3);
		usc_set_here(i % 3);
		printf("%d: %ld", i, usc_call(i));
		printf(" noted %ld query %d", usc_noted(), usc_query());
		printf(" many %.2f", usc_call_many(i));
		printf(" wide %ld", usc_call_wide(i));
		printf(" pointer %ld", usc_call_pointer(i));
		printf(" twice %ld", usc_call_twice(i));
		printf(" recurse %ld", usc_recurse(i));
		printf(" here %ld\n", usc_call_here(i));
		printf("   shrink %ld", usc_shrink(i - 3) + main_bias);
		printf(" main: twice %ld", usc_twice(i) + main_bias);
		printf(" op %ld\n", static_call(usc_op)(i) + main_bias);
	}
	return 0;
}
