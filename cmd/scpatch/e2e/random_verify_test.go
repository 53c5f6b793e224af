// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2ERandomVerify makes C++ programs of random functions with everything
// that makes proofs hard: variable-length arrays, exceptions, setjmp, switches,
// annotations, tail calls. The patched object must pass verify, and so must the
// output of either linker, with equal functions folded or not. A second run
// must change nothing, and the program must print what it prints unpatched. The
// name of a program has its seed. With SCPATCH_FULL=1 there are 48, or as many
// as SCPATCH_RANDOM says.
func TestE2ERandomVerify(t *testing.T) {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "clang++", "ld.lld")
	b := newBuilder(t, m)
	for seed := range randomPrograms(t, 3, 48) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 17))
			dir := t.TempDir()
			clitest.WriteFile(t, filepath.Join(dir, "main.cc"), []byte(hardProgram(r)))
			compiler := [][]string{
				{"powerpc64le-linux-gnu-g++", "-O0"}, {"powerpc64le-linux-gnu-g++", "-O2"},
				{"powerpc64le-linux-gnu-g++", "-Os", "-ffunction-sections"}, {"powerpc64le-linux-gnu-g++", "-O3", "-fvisibility=hidden"},
				{"clang++", "--target=powerpc64le-linux-gnu", "-O0"}, {"clang++", "--target=powerpc64le-linux-gnu", "-O2", "-ffunction-sections"},
			}[r.IntN(6)]
			include, err := filepath.Abs(clitest.RepoPath("include"))
			if err != nil {
				t.Fatal(err)
			}
			execute(t, dir, slices.Concat(compiler, []string{"-w", "-fwrapv", "-I" + include, "-c", "main.cc", "-o", "main.orig"}))
			args := append((&callGraph{rand: r}).options(), "-q")
			if slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "shadow") }) {
				args = args[:2]
			}
			t.Logf("%s; %s", strings.Join(compiler, " "), strings.Join(args, " "))
			object := filepath.Join(dir, "main.o")
			copyFile(t, filepath.Join(dir, "main.orig"), object)
			link := func(linker string, more ...string) string {
				command := []string{"powerpc64le-linux-gnu-g++", "-fuse-ld=" + linker}
				if linker == "lld" {
					command = append(command, "-B/usr/lib/llvm-14/bin")
				}
				execute(t, dir, slices.Concat(command, more, []string{"main.o", "-o", "program"}))
				return string(execute(t, dir, slices.Concat(b.run, []string{"./program"})))
			}
			want := link("bfd")
			verify := func(what, file string) {
				if _, stderr, code := runCommand("verify", "-q", args[0], args[1], file); code != cli.ExitDone {
					t.Errorf("%s: verify: exit %d\n%s", what, code, stderr)
				}
			}
			scpatch(t, mode{"random", args}, object)
			verify("object", object)
			once := clitest.ReadFile(t, object)
			scpatch(t, mode{"random", args}, object)
			if !bytes.Equal(once, clitest.ReadFile(t, object)) {
				t.Errorf("a second run changes the object")
			}
			clitest.WriteFile(t, object, once)
			for _, how := range [][]string{{"bfd"}, {"bfd", "-Wl,--gc-sections"}, {"lld"}, {"lld", "-Wl,--icf=all", "-Wl,--gc-sections"}} {
				if got := link(how[0], how[1:]...); got != want {
					t.Errorf("%v: printed\n%s\nwant\n%s", how, got, want)
				}
				verify(fmt.Sprint(how), filepath.Join(dir, "program"))
			}
		})
	}
}

// randomPrograms yields few seeds, many with SCPATCH_FULL=1, or as many as
// SCPATCH_RANDOM says.
func randomPrograms(t *testing.T, few, many uint64) func(func(uint64) bool) {
	n := few
	if clitest.Full() {
		n = many
	}
	if text := os.Getenv("SCPATCH_RANDOM"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
	}
	return func(yield func(uint64) bool) {
		for seed := range n {
			if !yield(seed) {
				return
			}
		}
	}
}

