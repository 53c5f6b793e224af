// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A callGraph is the source of random programs: functions, keys and targets in
// eight objects of four link units. All objects can also be linked into one
// executable, without dup.o, whose definitions would then be duplicates.
type callGraph struct {
	rand *rand.Rand
	text [len(graphObjects)]strings.Builder
	calm bool // nothing throws or uses longjmp, so returns match calls
}

// A graphObject is one source, and where it is linked.
type graphObject struct {
	name string
	cxx  bool
	unit int // 0 is the program, 3 is opened by dlopen
}

var graphObjects = [...]graphObject{
	{"main", false, 0}, {"other", false, 0}, {"cxx", true, 0}, {"dup", false, 0},
	{"lib1a", false, 1}, {"lib1b", true, 1}, {"lib2", false, 2}, {"plug", false, 3},
}

const (
	graphMain, graphCxx, graphDup, graphPlug = 0, 2, 3, 7

	graphFuncs = 10
	graphKeys  = 6
)

func (g *callGraph) any(n int) int { return g.rand.IntN(n) }

// graphHeader is included by every object.
//
//nolint:dupword // a C prototype
const graphHeader = `#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include "static_call.h"
#ifdef __cplusplus
extern "C" {
#endif
extern jmp_buf jb[64];
extern volatile int jdepth, catching;
extern __thread void *sh_stack;
int updates(void);
struct S { long a[5]; };
struct H { double a, b, c; };
typedef long many_fn(long, long, long, long, long, long, long, long, long, long, long, long);
typedef long va_fn(int, ...);
typedef struct S st_fn(long);
typedef struct H hf_fn(long, double);
many_fn many0, many1;
va_fn va0, va1;
st_fn st0, st1;
hf_fn hf0, hf1;
DECLARE_STATIC_CALL(many, many0);
DECLARE_STATIC_CALL(va, va0);
DECLARE_STATIC_CALL(st, st0);
DECLARE_STATIC_CALL(hf, hf0);
typedef long op(long, long);
op jumper, thrower;
DECLARE_STATIC_CALL(none, jumper);
DECLARE_STATIC_CALL(zero, jumper);
DECLARE_STATIC_CALL(dup, jumper);
#define UPDATE(key, f) do { if (updates()) static_call_update(key, f); } while (0)
#define NOINLINE __attribute__((noinline))
%s
#ifdef __cplusplus
}
namespace ns {
template <int N> NOINLINE long twice(long x, long n)
{
	static volatile long count;
	count = count + N;
	return n <= 0 ? x : static_call(k0)(x & 7, n - 1) + static_call(k1)(x & 3, n - 1) + count;
}
inline NOINLINE long either(long x, long n)
{
	static_call_cond(none)(x, 0);
	return n <= 0 ? x + 1 : static_call(k2)(x & 15, n - 1);
}
}
#endif
static volatile long bias = BIAS;
`

