/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the cells of a program hold, and what its calls do: before any constructor, while it runs, in a
 * child of several threads, and after the run time has ended. The first argument names the function
 * that the key then holds; with REFUSE no code may be written.
 */
#ifdef LIBRARY
long far_target(long x)
{
	return x + 1000;
}
#else

#ifdef MAIN
#define STATIC_CALL_RUNTIME
#endif
#ifdef REFUSE
#include <errno.h>
#include <sys/mman.h>
static int refuse(void *at, unsigned long size, int prot)
{
	(void)at, (void)size, (void)prot;
	errno = EACCES;
	return -1;
}
#define mprotect refuse
#endif
#include "static_call.h"

long far_target(long x);
long near_target(long x);
DECLARE_STATIC_CALL(cl_op, near_target);
DECLARE_STATIC_CALL(cl_hook, near_target);

#ifdef MAIN
DEFINE_STATIC_CALL(cl_op, near_target);
DEFINE_STATIC_CALL_NULL(cl_hook, near_target);
#endif

#ifdef CALLS
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long one = 1;

long near_target(long x)
{
	return x + one;
}

static const char *holds(const struct static_call_key *key)
{
	const struct static_call_cell *c;

	for (c = __start_static_call_cells; c < __stop_static_call_cells; c++) {
		if (c->key != key)
			continue;
		if (c->func == (unsigned long)&c->through + (unsigned long)(long)c->through)
			return "its way through the key";
		return key->func && c->func == (unsigned long)key->func ? "the key" : key->func ? "something else" : "an empty function";
	}
	return "nothing: there is none";
}

__attribute__((noinline)) static long op(long x)
{
	return static_call(cl_op)(x) + 1;
}

__attribute__((noinline)) static long hook(long x)
{
	static_call_cond(cl_hook)(x);
	return x + 1;
}

static void say(const char *when)
{
	printf("%s: %ld %ld, op %s, hook %s\n", when, op(0), hook(0), holds(&__SCK__cl_op), holds(&__SCK__cl_hook));
	fflush(stdout);
}

static void before(void)
{
	say("before");
	static_call_update(cl_op, far_target);
	static_call_update(cl_op, near_target);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = before;

static void after(void)
{
	static_call_update(cl_op, far_target);
	say("after");
}

__attribute__((section(".fini_array.00050"), used)) static void (*const last)(void) = after;

static void *nothing(void *p)
{
	pause();
	return p;
}

int main(int argc, char **argv)
{
	pthread_t t;
	pid_t child;

	if (argc != 2)
		return 2;
	say("started");
	static_call_update(cl_op, !strcmp(argv[1], "far") ? far_target : near_target);
	static_call_update(cl_hook, far_target);
	say("updated");
	static_call_update(cl_hook, NULL);
	pthread_create(&t, NULL, nothing, NULL);
	child = fork();
	if (!child) {
		say("child");
		static_call_update(cl_op, near_target);
		say("child updated");
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return 0;
}
#endif
#endif
