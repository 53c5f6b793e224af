/* SPDX-License-Identifier: BSD-3-Clause */
/* Another link unit. */
long ext_two = 2;

long ext(long x)
{
	return x + ext_two;
}
