/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call follows its key, wherever it is made:
 *
 *   early      in the first code of a program, and in constructors of any priority
 *   fork       in a child, while other threads update
 *   signal     in a signal handler that makes updates, while the thread that it interrupts does
 *
 * With -DREFUSE the system lets no code be written.
 */
#define STATIC_CALL_RUNTIME
#define STATIC_CALL_SAVE_TOC 1
#include "static_call.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef REFUSE
#include <errno.h>

#define FORKS 100
#define PREPARE NULL

int mprotect(void *addr, size_t len, int prot)
{
	(void)addr, (void)len, (void)prot;
	errno = EACCES;
	return -1;
}
#else
#define FORKS 40
#define PREPARE prepare
#endif

#define FUNC(n)				\
	static int f##n(int x)		\
	{				\
		return x + n;		\
	}

FUNC(1)
FUNC(2)
FUNC(3)
FUNC(4)

static int (*const funcs[])(int) = { f1, f2, f3, f4 };

DEFINE_STATIC_CALL(a, f1);
DEFINE_STATIC_CALL(b, f1);
DEFINE_STATIC_CALL_RET0(zero, f1);
DEFINE_STATIC_CALL_NULL(none, f1);

__attribute__((noinline)) static int call_a(int x)
{
	return static_call(a)(x) * 10;
}

__attribute__((noinline)) static int call_b(int x)
{
	return static_call(b)(x) * 10;
}

__attribute__((noinline)) static int call_zero(int x)
{
	return static_call(zero)(x) * 10;
}

static int hooked;

static int hook(int x)
{
	return hooked = x;
}

__attribute__((noinline)) static void call_none(int x)
{
	static_call_cond(none)(x);
	__asm__("");
}

/* ---- early ---- */

static int seen[4][3];

static void see(int n)
{
	seen[n][0] = call_a(0);
	seen[n][1] = call_zero(0);
	hooked = 0;
	call_none(n + 1);
	seen[n][2] = hooked;
}

static void prepare(void) __attribute__((unused));

static void first(void)
{
	pthread_atfork(PREPARE, NULL, NULL);
	see(0);
	static_call_update(a, f2);
	static_call_update(zero, f2);
	static_call_update(none, hook);
	see(1);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = first;

__attribute__((constructor(102))) static void second(void)
{
	see(2);
	static_call_update(a, f3);
	static_call_update(zero, (int (*)(int))(void *)__static_call_return0);
	static_call_update(none, NULL);
	see(3);
	static_call_update(a, f1);
}

static void early(void)
{
	for (int i = 0; i < 4; i++)
		printf("%d %d %d\n", seen[i][0], seen[i][1], seen[i][2]);
}

/* ---- fork ---- */

static int stop;

static void *updates(void *key)
{
	for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		if (key)
			static_call_update(a, funcs[i % 4]);
		else
			static_call_update(b, funcs[i % 4]);
	return NULL;
}

/* A handler of the program's own, which runs after the run time's. */
static void prepare(void)
{
	static_call_update(zero, f4);
	if (call_zero(0) != 40)
		_exit(4);
	static_call_update(zero, f3);
}

static int child(void)
{
	if (call_a(0) != static_call_query(a)(0) * 10 || call_b(0) != static_call_query(b)(0) * 10 || call_zero(0) != 30)
		return 1;
	for (int i = 0; i < 4; i++) {
		static_call_update(a, funcs[i]);
		if (call_a(0) != 10 * (i + 1))
			return 2;
	}
	return 0;
}

/* A child that waits for a lock for ever has blocked its signals. */
static int ends(pid_t pid)
{
	int status;

	for (int i = 0; i < 5000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(i < 100 ? 1000 : 10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

static void forks(void)
{
	pthread_t t[3];
	int status, bad = 0;

	static_call_update(zero, f3);

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, updates, i % 2 ? (void *)t : NULL);
	for (int i = 0; i < FORKS && !bad; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(child());
		status = ends(pid);
		bad += status != 0;
		if (status)
			printf("status 0x%x\n", status);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	printf("children that went wrong: %d\n", bad);
}

/* ---- signal ---- */

static volatile int handled, wrong;
static const struct itimerval never;

static void handler(int sig)
{
	(void)sig;
	for (int i = 0; i < 4; i++) {
		static_call_update(b, funcs[i]);
		wrong += call_b(0) != 10 * (i + 1);
	}
	int got = call_a(0);
	wrong += got != 10 && got != 20 && got != 30 && got != 40;
	if (++handled == 100)
		setitimer(ITIMER_VIRTUAL, &never, NULL);
}

static void signals(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	sigaction(SIGVTALRM, &sa, NULL);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	for (unsigned i = 0; handled < 100; i++) {
		static_call_update(a, funcs[i % 4]);
		wrong += call_a(0) != 10 * ((int)(i % 4) + 1);
	}
	printf("handled, %d wrong\n", wrong);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	alarm(100);	/* if a lock is not given back */
	if (!strcmp(what, "early"))
		early();
	else if (!strcmp(what, "fork"))
		forks();
	else if (!strcmp(what, "signal"))
		signals();
	printf("patching %d\n", static_call_patching());
	return 0;
}
