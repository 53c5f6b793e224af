/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The suite of a unit. Most cases run for each point: a caller, the unit that
 * owns the key, and the unit that has the function. A unit cannot refer to the
 * keys of a module that is loaded after it, so of 27 points 18 remain when all
 * units are there.
 */
#include <kunit/test.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#if __has_include(<asm/text-patching.h>)
#include <asm/text-patching.h>
#else /* up to Linux 6.12 */
#include <asm/code-patching.h>
#endif

#include "entry.h"
#include "suite.h"

#define SCT_TIMEOUT	(10 * HZ)
#define SCT_THREADS	4
#define SCT_ROUNDS	200

struct sct_point {
	const struct sct_unit *caller;
	const struct sct_unit *owner;
	const struct sct_unit *target;
};

static const void *sct_point_after(const void *prev, char *desc)
{
	static struct sct_point points[SCT_UNITS * SCT_UNITS * SCT_UNITS];
	int i = prev ? (const struct sct_point *)prev - points + 1 : 0;

	for (; i < ARRAY_SIZE(points); i++) {
		struct sct_point *p = &points[i];

		p->caller = sct_units[i / (SCT_UNITS * SCT_UNITS)];
		p->owner = sct_units[i / SCT_UNITS % SCT_UNITS];
		p->target = sct_units[i % SCT_UNITS];
		if (!p->caller || !p->owner || !p->target || !p->caller->keys[p->owner->id])
			continue;
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s calls key of %s, function of %s",
			 p->caller->name, p->owner->name, p->target->name);
		return p;
	}
	return NULL;
}

static const void *sct_owner_after(const void *prev, char *desc)
{
	const struct sct_unit **p = prev ? (const struct sct_unit **)prev + 1 : sct_units;

	for (; p < sct_units + SCT_UNITS; p++) {
		if (!*p)
			continue;
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "keys of %s", (*p)->name);
		return p;
	}
	return NULL;
}

sct_generator(sct_next_point)
{
	return sct_point_after(prev, desc);
}

sct_generator(sct_next_owner)
{
	return sct_owner_after(prev, desc);
}

/* The first unit that is there, from a number on. */
static const struct sct_unit *sct_from(int *i)
{
	for (; *i < SCT_UNITS; (*i)++)
		if (sct_units[*i])
			return sct_units[*i];
	return NULL;
}

#define sct_for_each_unit(u, i)	\
	for ((i) = 0; ((u) = sct_from(&(i))); (i)++)

static const struct sct_keys *sct_keys(const struct sct_point *p)
{
	return p->caller->keys[p->owner->id];
}

/* What a function returns, or @SCT_NULL adds, for an argument. */
static long sct_want(enum sct_kind kind, const struct sct_unit *target, int choice, long x)
{
	long want = SCT_BASE(target->id), i;

	switch (kind) {
	case SCT_FUNC:
	case SCT_RET0:
	case SCT_MOD:
		return want + x + choice * SCT_STEP;
	case SCT_TWELVE:
	case SCT_VARARGS:
		for (i = 0; i < 12; i++)
			want += (i + 1) * (x + i);
		return want;
	default:
		return want;
	}
}

static bool sct_legal(enum sct_kind kind, long x, long result)
{
	const struct sct_unit *u;
	int i, choice;

	if (!result)
		return true;
	sct_for_each_unit(u, i)
		for (choice = 0; choice < SCT_CHOICES; choice++)
			if (result == sct_want(kind, u, choice, x))
				return true;
	return false;
}

/*
 * Use a caller that makes so many calls. Without @target the key is NULL or
 * returns 0.
 */
static void sct_expect(struct kunit *test, enum sct_kind kind, sct_caller_t *call, int calls,
		       const struct sct_unit *target, int choice, const char *what)
{
	struct sct_call c = { .x = SCT_X, .result = -1 };
	long before = target ? atomic_long_read(target->count) : 0;
	long want = target ? sct_want(kind, target, choice, c.x) : 0;

	call(&c);
	KUNIT_EXPECT_EQ_MSG(test, c.result, want, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, c.bad, 0, "%s: r2", what);
	if (target && choice != SCT_BARE)
		KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(target->count) - before, (long)calls,
				    "%s: number of calls", what);
	if (kind == SCT_NULL)
		KUNIT_EXPECT_EQ_MSG(test, c.evaluated, 1, "%s: evaluation", what);
}

