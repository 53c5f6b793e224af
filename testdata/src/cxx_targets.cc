/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled on its own, or included by cxx_a.cc. */
#include "cxx.h"

int net::detail::logged;
int net::detail::factor = 2;

int net::detail::scaled(int x)
{
	return x * factor;
}

void net::detail::log(int x)
{
	logged += x;
}

int net::Filter::accept(int x)
{
	Trace t;

	if (x > 100)
		throw Refused{ x + detail::factor };
	return x + 1;
}

int net::Trace::depth;
int net::Trace::closed;
