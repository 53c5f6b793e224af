/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The run time of static_call.h on the calls of usc_rt_sites.S. The argument names what to do:
 *
 *   forms      every target in turn: what each call yields, and what its branch has become
 *   threads    updates while three threads call
 *   plugin     dlopen and dlclose of a plug-in with calls of its own
 *   refuse     on a system that does not let code be changed
 */
#ifndef NO_RUNTIME
#define STATIC_CALL_RUNTIME
#endif
#include "usc_rt.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long bias = RT_LOCAL;

long rt_local(long x)
{
	return x + bias;
}

__attribute__((noinline)) long rt_single(long x)
{
	return x + RT_SINGLE;
}

DEFINE_STATIC_CALL(rt_op, rt_local);
DEFINE_STATIC_CALL_NULL(rt_hook, rt_local);
DEFINE_STATIC_CALL_RET0(rt_zero, rt_local);

typedef long call(long);

#define RETURN0 ((call *)(void *)__static_call_return0)

extern call op_stub, op_toc, op_notoc, op_tail, hook_toc, hook_notoc, hook_tail, zero_toc, zero_notoc, zero_tail;
extern unsigned op_stub_stub[], op_toc_site[], op_notoc_site[], op_tail_site[], hook_toc_site[], hook_notoc_site[],
	hook_tail_site[], zero_toc_site[], zero_notoc_site[], zero_tail_site[];

static const struct {
	call *call;
	unsigned *site;
} calls[] = {
	{ op_toc, op_toc_site }, { op_notoc, op_notoc_site }, { op_tail, op_tail_site },
	{ hook_toc, hook_toc_site }, { hook_notoc, hook_notoc_site }, { hook_tail, hook_tail_site },
	{ zero_toc, zero_toc_site }, { zero_notoc, zero_notoc_site }, { zero_tail, zero_tail_site },
};

