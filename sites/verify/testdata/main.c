/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls every site of forms.S; each adds 1000 to what its target makes of the argument. */
#include <stdio.h>

#define SITES(X) \
	X(stack, 1006) X(out, 1007) X(null, 1005) X(ret0, 1000) X(got, 1007) X(save, 1007) X(twice, 1009) \
	X(direct, 1006) X(foreign, 1007) X(clobber, 1006) X(kept, 1007) X(pc, 1006) X(pcout, 1007) \
	X(tail, 6) X(pctail, 6) X(pcnull, 5)

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