/* Update a key in all the ways there are, and call it after each. */
static void sct_update(struct kunit *test, const struct sct_point *p, enum sct_kind kind,
		       const struct sct_unit *target, int choice, const char *what)
{
	void *func = target ? target->target[kind][choice] : (void *)__static_call_return0;
	const struct sct_unit *u;
	int i;

	if (!target && kind == SCT_NULL)
		func = NULL;
	sct_for_each_unit(u, i) {
		const struct sct_keys *keys = u->keys[p->owner->id];

		/* Only its owner can update a key whose trampoline alone is exported. */
		if (!keys || (kind == SCT_MOD && u != p->owner))
			continue;
		keys->update(kind, func);
		KUNIT_EXPECT_PTR_EQ_MSG(test, keys->query(kind), func, "%s", what);
		sct_expect(test, kind, sct_keys(p)->call[kind], 1, target, choice, what);
	}
}

/* The first case of a suite: no key has been updated yet. */
static void units(struct kunit *test)
{
	int reach[SCT_UNITS] = {}, n = 0, points = 0, want = 0, i, j;
	const struct sct_point *p = NULL;
	const struct sct_unit *u, *owner;
	char desc[KUNIT_PARAM_DESC_SIZE];

	for (i = 0; i <= SCT_ID; i++)
		KUNIT_ASSERT_NOT_NULL(test, sct_units[i]);
	KUNIT_ASSERT_PTR_EQ(test, sct_units[SCT_ID], &unit);

	sct_for_each_unit(u, i) {
		reach[n++] = i + 1;
		sct_for_each_unit(owner, j) {
			const struct sct_keys *keys = u->keys[j];

			if (!keys)
				continue;
			sct_expect(test, SCT_FUNC, keys->call[SCT_FUNC], 1, owner, 0, "func");
			sct_expect(test, SCT_NULL, keys->call[SCT_NULL], 1, NULL, 0, "null");
			sct_expect(test, SCT_RET0, keys->call[SCT_RET0], 1, NULL, 0, "ret0");
			sct_expect(test, SCT_TWELVE, keys->call[SCT_TWELVE], 1, owner, 0,
				   "twelve");
			sct_expect(test, SCT_VARARGS, keys->call[SCT_VARARGS], 1, owner, 0,
				   "varargs");
			sct_expect(test, SCT_MOD, keys->call[SCT_MOD], 1, owner, 0, "mod");
		}
	}

	/* Are all points there that the other cases run for? */
	while ((p = sct_point_after(p, desc)))
		points++;
	for (i = 0; i < n; i++)
		want += reach[i] * n;
	KUNIT_EXPECT_EQ(test, points, want);
}

/* Each kind of caller, each function, back and forth. */
static void func(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	const struct sct_shape *s;
	int choice, round;

	for (round = 0; round < 2; round++) {
		for (choice = 0; choice < SCT_CHOICES; choice++) {
			sct_update(test, p, SCT_FUNC, p->target, choice, "function");
			for (s = sct_keys(p)->shapes; s->name; s++)
				sct_expect(test, SCT_FUNC, s->call, s->calls,
					   p->target, choice, s->name);
			sct_update(test, p, SCT_FUNC, p->owner, 0, "back");
			for (s = sct_keys(p)->shapes; s->name; s++)
				sct_expect(test, SCT_FUNC, s->call, s->calls,
					   p->owner, 0, s->name);
		}
		sct_update(test, p, SCT_FUNC, NULL, 0, "return 0");
		for (s = sct_keys(p)->shapes; s->name; s++)
			sct_expect(test, SCT_FUNC, s->call, s->calls, NULL, 0, s->name);
	}
}

