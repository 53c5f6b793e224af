// SPDX-License-Identifier: GPL-2.0-only
/*
 * Static calls of a module and of the kernel image, while their keys change.
 * What is found goes to the kernel log as "sctest: ok WHAT" or "sctest: not ok
 * WHAT". The module loads in either case.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/static_call.h>
#include <linux/tracepoint.h>
#include <asm/paca.h>
#if __has_include(<asm/text-patching.h>)
#include <asm/text-patching.h>
#else /* up to Linux 6.12 */
#include <asm/code-patching.h>
#endif

#include "entry.h"

static unsigned long counter;
/* A reference through the TOC: wrong if r2 is. */
static unsigned long magic = 0x5ca7c4;

static noinline unsigned long plus1(unsigned long x)
{
	counter++;
	return x + 1;
}

static noinline unsigned long plus2(unsigned long x)
{
	counter++;
	return x + 2;
}

static noinline void count(void)
{
	counter++;
}

DEFINE_STATIC_CALL(sctest_func, plus1);
DEFINE_STATIC_CALL_NULL(sctest_null, count);
DEFINE_STATIC_CALL_RET0(sctest_ret0, plus1);

static void report(bool ok, const char *what)
{
	pr_info("sctest: %s %s\n", ok ? "ok" : "not ok", what);
}

#ifdef CONFIG_PPC_KERNEL_PCREL

#define HAS_TOC		false

static __always_inline unsigned long toc(void)
{
	return 0;
}

static bool restores(u32 insn)
{
	return false;
}

#else

#define HAS_TOC		true

static __always_inline unsigned long toc(void)
{
	unsigned long r2;

	asm volatile("mr %0,2" : "=r" (r2));
	return r2;
}

static bool restores(u32 insn)
{
	return insn == PPC_RAW_LD(_R2, _R13, offsetof(struct paca_struct, kernel_toc));
}

#endif

/* Several calls in a row: the first saves r2, the others find it saved. */
static noinline bool expect_func(unsigned long x, unsigned long want)
{
	unsigned long r2 = toc();
	bool ok = true;

	ok &= static_call(sctest_func)(x) == want && toc() == r2;
	ok &= static_call(sctest_func)(x) == want && toc() == r2;
	ok &= static_call(sctest_func)(x) == want && toc() == r2;
	return ok && READ_ONCE(magic) == 0x5ca7c4;
}

static noinline bool expect_ret0(unsigned long x, unsigned long want)
{
	unsigned long r2 = toc();
	bool ok = true;

	ok &= static_call(sctest_ret0)(x) == want && toc() == r2;
	ok &= static_call(sctest_ret0)(x) == want && toc() == r2;
	return ok && READ_ONCE(magic) == 0x5ca7c4;
}

static noinline bool expect_null(unsigned long calls)
{
	unsigned long r2 = toc(), before = READ_ONCE(counter);

	static_call_cond(sctest_null)();
	static_call_cond(sctest_null)();
	return READ_ONCE(counter) - before == calls && toc() == r2;
}

static void own_keys(void)
{
	report(expect_func(9, 10), "module key, first function");
	static_call_update(sctest_func, plus2);
	report(expect_func(9, 11), "module key, another function of the module");
	static_call_update(sctest_func, int_sqrt);
	report(expect_func(9, 3), "module key, function of the kernel");
	static_call_update(sctest_func, (void *)__static_call_return0);
	report(expect_func(9, 0), "module key, return 0");
	static_call_update(sctest_func, plus1);
	report(expect_func(9, 10), "module key, the first function again");

	report(expect_ret0(9, 0), "module key that begins with return 0");
	static_call_update(sctest_ret0, int_sqrt);
	report(expect_ret0(9, 3), "the same, function of the kernel");
	static_call_update(sctest_ret0, plus2);
	report(expect_ret0(9, 11), "the same, function of the module");

	report(expect_null(0), "module key that begins with NULL");
	static_call_update(sctest_null, count);
	report(expect_null(2), "the same, function of the module");
	static_call_update(sctest_null, NULL);
	report(expect_null(0), "the same, NULL again");
}

/* The calls of the kernel image: a single probe of a tracepoint is called directly. */
static const char * const names[] = {
	"sched_switch", "sched_waking", "sched_wakeup", "sched_process_fork",
	"timer_start", "hrtimer_start", "irq_handler_entry", "rss_stat",
	"kmem_cache_alloc", "kmalloc", "workqueue_queue_work",
};
static struct tracepoint *tps[ARRAY_SIZE(names)];
static unsigned long hits[ARRAY_SIZE(names)];

static void probe(void *data)
{
	WRITE_ONCE(*(unsigned long *)data, READ_ONCE(*(unsigned long *)data) + 1);
	if (READ_ONCE(magic) != 0x5ca7c4)
		WARN_ONCE(1, "sctest: wrong r2 in a probe\n");
}

static void second_probe(void *data)
{
}

static void find(struct tracepoint *tp, void *priv)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(tp->name, names[i]))
			tps[i] = tp;
}

static void attach(void *fn)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (tps[i] && tracepoint_probe_register(tps[i], fn, &hits[i]))
			report(false, names[i]);
}

static void detach(void *fn)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (tps[i])
			tracepoint_probe_unregister(tps[i], fn, &hits[i]);
	tracepoint_synchronize_unregister();
}

/*
 * All sites of the kernel image: does each match its key? The
 * table is not exported, so its symbols are looked up.
 */
static unsigned long (*lookup)(const char *name);

