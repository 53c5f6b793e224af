/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Other people's patches: a trap in a call while its key changes. The argument says when it comes:
 *
 *   early      before the run time starts
 *   late       when the call is direct
 *   second     when the run time has met one already
 *   refuse     there is none, but mprotect refuses what may be executed, from the start
 */
#define STATIC_CALL_RUNTIME
#define STATIC_CALL_SAVE_TOC 1
#include "static_call.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRAP 0x7fe00008u

typedef int func(int);

static int one(int x)
{
	return x + 1;
}

static int two(int x)
{
	return x + 2;
}

static int three(int x)
{
	return x + 3;
}

DEFINE_STATIC_CALL(here, one);
DEFINE_STATIC_CALL(there, one);
DEFINE_STATIC_CALL(elsewhere, one);

__attribute__((noinline)) int call_here(int x)
{
	return static_call(here)(x) * 10;
}

__attribute__((noinline)) int call_there(int x)
{
	return static_call(there)(x) * 10;
}

__attribute__((noinline)) int call_elsewhere(int x)
{
	return static_call(elsewhere)(x) * 10;
}

static int refuse;

int mprotect(void *addr, size_t len, int prot)
{
	if (refuse && prot & PROT_EXEC) {
		errno = EACCES;
		return -1;
	}
	return (int)syscall(SYS_mprotect, addr, len, prot);
}

/* The only call of a function. */
static unsigned *site(func *f)
{
	unsigned *at = (unsigned *)(void *)f;

	while (*at >> 26 != 18 || !(*at & 1))
		at++;
	return at;
}

static unsigned put(unsigned *at, unsigned word)
{
	unsigned old = *at;
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE), from = (unsigned long)at & ~(page - 1);

	if (syscall(SYS_mprotect, from, page, PROT_READ | PROT_WRITE | PROT_EXEC))
		_exit(3);
	*at = word;
	__asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync" : : "r"(at) : "memory");
	if (syscall(SYS_mprotect, from, page, PROT_READ | PROT_EXEC))
		_exit(3);
	return old;
}

static const char *what = "";
static unsigned *at, was;

/* Ahead of all constructors. */
static void first(int argc, char **argv, char **envp)
{
	(void)envp;
	what = argc > 1 ? argv[1] : "";
	refuse = !strcmp(what, "refuse");
	if (!strcmp(what, "early")) {
		at = site(call_here);
		was = put(at, TRAP);
	}
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **, char **) = first;

static int direct(func *f)
{
	unsigned *s = site(f);
	unsigned *to = (unsigned *)(void *)((char *)s + ((int)(*s << 6) >> 6 & ~3));

	return *to != 0x60000000u && *to >> 16 != 0x3d82;	/* a stub begins with addis r12,r2, or a linker's nop there */
}

static void show(const char *when)
{
	printf("%s: %d %d %d, trap %d, patching %d\n", when, call_here(0), call_there(0), call_elsewhere(0),
	       at && *at == TRAP, static_call_patching());
}

int main(void)
{
	if (!at)
		printf("direct: %d %d\n", direct(call_here), direct(call_there));
	if (!strcmp(what, "late"))
		was = put(at = site(call_here), TRAP);
	if (!strcmp(what, "second")) {
		at = site(call_there);
		was = put(at, TRAP);
		static_call_update(there, two);
		put(at, was);
		static_call_update(elsewhere, one);
		printf("direct after the first: %d %d\n", direct(call_here), direct(call_there));
		was = put(at = site(call_here), TRAP);
	}
	static_call_update(here, two);
	static_call_update(there, two);
	if (at) {
		printf("trap %d\n", *at == TRAP);
		static_call_update(here, three);
		printf("trap %d\n", *at == TRAP);
		put(at, was);
		if (!strcmp(what, "late"))
			static_call_update(elsewhere, three);
	}
	show("after");
	static_call_update(here, one);
	show("again");
	return 0;
}
