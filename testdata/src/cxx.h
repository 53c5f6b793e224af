/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CXX_H
#define CXX_H

#include "sc.h"

namespace net {

struct Refused {
	int code;
};

class Filter {
public:
	explicit Filter(int limit) : limit_(limit) {}
	int run(int x) const;			/* calls accept and hook */
	int guarded(int x) const;		/* catches what accept throws */
	int cleaned(int x) const;		/* lets it through, with a destructor */
	static int accept(int x);		/* throws Refused over 100 */

private:
	int limit_;
};

class Trace {
public:
	Trace() { ++depth; }
	~Trace() { --depth; ++closed; }
	static int depth, closed;
};

namespace detail {
int scaled(int x);				/* a target */
void log(int x);
extern int logged, factor;
}

}

SC_DECLARE(cxx_accept, net::Filter::accept);
SC_DECLARE(cxx_scaled, net::detail::scaled);
SC_DECLARE(cxx_hook, net::detail::log);
SC_DECLARE(cxx_inline, net::detail::scaled);

/* These go to COMDAT groups, in each object that uses them. */
namespace net {

inline SC_NOINLINE int twice(int x)
{
	int r = SC_CALL(cxx_scaled)(x);

	return r + SC_CALL(cxx_scaled)(r) + detail::factor;
}

template <typename T, int N>
struct Repeat {
	static SC_NOINLINE T run(T x)
	{
		T r = 0;

		for (int i = 0; i < N; i++) {
			SC_CALL(cxx_hook)((int)x);
			r += (T)SC_CALL(cxx_scaled)((int)x + i);
		}
		return r;
	}
};

/* An inline function as a target. */
inline SC_NOINLINE int folded(int x)
{
	return x * 7 + detail::factor;
}

}

int cxx_a(int x);
int cxx_b(int x);
int cxx_anon(int x);

#endif
