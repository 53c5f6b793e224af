// SPDX-License-Identifier: GPL-2.0-only
/*
 * The suite of sct_both.o in the kernel image.
 */
#define SCT_BOTH_UNIT	kernel
#include "both.h"

kunit_test_suite(both_suite);
