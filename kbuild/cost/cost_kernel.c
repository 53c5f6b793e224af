// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit in the kernel image.
 */
#define COST_UNIT	kernel
#define COST_ID		COST_KERNEL
#include "unit.h"

const struct cost_unit *cost_units[COST_UNITS] = { &unit };
EXPORT_SYMBOL_GPL(cost_units);
