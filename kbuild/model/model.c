// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call at every moment of every update.
 *
 * The kernel's own code (arch/powerpc/kernel/static_call.c and
 * kernel/static_call_inline.c, compiled for this machine) updates a key several
 * times. Its writes are recorded: key, slots, sites, cells, synchronisations. Then
 * a call of each site is executed, one instruction at a time, in every interleaving
 * with these writes. A call may begin before an update and end after the third.
 *
 * A call must
 *  - come back with the TOC pointer of its caller in r2;
 *  - enter a function where that finds its TOC pointer: by its local entry with that
 *    in r2, or by its global entry with its own address in r12;
 *  - call what the key holds, or has held since the call began. While an update is
 *    under way that may still be what it held before.
 *
 * An update synchronises the CPUs at most once.
 *
 * The word after a call may have been fetched long before the call returns: it may be
 * any that it has been since the CPUs were last synchronised. The site itself is read
 * as it is: a CPU that fetched it earlier began the call earlier.
 *
 * The lock of static_call_inline.c lets one update run at a time; it is held when the
 * key is written, and text_mutex when code or a cell is.
 *
 *	model [-t] [DEPTH]	-t prints the transitions of a site, as a table
 */
#include <string.h>
#include <sys/mman.h>
#include "kernel.h"
#include <linux/static_call.h>

/* Two link units and their TOC pointers. The image has a part that is out of reach. */
#define LOW		0x40000000UL		/* within reach of the image, but not in it */
#define IMAGE		(LOW + (1 << 20))
#define IMAGE_FAR	(IMAGE + (64 << 20))
#define IMAGE_END	(IMAGE_FAR + (1 << 20))
#define IMAGE_TOC	(IMAGE + 0x88000)
#define MODULE_TEXT	0x70000000UL
#define MODULE_END	(MODULE_TEXT + (1 << 20))
#define MODULE_TOC	(MODULE_TEXT + 0x88000)
#define HIGH		(MODULE_END + (1 << 20))
#define STACK		0x7f000000UL

/* Words that no CPU has. */
#define BODY(id)	(id)			/* of a function: records that it was called */
#define END		0xff			/* a call has come back */

#define OFF_HA(to, from)	((u32)(((to) - (from) + 0x8000) >> 16) & 0xffff)
#define OFF_L(to, from)		((u32)((to) - (from)) & 0xffff)

enum kind { NOTHING, RETURN0, NEAR, ONE_ENTRY, CLANG, UNKNOWN, FAR, OWN, FOREIGN, BPF, KINDS };

static const struct {
	const char *name;
	unsigned long at, toc;	/* its TOC pointer, 0 if it needs none */
	bool loses;		/* r2 is anything when it returns */
} functions[KINDS] = {
	[NOTHING]   = { "NULL" },
	[RETURN0]   = { "__static_call_return0", IMAGE + 0x1000 },
	[NEAR]	    = { "a function of the image", IMAGE + 0x1100, IMAGE_TOC },
	[ONE_ENTRY] = { "one without a TOC pointer", IMAGE + 0x1200 },
	[CLANG]	    = { "one of clang's large model", IMAGE + 0x1300, IMAGE_TOC },
	[UNKNOWN]   = { "one whose entry is not known", IMAGE + 0x1400, IMAGE_TOC },
	[FAR]	    = { "one out of reach", IMAGE_FAR + 0x1000, IMAGE_TOC },
	[OWN]	    = { "a function of the module", MODULE_TEXT + 0x1000, MODULE_TOC },
	[FOREIGN]   = { "one of another module", MODULE_END + 0x1000, MODULE_END + 0x8000, true },
	[BPF]	    = { "what BPF has compiled", LOW + 0x1000, 0, true },
};

#define TRAMP		(IMAGE + 0x2000)	/* its local entry is 8 bytes on */
#define LONG_STUB	(IMAGE_FAR + 0x2000)	/* of the linker, to the trampoline */
#define KEY		((struct static_call_key *)(IMAGE + 0x90000))
#define CELL		(MODULE_TEXT + 0x8f000)
#define STUB		(MODULE_TEXT + 0x2010)	/* at its save */