// sources writes all sources. The name of the header is unique.
func (g *callGraph) sources() map[string]string {
	g.calm = g.any(4) == 0
	var declared strings.Builder
	for i := range graphFuncs {
		fmt.Fprintf(&declared, "op f%d;\n", i)
	}
	for i := range graphKeys {
		fmt.Fprintf(&declared, "DECLARE_STATIC_CALL(k%d, f0);\n", i)
	}
	for _, o := range graphObjects {
		fmt.Fprintf(&declared, "long entry_%s(long);\n", o.name)
	}
	for i := range g.text {
		if i == graphMain {
			g.text[i].WriteString("#define STATIC_CALL_RUNTIME\n")
		}
		fmt.Fprintf(&g.text[i], "#define BIAS %d\n#include \"graph.h\"\n", 1000+i)
	}
	for i := range graphKeys {
		target := fmt.Sprintf("f%d", g.any(graphFuncs))
		if i == graphKeys-1 {
			target = []string{"jumper", "thrower"}[g.any(2)]
		}
		fmt.Fprintf(g.place(), "DEFINE_STATIC_CALL(k%d, %s);\n", i, target)
	}
	w := g.place()
	w.WriteString("DEFINE_STATIC_CALL_NULL(none, jumper);\n")
	w = g.place()
	w.WriteString("DEFINE_STATIC_CALL_RET0(zero, jumper);\n")
	for _, shape := range []string{"many", "va", "st", "hf"} {
		fmt.Fprintf(g.place(), "DEFINE_STATIC_CALL(%s, %s0);\n", shape, shape)
		for i := range 2 {
			g.shape(g.place(), shape, i)
		}
	}
	for i := range graphFuncs {
		at := g.somewhere()
		g.function(&g.text[at], graphObjects[at], i)
	}
	g.text[graphDup].WriteString("DEFINE_STATIC_CALL(dup, f1);\n")
	g.text[4].WriteString("DEFINE_STATIC_CALL(dup, f0);\n")
	for i, o := range graphObjects {
		g.locals(&g.text[i], o)
		g.constructors(&g.text[i], i)
	}
	g.main()
	files := map[string]string{"graph.h": fmt.Sprintf(graphHeader, declared.String())}
	for i, o := range graphObjects {
		files[o.name+o.suffix()] = g.text[i].String()
	}
	return files
}

func (o graphObject) suffix() string {
	if o.cxx {
		return ".cc"
	}
	return ".c"
}

// somewhere returns an object that others may refer to by name.
func (g *callGraph) somewhere() int { return []int{0, 1, 2, 4, 5, 6}[g.any(6)] }

func (g *callGraph) place() *strings.Builder { return &g.text[g.somewhere()] }

func (g *callGraph) key() string { return fmt.Sprintf("k%d", g.any(graphKeys)) }

func (g *callGraph) target() string {
	i := g.any(graphFuncs + 2)
	if i >= graphFuncs {
		return []string{"jumper", "thrower"}[i-graphFuncs]
	}
	return fmt.Sprintf("f%d", i)
}

// shape writes one of two targets with parameters or results in memory or in
// other than general registers.
func (g *callGraph) shape(w *strings.Builder, shape string, i int) {
	switch shape {
	case "many":
		fmt.Fprintf(w, "long many%d(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l)\n"+
			"{\n\treturn a + b * 2 + c * 3 - d + e + f - g + h * 2 + i * %d + j - k * 3 + l + bias;\n}\n", i, 3+i)
	case "va":
		fmt.Fprintf(w, "long va%d(int n, ...)\n{\n\tlong s = bias;\n\tva_list ap;\n\tva_start(ap, n);\n"+
			"\twhile (n-- > 0)\n\t\ts = s * %d + va_arg(ap, long);\n\tva_end(ap);\n\treturn s;\n}\n", i, 2+i)
	case "st":
		fmt.Fprintf(w, "struct S st%d(long x)\n{\n\tstruct S s = { { x, x * %d, 3, bias, x + 7 } };\n\treturn s;\n}\n", i, 2+i)
	case "hf":
		fmt.Fprintf(w, "struct H hf%d(long x, double d)\n{\n\tstruct H h = { d * %d, (double)x, d + (double)bias };\n\treturn h;\n}\n", i, 2+i)
	}
}

// function writes one function; n limits the depth of calls.
func (g *callGraph) function(w *strings.Builder, o graphObject, i int) {
	jumps := !g.calm && g.any(3) == 0
	fmt.Fprintf(w, "long f%d(long x, long n)\n{\n\t%slong s = bias + x;\n\tif (n <= 0)\n\t\treturn s;\n", i, map[bool]string{true: "volatile "}[jumps])
	save := g.any(4) == 0
	var body strings.Builder
	for range 1 + g.any(4) {
		g.statement(&body, o, jumps)
	}
	if g.any(3) == 0 {
		fmt.Fprintf(&body, "\treturn static_call(%s)(s & 63, n - 1);\n}\n", g.key())
	} else {
		body.WriteString("\treturn s + bias;\n}\n")
	}
	// Without a call the function has no frame: see docs/static_call.md.
	if save && strings.Contains(body.String(), "static_call(") {
		w.WriteString("\tstatic_call_save_toc();\n")
	}
	w.WriteString(body.String())
}

