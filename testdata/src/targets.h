/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions that the static calls of these tests end in. */
#ifndef TARGETS_H
#define TARGETS_H

#ifdef __cplusplus
extern "C" {
#endif

struct pair {
	long a, b;
};

struct wide {			/* too large for registers on return */
	long v[6];
	double d;
};

/* Set by main, read by every target through its own unit's TOC. */
extern long t_bias;
void t_set_bias(long bias);
long t_calls(void);		/* calls since the last question */
long t_sum(void);		/* what t_note and t_notify have gathered */

int t_add(int a, int b);
int t_inc(int x);
int t_dec(int x);
void t_note(int x);
long t_twelve(long a, long b, long c, long d, long e, long f,
	      long g, long h, long i, long j, long k, long l);
long t_varargs(int n, ...);
double t_double(double x, float y, int z);
struct pair t_pair(struct pair p);
struct wide t_wide(struct wide w, long k);
const char *t_string(int which);
int t_nothing(void);

#ifdef __cplusplus
}
#endif

#endif