static const struct target {
	const char *name;
	call *func;
	long bias;
} targets[] = {
	{ "local", rt_local, RT_LOCAL }, { "a", rt_a, RT_A }, { "single", rt_single, RT_SINGLE },
	{ "b", rt_b, RT_B }, { "large", rt_large, RT_LARGE }, { "one", rt_one, RT_ONE },
	{ "local", rt_local, RT_LOCAL }, { "return0", RETURN0, 0 },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a branch has become, for a key that holds func. */
static const char *form(const unsigned *site, const void *func)
{
	unsigned w = *site;
	const char *to = (const char *)site + ((int)(w << 6) >> 6 & ~3);

	switch (w >> 26) {
	case 18:
		if (*(const unsigned *)to == 0x4e800020)
			return "blr";
		if (*(const unsigned *)to == 0x38600000 && ((const unsigned *)to)[1] == 0x4e800020)
			return "return 0";
		return to == func ? "at its entry" : to == (const char *)func + 8 ? "at its local entry" : "stub";
	case 24:
		return "nop";
	}
	return "another word";
}

static void set(int which, call *func)
{
	switch (which) {
	case 0:
		static_call_update(rt_op, func);
		break;
	case 1:
		static_call_update(rt_hook, func);
		break;
	case 2:
		static_call_update(rt_zero, func);
		break;
	}
}

static void fail(const char *what, long got, long want)
{
	printf("%s: %ld, not %ld\n", what, got, want);
	fflush(stdout);
	_exit(1);
}

static void check(int which, const struct target *t)
{
	for (int i = 3 * which; i < 3 * which + 3; i++) {
		long got = calls[i].call(7), want = t->func == RETURN0 ? 0 : 7 + t->bias;

		if (got != want)
			fail(t->name, got, want);
	}
}

/* No page may be left writable and executable. */
static void protection(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[256];
	int seen = 0;

	while (fgets(line, sizeof(line), maps)) {
		seen |= strstr(line, " r-xp ") != NULL;
		if (strstr(line, " rwxp "))
			fail(line, 1, 0);
	}
	fclose(maps);
	printf("executable pages are not writable: %d\n", seen);
}

static void forms(void)
{
	static const char *const names[] = { "op", "hook", "zero" };

	for (int which = 0; which < 3; which++) {
		for (size_t i = 0; i < COUNT(targets); i++) {
			const struct target *t = &targets[i];

			set(which, t->func);
			check(which, t);
			printf("%s %s: toc %s, notoc %s, tail %s\n", names[which], t->name,
			       form(calls[3 * which].site, (void *)t->func),
			       form(calls[3 * which + 1].site, (void *)t->func),
			       form(calls[3 * which + 2].site, (void *)t->func));
			if (which == 0 && op_stub(7) != op_toc(7))
				fail("by the stub", op_stub(7), op_toc(7));
			if (which == 0)
				printf("   stub %s\n", form(op_stub_stub, (void *)t->func));
		}
	}
	for (int which = 1; which < 3; which++) {
		set(which, NULL);
		for (int i = 3 * which; i < 3 * which + 3; i++)
			if (calls[i].call(7) != 7)
				fail("NULL", calls[i].call(7), 7);
		printf("%s NULL: toc %s, notoc %s, tail %s\n", names[which],
		       form(calls[3 * which].site, NULL), form(calls[3 * which + 1].site, NULL),
		       form(calls[3 * which + 2].site, NULL));
	}
	protection();
}

static volatile int stop;

/* Any of the targets is right at any time; what a call yields says which one it was. */
static void *caller(void *count)
{
	for (long n = 0; !stop; n++, ++*(volatile long *)count) {
		for (size_t i = 0; i < COUNT(calls); i++) {
			long got = calls[i].call(n), ok = i >= 3 && (got == n || got == 0);

			if (i == 0 && n % 2)
				got = op_stub(n);
			for (size_t j = 0; j < COUNT(targets) - 1; j++)
				ok |= got == n + targets[j].bias;
			if (!ok)
				fail("thread", got, n);
		}
	}
	return NULL;
}

/* On a busy machine a thread may begin late: there are updates until each has made a round. */
static void threads(void)
{
	pthread_t t[3];
	volatile long count[3] = { 0 };

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, caller, (void *)&count[i]);
	for (int i = 0; i < 300 || !count[0] || !count[1] || !count[2]; i++) {
		const struct target *to = &targets[(size_t)i % (COUNT(targets) - 1)];

		set(0, to->func);
		check(0, to);
		set(1, i % 3 ? to->func : NULL);
		set(2, i % 2 ? to->func : i % 4 ? RETURN0 : NULL);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	printf("threads: done\n");
}

/* In a child: whether an update is refused with SIGABRT. */
static int dies(int which, call *func)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		set(which, func);
		_exit(0);
	}
	wait(&status);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static int refuse;

/* The run time's too. */
int mprotect(void *addr, size_t len, int prot)
{
	if (refuse) {
		errno = EACCES;
		return -1;
	}
	return (int)syscall(SYS_mprotect, addr, len, prot);
}

struct plugin {
	void *handle;
	call *op, *own, *own_notoc;
	void (*update)(call *), (*update_op)(call *);
	unsigned *op_site, *own_site;
};

static struct plugin load(void)
{
	struct plugin p = { .handle = dlopen("./plugin.so", RTLD_NOW) };

	if (!p.handle) {
		printf("%s\n", dlerror());
		exit(1);
	}
	p.op = (call *)dlsym(p.handle, "plugin_op");
	p.own = (call *)dlsym(p.handle, "plugin_own");
	p.own_notoc = (call *)dlsym(p.handle, "plugin_own_notoc");
	p.update = (void (*)(call *))dlsym(p.handle, "plugin_update");
	p.update_op = (void (*)(call *))dlsym(p.handle, "plugin_update_op");
	p.op_site = (unsigned *)dlsym(p.handle, "plugin_op_site");
	p.own_site = (unsigned *)dlsym(p.handle, "plugin_own_site");
	return p;
}

