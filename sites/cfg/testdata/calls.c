// SPDX-License-Identifier: BSD-3-Clause

// Functions that call both through pointers, which makes the compiler save r2,
// and directly, where a proven call gets its restore. Each of them uses the TOC
// after every call, and what they call, in other.c, has another TOC.

#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef long fn(long);

long global = 1;
static long hidden = 3;
fn *volatile table[4];
int (*volatile put)(const char *) = puts;
size_t (*volatile length)(const char *) = strlen;

long add(long x);
long mul(long x);
long ext(long x) __attribute__((noplt));
void scribble(void);
void fill(char *a, int c, long n);

__attribute__((noinline)) long straight(fn *p, long x)
{
	long r = p(x) + global;
	r += add(r) + hidden;
	r += mul(r) + global;
	return r + p(r) + ext(r) + hidden;
}

__attribute__((noinline)) long one_path(fn *p, long x)
{
	long r = x;
	if (x & 1)
		r = p(x) + global;
	r += add(r) + hidden;
	return r + mul(r) + global;
}

__attribute__((noinline)) long wrapped(fn *p, long x)
{
	if (x < 0)
		return hidden;
	long r = add(p(x)) + global;
	for (long i = 0; i < x % 5; i++)
		r += mul(p(r & 0xffff)) + hidden;
	return r;
}

__attribute__((noinline)) long array(fn *p, long n)
{
	long r = p(n) + add(n);
	for (long i = 1; i < 4; i++) {
		volatile char *a = alloca(16 * n * i);
		fill((char *)a, (int)i, 16 * n * i);
		r += add(a[n]) + global;
		if (i == 2)
			r += p(r) + mul(r) + hidden;
	}
	return r + mul(r) + global;
}

__attribute__((noinline)) long locals(fn *p, long n)
{
	long a[64];
	long r = p(n);
	memset(a, 0, sizeof a);
	for (long i = 0; i < 64; i++)
		a[(i * 7 + n) & 63] += add(i);
	for (long i = 63; i >= 0; i--)
		r = r * 3 + a[i] + mul(i & 3) + global;
	return r;
}

__attribute__((noinline)) long choose(fn *p, long n)
{
	long r = p(n);
	switch (n & 15) {
	case 0: r += add(1) + p(2); break;
	case 1: r += mul(2) + global; /* fall through */
	case 2: r += add(3) + hidden; break;
	case 3: return mul(4) * p(5) + global;
	case 4: r -= add(p(6)); break;
	case 5: r ^= mul(7) + p(add(8)); break;
	case 6: r += ext(9); break;
	case 7: r += p(add(global)); break;
	case 9: return add(add(mul(hidden))); 
	default: r += global;
	}
	return r + add(r) + hidden;
}

__attribute__((noinline)) long labels(fn *p, long n)
{
	static const void *const to[] = {&&a, &&b, &&c, &&d};
	long r = 0;
	for (long i = 0; i < 6; i++) {
		goto *to[(n + i * i) & 3];
	a:	r += add(r) + global;
		continue;
	b:	r += p(r) + hidden;
	c:	r += mul(r & 255) + global;
		continue;
	d:	r ^= add(r);
	}
	return r + hidden;
}

static jmp_buf env;

__attribute__((noinline)) static void leap(long x)
{
	if (x)
		longjmp(env, (int)x);
}

__attribute__((noinline)) long jumps(fn *p, long n)
{
	volatile long r = p(n) + add(n);
	volatile long turn = 0;
	int got = setjmp(env);
	r += add(got) + global;
	if (turn++ < 3) {
		char *a = alloca(32 * turn);
		fill(a, 0x77, 32 * turn);
		r += p(r & 0xff) + a[turn];
		leap(turn);
	}
	return r + mul(r) + hidden;
}

__attribute__((noinline)) long many(fn *p, int n, ...)
{
	va_list ap;
	long r = p(n);
	va_start(ap, n);
	while (n-- > 0)
		r = r * 31 + add(va_arg(ap, long)) + hidden;
	va_end(ap);
	return r + mul(r & 0xfff) + global;
}

__attribute__((noinline)) long deep(fn *p, long n)
{
	if (n <= 0)
		return global;
	long r = p(n) + deep(p, n - 1) + hidden;
	return r * 5 + add(deep(p, n - 3)) + global;
}

static long key;
static int compare(const void *a, const void *b)
{
	long x = *(const long *)a ^ key, y = *(const long *)b ^ key;
	hidden++;
	return (x > y) - (x < y);
}

__attribute__((noinline)) long sorts(fn *p, long n)
{
	long a[40];
	void (*volatile sort)(void *, size_t, size_t, int (*)(const void *, const void *)) = qsort;
	for (int i = 0; i < 40; i++)
		a[i] = p(i * 37 % 11) + add(i);
	key = n;
	sort(a, 40, sizeof a[0], compare);
	long r = mul(a[3]) + global;
	qsort(a, 40, sizeof a[0], compare);
	return r + add(a[20]) + hidden;
}

__attribute__((noinline)) long talks(long n)
{
	char buf[64];
	put("talks");
	snprintf(buf, sizeof buf, "%ld %ld", add(n), mul(n));
	long r = (long)length(buf) + global;
	put(buf);
	printf("%ld %ld\n", add(r), hidden);
	return r + mul(r) + global;
}

int main(void)
{
	table[0] = add, table[1] = mul, table[2] = ext, table[3] = labs;
	for (long i = 0; i < 24; i++) {
		fn *p = table[i & 3];
		scribble();
		printf("%ld: %ld", i, straight(p, i));
		scribble();
		printf(" %ld", one_path(p, i));
		scribble();
		printf(" %ld", wrapped(p, i - 2));
		scribble();
		printf(" %ld", array(p, i + 1));
		scribble();
		printf(" %ld", locals(p, i));
		scribble();
		printf(" %ld", choose(p, i));
		scribble();
		printf(" %ld", labels(p, i));
		scribble();
		printf(" %ld", jumps(p, i));
		scribble();
		printf(" %ld", many(p, 5, i, 2l, 3l, 4l, i));
		scribble();
		printf(" %ld", deep(p, i % 7));
		scribble();
		printf(" %ld\n", sorts(p, i));
		scribble();
		talks(i);
	}
	printf("%ld %ld\n", global, hidden);
	return 0;
}
