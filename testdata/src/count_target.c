/* SPDX-License-Identifier: BSD-3-Clause */
/* As empty as a target can be: one add, one blr. Needs no TOC, so local entry 0. */
#ifdef COUNT_HERE
__attribute__((noinline))
#endif
long c_target(long x)
{
	return x + 1;
}
