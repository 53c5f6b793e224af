/* SPDX-License-Identifier: BSD-3-Clause */
#include "cxx.h"

#ifdef SC_TARGETS_HERE
#include "cxx_targets.cc"
#endif

namespace {

int anon_base = 11;

SC_NOINLINE int hidden_away(int x)
{
	return x + anon_base;
}

}

SC_DEFINE(cxx_accept, net::Filter::accept);
SC_DEFINE(cxx_scaled, net::detail::scaled);
SC_DEFINE_NULL(cxx_hook, net::detail::log);
SC_DEFINE(cxx_inline, net::folded);
SC_DEFINE(cxx_anon, hidden_away);

int net::Filter::run(int x) const
{
	SC_CALL(cxx_hook)(x);

	int r = SC_CALL(cxx_accept)(x);

	return r > limit_ ? limit_ + anon_base : r;
}

int net::Filter::guarded(int x) const
{
	Trace t;

	try {
		int r = SC_CALL(cxx_accept)(x);

		return r + limit_;
	} catch (const Refused &e) {
		/* The landing pad uses the TOC, and calls again. */
		return SC_CALL(cxx_scaled)(e.code) + anon_base;
	}
}

int net::Filter::cleaned(int x) const
{
	Trace outer;
	int r = SC_CALL(cxx_accept)(x);
	Trace inner;

	return SC_CALL(cxx_accept)(r + anon_base) + Trace::depth;
}

int cxx_a(int x)
{
	return net::twice(x) + net::Repeat<long, 3>::run(x) + SC_CALL(cxx_inline)(x);
}

int cxx_anon(int x)
{
	return SC_CALL(cxx_anon)(x) * 2 + anon_base;
}
