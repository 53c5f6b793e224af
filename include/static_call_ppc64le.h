/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of static_call.h for ppc64le (ELFv2): trampolines, and the code that tells the run time
 * about a link unit. Only static_call.h includes this file.
 *
 * A trampoline is entered by the linker's direct branch or through a pointer, from code in its own
 * unit, from code in another unit, and from code that keeps no TOC pointer. So it relies on neither
 * r2 nor r12, and says so: local entry 1 (ELFv2 3.4.1). It finds its unit's TOC with bcl. It may
 * change r2: for a callee with local entry 1 the linker assumes that, saves r2 before the call and
 * restores it in the slot. A trampoline has its own section because ld.bfd does not do this for a
 * branch within one section.
 *
 * It is protected: calls in its unit go to it, even if the unit's key is hidden and another unit has
 * a call with the same name.
 */
#ifndef STATIC_CALL_H
#error "include static_call.h"
#endif

/* How a trampoline loads its key: the key of a shared library may be preempted. */
#if defined(__PCREL__)
/* pld 12,key@reloc(0),1: spelled out, because clang 14 crashes on it in file-scope asm. */
#if defined(__PIC__) && !defined(__PIE__)
#define __STATIC_CALL_LOAD_R12(key)				\
	"	.reloc .,R_PPC64_GOT_PCREL34," key "\n"		\
	"	.long 0x04100000,0xe5800000\n"			\
	"	ld 12,0(12)\n"
#else
#define __STATIC_CALL_LOAD_R12(key)				\
	"	.reloc .,R_PPC64_PCREL34," key "\n"		\
	"	.long 0x04100000,0xe5800000\n"
#endif
#define __STATIC_CALL_SET_R2 ""
#else
#if defined(__PIC__) && !defined(__PIE__)
/* By its address in memory, as compilers do: mold does not know @got, R_PPC64_GOT16_LO_DS. */
#define __STATIC_CALL_LOAD_R12(key)				\
	"	.pushsection .data.rel.ro.sct." key ",\"aw\",@progbits\n" \
	"	.balign 8\n"					\
	".Lstatic_call." key ":\n"				\
	"	.quad " key "\n"				\
	"	.popsection\n"					\
	"	addis 12,2,.Lstatic_call." key "@toc@ha\n"	\
	"	ld 12,.Lstatic_call." key "@toc@l(12)\n"	\
	"	ld 12,0(12)\n"
#else
#define __STATIC_CALL_LOAD_R12(key)				\
	"	addis 12,2," key "@toc@ha\n"			\
	"	ld 12," key "@toc@l(12)\n"
#endif
/* The return address is in r0 for a while; tell unwinders. */
#define __STATIC_CALL_SET_R2					\
	"	mflr 0\n"					\
	"	.cfi_register 65,0\n"				\
	"	bcl 20,31,1f\n"					\
	"1:	mflr 12\n"					\
	"	mtlr 0\n"					\
	"	.cfi_restore 65\n"				\
	"	addis 2,12,(.TOC.-1b)@ha\n"			\
	"	addi 2,2,(.TOC.-1b)@l\n"
#endif

#define __STATIC_CALL_TEST_NULL					\
	"	cmpdi 12,0\n"					\
	"	beqlr\n"

/*
 * A prefixed instruction must not cross a 64-byte boundary. The check for a second definition is for
 * C++: g++ accepts one in another namespace, and the assembler would reject it without a source line.
 */