/*
 * An update writes the key first and the sites after it. A call in between takes
 * the old function or the new one, and comes back with the caller's r2. The old one
 * is of the caller's unit, so no site has been prepared for others: this case comes
 * before those that update the key.
 */
static void in_between(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	const struct sct_keys *keys = sct_keys(p);
	const struct sct_shape *s;
	int from, to;

	for (from = 0; from <= SCT_CHOICES; from++) {
		void *old = (void *)__static_call_return0;
		long was = 0;

		if (from < SCT_CHOICES) {
			old = p->caller->target[SCT_FUNC][from];
			was = sct_want(SCT_FUNC, p->caller, from, SCT_X);
		}
		keys->update(SCT_FUNC, old);
		for (to = 0; to < SCT_CHOICES; to++) {
			long is = sct_want(SCT_FUNC, p->target, to, SCT_X);

			keys->store(p->target->target[SCT_FUNC][to]);
			for (s = keys->shapes; s->name; s++) {
				struct sct_call c = { .x = SCT_X, .result = -1 };

				s->call(&c);
				KUNIT_EXPECT_TRUE_MSG(test, c.result == was || c.result == is,
						      "%s: %ld", s->name, c.result);
				KUNIT_EXPECT_EQ_MSG(test, c.bad, 0, "%s, from %d to %d: r2",
						    s->name, from, to);
			}
			keys->store(old);
		}
	}
}

static void null(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	int round;

	for (round = 0; round < 3; round++) {
		sct_update(test, p, SCT_NULL, NULL, 0, "NULL");
		sct_update(test, p, SCT_NULL, p->target, 0, "function");
		sct_update(test, p, SCT_NULL, p->owner, 0, "function of the owner");
	}
	sct_update(test, p, SCT_NULL, NULL, 0, "NULL again");
}

static void ret0(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	int choice;

	for (choice = 0; choice < SCT_CHOICES; choice++) {
		sct_update(test, p, SCT_RET0, NULL, 0, "return 0");
		sct_update(test, p, SCT_RET0, p->target, choice, "function");
		sct_update(test, p, SCT_RET0, p->owner, choice, "function of the owner");
	}
	sct_update(test, p, SCT_RET0, NULL, 0, "return 0 again");
}

static void sct_stack(struct kunit *test, enum sct_kind kind)
{
	const struct sct_point *p = test->param_value;
	int round;

	for (round = 0; round < 2; round++) {
		sct_update(test, p, kind, p->target, 0, "function");
		sct_update(test, p, kind, NULL, 0, "return 0");
		sct_update(test, p, kind, p->owner, 0, "function of the owner");
	}
}

static void twelve_arguments(struct kunit *test)
{
	sct_stack(test, SCT_TWELVE);
}

static void variable_arguments(struct kunit *test)
{
	sct_stack(test, SCT_VARARGS);
}

static void trampoline_only(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	int choice;

	for (choice = 0; choice < SCT_CHOICES; choice++) {
		sct_update(test, p, SCT_MOD, p->target, choice, "function");
		sct_update(test, p, SCT_MOD, NULL, 0, "return 0");
		sct_update(test, p, SCT_MOD, p->owner, 0, "function of the owner");
	}
}

/* Of such a key modules get the trampoline and not the key. */
static void trampoline_only_symbols(struct kunit *test)
{
	const struct sct_unit *u;
	char name[40];
	int i;

	sct_for_each_unit(u, i) {
		void *addr;

		snprintf(name, sizeof(name), STATIC_CALL_KEY_PREFIX_STR "sct_%s_mod", u->name);
		addr = __symbol_get(name);
		KUNIT_EXPECT_NULL_MSG(test, addr, "%s", name);
		if (addr)
			__symbol_put(name);
		snprintf(name, sizeof(name), STATIC_CALL_TRAMP_PREFIX_STR "sct_%s_mod", u->name);
		addr = __symbol_get(name);
		KUNIT_EXPECT_NOT_NULL_MSG(test, addr, "%s", name);
		if (addr)
			__symbol_put(name);
		snprintf(name, sizeof(name), STATIC_CALL_KEY_PREFIX_STR "sct_%s_func", u->name);
		addr = __symbol_get(name);
		KUNIT_EXPECT_NOT_NULL_MSG(test, addr, "%s", name);
		if (addr)
			__symbol_put(name);
	}
}

