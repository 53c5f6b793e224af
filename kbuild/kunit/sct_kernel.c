// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unit in the kernel image, and what the units share.
 */
#include <linux/kallsyms.h>

#define SCT_UNIT	kernel
#define SCT_ID		SCT_KERNEL
#include "unit.h"

const struct sct_unit *sct_units[SCT_UNITS] = { &unit };
EXPORT_SYMBOL_GPL(sct_units);

/**
 * sct_reset - give all keys what they had at the beginning
 */
void sct_reset(void)
{
	int i, kind;

	for (i = 0; i < SCT_UNITS; i++) {
		const struct sct_unit *u = sct_units[i];

		if (!u)
			continue;
		for (kind = 0; kind < SCT_KINDS; kind++) {
			void *func = u->target[kind][0];

			if (kind == SCT_NULL)
				func = NULL;
			else if (kind == SCT_RET0)
				func = __static_call_return0;
			u->keys[i]->update(kind, func);
		}
	}
}
EXPORT_SYMBOL_GPL(sct_reset);

/**
 * sct_function_size - length of the function at an address
 * @addr: its first byte
 *
 * Return: the length in bytes, 0 if there is no such function.
 */
unsigned long sct_function_size(unsigned long addr)
{
	unsigned long size, offset;

	if (!kallsyms_lookup_size_offset(addr, &size, &offset) || offset)
		return 0;
	return size;
}
EXPORT_SYMBOL_GPL(sct_function_size);

#include "tests.h"
