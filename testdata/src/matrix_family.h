/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One family of targets, F(name), of bias BIAS. Each reads and writes data of its own unit, which
 * goes wrong when it is entered with another unit's r2.
 */
static long F(bias) = BIAS;
static long F(count);

long F(calls)(void)
{
	return F(count);
}

long F(step)(long x)
{
	F(count)++;
	return x + F(bias);
}

void F(note)(long x)
{
	F(count) += x & 7;
}

long F(twelve)(long a, long b, long c, long d, long e, long f,
	       long g, long h, long i, long j, long k, long l)
{
	F(count)++;
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f +
	       7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + F(bias);
}

long F(sum)(int n, ...)
{
	va_list ap;
	double d = 0;
	long s = 0;

	va_start(ap, n);
	for (int i = 0; i < n; i++) {
		s += va_arg(ap, long);
		d += va_arg(ap, double);
	}
	va_end(ap);
	F(count)++;
	return s * 100 + (long)d + F(bias);
}

double F(real)(double x, float y, struct floats z, int n)
{
	F(count)++;
	return x * 2 + (double)y * n + (double)(z.v[0] + z.v[1] * z.v[2] - z.v[3]) + (double)F(bias);
}

struct pair F(swap)(struct pair p)
{
	struct pair r = { p.b + F(bias), p.a - F(bias) };

	F(count)++;
	return r;
}

struct wide F(scale)(struct wide w, long k)
{
	for (int i = 0; i < 9; i++)
		w.v[i] = w.v[i] * k + F(bias);
	w.d += (double)k;
	F(count)++;
	return w;
}

long F(back)(callback *cb, long x)
{
	long r = cb(x - 1);

	F(count)++;
	return r + F(bias);
}

void F(jump)(jmp_buf *env, int x)
{
	F(count)++;
	longjmp(*env, x + (int)F(bias));
}

#undef F
#undef BIAS
