// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"strings"
)

// graphStart is the part of main.c before main.
const graphStart = `#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
jmp_buf jb[64];
volatile int jdepth, catching;
static void *first_stack[4096];
__thread void *sh_stack = first_stack;
#pragma weak entry_plug
int updates(void)
{
	static int known;
	if (!known)
		known = getenv("FIXED") ? 1 : 2;
	return known == 2;
}
long jumper(long x, long n)
{
	if (x % 7 == 3 && jdepth > 0)
		longjmp(jb[(jdepth - 1) & 63], 1);
	return x - n + bias;
}
static NOINLINE long race0(long x, long n) { return x + n + bias; }
static NOINLINE long race1(long x, long n) { return x + n + bias + 1; }
DEFINE_STATIC_CALL(race, race0);
static volatile int racing;
static void *racer(void *arg)
{
	(void)arg;
	for (int i = 0; i < 40; i++)
		UPDATE(race, i & 1 ? f0 : race1);
	UPDATE(race, race1);
	racing = 0;
	return 0;
}
static void race(void)
{
	pthread_t t;
	long wrong = 0;
	racing = 1;
	pthread_create(&t, 0, racer, 0);
	while (racing) {
		long r = static_call(race)(5, 0);
		wrong += r != 5 + bias && r != 6 + bias && r != f0(5, 0);
	}
	pthread_join(t, 0);
	printf("race %ld %ld\n", wrong, static_call(race)(1, 1));
}
static void plug(long x)
{
	void *h;
	long (*entry)(long);
	if (entry_plug) {
		printf("plug %ld\n", entry_plug(x));
		return;
	}
	h = dlopen("./plug.so", RTLD_NOW);
	if (!h) {
		printf("%s\n", dlerror());
		return;
	}
	*(void **)&entry = dlsym(h, "entry_plug");
	printf("plug %ld\n", entry(x));
	dlclose(h);
}
`

// main calls every key in rounds and changes keys between them: directly, in a
// thread, in a signal handler and in a child.
func (g *callGraph) main() {
	thrower := "#ifdef __cplusplus\n#endif\nextern \"C\" long thrower(long x, long n)\n{\n\tif (x % 5 == 2 && catching > 0)\n\t\tthrow x;\n\treturn x * 2 + n + bias;\n}\n"
	if g.calm {
		thrower = strings.Replace(thrower, "throw x", "return x", 1)
	}
	g.text[graphCxx].WriteString(strings.TrimPrefix(thrower, "#ifdef __cplusplus\n#endif\n"))
	w := &g.text[graphMain]
	w.WriteString(graphStart)
	key, inSignal := g.key(), g.key()
	fmt.Fprintf(w, "static void handler(int sig)\n{\n\t(void)sig;\n\tprintf(\"signal %%ld\\n\", static_call(%s)(5, 2));\n\tUPDATE(%s, %s);\n\tprintf(\"signal %%ld\\n\", static_call(%s)(6, 2) + bias);\n}\n",
		key, inSignal, g.target(), inSignal)
	key = g.key()
	fmt.Fprintf(w, "static void *thread(void *stack)\n{\n\tsh_stack = stack;\n\tprintf(\"thread %%ld\\n\", static_call(%s)(1, 2));\n\tUPDATE(%s, %s);\n\tprintf(\"thread %%ld\\n\", static_call(%s)(2, 2) + bias);\n\treturn 0;\n}\n",
		key, key, g.target(), key)
	fmt.Fprintf(w, "static void calls(int round, long n)\n{\n")
	for k := range graphKeys {
		fmt.Fprintf(w, "\tprintf(\"%%d.k%d %%ld\\n\", round, static_call(k%d)(%d + round, n));\n", k, k, g.any(100))
	}
	for i, o := range graphObjects {
		if i != graphPlug && i != graphDup {
			fmt.Fprintf(w, "\tprintf(\"%%d.%s %%ld\\n\", round, entry_%s(round + %d));\n", o.name, o.name, g.any(9))
		}
	}
	w.WriteString("}\nint main(void)\n{\n\tstatic void *stack[4096];\n\tpthread_t t;\n\tsignal(SIGUSR1, handler);\n")
	for round := range 4 {
		fmt.Fprintf(w, "\tcalls(%d, 3);\n", round)
		for range 1 + g.any(3) {
			fmt.Fprintf(w, "\tUPDATE(%s, %s);\n", g.key(), g.target())
		}
		for _, shape := range []string{"many", "va", "st", "hf"} {
			if g.any(3) == 0 {
				fmt.Fprintf(w, "\tUPDATE(%s, %s%d);\n", shape, shape, g.any(2))
			}
		}
		fmt.Fprintf(w, "\tUPDATE(dup, f%d);\n", g.any(graphFuncs))
		for _, name := range []string{"none", "zero"} {
			switch g.any(4) {
			case 0:
				fmt.Fprintf(w, "\tUPDATE(%s, f%d);\n", name, g.any(graphFuncs))
			case 1:
				fmt.Fprintf(w, "\tUPDATE(%s, (op *)%s);\n", name,
					map[string]string{"none": "0", "zero": "(void *)__static_call_return0"}[name])
			}
		}
		switch g.any(6) {
		case 0:
			w.WriteString("\traise(SIGUSR1);\n")
		case 1:
			w.WriteString("\tpthread_create(&t, 0, thread, stack);\n\tpthread_join(t, 0);\n")
		case 2:
			key := g.key()
			fmt.Fprintf(w, "\tfflush(stdout);\n\tif (!fork()) {\n\t\tUPDATE(%s, %s);\n\t\tprintf(\"child %%ld\\n\", static_call(%s)(3, 2));\n\t\tcalls(9, 1);\n\t\tfflush(stdout);\n\t\t_exit(0);\n\t}\n\twait(0);\n", key, g.target(), key)
		case 3:
			w.WriteString("\trace();\n")
		default:
			fmt.Fprintf(w, "\tplug(%d);\n", g.any(50))
		}
	}
	w.WriteString("\treturn 0;\n}\n")
}
