// SPDX-License-Identifier: BSD-3-Clause

// What calls.c calls: a shared library, with a TOC of its own.

#include <string.h>

extern long global;
static long own = 1;
volatile long sink;

// scribble leaves nonsense where the frames of later calls will be.
void scribble(void)
{
	volatile unsigned long a[400];
	for (int i = 0; i < 400; i++)
		a[i] = 0x5555555555555555ul + i;
	sink += a[7] & 1;
}

void fill(char *a, int c, long n)
{
	while (n-- > 0)
		a[n] = (char)c;
	scribble();
}

long add(long x) { return x + own++; }

long mul(long x)
{
	scribble();
	return x * 3 + own++;
}

long ext(long x) { return (long)strlen(x & 1 ? "odd" : "even") + global + own; }
