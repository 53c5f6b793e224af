/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shaped like a kernel module: two sources joined by ld -r, stripped of the section symbols that
 * no relocation needs, calls into "the kernel" (mod_main.c), .init.text and .exit.text, and a key
 * of the kernel's beside its own. All targets are global, so that no key refers to .text.
 */
#include "sc.h"

#define __init SC_SECTION(".init.text")
#define __exit SC_SECTION(".exit.text")

int kernel_log(int x);
int kernel_key_target(int x);
int mod_op(int x);
void mod_hook(int x);

SC_DECLARE(kernel_key, kernel_key_target);
SC_DECLARE(mod_op, mod_op);
SC_DECLARE(mod_hook, mod_hook);
SC_DEFINE(mod_log, kernel_log);
SC_DEFINE_RET0(mod_zero, kernel_log);

int mod_state = 5;

int mod_run(int x)
{
	int r = SC_CALL(mod_op)(x);

	SC_CALL(mod_hook)(r);
	r += SC_CALL(mod_log)(r);
	r += SC_CALL(kernel_key)(r);
	r += SC_CALL(mod_zero)(r);
	return r + mod_state;
}

int __init init_module(void)
{
	SC_CALL(mod_hook)(1);
	mod_state++;
	return SC_CALL(mod_log)(1);
}

void __exit cleanup_module(void)
{
	SC_CALL(mod_log)(mod_state);
	SC_CALL(mod_hook)(2);
}

static const char mod_license[]
	__attribute__((used, section(".modinfo"), aligned(1))) = "license=Dual BSD/GPL";
