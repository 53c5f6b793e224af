// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit in the kernel image. It also prints the number of instructions from the
 * point where the kernel reads its parameters to the one where its clock begins.
 * static_call_init() runs between them.
 */
#define COST_UNIT	kernel
#define COST_ID		COST_KERNEL
#include "unit.h"

#include <linux/sched/clock.h>

#include <asm/time.h>

const struct cost_unit *cost_units[COST_UNITS] = { &unit };
EXPORT_SYMBOL_GPL(cost_units);

static u64 cost_start __initdata;

static int __init cost_early(char *arg)
{
	cost_start = mftb();
	return 0;
}
early_param("cost", cost_early);

/* An instruction is a nanosecond. */
static int __init cost_kernel_init(void)
{
	u64 clock = tb_to_ns(mftb() - cost_start) - sched_clock();

	pr_info("cost_kernel: instructions from the parameters to the clock, in thousands: %llu\n",
		DIV_ROUND_CLOSEST_ULL(clock, 1000));
	return 0;
}
late_initcall(cost_kernel_init);
