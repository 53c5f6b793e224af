/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loops over the keys of COST_OWNER. To be included for each unit whose keys are
 * in reach, hence no include guard.
 */
#define KEY(kind)	__PASTE(__PASTE(cost_, COST_OWNER), _##kind)
#define CALL(what)	__PASTE(__PASTE(COST_OWNER, _), what)

COST_LOOP(CALL(call), x = static_call(KEY(func))(x))
COST_LOOP(CALL(cond), static_call_cond(KEY(null))(x))

#if defined(MODULE) && defined(CONFIG_HAVE_STATIC_CALL_INLINE)
COST_LOOP(CALL(unsaved), x = STATIC_CALL_TRAMP(KEY(func))(x))
#endif

static void CALL(update)(void *func)
{
	static_call_update(KEY(func), func);
}

static const struct cost_keys CALL(keys) = {
	.call = CALL(call),
#if defined(MODULE) && defined(CONFIG_HAVE_STATIC_CALL_INLINE)
	.unsaved = CALL(unsaved),
#endif
	.cond = CALL(cond),
	.update = CALL(update),
};

#undef KEY
#undef CALL
#undef COST_OWNER
