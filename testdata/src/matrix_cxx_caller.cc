/* SPDX-License-Identifier: BSD-3-Clause */
#include "matrix_cxx.h"

#ifdef KEYS_HERE
#include "matrix_cxx_keys.cc"
#endif
#ifdef TARGETS_HERE
#include "matrix_cxx_targets.cc"
#endif

long x_log;
static long own = 7;

/* Caught where it was called. */
long x_catch(long x)
{
	try {
		Guard g(x);
		long r = static_call(x_throw)(x);

		return static_call(x_step)(r) + own;
	} catch (const Thrown &t) {
		long r = static_call(x_step)(t.value);

		static_call_cond(x_hook)(r);
		return r * own;
	}
}

/* Passes through, one or two destructors on its way. */
long x_pass(long x)
{
	Guard outer(own);
	long r = static_call(x_throw)(x & ~1L);
	Guard inner(r);

	r += static_call(x_throw)(x);
	return r + own;
}

/* Caught, and thrown again from a frame that has called meanwhile. */
long x_rethrow(long x)
{
	Guard g(x);

	try {
		long r = x_pass(x);

		return r + static_call(x_fixed)(x);
	} catch (Thrown &t) {
		t.value += static_call(x_step)(own);
		throw;
	}
}

long x_groups(long x)
{
	return x_inline(x) + Repeat<3>::run(x) + own;
}
