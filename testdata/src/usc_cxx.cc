/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What C++ adds to a static call: namespaces, static members, templates, lambdas, and callers
 * that are members, templates and virtual functions.
 */
#define STATIC_CALL_RUNTIME
#include <static_call.h>

static volatile long bias = 0;

namespace deep {
inline namespace v1 {

long plus(long x)
{
	return x + 1 + bias;
}

struct ops {
	static long twice(long x) noexcept { return 2 * x + bias; }
};

template <class T> T times(T x)
{
	return 10 * x + (T)bias;
}

}

DEFINE_STATIC_CALL(cxx_plus, plus);
DEFINE_STATIC_CALL(cxx_member, ops::twice);
DEFINE_STATIC_CALL(cxx_template, times<long>);

long nested(long x)
{
	return static_call(cxx_plus)(x) + bias;
}
}

/* The same call, by a declaration of its own. */
namespace other {
DECLARE_STATIC_CALL(cxx_plus, deep::plus);

long call(long x)
{
	return static_call(cxx_plus)(x) + bias;
}
}

using deep::plus;
DEFINE_STATIC_CALL_NULL(cxx_null, plus);
DEFINE_STATIC_CALL_RET0(cxx_zero, plus);
DECLARE_STATIC_CALL(cxx_plus, plus);
DECLARE_STATIC_CALL(cxx_member, deep::ops::twice);
DECLARE_STATIC_CALL(cxx_template, deep::times<long>);

struct base {
	virtual ~base() {}
	virtual long call(long x) = 0;
};

struct derived : base {
	long call(long x) override { return static_call(cxx_member)(x) + bias; }
};

template <class T> struct caller {
	T scale;
	T call(T x) const { return scale * (T)static_call(cxx_template)(x) + (T)static_call(cxx_zero)(x); }
};

static void print(const char *when)
{
	static derived d;
	base *volatile b = &d;

	static_call_cond(cxx_null)(1);
	printf("%s: %ld %ld %ld %ld %d\n", when, deep::nested(1), other::call(1), b->call(1), caller<long>{3}.call(1),
	       caller<int>{5}.call(1));
	fflush(stdout);
}

int main()
{
	print("first");
	static_call_update(cxx_plus, deep::times<long>);
	static_call_update(cxx_member, [](long x) noexcept -> long { return x + 100 + bias; });
	static_call_update(cxx_template, deep::ops::twice);
	static_call_update(cxx_null, plus);
	static_call_update(cxx_zero, plus);
	print("second");
	return static_call_patching() != 1;
}
