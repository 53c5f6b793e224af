// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of the test system. It loads and removes every module of
 * /modules twice, has some system calls made, enables events, and powers off.
 * Results are lines "init: ok WHAT" and "init: not ok WHAT".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX 64

static char *modules[MAX];
static int loaded[MAX];
static int n;

static void report(int ok, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printf("init: %s %s\n", ok ? "ok" : "not ok", line);
}

static void list(void)
{
	DIR *dir = opendir("/modules");
	struct dirent *e;

	while (dir && (e = readdir(dir)) && n < MAX) {
		size_t len = strlen(e->d_name);

		if (len > 3 && !strcmp(e->d_name + len - 3, ".ko"))
			modules[n++] = strndup(e->d_name, len - 3);
	}
	if (dir)
		closedir(dir);
}

static int load(const char *name)
{
	char path[300];
	int fd, err;

	snprintf(path, sizeof(path), "/modules/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return err;
}

static int unload(const char *name)
{
	char id[300], *p;

	strcpy(id, name);
	for (p = id; *p; p++)
		if (*p == '-')
			*p = '_';
	return syscall(SYS_delete_module, id, O_NONBLOCK) ? errno : 0;
}

/*
 * No dependencies are known here: what fails for an unknown symbol is tried
 * again after the others, and what is in use is removed after its users.
 */
static int all(int add)
{
	int again, i, left;

	do {
		again = left = 0;
		for (i = 0; i < n; i++) {
			if (loaded[i] == add)
				continue;
			if ((add ? load : unload)(modules[i])) {
				left++;
			} else {
				loaded[i] = add;
				again = 1;
			}
		}
	} while (again && left);
	return left;
}

static void names_left(int add)
{
	int i;

	for (i = 0; i < n; i++)
		if (loaded[i] != add)
			printf("init: %s: %s\n", modules[i],
			       strerror((add ? load : unload)(modules[i])));
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static int has(const char *path, const char *what)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while (len < sizeof(buf) - 1 && (got = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += got;
	close(fd);
	buf[len] = 0;
	return strstr(buf, what) != NULL;
}

/* Processes, files and pipes, for the tracepoints and security hooks on the way. */
static void work(void)
{
	int i, j;

	for (i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid)
			continue;
		for (j = 0; j < 200; j++) {
			int p[2];
			struct stat st;

			if (!pipe(p)) {
				if (write(p[1], "x", 1) != 1)
					_exit(1);
				close(p[0]);
				close(p[1]);
			}
			stat("/proc/self/status", &st);
			mkdir("/probe", 0700);
			rmdir("/probe");
		}
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

int main(void)
{
	const char *t = "/sys/kernel/tracing";
	char path[300];
	int i, round;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/tmp", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	mount("tracefs", t, "tracefs", 0, NULL);
	list();
	work();
	report(1, "system calls");

	for (round = 1; round <= 2; round++) {
		i = all(1);
		report(!i && n, "round %d: %d modules loaded", round, n - i);
		if (i)
			names_left(1);
		work();

		/* Both sorts of callers, and targets in the image and in a module. */
		snprintf(path, sizeof(path), "%s/events/sample-trace/enable", t);
		report(put(path, "1"), "round %d: events of a module on", round);
		snprintf(path, sizeof(path), "%s/events/sched/enable", t);
		report(put(path, "1"), "round %d: events of the kernel on", round);
		work();
		sleep(2);
		put(path, "0");
		snprintf(path, sizeof(path), "%s/events/sample-trace/enable", t);
		put(path, "0");
		snprintf(path, sizeof(path), "%s/trace", t);
		report(has(path, "foo_bar"), "round %d: an event of the module is in the trace", round);
		report(has(path, "sched_switch"), "round %d: an event of the kernel is in the trace", round);
		put(path, "");

		i = all(0);
		report(!i, "round %d: all modules removed", round);
		if (i)
			names_left(0);
		work();
	}
	printf("init: done\n");
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