static const struct place {
	const char *name;
	unsigned long at, toc, out;	/* the site, its caller's TOC pointer, its fallback */
	bool saved;			/* 24(r1) has r2 */
} places[] = {
	{ "image",		IMAGE + 0x3000,	      IMAGE_TOC },
	{ "image again",	IMAGE + 0x3100,	      IMAGE_TOC },
	{ "far from it",	IMAGE_FAR + 0x3000,   IMAGE_TOC,  LONG_STUB },
	{ "module",		MODULE_TEXT + 0x3000, MODULE_TOC, STUB },
	{ "module, save proven", MODULE_TEXT + 0x3100, MODULE_TOC, STUB + 4, true },
};
#define PLACES ((int)(sizeof(places) / sizeof(places[0])))
#define IN_MODULE(p) (places[p].toc == MODULE_TOC)

/* The tables of sites, sorted as the kernel wants them. */
asm(".pushsection .bss; .globl __start_static_call_sites, __stop_static_call_sites\n"
    "__start_static_call_sites: .skip 48\n"
    "__stop_static_call_sites: .popsection");
extern struct static_call_site __start_static_call_sites[], __stop_static_call_sites[];
struct static_call_tramp_key *__start_static_call_tramp_key, *__stop_static_call_tramp_key;
static struct module module = { .text = MODULE_TEXT };
static struct static_call_mod of_module, of_image;
struct mutex text_mutex;
int warnings, locks;

/*
 * What the kernel's code needs.
 */
bool core_kernel_text(unsigned long addr)
{
	return addr >= IMAGE && addr < IMAGE_END;
}

bool within_module(unsigned long addr, const struct module *mod)
{
	return mod == &module && addr >= MODULE_TEXT && addr < MODULE_END;
}

struct module *__module_text_address(unsigned long addr)
{
	return within_module(addr, &module) ? &module : NULL;
}

void sort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *),
	  void (*swap)(void *, void *, int))
{
}

int create_branch(ppc_inst_t *insn, const u32 *addr, unsigned long target, int flags)
{
	long off = target - (unsigned long)addr;

	if (off < -(1L << 25) || off >= 1L << 25)
		return 1;
	insn->val = 0x48000000 | (off & 0x03fffffc) | (flags & BRANCH_SET_LINK);
	return 0;
}

unsigned long ppc_function_entry(void *func)
{
	u32 *insn = func;
	u32 first = insn[0] >> 16;

	if ((first == 0x3c4c || first == 0x3c40) && insn[1] >> 16 == 0x3842)
		return (unsigned long)(insn + 2);
	return (unsigned long)func;
}

/*
 * What the kernel's code does: the writes, in their order.
 */
static struct event {
	void *addr;
	u64 was;
} trace[256];

/* Used instead of an address: */
#define KICK ((void *)0)	/* the CPUs are synchronised */
#define DONE ((void *)1)	/* an update returns */
static int events;

static u64 load(const void *addr, int size)
{
	return size == 8 ? *(u64 *)addr : *(u32 *)addr;
}

/* __static_call_update() writes the key. */
static void *key_was;

static void note_key(void)
{
	if (KEY->func == key_was)
		return;
	if (!locks)				/* one update at a time */
		abort();
	trace[events++] = (struct event){ &KEY->func, (u64)key_was };
	key_was = KEY->func;
}

void note_write(void *addr, int size, u64 value)
{
	note_key();
	if (load(addr, size) == value)
		return;
	if (events == 256 || locks != 2)	/* text_mutex and static_call_mutex */
		abort();
	trace[events++] = (struct event){ addr, load(addr, size) };
	memcpy(addr, &value, size);
}

static int kicks;

void note_kick(void)
{
	note_key();
	kicks++;
	trace[events++] = (struct event){ KICK };
}

int patch_instruction(u32 *addr, ppc_inst_t insn)
{
	note_write(addr, 4, insn.val);
	return 0;
}

