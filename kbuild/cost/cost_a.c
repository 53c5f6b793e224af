// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit in a module that another one calls.
 */
#define COST_UNIT	a
#define COST_ID		COST_A
#include "unit.h"

static int __init cost_a_init(void)
{
	cost_units[COST_ID] = &unit;
	return 0;
}

static void __exit cost_a_exit(void)
{
	cost_units[COST_ID] = NULL;
}

module_init(cost_a_init);
module_exit(cost_a_exit);

MODULE_DESCRIPTION("Instructions per static call, unit a");
MODULE_LICENSE("GPL");
