/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What arch/powerpc/kernel/static_call.c and kernel/static_call_inline.c use of
 * the kernel, for a program on the machine that builds it. model.c records each write
 * to code and to a cell, and each synchronisation of the CPUs.
 */
#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint64_t u64;

#define CONFIG_64BIT				1
#define CONFIG_PPC64				1
#define CONFIG_MODULES				1
#define CONFIG_HAVE_STATIC_CALL			1
#define CONFIG_HAVE_STATIC_CALL_INLINE		1
#define CONFIG_HAVE_STATIC_CALL_SITE_LONG_KEY	1
#define IS_ENABLED(option)			0

#define __init
#define __initdata
#define __ro_after_init
#define __read_mostly
#define EXPORT_SYMBOL_GPL(name)
#define early_initcall(f)
#define stringify_in_c(...)			#__VA_ARGS__
#define ASM_CONST(x)				x
#define __stringify_1(x...)			#x
#define __stringify(x...)			__stringify_1(x)
#define ___PASTE(a, b)				a##b
#define __PASTE(a, b)				___PASTE(a, b)
#define __ADDRESSABLE(sym)
#define likely(x)				(x)
#define unlikely(x)				(x)

#define READ_ONCE(x)				(x)
#define WRITE_ONCE(x, v)			note_write(&(x), sizeof(x), (u64)(v))

void note_write(void *addr, int size, u64 value);
void note_kick(void);
extern int warnings;
#define WARN_ONCE(condition, ...)		((condition) ? ++warnings : 0)
#define WARN_ON_ONCE(condition)			WARN_ONCE(condition, "")
#define WARN(condition, ...)			WARN_ONCE(condition, "")
#define panic(...)				abort()
#define pr_warn(...)				((void)0)

#define num_online_cpus()			2
#define kick_all_cpus_sync()			note_kick()
#define cpus_read_lock()			((void)0)
#define cpus_read_unlock()			((void)0)
#define preempt_disable()			((void)0)
#define preempt_enable()			((void)0)
struct mutex { int unused; };
#define DEFINE_MUTEX(name)			struct mutex name
extern int locks;
#define mutex_lock(m)				((void)(m), ++locks)
#define mutex_unlock(m)				((void)(m), --locks)
extern struct mutex text_mutex;
#define scoped_guard(...)

enum { SYSTEM_BOOTING, SYSTEM_RUNNING };
#define system_state				SYSTEM_RUNNING

/* linux/module.h */
enum { MODULE_STATE_LIVE, MODULE_STATE_COMING, MODULE_STATE_GOING };
struct static_call_site;
struct module {
	int state, num_static_call_sites, num_static_call_tramp_keys;
	struct static_call_site *static_call_sites;
	struct static_call_tramp_key *static_call_tramp_keys;
	unsigned long text;
};
struct module *__module_text_address(unsigned long addr);
bool within_module(unsigned long addr, const struct module *mod);
#define within_module_init(addr, mod)		false
#define within_module_core(addr, mod)		within_module(addr, mod)
#define try_module_get(mod)			true
#define module_put(mod)				((void)0)
struct notifier_block { int (*notifier_call)(struct notifier_block *, unsigned long, void *); };
#define register_module_notifier(nb)		((void)(nb))
#define notifier_from_errno(e)			(e)
#define NOTIFY_DONE				0
#define NOTIFY_OK				1

/* asm/sections.h, linux/kernel.h, linux/slab.h, linux/sort.h */
bool core_kernel_text(unsigned long addr);
#define kernel_text_address(addr)		true
#define init_section_contains(addr, n)		false
#define jump_label_lock()			((void)0)
#define GFP_KERNEL				0
#define kzalloc(size, flags)			calloc(1, size)
#define kzalloc_obj(x)				calloc(1, sizeof(x))
#define kfree(p)				free(p)
void sort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *),
	  void (*swap)(void *, void *, int));
#define ENOMEM					12
#define EINVAL					22

/* asm/code-patching.h and asm/inst.h, for words */
typedef struct { u32 val; } ppc_inst_t;
#define ppc_inst(x)				((ppc_inst_t){ .val = (x) })
#define ppc_inst_val(i)				((i).val)
#define ppc_inst_read(p)			ppc_inst(*(const u32 *)(p))
#define BRANCH_SET_LINK				1
#define R2_STACK_OFFSET				24
#define PPC_INST_LD_TOC				0xe8410018
#define instr_is_branch_iform(i)		((i).val >> 26 == 18)
int patch_instruction(u32 *addr, ppc_inst_t insn);
int create_branch(ppc_inst_t *insn, const u32 *addr, unsigned long target, int flags);
unsigned long ppc_function_entry(void *func);

/* asm/paca.h */
struct paca_struct { u64 first[4], kernel_toc; };

#include <asm/ppc-opcode.h>

#endif