#define __STATIC_CALL_TRAMPOLINE(name, test)			\
	__asm__("	.ifdef __SCT__" #name "\n"		\
		"	.error \"static call " #name ": two definitions in one file; "	\
				"its name is one for all namespaces\"\n"	\
		"	.endif\n"				\
		"	.pushsection .text.sct." #name ",\"ax\",@progbits\n"	\
		"	.balign 16\n"				\
		"	.globl __SCT__" #name "\n"		\
		"	.protected __SCT__" #name "\n"		\
		"	.type __SCT__" #name ",@function\n"	\
		"__SCT__" #name ":\n"				\
		"	.cfi_startproc\n"			\
		"	.localentry __SCT__" #name ",1\n"	\
		__STATIC_CALL_SET_R2				\
		__STATIC_CALL_LOAD_R12("__SCK__" #name)		\
		test						\
		"	mtctr 12\n"				\
		"	bctr\n"					\
		"	.cfi_endproc\n"				\
		"	.size __SCT__" #name ",.-__SCT__" #name "\n"	\
		"	.popsection\n")

/* ---- Link units ---------------------------------------------------------------------------- */

#ifdef __cplusplus
extern "C" {
#endif

/* scpatch --user writes these: each is a call whose branch the run time may rewrite. */
struct static_call_site {
	int addr;		/* the branch, relative to this field */
	int stub;		/* the stub that goes through the key, likewise */
	unsigned long key;	/* address of the key, and the flags below */
};

#define STATIC_CALL_SITE_TAIL 1UL	/* b, not bl */
#define STATIC_CALL_SITE_NOTOC 2UL	/* the caller keeps no TOC pointer */

/* What the run time knows about an executable or a shared library. */
struct static_call_unit {
	struct static_call_unit *next;
	const struct static_call_site *start, *stop;
	const unsigned char *ehdr;	/* its ELF header; NULL if that is not in memory */
	unsigned long toc;		/* its TOC pointer; 0 if it has none */
	long (*zero)(void);		/* its own __static_call_return0 */
	/* These belong to the run time: */
	unsigned *words;		/* what it last wrote to each site */
	unsigned traps;
	unsigned long code, size;	/* the segment of the first site */
};

/*
 * scpatch --user writes these, too: a stub jumps to the address in its cell. The stub's code has the
 * address of the cell's first field.
 */
struct static_call_cell {
	unsigned long func;	/* what the key holds, or the stub's way through the key */
	struct static_call_key *key;
	int through;		/* that way, relative to this field */
	int zero;
};

/*
 * What the run time knows about the cells of a unit. They are registered separately: a run time from an
 * older header knows no cells, which then stay as they are.
 */
struct static_call_cells {
	struct static_call_cells *next;
	struct static_call_cell *start, *stop;
};

#define STATIC_CALL_TOCS 1UL	/* toc: ld.bfd gave the unit several */

#define __STATIC_CALL_OF_UNIT __attribute__((weak, visibility("hidden")))

/* The linker defines these. They are weak, because a unit without patched calls has no such section. */
extern const struct static_call_site __start_static_call_sites[] __STATIC_CALL_OF_UNIT;
extern const struct static_call_site __stop_static_call_sites[] __STATIC_CALL_OF_UNIT;
extern const unsigned char __ehdr_start[] __STATIC_CALL_OF_UNIT;

extern struct static_call_cell __start_static_call_cells[] __STATIC_CALL_OF_UNIT;
extern struct static_call_cell __stop_static_call_cells[] __STATIC_CALL_OF_UNIT;

/* Likewise: the mark that scpatch leaves with each of its tables, under another name. */
extern const char __start_static_call_mark[] __STATIC_CALL_OF_UNIT;
extern const char __stop_static_call_mark[] __STATIC_CALL_OF_UNIT;

/* The run time defines these. They are weak, because a program without patched calls needs no run time. */
extern void __static_call_register(struct static_call_unit *unit)
	__attribute__((weak, visibility("default")));
extern void __static_call_unregister(struct static_call_unit *unit)
	__attribute__((weak, visibility("default")));
extern void __static_call_register_cells(struct static_call_cells *unit)
	__attribute__((weak, visibility("default")));
extern void __static_call_unregister_cells(struct static_call_cells *unit)
	__attribute__((weak, visibility("default")));
extern int __static_call_patching(void)
	__attribute__((weak, visibility("default")));

static inline __attribute__((unused)) int static_call_patching(void)
{
	return __static_call_patching ? __static_call_patching() : 0;
}

extern struct static_call_unit __static_call_unit __STATIC_CALL_OF_UNIT;
struct static_call_unit __static_call_unit = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

extern struct static_call_cells __static_call_cells __STATIC_CALL_OF_UNIT;
struct static_call_cells __static_call_cells = { 0, 0, 0 };

/*
 * Every file that includes this header has a constructor and a destructor. They call the functions
 * below. Each unit keeps one copy of these, and the first caller does the work. Each passes its TOC
 * pointer: ld.bfd divides the TOC of a large unit compiled with -mcmodel=small, and then not every
 * function of the unit may be called at its local entry.
 */
void __static_call_enter(unsigned long toc) __STATIC_CALL_OF_UNIT;
void __static_call_leave(void) __STATIC_CALL_OF_UNIT;
long __static_call_zero(void) __STATIC_CALL_OF_UNIT;

__attribute__((section(".text.static_call_unit")))
long __static_call_zero(void)
{
	return 0;
}

__attribute__((section(".text.static_call_unit")))
void __static_call_enter(unsigned long toc)
{
	struct static_call_unit *unit = &__static_call_unit;
	/* Both are NULL without a table, and -fsanitize=undefined allows no element of NULL. */
	const struct static_call_site *start = __start_static_call_sites, *stop = __stop_static_call_sites;

	/* Without a run time all calls go through their keys, as scpatch has linked them. */
	if (start == stop || !__static_call_register)
		return;
	if (unit->start && (!toc || unit->toc == toc || unit->toc == STATIC_CALL_TOCS))
		return;
	unit->toc = unit->toc ? STATIC_CALL_TOCS : toc;
	unit->start = start;
	unit->stop = stop;
	unit->ehdr = __ehdr_start;
	unit->zero = __static_call_zero;
	__static_call_register(unit);
}

__attribute__((section(".text.static_call_unit")))
void __static_call_leave(void)
{
	struct static_call_unit *unit = &__static_call_unit;

	if (!unit->start)
		return;
	__static_call_unregister(unit);
	unit->start = 0;
	unit->toc = 0;
}

/* The names are new, so that the unit never keeps the copy of a file with an older header. */
void __static_call_enter_cells(void) __STATIC_CALL_OF_UNIT;
void __static_call_leave_cells(void) __STATIC_CALL_OF_UNIT;

__attribute__((section(".text.static_call_unit")))
void __static_call_enter_cells(void)
{
	struct static_call_cells *unit = &__static_call_cells;
	struct static_call_cell *start = __start_static_call_cells, *stop = __stop_static_call_cells;

	if (start == stop || unit->start || !__static_call_register_cells)
		return;
	unit->start = start;
	unit->stop = stop;
	__static_call_register_cells(unit);
}

__attribute__((section(".text.static_call_unit")))
void __static_call_leave_cells(void)
{
	struct static_call_cells *unit = &__static_call_cells;

	if (!unit->start)
		return;
	__static_call_unregister_cells(unit);
	unit->start = 0;
}

/* If a tool or a linker script has dropped the table, reports that once. The calls go through their keys. */
void __static_call_check(void) __STATIC_CALL_OF_UNIT;

__attribute__((section(".text.static_call_unit")))
void __static_call_check(void)
{
	struct static_call_unit *unit = &__static_call_unit;
	const struct static_call_site *start = __start_static_call_sites, *stop = __stop_static_call_sites;
	const char *mark = __start_static_call_mark, *end = __stop_static_call_mark;

	if (mark == end || unit->zero || start != stop)
		return;
	unit->zero = __static_call_zero;
	fprintf(stderr, "static call (all): calls are patched, but section static_call_sites is gone; "
			"they stay on the way through their keys\n");
}

/* Before all other constructors and after all other destructors; the compiler reserves 100 and below. */
static __attribute__((constructor(101), used)) void __static_call_constructor(void)
{
	unsigned long toc = 0;

#ifndef __PCREL__
	__asm__("bcl 20,31,1f\n"
		"1:	mflr %0\n"
		"	addis %0,%0,(.TOC.-1b)@ha\n"
		"	addi %0,%0,(.TOC.-1b)@l" : "=b"(toc) : : "lr");
#endif
	__static_call_enter(toc);
	__static_call_enter_cells();
	__static_call_check();
}

static __attribute__((destructor(101), used)) void __static_call_destructor(void)
{
	__static_call_leave_cells();
	__static_call_leave();
}

#ifdef __cplusplus
}
#endif

#ifdef STATIC_CALL_RUNTIME
#include "static_call_runtime.h"
#endif