/*
 * The trampoline through a pointer, which each unit may have taken that reaches
 * the key, and any unit may call.
 */
static void pointer(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	const struct sct_unit *u;
	int i, choice;

	for (choice = 0; choice <= SCT_CHOICES; choice++) {
		void *target = choice < SCT_CHOICES ? p->target->target[SCT_FUNC][choice] :
						      (void *)__static_call_return0;

		sct_keys(p)->update(SCT_FUNC, target);
		sct_for_each_unit(u, i) {
			struct sct_call c = { .x = SCT_X, .result = -1 };
			long want = 0;

			if (choice < SCT_CHOICES)
				want = sct_want(SCT_FUNC, p->target, choice, c.x);
			u->by_pointer(sct_keys(p)->pointer(), &c);
			KUNIT_EXPECT_EQ_MSG(test, c.result, want, "called by %s", u->name);
			KUNIT_EXPECT_EQ_MSG(test, c.bad, 0, "called by %s: r2", u->name);
		}
	}
	/* All have the same address of it. */
	KUNIT_EXPECT_PTR_EQ(test, sct_keys(p)->pointer(),
			    p->owner->keys[p->owner->id]->pointer());
}

/* A thread in a function that sleeps. */
struct sct_sleeper {
	struct task_struct *task;
	struct completion done;
	struct sct_wait wait;
	struct sct_call c;
	sct_caller_t *call;
};

static int sct_sleeper(void *arg)
{
	struct sct_sleeper *s = arg;

	s->call(&s->c);
	complete(&s->done);
	return 0;
}

static void sct_sleep(struct kunit *test, struct sct_sleeper *s, sct_caller_t *call)
{
	memset(s, 0, sizeof(*s));
	init_completion(&s->done);
	init_completion(&s->wait.inside);
	init_completion(&s->wait.go);
	s->c.wait = &s->wait;
	s->c.result = -1;
	s->call = call;
	s->task = kthread_create(sct_sleeper, s, "sct_sleeper");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->task);
	/* sct_wake() stops it when it may have ended already. */
	get_task_struct(s->task);
	wake_up_process(s->task);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&s->wait.inside, SCT_TIMEOUT), 0);
}

static void sct_wake(struct kunit *test, struct sct_sleeper *s, const struct sct_unit *target)
{
	KUNIT_EXPECT_FALSE(test, completion_done(&s->done));
	complete(&s->wait.go);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&s->done, SCT_TIMEOUT), 0);
	kthread_stop(s->task);
	put_task_struct(s->task);
	KUNIT_EXPECT_EQ(test, s->c.result, SCT_BASE(target->id));
	KUNIT_EXPECT_EQ_MSG(test, s->c.bad, 0, "r2");
}

/* Updates while threads sleep in the function that the key had, and has again. */
static void updates_during_calls(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	struct sct_sleeper *s = kunit_kcalloc(test, 3, sizeof(*s), GFP_KERNEL);
	sct_caller_t *call = sct_keys(p)->call[SCT_SLEEP];
	const struct sct_unit *u;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	sct_for_each_unit(u, i) {
		sct_keys(p)->update(SCT_SLEEP, p->target->target[SCT_SLEEP][0]);
		sct_sleep(test, &s[0], call);
		sct_keys(p)->update(SCT_SLEEP, u->target[SCT_SLEEP][0]);
		sct_sleep(test, &s[1], call);
		sct_keys(p)->update(SCT_SLEEP, (void *)__static_call_return0);
		sct_expect(test, SCT_SLEEP, call, 1, NULL, 0, "return 0");
		sct_wake(test, &s[0], p->target);
		sct_keys(p)->update(SCT_SLEEP, p->target->target[SCT_SLEEP][0]);
		sct_sleep(test, &s[2], call);
		sct_wake(test, &s[1], u);
		sct_keys(p)->update(SCT_SLEEP, u->target[SCT_SLEEP][0]);
		sct_wake(test, &s[2], p->target);
	}
}