func (g *callGraph) call() string {
	return fmt.Sprintf("static_call(%s)(s & %d, n - 1)", g.key(), 1<<g.any(8)-1)
}

func (g *callGraph) statement(w *strings.Builder, o graphObject, jumps bool) {
	call := g.call()
	switch g.any(18) {
	case 0:
		fmt.Fprintf(w, "\tif (x & %d)\n\t\ts ^= %s;\n", 1+g.any(7), call)
	case 1:
		fmt.Fprintf(w, "\tfor (int i = 0; i < 2; i++)\n\t\ts += %s + bias;\n", call)
	case 2:
		fmt.Fprintf(w, "\t{ volatile char *p = (volatile char *)alloca(16 + (x & 63)); p[0] = (char)s; s += %s + p[0]; }\n", call)
	case 3:
		fmt.Fprintf(w, "\t{ op *volatile p = f%d; s += p(s & 15, n - 1) + bias; }\n", g.any(graphFuncs))
	case 4:
		fmt.Fprintf(w, "\ts -= f%d(s & 31, n - 2) - bias;\n", g.any(graphFuncs))
	case 5:
		w.WriteString("\tstatic_call_cond(none)(s, 0);\n\ts += bias;\n")
	case 6:
		w.WriteString("\ts += static_call(zero)(s & 7, 0) + bias;\n")
	case 7:
		fmt.Fprintf(w, "\tswitch (x & 7) {\n\tcase 0: s += %s; break;\n\tcase 1: s += 3; break;\n\tcase 2: s ^= bias; break;\n\tcase 3: s -= x; break;\n\tcase 5: s += %s; break;\n\tdefault: s *= 3;\n\t}\n", call, call)
	case 8:
		fmt.Fprintf(w, "\ts += static_call(many)(s & 7, 1, 2, 3, 4, 5, 6, 7, s & 3, n, x, %d) - bias;\n", g.any(99))
	case 9:
		fmt.Fprintf(w, "\ts += static_call(va)(%d, (long)(s & 3), 5L, x, bias) + bias;\n", 1+g.any(4))
	case 10:
		w.WriteString("\t{ struct S r = static_call(st)(s & 15); s += r.a[1] - r.a[4] + bias; }\n")
	case 11:
		w.WriteString("\t{ struct H r = static_call(hf)(s & 15, 1.5); s += (long)(r.a + r.b * 2 + r.c); }\n")
	case 12:
		fmt.Fprintf(w, "\t{ volatile long v[1 + (x & 15)]; v[0] = x; s += %s; s += v[0]; }\n", call)
	case 13:
		w.WriteString("\ts += static_call(dup)(s & 3, n - 2) + bias;\n")
	case 14, 15:
		switch {
		case jumps:
			fmt.Fprintf(w, "\t{\n\t\tint d = jdepth, c = catching;\n\t\tif (!setjmp(jb[d & 63])) { jdepth = d + 1; s += %s; } else s += 5 + bias;\n\t\tjdepth = d;\n\t\tcatching = c;\n\t}\n", call)
		case o.cxx && !g.calm:
			fmt.Fprintf(w, "\t{\n\t\tint d = jdepth, c = catching;\n\t\ttry { catching = c + 1; s += %s; } catch (long e) { s += e + %s; }\n\t\tjdepth = d;\n\t\tcatching = c;\n\t}\n", call, g.call())
		}
	case 16:
		if o.cxx {
			fmt.Fprintf(w, "\ts += ns::%s(s & 7, n - 1) + bias;\n", []string{"twice<1>", "twice<2>", "either"}[g.any(3)])
		}
	default:
		fmt.Fprintf(w, "\ts += %s * %d;\n", call, 1+g.any(5))
	}
}

