/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two run times in a process: the program's and, with -DPLUGIN, a plug-in's that is bound to itself.
 * -DNO_CALLS: the program defines the key and has no call of it; -DNO_RUNTIME: nor a run time.
 */
#ifndef NO_RUNTIME
#define STATIC_CALL_RUNTIME
#endif
#define STATIC_CALL_SAVE_TOC 1
#include "static_call.h"

int one(int x);
DECLARE_STATIC_CALL(shared, one);

#ifdef PLUGIN

int plugin_call(int x);
int plugin_own(int x);
void plugin_update(int (*f)(int));
int plugin_patching(void);

static int mine(int x)
{
	return x + 500;
}

DEFINE_STATIC_CALL(own, mine);

int plugin_call(int x)
{
	return static_call(shared)(x) * 10;
}

int plugin_own(int x)
{
	return static_call(own)(x) * 10;
}

/* NULL: its own */
void plugin_update(int (*f)(int))
{
	static_call_update(own, f ? f : mine);
	static_call_update(shared, f ? f : mine);
}

int plugin_patching(void)
{
	return static_call_patching();
}

#else

#include <dlfcn.h>

int one(int x)
{
	return x + 1;
}

int two(int x);
int two(int x)
{
	return x + 2;
}

DEFINE_STATIC_CALL(shared, one);

#ifdef NO_CALLS
static int call(int x)
{
	return static_call_query(shared)(x) * 10;
}
#else
__attribute__((noinline)) static int call(int x)
{
	return static_call(shared)(x) * 10;
}
#endif

struct plugin {
	void *handle;
	int (*call)(int), (*own)(int), (*patching)(void);
	void (*update)(int (*f)(int));
};

static struct plugin load(const char *name, int flags)
{
	struct plugin p = { dlopen(name, RTLD_NOW | RTLD_LOCAL | flags), 0, 0, 0, 0 };

	if (!p.handle) {
		printf("%s\n", dlerror());
		exit(1);
	}
	p.call = (int (*)(int))dlsym(p.handle, "plugin_call");
	p.own = (int (*)(int))dlsym(p.handle, "plugin_own");
	p.patching = (int (*)(void))dlsym(p.handle, "plugin_patching");
	p.update = (void (*)(int (*)(int)))dlsym(p.handle, "plugin_update");
	return p;
}

int main(int argc, char **argv)
{
	int flags = argc > 1 ? RTLD_DEEPBIND : 0;

	(void)argv;
	printf("patching %d\n", static_call_patching());
	for (int i = 0; i < 2; i++) {
		struct plugin a, b;

		static_call_update(shared, i ? two : one);
		a = load("./a.so", flags);
		b = load("./b.so", flags);
		printf("loaded: %d %d %d, %d %d, patching %d %d\n", call(0), a.call(0), b.call(0), a.own(0), b.own(0), a.patching(), b.patching());
		static_call_update(shared, two);
		printf("program's: %d %d %d\n", call(0), a.call(0), b.call(0));
		a.update(0);
		printf("plug-in's: %d %d %d, %d %d\n", call(0), a.call(0), b.call(0), a.own(0), b.own(0));
		static_call_update(shared, one);
		if (dlclose(i ? b.handle : a.handle) || dlopen(i ? "./b.so" : "./a.so", RTLD_NOW | RTLD_NOLOAD))
			printf("still there\n");
		if (i)
			b = a;
		static_call_update(shared, two);
		printf("one closed: %d %d, %d\n", call(0), b.call(0), b.own(0));
		b.update(one);
		printf("one closed: %d %d, %d\n", call(0), b.call(0), b.own(0));
		dlclose(b.handle);
		static_call_update(shared, two);
		printf("both closed: %d\n", call(0));
	}
	return 0;
}

#endif
