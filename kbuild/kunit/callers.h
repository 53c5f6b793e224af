/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Callers of the keys of SCT_OWNER, which has the number SCT_OWNER_ID. To be
 * included for each unit whose keys are in reach, hence no include guard.
 */
#define KEY(kind)	__PASTE(__PASTE(sct_, SCT_OWNER), _##kind)
#define CALL(what)	__PASTE(__PASTE(SCT_OWNER, _), what)

static noinline void CALL(func)(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(KEY(func))(c->x));
}

static noinline void CALL(thrice)(struct sct_call *c)
{
	long second, third;

	SCT_CHECK(c, c->result = static_call(KEY(func))(c->x));
	SCT_CHECK(c, second = static_call(KEY(func))(c->x));
	SCT_CHECK(c, third = static_call(KEY(func))(c->x));
	c->bad += second != c->result || third != c->result;
}

static noinline void CALL(loop)(struct sct_call *c)
{
	long sum = 0;
	int i;

	for (i = 0; i < 4; i++)
		SCT_CHECK(c, sum += static_call(KEY(func))(c->x));
	c->result = sum / 4;
}

/* Only one of the paths makes a frame. */
static noinline void CALL(early)(struct sct_call *c)
{
	if (c->x < 0)
		return;
	SCT_CHECK(c, c->result = static_call(KEY(func))(c->x));
}

/* The stack pointer changes between the function's entry and the call. */
static noinline void CALL(dynamic)(struct sct_call *c)
{
	size_t size = 16 + (c->x & 48);
	long *p = __builtin_alloca(size);

	p[0] = c->x;
	OPTIMIZER_HIDE_VAR(p);
	SCT_CHECK(c, c->result = static_call(KEY(func))(p[0]));
	c->bad += p[0] != c->x;
}

/* Two paths to the call, one with another call on it. */
static noinline void CALL(joined)(struct sct_call *c)
{
	if (c->x & 1)
		SCT_CHECK(c, cond_resched());
	SCT_CHECK(c, c->result = static_call(KEY(func))(c->x));
}

static noinline long CALL(last)(long x)
{
	return static_call(KEY(func))(x);
}

static noinline void CALL(at_the_end)(struct sct_call *c)
{
	SCT_CHECK(c, c->result = CALL(last)(c->x));
}

/* As far away as second(). */
static noinline __sched void CALL(far)(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(KEY(func))(c->x));
}

/* Nothing saves r2 for this call, as static_call() does in a module. */
static noinline void CALL(unsaved)(struct sct_call *c)
{
	sct_spoil_save();
	SCT_CHECK(c, c->result = SCT_UNPREPARED(KEY(func))(c->x));
}

/* Only one of two paths saves it, and the tests take the other. */
static noinline void CALL(half_saved)(struct sct_call *c)
{
	sct_spoil_save();
	if (c->x != SCT_X)
		sct_save();
	SCT_CHECK(c, c->result = SCT_UNPREPARED(KEY(func))(c->x));
}

static noinline void CALL(null)(struct sct_call *c)
{
	c->result = 0;
	SCT_CHECK(c, static_call_cond(KEY(null))(evaluate(c)));
}

static noinline void CALL(ret0)(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(KEY(ret0))(c->x));
}

static noinline void CALL(twelve)(struct sct_call *c)
{
	long x = c->x;

	SCT_CHECK(c, c->result = static_call(KEY(twelve))(x, x + 1, x + 2, x + 3,
							  x + 4, x + 5, x + 6, x + 7,
							  x + 8, x + 9, x + 10, x + 11));
}

static noinline void CALL(varargs)(struct sct_call *c)
{
	long x = c->x;

	SCT_CHECK(c, c->result = static_call(KEY(varargs))(12, x, x + 1, x + 2, x + 3,
							   x + 4, x + 5, x + 6, x + 7,
							   x + 8, x + 9, x + 10, x + 11));
}

static noinline void CALL(sleep)(struct sct_call *c)
{
	SCT_CHECK(c, c->result = static_call(KEY(sleep))(c->wait));
}

/* Only the trampoline is exported. */
static noinline void CALL(mod)(struct sct_call *c)
{
#if SCT_OWNER_ID == SCT_ID
	SCT_CHECK(c, c->result = static_call(KEY(mod))(c->x));
#else
	SCT_CHECK(c, c->result = static_call_mod(KEY(mod))(c->x));
#endif
}

/* Half an update: the sites are still to be written. */
static void CALL(store)(void *func)
{
	WRITE_ONCE(STATIC_CALL_KEY(KEY(func)).func, func);
}

static sct_func_t *CALL(pointer)(void)
{
	return &STATIC_CALL_TRAMP(KEY(func));
}

static void CALL(update)(enum sct_kind kind, void *func)
{
	switch (kind) {
	case SCT_FUNC:
		static_call_update(KEY(func), func);
		break;
	case SCT_NULL:
		static_call_update(KEY(null), func);
		break;
	case SCT_RET0:
		static_call_update(KEY(ret0), func);
		break;
	case SCT_TWELVE:
		static_call_update(KEY(twelve), func);
		break;
	case SCT_VARARGS:
		static_call_update(KEY(varargs), func);
		break;
	case SCT_SLEEP:
		static_call_update(KEY(sleep), func);
		break;
#if SCT_OWNER_ID == SCT_ID
	case SCT_MOD:
		static_call_update(KEY(mod), func);
		break;
#endif
	default:
		WARN_ON(1);
	}
}

static void *CALL(query)(enum sct_kind kind)
{
	switch (kind) {
	case SCT_FUNC:
		return static_call_query(KEY(func));
	case SCT_NULL:
		return static_call_query(KEY(null));
	case SCT_RET0:
		return static_call_query(KEY(ret0));
	case SCT_TWELVE:
		return static_call_query(KEY(twelve));
	case SCT_VARARGS:
		return static_call_query(KEY(varargs));
	case SCT_SLEEP:
		return static_call_query(KEY(sleep));
#if SCT_OWNER_ID == SCT_ID
	case SCT_MOD:
		return static_call_query(KEY(mod));
#endif
	default:
		return ERR_PTR(-EPERM);
	}
}

static const struct sct_keys CALL(keys) = {
	.call = {
		[SCT_FUNC] = CALL(func),
		[SCT_NULL] = CALL(null),
		[SCT_RET0] = CALL(ret0),
		[SCT_TWELVE] = CALL(twelve),
		[SCT_VARARGS] = CALL(varargs),
		[SCT_SLEEP] = CALL(sleep),
		[SCT_MOD] = CALL(mod),
	},
	.shapes = {
		{ CALL(func), 1, "one call" },
		{ CALL(thrice), 3, "three calls" },
		{ CALL(loop), 4, "a loop" },
		{ CALL(early), 1, "an early return" },
		{ CALL(dynamic), 1, "a stack pointer that moves" },
		{ CALL(joined), 1, "two paths" },
		{ CALL(at_the_end), 1, "a call at the end" },
		{ CALL(far), 1, "a call from another section" },
		{ CALL(unsaved), 1, "no save" },
		{ CALL(half_saved), 1, "a save on one of two paths" },
		{ },
	},
	.update = CALL(update),
	.store = CALL(store),
	.query = CALL(query),
	.pointer = CALL(pointer),
};

#undef KEY
#undef CALL
#undef SCT_OWNER
#undef SCT_OWNER_ID
