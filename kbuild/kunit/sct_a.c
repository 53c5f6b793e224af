// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit in a module.
 */
#define SCT_UNIT	a
#define SCT_ID		SCT_A
#include "unit.h"
#include "tests.h"

MODULE_DESCRIPTION("Tests of static calls, unit a");
MODULE_LICENSE("GPL");