/* A site in a function, NULL if the table has none. */
static u32 *sct_site(const struct sct_unit *u, void *function)
{
	unsigned long start = (unsigned long)function;
	unsigned long size = sct_function_size(start);
	unsigned int i, n = u->nr_sites();
	struct static_call_site *site = u->sites();

	for (i = 0; i < n; i++, site++) {
		unsigned long addr = (long)&site->addr + site->addr;

		if (addr >= start && addr < start + size)
			return (u32 *)addr;
	}
	return NULL;
}

/* A thread that calls all the time. */
struct sct_caller {
	struct task_struct *task;
	const struct sct_keys *keys;
	unsigned long calls;
	unsigned long nonzero;
	unsigned long wrong;
	unsigned long bad;
};

static const enum sct_kind sct_storm_kinds[] = { SCT_FUNC, SCT_NULL, SCT_RET0 };

static int sct_calling(void *arg)
{
	const enum sct_kind *kinds = sct_storm_kinds;
	struct sct_caller *t = arg;

	while (!kthread_should_stop()) {
		struct sct_call c = { .x = 41 };
		int i;

		if (!(t->calls % 16))
			c.x |= SCT_NAP;
		for (i = 0; i < ARRAY_SIZE(sct_storm_kinds); i++) {
			c.evaluated = 0;
			t->keys->call[kinds[i]](&c);
			t->wrong += !sct_legal(kinds[i], 41, c.result);
			t->wrong += kinds[i] == SCT_NULL && c.evaluated != 1;
			t->nonzero += c.result != 0;
		}
		t->bad += c.bad;
		WRITE_ONCE(t->calls, t->calls + 1);
		cond_resched();
	}
	return 0;
}

static void sct_calm(const struct sct_keys *keys)
{
	keys->update(SCT_FUNC, (void *)__static_call_return0);
	keys->update(SCT_NULL, NULL);
	keys->update(SCT_RET0, (void *)__static_call_return0);
}

/* The words at the sites of the callers, 0 for a site that the table does not have. */
struct sct_words {
	u32 word[SCT_UNITS][ARRAY_SIZE(sct_storm_kinds)];
};

static void sct_read_words(const struct sct_unit *owner, struct sct_words *words)
{
	const struct sct_unit *u;
	int i, k;

	sct_for_each_unit(u, i) {
		const struct sct_keys *keys = u->keys[owner->id];

		for (k = 0; keys && k < ARRAY_SIZE(sct_storm_kinds); k++) {
			u32 *site = sct_site(u, keys->call[sct_storm_kinds[k]]);

			words->word[i][k] = site ? READ_ONCE(*site) : 0;
		}
	}
}

