// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of the system that measures: it loads the modules that print
 * the numbers, and powers off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static void load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		printf("init: %s: %s\n", path, strerror(errno));
}

int main(void)
{
	load("/cost_a.ko");
	load("/cost_b.ko");
	tcdrain(1);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
