/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls every site of far.S. */
#include <stdio.h>

#define SITES(X) \
	X(far, 1006) X(farclob, 1006) X(ifunc, 1006) X(pcfar, 1006) X(pctoc, 1006) \
	X(pcforeign, 1007) X(pcifunc, 1006)

#define DECLARE(name, want) extern long v_##name(long);
SITES(DECLARE)

int main(void)
{
	int bad = 0;

#define CALL(name, want) \
	if (v_##name(5) != want) { \
		printf("%s: %ld, want %d\n", #name, v_##name(5), want); \
		bad = 1; \
	}
	SITES(CALL)
	return bad;
}