static void storm(struct kunit *test)
{
	struct sct_words before = {}, after = {};
	const struct sct_unit *owner = *(const struct sct_unit **)test->param_value;
	const struct sct_unit *reach[SCT_UNITS], *u;
	struct sct_caller *t = kunit_kcalloc(test, SCT_THREADS, sizeof(*t), GFP_KERNEL);
	int i, n = 0, round, updates = 0, threads = 0;

	KUNIT_ASSERT_NOT_NULL(test, t);
	sct_for_each_unit(u, i)
		if (u->keys[owner->id])
			reach[n++] = u;
	KUNIT_ASSERT_GT(test, n, 0);
	sct_calm(reach[0]->keys[owner->id]);
	sct_read_words(owner, &before);
	for (i = 0; i < SCT_THREADS; i++) {
		t[i].keys = reach[i % n]->keys[owner->id];
		t[i].task = kthread_run(sct_calling, &t[i], "sct_calling");
		if (!IS_ERR(t[i].task))
			threads++;
	}
	KUNIT_EXPECT_EQ(test, threads, SCT_THREADS);

	for (round = 0; round < SCT_ROUNDS; round++) {
		const struct sct_keys *keys = reach[round % n]->keys[owner->id];
		int choice = round / 2 % SCT_CHOICES;

		sct_for_each_unit(u, i) {
			keys->update(SCT_FUNC, u->target[SCT_FUNC][choice]);
			keys->update(SCT_NULL, u->target[SCT_NULL][0]);
			keys->update(SCT_RET0, u->target[SCT_RET0][choice]);
			cond_resched();
			updates += 3;
		}
		if (round % 4 == 0)
			usleep_range(50, 100);
		sct_calm(keys);
		cond_resched();
		updates += 3;
		if (round % 4 == 2)
			usleep_range(50, 100);
	}
	for (i = 0; i < SCT_THREADS; i++) {
		if (IS_ERR(t[i].task))
			continue;
		kthread_stop(t[i].task);
		kunit_info(test, "%lu calls, %lu not 0, during %d updates\n",
			   3 * t[i].calls, t[i].nonzero, updates);
		KUNIT_EXPECT_GT(test, t[i].calls, 100);
		KUNIT_EXPECT_GT(test, t[i].nonzero, 0);
		KUNIT_EXPECT_EQ(test, t[i].wrong, 0);
		KUNIT_EXPECT_EQ_MSG(test, t[i].bad, 0, "r2");
	}

	/* The sites are as they were with these functions before. */
	sct_read_words(owner, &after);
	KUNIT_EXPECT_EQ(test, memcmp(&before, &after, sizeof(before)), 0);
	/*
	 * The memory is right. But qemu 7.2 may keep what it has translated of an old
	 * word, if one CPU translates while another writes. So have all written again
	 * now that nobody calls: here, and by sct_exit().
	 */
	reach[0]->keys[owner->id]->update(SCT_NULL, owner->target[SCT_NULL][0]);
	reach[0]->keys[owner->id]->update(SCT_RET0, owner->target[SCT_RET0][0]);
}

struct sct_probe {
	struct kprobe kp;
	atomic_long_t hits;
};

static int sct_hit(struct kprobe *kp, struct pt_regs *regs)
{
	atomic_long_inc(&container_of(kp, struct sct_probe, kp)->hits);
	return 0;
}

static void sct_refused(struct kunit *test, void *addr, const char *what)
{
	struct kprobe kp = { .addr = addr, .pre_handler = sct_hit };
	int err = register_kprobe(&kp);

	KUNIT_EXPECT_EQ_MSG(test, err, -EINVAL, "%s", what);
	if (!err)
		unregister_kprobe(&kp);
}

#define SCT_CALL_INSNS	(CALL_INSN_SIZE / sizeof(u32))

static void sct_refused_call(struct kunit *test, u32 *site)
{
	sct_refused(test, site, "the site");
	if (SCT_CALL_INSNS > 1)
		sct_refused(test, site + 1, "the word after it");
}

static bool sct_has_prefix(const u32 *insn)
{
	return ppc_inst_prefixed(ppc_inst_read(insn));
}

/*
 * Kprobes around a site and on the functions, while the key changes. A site that
 * is patched, and the word after it if it belongs to the call, must not get one. A
 * site of a module that the table does not have is not patched.
 */