static bool find_lookup(void)
{
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };
	char name[KSYM_SYMBOL_LEN];
	unsigned long offset;

	if (register_kprobe(&kp))
		return false;
	/* The probe may be a few words after the entry. */
	sprint_symbol(name, (unsigned long)kp.addr);
	unregister_kprobe(&kp);
	if (sscanf(name, "kallsyms_lookup_name+%lx/", &offset) != 1)
		return false;
	lookup = (void *)kp.addr - offset;
	return true;
}

static void audit(const char *what, bool left)
{
	struct static_call_site *site = (void *)lookup("__start_static_call_sites");
	struct static_call_site *stop = (void *)lookup("__stop_static_call_sites");
	unsigned long stext = lookup("_stext"), etext = lookup("_etext");
	int direct = 0, far = 0, nop = 0, ret0 = 0, foreign = 0, restore = 0, bad = 0;

	for (; site < stop; site++) {
		unsigned long value = (unsigned long)&site->key + site->key;
		struct static_call_key *key = (void *)(value & ~STATIC_CALL_SITE_FLAGS);
		u32 *insn = (void *)((unsigned long)&site->addr + site->addr);
		unsigned long func = (unsigned long)key->func;
		bool tail = value & STATIC_CALL_SITE_TAIL;
		bool calls = (insn[0] & 0xfc000003) == (tail ? 0x48000000 : 0x48000001);

		if (value & STATIC_CALL_SITE_INIT)
			continue;
		if (restores(insn[1]))
			restore++;
		else if (HAS_TOC && insn[1] != PPC_RAW_NOP())
			bad++;

		if (!func) {
			nop++;
			bad += insn[0] != (tail ? PPC_RAW_BLR() : PPC_RAW_NOP());
		} else if (key->func == __static_call_return0 && !tail) {
			ret0++;
			bad += insn[0] != PPC_RAW_LI(_R3, 0);
		} else if (func >= stext && func < etext) {
			unsigned long entry = (unsigned long)sct_entry(key->func);
			unsigned long to = (unsigned long)insn + ((s32)(insn[0] << 6) >> 6 & ~3);

			bad += !calls;
			if (is_offset_in_branch_range((long)entry - (long)insn)) {
				direct++;
				bad += to != entry;
			} else {
				far++;
			}
		} else {
			foreign++;
			bad += !calls || (HAS_TOC && insn[1] == PPC_RAW_NOP());
		}
	}
	pr_info("sctest: %d direct, %d too far, %d nop, %d return 0, %d foreign, %d restore r2, %d bad\n",
		direct, far, nop, ret0, foreign, restore, bad);
	report(direct && nop && !bad && !foreign == !left && (!HAS_TOC || restore >= foreign),
	       what);
}

/* One thread for each CPU calls and sleeps while the keys change. */
static atomic_long_t calls, wrong;

static int hammer(void *unused)
{
	while (!kthread_should_stop()) {
		int i;

		for (i = 0; i < 1000; i++) {
			unsigned long r2 = toc();
			unsigned long got = static_call(sctest_func)(9);
			unsigned long again = static_call(sctest_func)(9);

			if (toc() != r2 ||
			    (got != 10 && got != 11 && got != 3 && got != 0) ||
			    (again != 10 && again != 11 && again != 3 && again != 0))
				atomic_long_inc(&wrong);
			atomic_long_inc(&calls);
		}
		usleep_range(50, 100);
	}
	return 0;
}

static int __init sctest_init(void)
{
	struct task_struct *threads[NR_CPUS] = {};
	unsigned long sum = 0;
	bool can_audit = find_lookup();
	int cpu, i;

	report(can_audit, "symbols of the kernel found");
	if (can_audit)
		audit("sites of the kernel, before", false);
	own_keys();

	for_each_online_cpu(cpu) {
		threads[cpu] = kthread_create(hammer, NULL, "sctest/%d", cpu);
		if (IS_ERR(threads[cpu])) {
			threads[cpu] = NULL;
			report(false, "a thread");
			continue;
		}
		kthread_bind(threads[cpu], cpu);
		wake_up_process(threads[cpu]);
	}

	for_each_kernel_tracepoint(find, NULL);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!tps[i])
			report(false, names[i]);
	for (i = 0; i < 20; i++) {
		attach(probe);
		if (can_audit && !i)
			audit("sites of the kernel, some keys in the module", true);
		static_call_update(sctest_func, plus2);
		msleep(10);
		attach(second_probe);
		static_call_update(sctest_func, int_sqrt);
		msleep(10);
		detach(second_probe);
		static_call_update(sctest_func, (void *)__static_call_return0);
		msleep(10);
		detach(probe);
		static_call_update(sctest_func, plus1);
		msleep(10);
	}

	for_each_possible_cpu(cpu)
		if (threads[cpu])
			kthread_stop(threads[cpu]);

	if (can_audit)
		audit("sites of the kernel, afterwards", false);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		sum += hits[i];
		pr_info("sctest: %s: %lu\n", names[i], hits[i]);
	}
	report(sum && hits[0], "calls from the kernel image to the module");
	pr_info("sctest: %ld calls, %ld wrong\n", atomic_long_read(&calls), atomic_long_read(&wrong));
	report(atomic_long_read(&calls) && !atomic_long_read(&wrong), "calls while keys change");
	return 0;
}

static void __exit sctest_exit(void)
{
}

module_init(sctest_init);
module_exit(sctest_exit);
MODULE_DESCRIPTION("Static calls of a module and of the kernel");
MODULE_LICENSE("GPL");
