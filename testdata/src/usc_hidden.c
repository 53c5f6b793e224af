/* SPDX-License-Identifier: BSD-3-Clause */
/* Two libraries, with -DUSC_SIDE=side_A and side_B, and a program: all have a key of the name `same'. */
#include "static_call.h"

#define STR_(x) #x
#define STR(x) STR_(x)
#define VISIBLE __attribute__((visibility("default")))

#ifdef USC_SIDE

static const char *side(void)
{
	return STR(USC_SIDE);
}

static const char *other(void)
{
	return "other";
}

DEFINE_STATIC_CALL(same, side);

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

VISIBLE const char *CAT(USC_SIDE, _call)(void)
{
	return static_call(same)();
}

VISIBLE void CAT(USC_SIDE, _update)(void)
{
	static_call_update(same, other);
}

VISIBLE void *CAT(USC_SIDE, _return0)(void)
{
	return (void *)__static_call_return0;
}

#else

const char *side_A_call(void), *side_B_call(void);
void side_A_update(void);
void *side_A_return0(void), *side_B_return0(void);

int main(void)
{
	printf("%s %s, ", side_A_call(), side_B_call());
	printf("%s then ", side_A_call());
	side_A_update();
	printf("%s, %s\n", side_A_call(), side_B_call());
	printf("return0 is one function: %d\n", side_A_return0() == side_B_return0() &&
	       side_A_return0() == (void *)__static_call_return0);
	return 0;
}

#endif
