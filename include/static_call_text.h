/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the run time of static_call.h writes code. Only static_call_runtime.h includes this file.
 */
#ifndef STATIC_CALL_TEXT_H
#define STATIC_CALL_TEXT_H

#include <elf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

static int __sc_refused;	/* code could be written, but no longer can: see __sc_open */
static uintptr_t __sc_written;	/* while the lock is held: the page of a key that can be written */

/* Finds the segment of a unit that contains a place; returns its protection, or 0. */
static int __sc_segment(const struct static_call_unit *u, uintptr_t at, uintptr_t *from, uintptr_t *size)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)u->ehdr;
	const Elf64_Phdr *p;
	uintptr_t bias = 0;
	int i;

	if (!e)
		return 0;
	p = (const Elf64_Phdr *)(u->ehdr + e->e_phoff);
	for (i = 0; e->e_type == ET_DYN && i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_offset == 0)
			bias = (uintptr_t)e - p[i].p_vaddr;
	for (i = 0; i < e->e_phnum; i++) {
		*from = bias + p[i].p_vaddr;
		*size = p[i].p_memsz;
		if (p[i].p_type == PT_LOAD && at - *from < *size)
			return (p[i].p_flags & PF_R ? PROT_READ : 0) | (p[i].p_flags & PF_W ? PROT_WRITE : 0) |
			       (p[i].p_flags & PF_X ? PROT_EXEC : 0);
	}
	return 0;
}

/* The page that is open for writing at the moment; 0: none. */
struct __sc_window {
	uintptr_t page, size;
	int prot;		/* its protection before */
	int copy;		/* the file that will replace it; -1: the page itself is written */
};

static int __sc_close(struct __sc_window *w)
{
	int done = 1;

	if (w->copy >= 0) {
		done = mmap((void *)w->page, w->size, w->prot, MAP_PRIVATE | MAP_FIXED, w->copy, 0) != MAP_FAILED;
		close(w->copy);
	} else if (w->page) {
		/* If the system refuses, the page stays writable. That is no reason to end a program. */
		(void)mprotect((void *)w->page, w->size, w->prot);
	}
	w->page = 0;
	w->copy = -1;
	return done;
}

/* A copy of a page, in a memory file: its mapping may be executed, and was never writable. */
static int __sc_copy(const struct __sc_window *w)
{
	int fd = (int)syscall(SYS_memfd_create, "static_call", 0x11);	/* MFD_EXEC | MFD_CLOEXEC */

	if (fd < 0)
		fd = (int)syscall(SYS_memfd_create, "static_call", 1);	/* before Linux 6.3 */
	if (fd >= 0 && write(fd, (void *)w->page, w->size) != (ssize_t)w->size) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * Opens the page of a place for writing. It stays executable, because other threads may be executing it.
 * If the system allowed this before and no longer does, a copy replaces the page. That works once: when
 * all calls are made to go through their keys again.
 */
static int __sc_open(struct __sc_window *w, const struct static_call_unit *u, uintptr_t at)
{
	uintptr_t from, length, size, page;

	if (w->page && at - w->page < w->size)
		return 1;
	if (!__sc_close(w))
		return 0;
	w->size = size = (uintptr_t)sysconf(_SC_PAGESIZE);
	page = at & ~(size - 1);
	w->prot = __sc_segment(u, at, &from, &length) | PROT_READ | PROT_EXEC;
	if (__sc_refused) {
		w->page = page;
		w->copy = __sc_copy(w);
		if (w->copy < 0)
			w->page = 0;
	} else if (!mprotect((void *)page, size, w->prot | PROT_WRITE)) {
		w->page = page;
	}
	return w->page != 0;
}

static int __sc_store(struct __sc_window *w, uint32_t *at, uint32_t word)
{
	if (w->copy >= 0)
		return pwrite(w->copy, &word, sizeof(word), (off_t)((uintptr_t)at - w->page)) == (ssize_t)sizeof(word);
	__atomic_store_n(at, word, __ATOMIC_RELAXED);
	/* Power ISA Book II, instruction storage. On ppc64 libgcc's __clear_cache does nothing. */
	__asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync" : : "r"(at) : "memory");
	return 1;
}

#ifdef __cplusplus
}
#endif

#endif