void arch_transform(void *site, void *tramp, void *func, bool tail);

void arch_static_call_transform(void *site, void *tramp, void *func, bool tail)
{
	note_key();
	arch_transform(site, tramp, func, tail);
}

/* value: of an address before the event @now. */
static u64 value(const void *addr, int size, int now)
{
	for (int i = now; i < events; i++)
		if (trace[i].addr == addr)
			return trace[i].was;
	return load(addr, size);
}

/*
 * Memory as scpatch and the start of the kernel leave it.
 */
static u32 *put(u32 *p, u32 w)
{
	*p = w;
	return p + 1;
}

static u32 branch(unsigned long from, unsigned long to)
{
	ppc_inst_t insn;

	if (create_branch(&insn, (u32 *)from, to, BRANCH_SET_LINK))
		abort();
	return insn.val;
}

static void put_function(int kind)
{
	unsigned long at = functions[kind].at, toc = functions[kind].toc;
	u32 *p = (u32 *)at;

	switch (kind) {
	case NOTHING:
		return;
	case CLANG:
		((u64 *)at)[-1] = toc - at;
		p = put(p, PPC_RAW_LD(_R2, _R12, -8));
		p = put(p, PPC_RAW_ADD(_R2, _R2, _R12));
		break;
	case UNKNOWN:
		((u64 *)at)[-1] = toc - at;
		p = put(p, PPC_RAW_LD(_R2, _R12, -8));
		p = put(p, PPC_RAW_NOP());
		p = put(p, PPC_RAW_ADD(_R2, _R2, _R12));
		break;
	default:
		if (!toc)
			break;
		p = put(p, 0x3c4c0000 | OFF_HA(toc, at));
		p = put(p, 0x38420000 | OFF_L(toc, at));
	}
	p = put(p, BODY(kind));
	put(p, PPC_RAW_BLR());
}

static void put_place(int i)
{
	const struct place *c = &places[i];
	u32 *p = (u32 *)c->at;

	p = put(p, branch(c->at, c->out ?: TRAMP + 8));
	p = put(p, IN_MODULE(i) ? PPC_INST_LD_TOC : PPC_RAW_NOP());
	put(p, END);
}

static void put_entry(struct static_call_site *s, int i)
{
	s->addr = places[i].at - (unsigned long)&s->addr;
	s->stub = places[i].out ? places[i].out - (unsigned long)&s->stub : 0;
	s->key = (unsigned long)KEY - (unsigned long)&s->key;
}

static void put_world(void *func)
{
	static struct static_call_site *table = (void *)(MODULE_TEXT + 0xa0000);
	u32 *p = (u32 *)TRAMP;

	for (int i = 0; i < KINDS; i++)
		put_function(i);
	p = put(p, 0x3c4c0000 | OFF_HA(IMAGE_TOC, TRAMP));
	p = put(p, 0x38420000 | OFF_L(IMAGE_TOC, TRAMP));
	p = put(p, 0x3d820000 | OFF_HA((unsigned long)KEY, IMAGE_TOC));
	p = put(p, PPC_RAW_LD(_R12, _R12, OFF_L((unsigned long)KEY, IMAGE_TOC)));
	p = put(p, 0x2c2c0000);	/* cmpdi r12,0 */
	p = put(p, 0x4d820020);	/* beqlr */
	p = put(p, PPC_RAW_MTCTR(_R12));
	put(p, PPC_RAW_BCTR());

	p = (u32 *)LONG_STUB;
	p = put(p, 0x3d820000 | OFF_HA(TRAMP + 8, IMAGE_TOC));
	p = put(p, 0x398c0000 | OFF_L(TRAMP + 8, IMAGE_TOC));
	p = put(p, PPC_RAW_MTCTR(_R12));
	put(p, PPC_RAW_BCTR());

	p = (u32 *)(STUB - 4);
	p = put(p, CELL - (STUB - 4));
	p = put(p, PPC_RAW_STD(_R2, _R1, 24));
	p = put(p, PPC_RAW_LD(_R12, _R2, CELL - MODULE_TOC));
	p = put(p, PPC_RAW_MTCTR(_R12));
	put(p, PPC_RAW_BCTR());
	*(u64 *)CELL = TRAMP;

	for (int i = 0; i < PLACES; i++)
		put_place(i);
	for (int i = 0; i < 3; i++)
		put_entry(__start_static_call_sites + (i == 2 ? 2 : i), i);
	module.static_call_sites = table;
	module.num_static_call_sites = PLACES - 3;
	for (int i = 3; i < PLACES; i++)
		put_entry(table + i - 3, i);
	of_image = (struct static_call_mod){ &of_module, NULL, __start_static_call_sites };
	of_module = (struct static_call_mod){ NULL, &module, table };
	KEY->mods = &of_image;
	KEY->func = key_was = func;
	static_call_initialized = 1;

	/* static_call_init(), and the module is loaded: nobody calls yet. */
	locks = 1;
	for (int i = 0; i < PLACES; i++)
		arch_transform((void *)places[i].at, (void *)places[i].out, func, false);
	events = locks = warnings = 0;
}

