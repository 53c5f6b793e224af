/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program has two keys and no run time. Libraries that are opened and closed again bring one
 * (-DRUNTIME) and, each, a call of one or both of the keys (-DUSER).
 */
#ifdef RUNTIME
#define STATIC_CALL_RUNTIME
#endif
#define STATIC_CALL_SAVE_TOC 1
#include "static_call.h"

int one(int x);
int two(int x);
DECLARE_STATIC_CALL(left, one);
DECLARE_STATIC_CALL(right, one);
int use(int x);

#if defined(RUNTIME)

int use(int x)
{
	return x;
}

#elif defined(USER)

int use(int x)
{
#ifdef BOTH
	x = static_call(left)(x);
#endif
	return static_call(right)(x) * 10;
}

#else

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int one(int x)
{
	return x + 1;
}

int two(int x)
{
	return x + 2;
}

DEFINE_STATIC_CALL(left, one);
DEFINE_STATIC_CALL(right, one);

static void *must(void *p)
{
	if (!p) {
		puts(dlerror());
		exit(1);
	}
	return p;
}

/* Whether the keys belong to a run time, and what a library's call returns after each update. */
static void update(const char *what, void *library)
{
	int (*use)(int) = library ? (int (*)(int))must(dlsym(library, "use")) : 0;
	int i, r[2] = { 0, 0 };

	for (i = 0; i < 2; i++) {
		static_call_update(left, i ? one : two);
		static_call_update(right, i ? one : two);
		if (use)
			r[i] = use(0);
	}
	printf("%s: %d %d, left %d, right %d\n", what, r[0], r[1], !!__SCK__left.patch, !!__SCK__right.patch);
}

int main(void)
{
	void *runtime = must(dlopen("./runtime.so", RTLD_NOW | RTLD_GLOBAL));
	void *both = must(dlopen("./both.so", RTLD_NOW));
	void *one = must(dlopen("./one.so", RTLD_NOW));

	update("both", both);
	update("one", one);
	dlclose(both);
	update("both closed", one);
	dlclose(one);
	update("one closed", 0);
	dlclose(runtime);
	update("no run time", 0);
	return 0;
}

#endif
