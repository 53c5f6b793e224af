/* SPDX-License-Identifier: BSD-3-Clause */
#define STATIC_CALL_RUNTIME
#include "matrix.h"

#ifdef CALLER_HERE
#include "matrix_caller.c"
#endif

#define F(name) a_##name
#define BIAS 20
#include "matrix_family.h"

int main(void)
{
	static const struct {
		const char *name;
		long (*call)(long x);
	} calls[] = {
#define X(name) { #name, c_call_##name },
		MATRIX_CALLS(X)
#undef X
	};

	for (int round = -1; round < 8; round++) {
		if (round >= 0)
			k_set(round % 4);
		printf("round %d, NULL %d\n", round, k_null());
		for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			printf("%s", calls[i].name);
			for (long x = 0; x < 8; x++)
				printf(" %ld", calls[i].call(x));
			printf("\n");
		}
		printf("calls %ld %ld %ld\n", t_calls(), a_calls(), c_calls());
	}
	return 0;
}
