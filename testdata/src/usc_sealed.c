/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys that the run time cannot write. -DKEYS has the keys: one among data that is read-only once it
 * is relocated, and one in a page that the program seals after the run time has seen it. With -DALONE
 * the program calls only the latter. Prints what the calls yield before and after updates.
 */
#ifndef KEYS
#define STATIC_CALL_RUNTIME
#endif
#define STATIC_CALL_SAVE_TOC 1
#include <static_call.h>
#include <sys/mman.h>

int slow(int x);
int fast(int x);
DECLARE_STATIC_CALL(fixed, slow);
DECLARE_STATIC_CALL(sealed, slow);

#ifdef KEYS

#define KEY(name, section)							\
	__asm__(".pushsection " section ",\"aw\"\n"				\
		".balign 65536\n"						\
		".globl __SCK__" #name "\n"					\
		".type __SCK__" #name ",@object\n"				\
		"__SCK__" #name ": .quad slow,0,0\n"				\
		".size __SCK__" #name ",24\n"					\
		".balign 65536\n"						\
		".popsection");							\
	__STATIC_CALL_TRAMPOLINE(name, "")

KEY(fixed, ".data.rel.ro.fixed");
KEY(sealed, ".data.sealed");

int slow(int x)
{
	return x + 1;
}

int fast(int x)
{
	return x + 1000;
}

#else

#ifndef ALONE
DEFINE_STATIC_CALL(plain, slow);
#endif

__attribute__((noinline)) static int calls(int x)
{
#ifdef ALONE
	return printf("%d\n", static_call(sealed)(x));
#else
	return printf("%d %d %d\n", static_call(fixed)(x), static_call(sealed)(x), static_call(plain)(x));
#endif
}

static void protect(int prot)
{
	if (mprotect(&__SCK__sealed, 65536, prot))
		perror("mprotect");
}

int main(void)
{
	protect(PROT_READ);
	calls(1);
	protect(PROT_READ | PROT_WRITE);
#ifndef ALONE
	static_call_update(plain, fast);
#endif
	static_call_update(sealed, fast);
	protect(PROT_READ);
	calls(1);
	return 0;
}

#endif
