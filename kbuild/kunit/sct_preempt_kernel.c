// SPDX-License-Identifier: GPL-2.0-only
/*
 * The points of preemption in the kernel image.
 */
#include <linux/export.h>

#include "preempt.h"

const struct sct_point sct_kernel_points[SCT_POINTS] = SCT_POINT_LIST;
EXPORT_SYMBOL_GPL(sct_kernel_points);