/*
 * A CPU in a call.
 */
struct cpu {
	u64 pc, lr, ctr, r2, r12, saved;
	short now, began, called;
	bool eq;
};

static const char *fault;
static int place;

static bool wrong(const char *what)
{
	fault = what;
	return false;
}

static bool called_rightly(const struct cpu *c)
{
	for (int i = c->now; i >= 0; i--) {
		if (value(&KEY->func, 8, i) == functions[c->called].at)
			return true;
		if (i <= c->began && i > 0 && trace[i - 1].addr == DONE)
			break;
	}
	return false;
}

static bool body(struct cpu *c, u32 id)
{
	if (functions[id].toc && c->r2 != functions[id].toc)
		return wrong("a function has another's TOC pointer");
	c->called = id;
	c->r12 = c->ctr = 1;
	if (functions[id].loses && !functions[id].toc)
		c->r2 = 1;
	c->pc += 4;
	return true;
}

static u64 *reg(struct cpu *c, int n)
{
	static u64 r1 = STACK, r13 = 0x7e000000, other;

	switch (n) {
	case 1: r1 = STACK; return &r1;
	case 2: return &c->r2;
	case 12: return &c->r12;
	case 13: return &r13;
	}
	return &other;
}

static bool loads(struct cpu *c, u32 w)
{
	u64 *rt = reg(c, w >> 21 & 31), base = *reg(c, w >> 16 & 31);
	long d = (short)(w & 0xfffc);

	switch (w >> 16 & 31) {
	case 1:
		*rt = c->saved;
		return d == 24 || wrong("a load from somewhere on the stack");
	case 13:
		*rt = IMAGE_TOC;
		return d == offsetof(struct paca_struct, kernel_toc) || wrong("a load from somewhere in the PACA");
	}
	if (base < LOW || base >= HIGH)
		return wrong("a load with a wrong base");
	*rt = value((void *)(base + d), 8, c->now);
	return true;
}

/* step executes the word @w at pc. */
static bool step(struct cpu *c, u32 w)
{
	u64 pc = c->pc;
	long off = (int)(w << 6) >> 6 & ~3L;

	if (w > 0 && w < KINDS)
		return body(c, w);
	c->pc += 4;
	if (w == PPC_RAW_NOP())
		return true;
	if (w == PPC_RAW_LI(_R3, 0)) {
		c->called = RETURN0;
	} else if (w >> 26 == 18) {
		if (w & 1)
			c->lr = pc + 4;
		c->pc = pc + off;
	} else if (w == PPC_RAW_BLR()) {
		c->pc = c->lr;
	} else if (w == 0x4d820020) {
		if (c->eq)
			c->pc = c->lr;
	} else if (w == PPC_RAW_BCTR()) {
		c->pc = c->ctr;
	} else if (w == PPC_RAW_MTCTR(_R12)) {
		c->ctr = c->r12;
	} else if (w == 0x2c2c0000) {
		c->eq = !c->r12;
	} else if (w == PPC_RAW_ADD(_R2, _R2, _R12)) {
		c->r2 += c->r12;
	} else if (w >> 26 == 15) {
		*reg(c, w >> 21 & 31) = *reg(c, w >> 16 & 31) + (long)((int)(w << 16));
	} else if (w >> 26 == 14) {
		*reg(c, w >> 21 & 31) = *reg(c, w >> 16 & 31) + (short)w;
	} else if (w >> 26 == 58) {
		return loads(c, w);
	} else if (w == PPC_RAW_STD(_R2, _R1, 24)) {
		c->saved = c->r2;
	} else {
		return wrong("a word that is not an instruction");
	}
	return true;
}

