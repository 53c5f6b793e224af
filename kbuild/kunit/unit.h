/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One unit: its functions, its keys, its callers. SCT_UNIT is its name, SCT_ID
 * its number.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/stdarg.h>

#include "sct.h"

#define SCT(what)	__PASTE(__PASTE(sct_, SCT_UNIT), _##what)

/* Both are reached through the TOC. */
static atomic_long_t count;
static long base = SCT_BASE(SCT_ID);

static noinline long first(long x)
{
	atomic_long_inc(&count);
	if (x & SCT_NAP)
		usleep_range(20, 50);
	return (x & ~SCT_NAP) + READ_ONCE(base);
}

/*
 * Far from the others if there is much between .text and .sched.text, which is the
 * case in the kernel that has pad.o.
 */
static noinline __sched long second(long x)
{
	atomic_long_inc(&count);
	return (x & ~SCT_NAP) + READ_ONCE(base) + SCT_STEP;
}

/* Neither a frame nor r2. */
static noinline notrace long bare(long x)
{
	return (x & ~SCT_NAP) + SCT_BASE(SCT_ID) + 2 * SCT_STEP;
}

static noinline void note(long *sum)
{
	atomic_long_inc(&count);
	*sum += READ_ONCE(base);
}

static noinline long twelve(long a, long b, long c, long d, long e, long f,
			    long g, long h, long i, long j, long k, long l)
{
	atomic_long_inc(&count);
	return READ_ONCE(base) + a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f +
		7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
}

static noinline long varargs(int n, ...)
{
	long sum = READ_ONCE(base);
	va_list ap;
	int i;

	atomic_long_inc(&count);
	va_start(ap, n);
	for (i = 1; i <= n; i++)
		sum += i * va_arg(ap, long);
	va_end(ap);
	return sum;
}

static noinline long sleep(struct sct_wait *wait)
{
	atomic_long_inc(&count);
	complete(&wait->inside);
	wait_for_completion(&wait->go);
	return READ_ONCE(base);
}

DEFINE_STATIC_CALL(SCT(func), first);
EXPORT_STATIC_CALL_GPL(SCT(func));
DEFINE_STATIC_CALL_NULL(SCT(null), note);
EXPORT_STATIC_CALL_GPL(SCT(null));
DEFINE_STATIC_CALL_RET0(SCT(ret0), first);
EXPORT_STATIC_CALL_GPL(SCT(ret0));
DEFINE_STATIC_CALL(SCT(twelve), twelve);
EXPORT_STATIC_CALL_GPL(SCT(twelve));
DEFINE_STATIC_CALL(SCT(varargs), varargs);
EXPORT_STATIC_CALL_GPL(SCT(varargs));
DEFINE_STATIC_CALL(SCT(sleep), sleep);
EXPORT_STATIC_CALL_GPL(SCT(sleep));
DEFINE_STATIC_CALL(SCT(mod), first);
EXPORT_STATIC_CALL_TRAMP_GPL(SCT(mod));

static __always_inline long *evaluate(struct sct_call *c)
{
	c->evaluated++;
	return &c->result;
}

#define SCT_OWNER	kernel
#define SCT_OWNER_ID	SCT_KERNEL
#include "callers.h"

#if SCT_ID >= SCT_A
#define SCT_OWNER	a
#define SCT_OWNER_ID	SCT_A
#include "callers.h"
#endif

#if SCT_ID >= SCT_B
#define SCT_OWNER	b
#define SCT_OWNER_ID	SCT_B
#include "callers.h"
#endif

static noinline void by_pointer(sct_func_t *func, struct sct_call *c)
{
	SCT_CHECK(c, c->result = func(c->x));
}

noinline void SCT(victim)(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(SCT(func))(c->x));
}

static noinline void victim(struct sct_call *c)
{
	SCT_CHECK(c, SCT(victim)(c));
}

#ifdef MODULE
static struct static_call_site *sites(void)
{
	return THIS_MODULE->static_call_sites;
}

static unsigned int nr_sites(void)
{
	return THIS_MODULE->num_static_call_sites;
}
#else
extern struct static_call_site __start_static_call_sites[],
			       __stop_static_call_sites[];

static struct static_call_site *sites(void)
{
	return __start_static_call_sites;
}

static unsigned int nr_sites(void)
{
	return __stop_static_call_sites - __start_static_call_sites;
}
#endif

static const struct sct_unit unit = {
	.name = __stringify(SCT_UNIT),
	.id = SCT_ID,
	.target = {
		[SCT_FUNC] = { first, second, bare },
		[SCT_NULL] = { note },
		[SCT_RET0] = { first, second, bare },
		[SCT_TWELVE] = { twelve },
		[SCT_VARARGS] = { varargs },
		[SCT_SLEEP] = { sleep },
		[SCT_MOD] = { first, second, bare },
	},
	.count = &count,
	.keys = {
		&kernel_keys,
#if SCT_ID >= SCT_A
		&a_keys,
#endif
#if SCT_ID >= SCT_B
		&b_keys,
#endif
	},
	.by_pointer = by_pointer,
	.victim = victim,
	.sites = sites,
	.nr_sites = nr_sites,
};

#ifdef MODULE
static int __init unit_init(void)
{
	sct_units[SCT_ID] = &unit;
	return 0;
}

/* No key may be left with a function of this module. */
static void __exit unit_exit(void)
{
	sct_reset();
	sct_units[SCT_ID] = NULL;
}
#endif
