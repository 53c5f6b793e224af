// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit in a second module, which also calls and updates keys of the first.
 */
#define SCT_UNIT	b
#define SCT_ID		SCT_B
#include "unit.h"
#include "tests.h"

MODULE_DESCRIPTION("Tests of static calls, unit b");
MODULE_LICENSE("GPL");