/* Each state is visited once. */
#define SEEN (1 << 16)
static struct { struct cpu c; unsigned round; } seen[SEEN];
static unsigned round_;
static long states, calls;

static bool first_time(const struct cpu *c)
{
	const unsigned char *b = (const unsigned char *)c;
	u64 h = 14695981039346656037UL;

	for (size_t i = 0; i < sizeof(*c); i++)
		h = (h ^ b[i]) * 1099511628211UL;
	for (h >>= 20; seen[h % SEEN].round == round_; h++)
		if (!memcmp(&seen[h % SEEN].c, c, sizeof(*c)))
			return false;
	memcpy(&seen[h % SEEN].c, c, sizeof(*c));
	seen[h % SEEN].round = round_;
	states++;
	return true;
}

static bool explore(struct cpu *c);

/* with executes one word, and everything that may follow it. */
static bool with(const struct cpu *was, u32 w)
{
	struct cpu c;

	memcpy(&c, was, sizeof(c));	/* with its padding */
	return step(&c, w) && explore(&c);
}

static bool returned(const struct cpu *c)
{
	calls++;
	if (c->r2 != places[place].toc)
		return wrong("r2 is lost");
	if (!called_rightly(c))
		return wrong("what is called is not what the key holds");
	return true;
}

static bool explore(struct cpu *c)
{
	const u32 *pc = (u32 *)c->pc;
	u64 slot = places[place].at + 4;

	if (!first_time(c))
		return true;
	if (c->now < events) {
		c->now++;
		if (!explore(c))
			return false;
		c->now--;
	}
	if (c->pc == slot + 4)
		return returned(c);
	if (c->pc < LOW || c->pc >= HIGH) {
		/* do_nothing() of the kernel's code, which needs no TOC pointer */
		struct cpu next;

		if (c->pc < 0x10000 || c->pc != value((void *)CELL, 8, c->now) && c->pc != c->r12)
			return wrong("a jump to nowhere");
		memcpy(&next, c, sizeof(next));
		next.pc = c->lr;
		return explore(&next);
	}
	if (c->pc != slot)
		return with(c, value(pc, 4, c->now));
	for (int i = c->now; i >= 0; i--) {
		if (!with(c, value(pc, 4, i)))
			return false;
		if (i > 0 && trace[i - 1].addr == KICK)
			break;
	}
	return true;
}

/* try makes calls at a place, beginning at each moment in turn. */
static bool try(int where)
{
	place = where;
	for (int i = 0; i <= events; i++) {
		struct cpu c;

		memset(&c, 0, sizeof(c));
		c.pc = places[where].at;
		c.r2 = places[where].toc;
		c.saved = places[where].saved ? c.r2 : 0;
		c.now = c.began = i;
		round_++;
		if (!explore(&c))
			return false;
	}
	return true;
}

static bool try_all(void)
{
	for (int i = 0; i < PLACES; i++)
		if (!try(i))
			return false;
	return true;
}

static int updates[8], depth = 3;

