// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestE2ERandomCalls makes programs of random functions in two objects and two
// shared libraries that call each other through random keys, and changes the
// keys as they run. Patched with random options, linked by either linker, they
// must print what they print unpatched, and every site must pass verify. The
// seed of a program that fails is in its name. With SCPATCH_FULL=1 there are a
// hundred.
func TestE2ERandomCalls(t *testing.T) {
	m := readCells(t, repoPath("testdata", "e2e", "cells.txt"))
	requireTools(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "clang", "ld.lld")
	b := newBuilder(t, m)
	n := uint64(4)
	if full() {
		n = 100
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			g := &callGraph{rand: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir()}
			g.build(t, b)
			linker := m.linkerNames()[g.rand.IntN(2)]
			want := g.run(t, b, linker, nil)
			for range 3 {
				args := g.options()
				if got := g.run(t, b, linker, args); got != want {
					t.Errorf("%s, %s: printed\n%s\nwant\n%s", linker, strings.Join(args, " "), got, want)
				}
			}
		})
	}
}

// A callGraph is one random program.
type callGraph struct {
	rand *rand.Rand
	dir  string
	text [4]strings.Builder // main.o, other.o, and the two libraries' objects
}

const (
	graphFuncs = 10
	graphKeys  = 6
)

var graphObjects = [4]string{"main", "other", "lib1", "lib2"}

func (g *callGraph) any(n int) int { return g.rand.IntN(n) }

