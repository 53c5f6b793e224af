/* SPDX-License-Identifier: BSD-3-Clause */
/* What weak.c's targets become when somebody defines them. */
int w_seen = 3;
extern int w_base;

void w_absent(int x)
{
	w_base += x * w_seen;
}

int w_present(int x)
{
	return x * 100 + w_seen;
}
