/* SPDX-License-Identifier: BSD-3-Clause */
#define STATIC_CALL_RUNTIME
#include <cstdio>

#include "matrix_cxx.h"

static long bias = 20, count;

long a_step(long x)
{
	count++;
	return x + bias;
}

long a_throw(long x)
{
	count++;
	if (x & 1)
		throw Thrown{ x + bias };
	return x - bias;
}

long a_calls()
{
	return count;
}

static void show(const char *name, long (*call)(long))
{
	std::printf("%s", name);
	for (long x = 0; x < 6; x++) {
		try {
			std::printf(" %ld", call(x));
		} catch (const Thrown &t) {
			std::printf(" thrown:%ld", t.value);
		}
	}
	std::printf(" log %ld\n", x_log);
}

int main()
{
	for (int round = -1; round < 6; round++) {
		if (round >= 0)
			x_set(round);
		std::printf("round %d, NULL %d\n", round, !static_call_query(x_hook));
		show("catch", x_catch);
		show("pass", x_pass);
		show("rethrow", x_rethrow);
		show("groups", x_groups);
		show("repeat", Repeat<2>::run);
		std::printf("calls %ld %ld\n", t_calls(), a_calls());
	}
	return 0;
}
