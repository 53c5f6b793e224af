/* SPDX-License-Identifier: BSD-3-Clause */
/* The same groups once more, and others. */
#include "cxx.h"

int cxx_b(int x)
{
	return net::twice(x + 1) + net::Repeat<long, 3>::run(x) + net::Repeat<short, 2>::run((short)x) +
		net::folded(x);
}