static void kprobes(struct kunit *test)
{
	const struct sct_point *p = test->param_value;
	const struct sct_shape *s;
	sct_caller_t *call = NULL;
	struct sct_probe *probes = kunit_kcalloc(test, 4, sizeof(*probes), GFP_KERNEL);
	long used = 0, to_target = 0;
	int n = 0, i, round, calls = 0;
	u32 *site = NULL;

	KUNIT_ASSERT_NOT_NULL(test, probes);
	/* The first caller with a site in the table, or the last caller. */
	for (s = sct_keys(p)->shapes; s->name && !site; s++) {
		call = s->call;
		calls = s->calls;
		KUNIT_ASSERT_NE(test, sct_function_size((unsigned long)call), 0);
		site = sct_site(p->caller, call);
	}
	KUNIT_ASSERT_NOT_NULL(test, call);
	/* All sites of the kernel are in the table. */
	if (p->caller->id == SCT_KERNEL)
		KUNIT_EXPECT_PTR_EQ(test, call, sct_keys(p)->call[SCT_FUNC]);

	probes[n++].kp.addr = sct_entry(p->target->target[SCT_FUNC][0]);
	probes[n++].kp.addr = sct_entry(call);
	if (site) {
		u32 *after = site + SCT_CALL_INSNS;

		sct_refused_call(test, site);
		/* In Linux 6.12, removing a probe corrupts the word after a prefix. */
		while (sct_has_prefix(after))
			after += 2;
		probes[n++].kp.addr = (void *)after;
		if (!sct_has_prefix(site - 2))
			probes[n++].kp.addr = (void *)(site - 1);
	} else {
		kunit_info(test, "the table does not have the site\n");
	}
	for (i = 0; i < n; i++) {
		int err;

		probes[i].kp.pre_handler = sct_hit;
		err = register_kprobe(&probes[i].kp);
		KUNIT_EXPECT_EQ_MSG(test, err, 0, "probe %d", i);
		if (err)
			probes[i].kp.addr = NULL;
	}

	for (round = 0; round < 3; round++) {
		sct_keys(p)->update(SCT_FUNC, p->target->target[SCT_FUNC][0]);
		sct_expect(test, SCT_FUNC, call, calls, p->target, 0, "first function");
		used++;
		to_target += calls;
		sct_keys(p)->update(SCT_FUNC, p->target->target[SCT_FUNC][1]);
		sct_expect(test, SCT_FUNC, call, calls, p->target, 1, "second function");
		used++;
		sct_keys(p)->update(SCT_FUNC, (void *)__static_call_return0);
		sct_expect(test, SCT_FUNC, call, calls, NULL, 0, "return 0");
		used++;
		if (site)
			sct_refused_call(test, site);
	}
	for (i = 0; i < n; i++) {
		if (!probes[i].kp.addr)
			continue;
		unregister_kprobe(&probes[i].kp);
		KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&probes[i].hits), i ? used : to_target,
				    "probe %d", i);
	}
	sct_update(test, p, SCT_FUNC, p->target, 0, "without probes");
}

/* The functions that may get a livepatch do not have one now. */
static void no_livepatch(struct kunit *test)
{
	const struct sct_point *p = test->param_value;

	p->owner->keys[p->owner->id]->update(SCT_FUNC, p->target->target[SCT_FUNC][0]);
	sct_expect(test, SCT_FUNC, p->owner->victim, 1, p->target, 0, p->owner->name);
}

static void sct_exit(struct kunit *test)
{
	sct_reset();
}

static struct kunit_case sct_cases[] = {
	KUNIT_CASE(units),
	KUNIT_CASE_PARAM(in_between, sct_next_point),
	KUNIT_CASE_PARAM(func, sct_next_point),
	KUNIT_CASE_PARAM(null, sct_next_point),
	KUNIT_CASE_PARAM(ret0, sct_next_point),
	KUNIT_CASE_PARAM(twelve_arguments, sct_next_point),
	KUNIT_CASE_PARAM(variable_arguments, sct_next_point),
	KUNIT_CASE_PARAM(trampoline_only, sct_next_point),
	KUNIT_CASE(trampoline_only_symbols),
	KUNIT_CASE_PARAM(pointer, sct_next_point),
	KUNIT_CASE_PARAM(updates_during_calls, sct_next_point),
	KUNIT_CASE_PARAM(storm, sct_next_owner),
	KUNIT_CASE_PARAM(kprobes, sct_next_point),
	KUNIT_CASE_PARAM(no_livepatch, sct_next_point),
	{ },
};

static struct kunit_suite sct_suite = {
	.name = "static_call_" __stringify(SCT_UNIT),
	.suite_init = sct_suite_init,
	.exit = sct_exit,
	.test_cases = sct_cases,
};

#ifdef MODULE
sct_module_suite(sct_suite, unit_init, unit_exit);
#else
kunit_test_suite(sct_suite);
#endif
