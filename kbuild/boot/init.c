// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of the test system. It loads and removes every module of
 * /modules twice, makes some system calls, enables events, runs the KUnit tests of
 * /kunit and /unlisted, and powers off.
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
#include <termios.h>
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
	/* Do not mix it with the next message of the kernel. */
	tcdrain(1);
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

static int load_from(const char *dir, const char *name)
{
	char path[300];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s.ko", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return err;
}

static int load(const char *name)
{
	return load_from("/modules", name);
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
 * Dependencies are not known here: a module that fails for an unknown symbol is
 * tried again after the others, and one that is in use is removed after its users.
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

/* Uses processes, files and pipes, which pass tracepoints and security hooks. */
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

#define TRACING "/sys/kernel/tracing"
/* Events without the functions, which would take all of the buffer. */
#define EVENTS TRACING "/instances/sct"
#define LIVEPATCH "/sys/kernel/livepatch/sct_livepatch"

static void must_load_from(const char *dir, const char *name)
{
	int err = load_from(dir, name);

	report(!err, "%s loaded%s%s", name, err ? ": " : "", err ? strerror(err) : "");
}

static void must_load(const char *name)
{
	must_load_from("/kunit", name);
}

static void must_unload(const char *name)
{
	int err = unload(name);

	report(!err, "%s removed%s%s", name, err ? ": " : "", err ? strerror(err) : "");
}

static void in_use(const char *name, const char *by)
{
	int err = unload(name);

	report(err == EWOULDBLOCK, "%s is not removed, %s uses it", name, by);
}

/* The modules run their suites when they are loaded, the kernel when it starts. */
static void kernel_suites(const char *when)
{
	report(put("/sys/kernel/debug/kunit/static_call_kernel/run", "1"),
	       "suite of the kernel again, %s", when);
	report(put("/sys/kernel/debug/kunit/static_call_both_kernel/run", "1"),
	       "suite of sct_both.o in the kernel again, %s", when);
}

static void livepatch(void)
{
	int i;

	/* Not built: this kernel has no livepatches. */
	if (access("/kunit/sct_livepatch.ko", F_OK))
		return;
	must_load("sct_livepatch");
	in_use("sct_a", "sct_b");
	for (i = 0; i < 600 && !has(LIVEPATCH "/transition", "0"); i++)
		usleep(100000);
	report(has(LIVEPATCH "/transition", "0") && has(LIVEPATCH "/enabled", "1"),
	       "livepatch is on");
	report(unload("sct_livepatch"), "a livepatch that is on is not removed");
	report(put(LIVEPATCH "/enabled", "0"), "livepatch turned off");
	for (i = 0; i < 600 && !access(LIVEPATCH, F_OK); i++)
		usleep(100000);
	report(access(LIVEPATCH, F_OK), "livepatch is off");
	/* It may still be in use for a moment. */
	for (i = 0; i < 50 && unload("sct_livepatch") == EWOULDBLOCK; i++)
		usleep(100000);
	report(access("/sys/module/sct_livepatch", F_OK), "sct_livepatch removed");
}

/* Events of the kernel and of a module, for two buffers that are not in step. */
static void toggle_events(void)
{
	int i, ok = 1;

	for (i = 0; i < 12; i++) {
		ok &= put(TRACING "/events/sched/enable", i & 1 ? "0" : "1");
		ok &= put(TRACING "/events/sample-trace/enable", i & 1 ? "0" : "1");
		usleep(30000);
		ok &= put(EVENTS "/events/sched/enable", i & 2 ? "0" : "1");
		ok &= put(EVENTS "/events/sample-trace/enable", i & 2 ? "0" : "1");
		usleep(30000);
	}
	ok &= put(EVENTS "/events/sched/enable", "1");
	ok &= put(EVENTS "/events/sample-trace/enable", "1");
	sleep(2);
	ok &= put(EVENTS "/events/sched/enable", "0");
	ok &= put(EVENTS "/events/sample-trace/enable", "0");
	report(ok, "events toggled with the function tracer on");
	report(has(EVENTS "/trace", "sched_switch"), "an event of the kernel is in the trace");
	report(has(EVENTS "/trace", "foo_bar"), "an event of a module is in the trace");
}

#define PREEMPT "/sys/kernel/debug/sched/preempt"

static int model_is(const char *model)
{
	char name[16];

	snprintf(name, sizeof(name), "(%s)", model);
	return has(PREEMPT, name);
}

/* Each change of the model writes all sites of cond_resched() and might_sleep() twice. */
static void change_models(void)
{
	int i, ok = 1;

	for (i = 0; i < 40; i++) {
		ok &= put(PREEMPT, i & 1 ? "full" : "lazy");
		ok &= model_is(i & 1 ? "full" : "lazy");
		usleep(10000);
	}
	report(ok, "preemption models changed while all processors work");
}

static void preempt(void)
{
	static const char *const models[] = { NULL, "lazy", "full", "lazy", "full" };
	unsigned int i;
	pid_t pid;

	/* Not built: this kernel has one model. */
	if (access("/kunit/sct_preempt.ko", F_OK))
		return;
	report(model_is(has("/proc/cmdline", "preempt=full") ? "full" : "lazy"),
	       "the preemption model of the kernel's parameters");
	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (models[i])
			report(put(PREEMPT, models[i]) && model_is(models[i]),
			       "preemption model: %s", models[i]);
		must_load("sct_preempt");
		must_unload("sct_preempt");
	}
	report(!put(PREEMPT, "none") && !put(PREEMPT, "voluntary") && model_is("full"),
	       "preemption models that the kernel does not have are refused");
	pid = fork();
	if (!pid) {
		change_models();
		_exit(0);
	}
	for (i = 0; i < 8; i++)
		work();
	waitpid(pid, NULL, 0);
	must_load("sct_preempt");
	must_unload("sct_preempt");
	must_load_from("/unlisted", "sct_preempt");
	must_unload("sct_preempt");
}

static void kunit(void)
{
	pid_t pid;

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	preempt();
	must_load("sct_a");
	must_load("sct_b");
	in_use("sct_a", "sct_b");
	livepatch();
	kernel_suites("with both modules");
	must_unload("sct_b");
	must_unload("sct_a");
	kernel_suites("after the modules");

	report(!load("trace-events-sample"), "a module with events loaded");
	report(!mkdir(EVENTS, 0755), "a second buffer");
	report(put(TRACING "/current_tracer", "function"), "function tracer on");
	/* Events go on and off also while the suites run. */
	pid = fork();
	if (!pid) {
		toggle_events();
		work();
		_exit(0);
	}
	must_load("sct_a");
	must_load("sct_b");
	waitpid(pid, NULL, 0);
	report(has(TRACING "/trace", "<-"), "functions are in the trace");
	report(put(TRACING "/current_tracer", "nop"), "function tracer off");
	put(TRACING "/trace", "");
	rmdir(EVENTS);
	report(!unload("trace-events-sample"), "the module with events removed");
	in_use("sct_a", "sct_b");
	must_unload("sct_b");
	must_unload("sct_a");
	kernel_suites("after the modules have been loaded twice");

	/* The same modules, built without scpatch. */
	must_load_from("/unlisted", "sct_a");
	must_load_from("/unlisted", "sct_b");
	must_unload("sct_b");
	must_unload("sct_a");
}

int main(void)
{
	const char *t = TRACING;
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
	kunit();
	printf("init: done\n");
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