// locals writes the local part of an object: keys that others do not see, one
// of which never changes; functions that are equal, or equal except for their
// keys; and one that is never called.
func (g *callGraph) locals(w *strings.Builder, o graphObject) {
	v := o.name
	fmt.Fprintf(w, "static NOINLINE long own(long x, long n) { return x * 3 + n + bias; }\n"+
		"static NOINLINE long leaf(long x, long n) { return x * 5 - n; }\n"+
		"#pragma GCC visibility push(hidden)\n")
	fmt.Fprintf(w, "DEFINE_STATIC_CALL(local_%s, own);\nDEFINE_STATIC_CALL(fixed_%s, %s);\nDEFINE_STATIC_CALL_NULL(empty_%s, own);\nDEFINE_STATIC_CALL_RET0(nought_%s, own);\n",
		v, v, []string{"own", "leaf", "f" + fmt.Sprint(g.any(graphFuncs))}[g.any(3)], v, v)
	w.WriteString("#pragma GCC visibility pop\n")
	for i, key := range []string{"local_" + v, "fixed_" + v, "local_" + v, "k1", "k1"} {
		fmt.Fprintf(w, "static NOINLINE long fold%d(long x) { return static_call(%s)(x & 7, 1) + 1; }\n", i, key)
	}
	fmt.Fprintf(w, "long dead_%s(long x);\nlong dead_%s(long x) { return static_call(k2)(x, 1) + static_call(local_%s)(x, 2); }\n", v, v, v)
	fmt.Fprintf(w, "long entry_%s(long x)\n{\n\tlong s = bias;\n\tUPDATE(local_%s, x & 1 ? %s : own);\n", v, v, []string{"leaf", g.target()}[g.any(2)])
	w.WriteString("\ts += fold0(x) + fold1(x) * 2 + fold2(x) * 3 + fold3(x) * 5 + fold4(x) * 7;\n")
	fmt.Fprintf(w, "\tstatic_call_cond(empty_%s)(x, 1);\n\ts += static_call(nought_%s)(x, 1);\n", v, v)
	if o.unit == 3 {
		// No code of the plug-in may be called after it is closed.
		fmt.Fprintf(w, "\t{\n\t\top *before = static_call_query(k3);\n\t\tUPDATE(k3, own);\n\t\ts += static_call(k3)(x & 7, 2) + f0(x & 3, 1);\n\t\tUPDATE(k3, before);\n\t}\n")
	}
	fmt.Fprintf(w, "\treturn static_call(fixed_%s)(s & 31, 2) + s;\n}\n", v)
}

// constructors writes constructors and destructors that call keys and change them.
func (g *callGraph) constructors(w *strings.Builder, at int) {
	v := graphObjects[at].name
	for i := range g.any(3) {
		priority := []string{"", "(101)", "(102)", "(300)", "(65000)"}[g.any(5)]
		kind := "con"
		if g.any(4) == 0 && at != graphPlug {
			kind = "de"
		}
		fmt.Fprintf(w, "__attribute__((%sstructor%s)) static void %s%d(void)\n{\n", kind, priority, kind, i)
		if graphObjects[at].unit != 3 {
			fmt.Fprintf(w, "\tUPDATE(local_%s, %s);\n", v, []string{"own", "leaf"}[g.any(2)])
		}
		key := g.key()
		fmt.Fprintf(w, "\tprintf(\"%s %s%d %%ld\\n\", static_call(%s)(3, 2) + static_call(local_%s)(2, 1) + bias);\n", v, kind, i, key, v)
		fmt.Fprintf(w, "\tUPDATE(%s, %s);\n\tprintf(\"%s %s%d %%ld\\n\", static_call(%s)(4, 2) + bias);\n}\n", key, g.target(), v, kind, i, key)
	}
}
