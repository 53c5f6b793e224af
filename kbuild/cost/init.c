// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of the system that measures: it loads the modules that print
 * the numbers, changes the preemption model if the kernel can, and powers off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		printf("init: %s: %s\n", path, strerror(errno));
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* A nanosecond is an instruction. The first two changes are for the caches of the emulator. */
static void change_models(void)
{
	static const char *const models[] = { "full", "lazy" };
	long long start = 0;
	int fd, i;

	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	fd = open("/sys/kernel/debug/sched/preempt", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (i = 0; i < 10; i++) {
		if (i == 2)
			start = now();
		if (write(fd, models[i & 1], 4) != 4)
			return;
	}
	printf("cost: a change of the preemption model, in thousands: %lld\n",
	       (now() - start) / 8 / 1000);
}

int main(void)
{
	load("/cost_a.ko");
	load("/cost_b.ko");
	change_models();
	tcdrain(1);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