static bool scenario(void)
{
	int most_kicks = 0;

	put_world((void *)functions[updates[0]].at);
	for (int i = 1; i <= depth; i++) {
		kicks = 0;
		__static_call_update(KEY, (void *)TRAMP, (void *)functions[updates[i]].at);
		trace[events++] = (struct event){ DONE };
		most_kicks = kicks > most_kicks ? kicks : most_kicks;
	}
	fault = "a warning";
	if (!warnings && try_all()) {
		if (most_kicks <= 1)
			return true;
		fault = "the CPUs are synchronised more than once in an update";
	}
	printf("%s: %s\n\tthe key held %s", places[place].name, fault, functions[updates[0]].name);
	for (int i = 1; i <= depth; i++)
		printf(", then %s", functions[updates[i]].name);
	printf("\n");
	return false;
}

/* writes prints those of the last update that concern a place, in their order. */
static void writes(int p)
{
	const char *sep = "", *slot = NULL;
	u64 site = places[p].at;

	for (int i = 0; i < events; i++) {
		const char *what = NULL;
		u64 addr = (u64)trace[i].addr;

		if (addr == (u64)&KEY->func)
			what = "key";
		else if (addr == site)
			what = "call";
		else if (addr == site + 4)
			what = slot = "word after it";
		else if (addr == CELL && IN_MODULE(p))
			what = "cell";
		else if (trace[i].addr == KICK && slot)
			what = "all CPUs synchronise";
		if (what) {
			printf("%s%s", sep, what);
			sep = ", ";
		}
	}
}

static const char *word(u64 addr)
{
	static char text[80];
	u32 w = *(u32 *)addr;
	unsigned long to = addr + ((int)(w << 6) >> 6 & ~3L);

	if (w == PPC_RAW_NOP())
		return "nop";
	if (w == PPC_RAW_LI(_R3, 0))
		return "li r3,0";
	if (w == PPC_INST_LD_TOC)
		return "ld r2,24(r1)";
	if (w >> 26 == 58)
		return "ld r2,PACATOC(r13)";
	if (!(w & 1))
		return "b .+8";
	for (int k = 0; k < KINDS; k++)
		if (functions[k].at && to >= functions[k].at && to <= functions[k].at + 8)
			return to == functions[k].at ? "bl function" : "bl function, local entry";
	snprintf(text, sizeof(text), "bl %s", to == TRAMP + 8 ? "trampoline" : to == LONG_STUB ? "linker's stub" : "stub");
	return text;
}

/* transitions prints what each place becomes, after another function of the image. */
static void transitions(void)
{
	printf("| caller | the key gets | writes | the call | the word after it | cell |\n|---|---|---|---|---|---|\n");
	for (int p = 0; p < PLACES; p++) {
		if (p == 1)
			continue;
		for (int k = 0; k < KINDS; k++) {
			put_world((void *)functions[k == NEAR ? NOTHING : NEAR].at);
			__static_call_update(KEY, (void *)TRAMP, (void *)functions[k].at);
			printf("| %s | %s | ", places[p].name, functions[k].name);
			writes(p);
			printf(" | `%s` |", word(places[p].at));
			printf(" `%s` | %s |\n", word(places[p].at + 4),
			       !IN_MODULE(p) ? "" : !functions[k].at ? "do_nothing()" :
			       *(u64 *)CELL == functions[k].at ? "function" : "function, local entry");
		}
	}
}

static void map(unsigned long at, unsigned long end)
{
	void *p = mmap((void *)at, end - at, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);

	if (p != (void *)at) {
		perror("mmap");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	long scenarios = 0;

	map(LOW, IMAGE_END);
	map(MODULE_TEXT, HIGH);
	if (argc > 1 && !strcmp(argv[1], "-t")) {
		transitions();
		return 0;
	}
	if (argc > 1)
		depth = atoi(argv[1]);
	for (;;) {
		int i = 0;

		if (!scenario())
			return 1;
		scenarios++;
		/* A key of the image cannot begin with something outside the image. */
		while (i <= depth && ++updates[i] == (i ? KINDS : OWN))
			updates[i++] = 0;
		if (i > depth)
			break;
	}
	printf("%ld sequences of %d update%s, %ld states, %ld returns of calls: each is right\n",
	       scenarios, depth, depth == 1 ? "" : "s", states, calls);
	return 0;
}