// hardProgram returns the source of a random program.
func hardProgram(r *rand.Rand) string {
	const funcs, keys = 8, 4
	var w strings.Builder
	w.WriteString("#define STATIC_CALL_RUNTIME\n#include \"static_call.h\"\n#include <setjmp.h>\n#include <string.h>\n#include <alloca.h>\n")
	w.WriteString("static volatile int bias = 1;\nstatic jmp_buf jb[16];\nvolatile int depth;\n")
	w.WriteString("__attribute__((noinline)) static void use(char *p, int n) { memset(p, 1, n); }\n")
	// Targets: one throws, one uses longjmp, one is in another unit.
	w.WriteString("extern \"C\" {\n__attribute__((noinline)) int t_add(int x) { return x + bias; }\n")
	w.WriteString("__attribute__((noinline)) int t_throw(int x) { if (x % 5 == 0) throw x; return x * 2; }\n")
	w.WriteString("__attribute__((noinline)) int t_jump(int x) { if (x % 7 == 3 && depth > 0) longjmp(jb[depth], x % 3 + 1); return x - 1; }\n")
	w.WriteString("int toupper(int);\n}\n")
	targets := []string{"t_add", "t_throw", "t_jump", "toupper"}
	for k := range keys {
		switch r.IntN(6) {
		case 0:
			fmt.Fprintf(&w, "DEFINE_STATIC_CALL_NULL(k%d, t_add);\n", k)
		case 1:
			fmt.Fprintf(&w, "DEFINE_STATIC_CALL_RET0(k%d, t_add);\n", k)
		default:
			fmt.Fprintf(&w, "DEFINE_STATIC_CALL(k%d, %s);\n", k, targets[r.IntN(4)])
		}
	}
	call := func() string { return fmt.Sprintf("(int)static_call(k%d)(x + %d)", r.IntN(keys), r.IntN(9)) }
	for i := range funcs {
		fmt.Fprintf(&w, "__attribute__((noinline)) %sint f%d(int n)\n{\n\tint x = n;\n", []string{"static ", ""}[r.IntN(2)], i)
		for range 1 + r.IntN(5) {
			hardStatement(&w, r, call, i)
		}
		if r.IntN(3) == 0 {
			fmt.Fprintf(&w, "\treturn static_call(k%d)(x);\n}\n", r.IntN(keys))
		} else {
			w.WriteString("\treturn x + bias;\n}\n")
		}
	}
	w.WriteString("int main()\n{\n")
	for k := range keys { // NULL keys get a target before they are called
		fmt.Fprintf(&w, "\tstatic_call_update(k%d, %s);\n", k, targets[r.IntN(4)])
	}
	for i := range funcs {
		fmt.Fprintf(&w, "\tfor (int i = 0; i < 6; i++)\n\t\ttry { printf(\"%d %%d\\n\", f%d(i)); } catch (int e) { printf(\"%d e%%d\\n\", e); }\n", i, i, i)
		if r.IntN(2) == 0 {
			fmt.Fprintf(&w, "\tstatic_call_update(k%d, %s);\n", r.IntN(keys), targets[r.IntN(4)])
		}
	}
	w.WriteString("\treturn 0;\n}\n")
	return w.String()
}

func hardStatement(w *strings.Builder, r *rand.Rand, call func() string, fn int) {
	switch r.IntN(11) {
	case 0:
		fmt.Fprintf(w, "\tif (n > %d) {\n\t\tchar v[n];\n\t\tuse(v, n);\n\t\tx += %s;\n\t\tx += v[0];\n\t}\n", r.IntN(4), call())
	case 1:
		fmt.Fprintf(w, "\ttry { x += %s + bias; } catch (int e) { x -= e; }\n", call())
	case 2:
		fmt.Fprintf(w, "\ttry { x += %s; if (x %% 3 == 0) return x; } catch (int e) { x += %s; }\n", call(), call())
	case 3:
		fmt.Fprintf(w, "\t{\n\t\tint d = ++depth;\n\t\tif (setjmp(jb[d])) { depth = d - 1; return 7; }\n\t\ttry { x += %s; } catch (int e) { x += %s; }\n\t\tdepth = d - 1;\n\t}\n", call(), strconv.Itoa(r.IntN(9)))
	case 4:
		fmt.Fprintf(w, "\t{ char *a = (char *)alloca(n + 8); use(a, n + 8); static_call_save_toc(); x += %s + a[0]; }\n", call())
	case 5:
		w.WriteString("\tstatic_call_save_toc();\n")
	case 6:
		fmt.Fprintf(w, "\tswitch (n & 7) {\n\tcase 0: x += %s; break;\n\tcase 1: x ^= 3; break;\n\tcase 2: x += %s; break;\n\tcase 3: x -= bias; break;\n\tcase 4: x <<= 1; break;\n\tdefault: x ^= 1;\n\t}\n", call(), call())
	case 7:
		fmt.Fprintf(w, "\tfor (int i = 0; i < 3; i++) {\n\t\tx += %s;\n\t\tif (x > 100) break;\n\t}\n", call())
	case 8:
		if fn > 0 {
			fmt.Fprintf(w, "\tx += f%d(x & 7);\n", r.IntN(fn))
		}
	case 9:
		fmt.Fprintf(w, "\t{ struct S { int *p; ~S() { *p += bias; } } s = { &x }; x += %s; }\n", call())
	default:
		fmt.Fprintf(w, "\tx = x * 2 + %s;\n", call())
	}
}
