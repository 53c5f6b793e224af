// SPDX-License-Identifier: GPL-2.0-only
/*
 * The suite of sct_both.o in the module sct_both_mod.
 */
#define SCT_BOTH_UNIT	module
#include "both.h"

static int __init sct_both_init(void)
{
	return 0;
}

static void __exit sct_both_exit(void)
{
}

sct_module_suite(both_suite, sct_both_init, sct_both_exit);
MODULE_DESCRIPTION("Tests of static calls, an object that is also in the kernel image");
MODULE_LICENSE("GPL");
