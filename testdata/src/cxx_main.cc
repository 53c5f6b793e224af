/* SPDX-License-Identifier: BSD-3-Clause */
#include <cstdio>

#include "cxx.h"

int main()
{
	net::Filter f(50);

	std::printf("run %d %d\n", f.run(3), f.run(70));
	std::printf("guarded %d %d\n", f.guarded(3), f.guarded(200));
	std::printf("cleaned %d\n", f.cleaned(3));
	for (int x = 95; x <= 101; x += 6) {
		try {
			std::printf("not thrown: %d\n", f.cleaned(x));
		} catch (const net::Refused &e) {
			std::printf("thrown: %d\n", e.code);
		}
	}
	std::printf("depth %d closed %d\n", net::Trace::depth, net::Trace::closed);
	std::printf("a %d b %d anon %d\n", cxx_a(4), cxx_b(4), cxx_anon(4));
	std::printf("logged %d\n", net::detail::logged);
	return 0;
}
