/* SPDX-License-Identifier: BSD-3-Clause */
/* The other half of the plug-in: its own key. */
#include "usc_rt.h"

static volatile long bias = RT_PLUGIN;

long plugin_target(long x)
{
	return x + bias;
}

DEFINE_STATIC_CALL(plugin_key, plugin_target);

void plugin_update(long (*func)(long))
{
	static_call_update(plugin_key, func ? func : plugin_target);
}

void plugin_update_op(long (*func)(long))
{
	static_call_update(rt_op, func);
}