// build writes the sources and compiles them, each with a compiler of its own.
func (g *callGraph) build(t *testing.T, b *builder) {
	head := "#include <alloca.h>\n#include \"static_call.h\"\n"
	for i := range graphFuncs {
		head += fmt.Sprintf("long f%d(long, long);\n", i)
	}
	for i := range graphKeys {
		head += fmt.Sprintf("DECLARE_STATIC_CALL(k%d, f0);\n", i)
	}
	head += "DECLARE_STATIC_CALL(none, f0);\nDECLARE_STATIC_CALL(zero, f0);\n"
	for i := range g.text {
		w := &g.text[i]
		if i == 0 {
			w.WriteString("#define STATIC_CALL_RUNTIME\n")
		}
		fmt.Fprintf(w, "%sstatic volatile long bias = %d;\n", head, 1000+i)
	}
	for i := range graphKeys {
		fmt.Fprintf(&g.text[g.any(4)], "DEFINE_STATIC_CALL(k%d, f%d);\n", i, g.any(graphFuncs))
	}
	fmt.Fprintf(&g.text[g.any(4)], "DEFINE_STATIC_CALL_NULL(none, f0);\n")
	fmt.Fprintf(&g.text[g.any(4)], "DEFINE_STATIC_CALL_RET0(zero, f0);\n")
	for i := range graphFuncs {
		g.function(&g.text[g.any(4)], i)
	}
	g.main()
	compilers := []string{"gcc-p8-O0", "gcc-p8-O2", "gcc-p8-Os", "gcc-p10-O2", "clang-p8-O0", "clang-p8-O2", "clang-p10-O2"}
	include, err := filepath.Abs(repoPath("include"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range graphObjects {
		src := filepath.Join(g.dir, name+".c")
		writeFile(t, src, []byte(g.text[i].String()))
		pic := "-fPIC"
		if i < 2 {
			pic = "-fPIE"
		}
		command := slices.Concat(b.compilers[compilers[g.any(len(compilers))]], []string{"-I" + include, pic, "-c", src, "-o", name + ".orig"})
		execute(t, g.dir, command)
	}
}

// function writes one function; n bounds how deep calls go.
func (g *callGraph) function(w *strings.Builder, i int) {
	fmt.Fprintf(w, "long f%d(long x, long n)\n{\n\tlong s = bias + x;\n\tif (n <= 0)\n\t\treturn s;\n", i)
	if g.any(4) == 0 {
		w.WriteString("\tstatic_call_save_toc();\n")
	}
	for range 1 + g.any(4) {
		call := fmt.Sprintf("static_call(k%d)(s & %d, n - 1)", g.any(graphKeys), 1<<g.any(8)-1)
		switch g.any(9) {
		case 0:
			fmt.Fprintf(w, "\tif (x & %d)\n\t\ts ^= %s;\n", 1+g.any(7), call)
		case 1:
			fmt.Fprintf(w, "\tfor (int i = 0; i < 2; i++)\n\t\ts += %s + bias;\n", call)
		case 2:
			fmt.Fprintf(w, "\t{ volatile char *p = alloca(16 + (x & 63)); p[0] = s; s += %s + p[0]; }\n", call)
		case 3:
			fmt.Fprintf(w, "\t{ long (*volatile p)(long, long) = f%d; s += p(s & 15, n - 1) + bias; }\n", g.any(graphFuncs))
		case 4:
			fmt.Fprintf(w, "\ts -= f%d(s & 31, n - 2) - bias;\n", g.any(graphFuncs))
		case 5:
			w.WriteString("\tstatic_call_cond(none)(s, 0);\n\ts += bias;\n")
		case 6:
			w.WriteString("\ts += static_call(zero)(s & 7, 0) + bias;\n")
		case 7:
			fmt.Fprintf(w, "\tswitch (x & 7) {\n\tcase 0: s += %s; break;\n\tcase 1: s += 3; break;\n\tcase 2: s ^= bias; break;\n\tcase 3: s -= x; break;\n\tcase 5: s += %s; break;\n\tdefault: s *= 3;\n\t}\n", call, call)
		default:
			fmt.Fprintf(w, "\ts += %s * %d;\n", call, 1+g.any(5))
		}
	}
	if g.any(3) == 0 {
		fmt.Fprintf(w, "\treturn static_call(k%d)(s & 63, n - 1);\n}\n", g.any(graphKeys))
	} else {
		w.WriteString("\treturn s + bias;\n}\n")
	}
}

// main calls every key in rounds, and changes keys between them.
func (g *callGraph) main() {
	w := &g.text[0]
	w.WriteString("int main(void)\n{\n")
	for round := range 5 {
		for k := range graphKeys {
			fmt.Fprintf(w, "\tprintf(\"%d.%d %%ld\\n\", static_call(k%d)(%d, 4));\n", round, k, k, g.any(100))
		}
		for range 1 + g.any(3) {
			fmt.Fprintf(w, "\tstatic_call_update(k%d, f%d);\n", g.any(graphKeys), g.any(graphFuncs))
		}
		for _, name := range []string{"none", "zero"} {
			switch g.any(4) {
			case 0:
				fmt.Fprintf(w, "\tstatic_call_update(%s, f%d);\n", name, g.any(graphFuncs))
			case 1:
				fmt.Fprintf(w, "\tstatic_call_update(%s, (long (*)(long, long))%s);\n", name,
					map[string]string{"none": "0", "zero": "(void *)__static_call_return0"}[name])
			}
		}
	}
	w.WriteString("\treturn 0;\n}\n")
}

// options are random options under which programs that change keys are right.
func (g *callGraph) options() []string {
	args := []string{"--user", "--runtime=" + []string{"inline", "inline", "trampoline"}[g.any(3)]}
	if g.any(3) == 0 {
		var forms []string
		for _, f := range []string{"stack", "save-stub", "linker", "shadow"} {
			if g.any(2) == 0 {
				forms = append(forms, f)
			}
		}
		if len(forms) > 0 {
			args = append(args, "--restore="+strings.Join(forms, ","))
		}
	}
	return args
}

// run patches some of the objects, links, verifies, and returns what the program
// prints.
func (g *callGraph) run(t *testing.T, b *builder, linker string, args []string) string {
	for _, name := range graphObjects {
		path := filepath.Join(g.dir, name+".o")
		copyFile(t, filepath.Join(g.dir, name+".orig"), path)
		if args != nil && g.any(5) > 0 {
			scpatch(t, mode{"random", args}, path)
		}
	}
	link := b.linkers[linker]
	for _, lib := range []string{"lib1", "lib2"} {
		execute(t, g.dir, slices.Concat(link, []string{"-shared", "-Wl,-soname," + lib + ".so", lib + ".o", "-o", lib + ".so"}))
	}
	execute(t, g.dir, slices.Concat(link, []string{"-pie", "-rdynamic", "main.o", "other.o", "lib1.so", "lib2.so", "-Wl,-rpath,$ORIGIN", "-o", "program"}))
	if args != nil {
		for _, f := range []string{"program", "lib1.so", "lib2.so"} {
			if _, stderr, code := runCommand("verify", "-q", "--allow-unpatched", args[0], args[1], filepath.Join(g.dir, f)); code != exitDone {
				t.Errorf("%s, %s: verify %s: exit %d\n%s", linker, strings.Join(args, " "), f, code, stderr)
			}
		}
	}
	return string(execute(t, g.dir, slices.Concat(b.run, []string{"./program"})))
}
