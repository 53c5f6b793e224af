/* SPDX-License-Identifier: BSD-3-Clause */
long __static_call_return0(void)
{
	return 0;
}
