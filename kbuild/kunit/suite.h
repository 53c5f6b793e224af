/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the KUnit of one Linux and another. A function that makes
 * parameters has one argument more since Linux 6.18.
 *
 * What the KUnit of Linux 6.1 does not have and that of Linux 6.12 does: the suite
 * of a module runs when the module is live, and a write to the file "run" of a suite
 * in debugfs runs the suite again. In Linux 6.1 suites of modules run before the init
 * function, and there is no such file.
 */
#ifndef _SUITE_H
#define _SUITE_H

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/version.h>

/* The head of a function that makes parameters, from @prev and for @desc. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define sct_generator(name)						\
static const void *name(struct kunit *test, const void *prev, char *desc)
#else
#define sct_generator(name)						\
static const void *name(const void *prev, char *desc)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)

/* For the member suite_init. */
#define sct_suite_init	NULL

/* The suite of a module, with its init and exit functions. */
#define sct_module_suite(suite, start, stop)				\
	kunit_test_suite(suite);					\
	module_init(start);						\
	module_exit(stop)

#else /* Linux 6.1 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/notifier.h>

static ssize_t sct_suite_run(struct file *file, const char __user *buf, size_t count,
			     loff_t *pos)
{
	kunit_run_tests(file_inode(file)->i_private);
	return count;
}

static const struct file_operations sct_suite_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = sct_suite_run,
};

/* The directory goes with the suite, and the file with the directory. */
static int sct_suite_init(struct kunit_suite *suite)
{
	static struct dentry *run;

	if (!run)
		run = debugfs_create_file("run", 0200, suite->debugfs, suite, &sct_suite_fops);
	return 0;
}

#ifdef MODULE

static struct kunit_suite *sct_suites[1];

static int sct_suite_notify(struct notifier_block *nb, unsigned long state, void *module)
{
	if (state == MODULE_STATE_LIVE && module == THIS_MODULE)
		__kunit_test_suites_init(sct_suites, 1);
	return NOTIFY_DONE;
}

static struct notifier_block sct_suite_nb = {
	.notifier_call = sct_suite_notify,
};

static int __init sct_suite_start(struct kunit_suite *suite, int (*start)(void))
{
	int err;

	sct_suites[0] = suite;
	err = register_module_notifier(&sct_suite_nb);
	if (err)
		return err;
	err = start();
	if (err)
		unregister_module_notifier(&sct_suite_nb);
	return err;
}

static void __exit sct_suite_stop(void (*stop)(void))
{
	unregister_module_notifier(&sct_suite_nb);
	__kunit_test_suites_exit(sct_suites, 1);
	stop();
}

#define sct_module_suite(suite, start, stop)				\
static int __init sct_module_init(void)					\
{									\
	return sct_suite_start(&(suite), start);			\
}									\
									\
static void __exit sct_module_exit(void)				\
{									\
	sct_suite_stop(stop);						\
}									\
									\
module_init(sct_module_init);						\
module_exit(sct_module_exit)

#endif /* MODULE */

#endif /* Linux 6.1 */

#endif /* _SUITE_H */
