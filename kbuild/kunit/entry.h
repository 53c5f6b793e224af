/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a static call enters a function of the caller's unit. ppc_function_entry() does
 * not know the large code model of clang, which modules have.
 */
static inline void *sct_entry(void *func)
{
	u32 *p = func;

	if ((p[0] & ~0xfffc) == PPC_RAW_LD(_R2, _R12, 0) && p[1] == PPC_RAW_ADD(_R2, _R2, _R12))
		return p + 2;
	return (void *)ppc_function_entry(func);
}
