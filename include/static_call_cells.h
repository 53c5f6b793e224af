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

/* A key belongs to the first run time that has a call or a cell of it. */
static void __sc_claim(struct static_call_key *key)
{
	void (*none)(struct static_call_key *) = 0;

	__atomic_compare_exchange_n(&key->patch, &none, &__sc_patch, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void __sc_disclaim(struct static_call_key *key)
{
	void (*own)(struct static_call_key *) = &__sc_patch;

	__atomic_compare_exchange_n(&key->patch, &own, (void (*)(struct static_call_key *))0, 0,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
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
	struct __sc_holder h;

	__sc_enter(&h);
	for (u = &__sc_cells; *u && *u != unit; u = &(*u)->next)
		;
	if (*u) {
		__sc_cells_follow(unit, 0, 1);
		*u = unit->next;
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
