/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the run time of static_call.h keeps cells. Only static_call_runtime.h includes this file.
 *
 * A stub does not read its key, but a cell, which is near it and never NULL. The run time stores into
 * the cell what the key holds. Before the run time has started, and after it has ended, the cell holds
 * the stub's way through the key. Cells are data: they follow their keys even where code may not be
 * written.
 */
#ifndef STATIC_CALL_CELLS_H
#define STATIC_CALL_CELLS_H

static struct static_call_cells *__sc_cells;

/* What a call does when the key is NULL. */
static void __sc_nothing(void)
{
}

/* Makes a unit's cells of a key, or all its cells, follow; with `back' their stubs go through the key. */
static void __sc_cells_follow(struct static_call_cells *u, const struct static_call_key *key, int back)
{
	struct static_call_cell *c;

	for (c = u->start; c < u->stop; c++) {
		uintptr_t to = (uintptr_t)&c->through + (uintptr_t)(intptr_t)c->through;

		if (key && c->key != key)
			continue;
		if (!back && __atomic_load_n(&c->key->patch, __ATOMIC_RELAXED) == &__sc_patch) {
			to = (uintptr_t)__atomic_load_n(&c->key->func, __ATOMIC_ACQUIRE);
			if (!to)
				to = (uintptr_t)&__sc_nothing;
		}
		__atomic_store_n(&c->func, to, __ATOMIC_RELEASE);
	}
}

/* Makes the cells of all units follow a key, or all keys. */
static void __sc_cells_follow_all(const struct static_call_key *key)
{
	struct static_call_cells *u;

	for (u = __sc_cells; u; u = u->next)
		__sc_cells_follow(u, key, 0);
}

/* ---- Whose keys they are ------------------------------------------------------------------- */

/* What a key of a unit that is being unregistered calls. The order differs: no linker may fold the two. */
static void __sc_patch_leaving(struct static_call_key *key)
{
	struct __sc_holder h;

	__sc_enter(&h);
	__sc_follow_all(key);
	__sc_cells_follow_all(key);
	__sc_leave(&h);
}

/*
 * Whether a key can be written: it may be constant, or in memory that the linker or the program has
 * sealed. The kernel says so instead of raising a signal (FUTEX_WAKE_OP, which adds no bits to a word).
 */
static int __sc_writable(struct static_call_key *key)
{
	uintptr_t page = (uintptr_t)&key->patch >> 12;

	if (page != __sc_written) {
		if (syscall(SYS_futex, &key->patch, 5 | 128, 0, 0, &key->patch, 2 << 28) < 0 && errno == EFAULT)
			return 0;
		__sc_written = page;
	}
	return 1;
}

/* Nothing changes a key that cannot be written, so it needs no run time. Its calls go through it. */
static void __sc_pass(struct static_call_key *key, void (*from)(struct static_call_key *), void (*to)(struct static_call_key *))
{
	if (__atomic_load_n(&key->patch, __ATOMIC_RELAXED) != from || !__sc_writable(key))
		return;
	__atomic_compare_exchange_n(&key->patch, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* A key belongs to the first run time that has a call or a cell of it. */
static void __sc_claim(struct static_call_key *key)
{
	__sc_pass(key, 0, &__sc_patch);
}

static void __sc_disclaim(struct static_call_key *key)
{
	__sc_pass(key, &__sc_patch, 0);
}

/*
 * A key that a unit leaves behind belongs to the run time as long as another unit has it; otherwise the
 * run time could be unloaded before the key. The key is never without a run time in between.
 */
static void __sc_key_leaves(struct static_call_key *key)
{
	__sc_pass(key, &__sc_patch, &__sc_patch_leaving);
}

static void __sc_used_keys_stay(void)
{
	const struct static_call_unit *u;
	const struct static_call_site *s;
	const struct static_call_cells *l;
	const struct static_call_cell *c;

	for (u = __sc_units; u; u = u->next)
		for (s = u->start; s < u->stop; s++)
			__sc_pass(__sc_key(s), &__sc_patch_leaving, &__sc_patch);
	for (l = __sc_cells; l; l = l->next)
		for (c = l->start; c < l->stop; c++)
			__sc_pass(c->key, &__sc_patch_leaving, &__sc_patch);
}

static void __sc_key_has_left(struct static_call_key *key)
{
	__sc_pass(key, &__sc_patch_leaving, 0);
}

/* ---- What static_call.h calls -------------------------------------------------------------- */

void __static_call_register_cells(struct static_call_cells *unit)
{
	struct static_call_cells *u;
	struct static_call_cell *c;
	struct __sc_holder h;

	__sc_enter(&h);
	for (u = __sc_cells; u && u != unit; u = u->next)
		;
	if (!u && !__sc_ended && __sc_guard_forks()) {
		unit->next = __sc_cells;
		__sc_cells = unit;
		for (c = unit->start; c < unit->stop; c++)
			__sc_claim(c->key);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		__sc_cells_follow(unit, 0, 0);
	}
	__sc_leave(&h);
}

/* The unit's code may still run, in a later destructor. */
void __static_call_unregister_cells(struct static_call_cells *unit)
{
	struct static_call_cells **u;
	struct static_call_cell *c;
	struct __sc_holder h;

	__sc_enter(&h);
	for (u = &__sc_cells; *u && *u != unit; u = &(*u)->next)
		;
	if (*u) {
		__sc_cells_follow(unit, 0, 1);
		*u = unit->next;
		for (c = unit->start; c < unit->stop; c++)
			__sc_key_leaves(c->key);
		__sc_used_keys_stay();
		for (c = unit->start; c < unit->stop; c++)
			__sc_key_has_left(c->key);
	}
	__sc_leave(&h);
}

/* The run time ends. */
static void __sc_cells_end(void)
{
	struct static_call_cells *u;
	struct static_call_cell *c;

	for (u = __sc_cells; u; u = u->next) {
		__sc_cells_follow(u, 0, 1);
		for (c = u->start; c < u->stop; c++)
			__sc_disclaim(c->key);
	}
}

#endif
