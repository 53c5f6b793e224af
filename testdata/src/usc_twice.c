// SPDX-License-Identifier: BSD-3-Clause
/*
 * A static call of a function that returns twice. Between its returns the caller moves r1 and spoils what
 * lay under the old one, so that 24(r1) is no longer r2 at the second. The trampoline hands r2 on as it is:
 * unpatched, nothing loads it from there.
 */
#include <stdio.h>
#include <string.h>

struct key {
	int (*func)(long *);
	void *spare;
};

/* Keep r1, r2, LR and r14 to r31, and return 0; and come back to where they were kept, with 1. */
int remember(long *where);
void go_back(long *where) __attribute__((noreturn));
__asm__("	.pushsection .text,\"ax\"\n"
	"	.type remember,@function\n"
	"remember:\n"
	"	mflr 0\n"
	"	std 0,0(3)\n"
	"	std 1,8(3)\n"
	"	std 2,16(3)\n"
	"	.set reg,14\n"
	"	.rept 18\n"
	"	std reg,24+8*(reg-14)(3)\n"
	"	.set reg,reg+1\n"
	"	.endr\n"
	"	li 3,0\n"
	"	blr\n"
	"	.size remember,.-remember\n"
	"	.type go_back,@function\n"
	"go_back:\n"
	"	ld 0,0(3)\n"
	"	mtlr 0\n"
	"	ld 1,8(3)\n"
	"	ld 2,16(3)\n"
	"	.set reg,14\n"
	"	.rept 18\n"
	"	ld reg,24+8*(reg-14)(3)\n"
	"	.set reg,reg+1\n"
	"	.endr\n"
	"	li 3,1\n"
	"	blr\n"
	"	.size go_back,.-go_back\n"
	"	.popsection\n");

__attribute__((visibility("hidden"))) struct key __SCK__twice = { remember, 0 };
int __SCT__twice(long *where) __attribute__((returns_twice));
__asm__("	.pushsection .text.sct,\"ax\",@progbits\n"
	"	.globl __SCT__twice\n"
	"	.hidden __SCT__twice\n"
	"	.type __SCT__twice,@function\n"
	"__SCT__twice:\n"
	"	.localentry __SCT__twice,0\n"
	"	addis 12,2,__SCK__twice@toc@ha\n"
	"	ld 12,__SCK__twice@toc@l(12)\n"
	"	mtctr 12\n"
	"	bctr\n"
	"	.size __SCT__twice,.-__SCT__twice\n"
	"	.popsection\n");

static long kept[32];
volatile int five = 5;
static void *volatile sink;

__attribute__((noinline)) static void spoil(char *p, int n)
{
	memset(p, 0x55, n);
	sink = p;
	go_back(kept);
}

__attribute__((noinline)) static int call(int n)
{
	if (!__SCT__twice(kept))
		spoil(__builtin_alloca(n * 8), n * 8);
	return n + five;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 5)	/* the key may change */
		__SCK__twice.func = 0;
	printf("%d\n", call(40));
	return 0;
}
