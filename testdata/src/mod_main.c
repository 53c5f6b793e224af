/* SPDX-License-Identifier: BSD-3-Clause */
/* "The kernel" for mod.c, in user space. */
#include <stdio.h>

#include "sc.h"

int mod_run(int x);
int mod_twice(int x);
int init_module(void);
void cleanup_module(void);
int kernel_log(int x);
int kernel_key_target(int x);

static int logged;

int kernel_log(int x)
{
	return logged += x;
}

int kernel_key_target(int x)
{
	return x * 2 + logged;
}

SC_DEFINE(kernel_key, kernel_key_target);

int main(void)
{
	printf("init %d\n", init_module());
	printf("run %d\n", mod_run(3));
	printf("twice %d\n", mod_twice(3));
	cleanup_module();
	printf("logged %d\n", logged);
	return 0;
}
