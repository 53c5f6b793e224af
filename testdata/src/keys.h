/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys that are always defined away from their callers. */
#ifndef KEYS_H
#define KEYS_H

#include "sc.h"

int k_op(int x);
void k_hook(int x);

SC_DECLARE(far_op, k_op);
SC_DECLARE(far_hook, k_hook);
SC_DECLARE(far_zero, k_op);

void k_set(int which);
long k_seen(void);

#endif