static void expect(const char *what, long got, long want)
{
	if (got != want)
		fail(what, got, want);
}

static void plugin(void)
{
	call *own;

	for (int i = 0; i < 3; i++) {
		/* The key changes while the plug-in is not there, and it has to follow when it comes. */
		set(0, i % 2 ? rt_b : rt_a);
		struct plugin p = load();

		expect("op after dlopen", p.op(1), 1 + (i % 2 ? RT_B : RT_A));
		expect("own after dlopen", p.own(1), 1 + RT_PLUGIN);
		own = (call *)dlsym(p.handle, "plugin_target");
		printf("plugin own: toc %s\n", form(p.own_site, (void *)own));

		/* Either side changes the key, and the calls of both follow. */
		p.update_op(rt_local);
		expect("op of the program", op_toc(1), 1 + RT_LOCAL);
		expect("op of the plug-in", p.op(1), 1 + RT_LOCAL);
		printf("program op: toc %s, plugin op: toc %s\n", form(op_toc_site, (void *)rt_local),
		       form(p.op_site, (void *)rt_local));
		set(0, own);
		expect("op to the plug-in", op_toc(1), 1 + RT_PLUGIN);
		expect("op in the plug-in", p.op(1), 1 + RT_PLUGIN);
		printf("program op: toc %s, plugin op: toc %s\n", form(op_toc_site, (void *)own),
		       form(p.op_site, (void *)own));
		p.update(rt_local);
		expect("own to the program", p.own(1), 1 + RT_LOCAL);
		expect("own to the program, notoc", p.own_notoc(1), 1 + RT_LOCAL);
		p.update(NULL);
		expect("own back", p.own(1), 1 + RT_PLUGIN);

		set(0, rt_local);
		dlclose(p.handle);
		if (dlopen("./plugin.so", RTLD_NOW | RTLD_NOLOAD))
			fail("still loaded", 1, 0);
		set(0, rt_a);
		expect("op after dlclose", op_toc(1), 1 + RT_A);
	}
}

/* An update that cannot be written sends all calls through their keys, for good. */
static void refused(void)
{
	printf("NULL is refused: %d %d %d\n", dies(0, NULL), dies(1, NULL), dies(2, NULL));
	set(0, rt_a);
	set(1, rt_local);
	printf("before: patching %d, op %s, hook %s\n", static_call_patching(), form(op_toc_site, (void *)rt_a),
	       form(hook_toc_site, (void *)rt_local));
	refuse = 1;
	set(0, rt_local);
	check(0, &targets[0]);
	printf("then: patching %d, op %s, hook %s\n", static_call_patching(), form(op_toc_site, (void *)rt_local),
	       form(hook_toc_site, (void *)rt_local));
	for (size_t i = 0; i < COUNT(targets); i++)
		for (int which = 0; which < 3; which++) {
			set(which, targets[i].func);
			check(which, &targets[i]);
		}
	set(0, rt_local);
	struct plugin p = load();

	expect("op", p.op(1), 1 + RT_LOCAL);
	expect("own", p.own(1), 1 + RT_PLUGIN);
	p.update(rt_local);
	expect("own", p.own(1), 1 + RT_LOCAL);
	printf("plugin own: toc %s\n", form(p.own_site, (void *)rt_local));
	p.update(NULL);
	dlclose(p.handle);
	protection();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	printf("%s: op %ld (%s), hook %ld (%s), zero %ld (%s)\n", what, op_toc(1), form(op_toc_site, (void *)rt_local),
	       hook_toc(1), form(hook_toc_site, NULL), zero_toc(1), form(zero_toc_site, (void *)RETURN0));
	if (!strcmp(what, "forms"))
		forms();
	else if (!strcmp(what, "threads"))
		threads();
	else if (!strcmp(what, "plugin"))
		plugin();
	else if (!strcmp(what, "refuse"))
		refused();
	return 0;
}
