// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EStaticCallCxx calls from namespaces, classes and templates of C++.
func TestE2EStaticCallCxx(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gxx-p8-O0", "gxx-p8-O2", "gxx-p10-O2", "clangxx-p8-O0", "clangxx-p8-O2"} {
		w.patched("main.o", compiler, "usc_cxx.cc", "-fPIE")
		for _, linker := range w.linkerNames() {
			w.link(linker, "-pie", "main.o", "-o", "program")
			const want = "first: 2 2 2 30 50\nsecond: 10 10 101 8 12\n"
			if got := w.execute(t, "./program"); got != want {
				t.Errorf("%s, %s: printed %q, want %q", compiler, linker, got, want)
			}
		}
	}
}

// TestStaticCallMisused checks that misuses of a static call in C++ are errors
// whose message, by the compiler or the header, says why.
func TestStaticCallMisused(t *testing.T) {
	tooltest.NoRace(t)
	w := newWorkshop(t)
	const functions = "int plus(int);\nint over(int);\nlong over(long);\nstruct s { int method(int); };\n"
	for _, c := range []struct{ name, source, gcc, clang string }{
		{
			"two namespaces", "namespace a { DEFINE_STATIC_CALL(op, plus); } namespace b { DEFINE_STATIC_CALL(op, plus); }",
			"static call op: two definitions in one file; its name is one for all namespaces", "redefinition of '__SCK__op'",
		},
		{
			"class", "struct c { DECLARE_STATIC_CALL(op, plus); };",
			"a static call belongs in a namespace, not in a class or function", "a static call belongs in a namespace",
		},
		{
			"method", "DEFINE_STATIC_CALL(op, s::method);",
			"func: one function, not a member of an object", "func: one function, not a member of an object",
		},
		{"overloaded", "DEFINE_STATIC_CALL(op, over);", "func: one function, not a member of an object, not overloaded", "not overloaded"},
		{
			"wrong type", "DEFINE_STATIC_CALL(op, plus); void f(long (*p)(long)) { static_call_update(op, p); }",
			"invalid conversion", "cannot initialize a variable of type",
		},
	} {
		path := filepath.Join(w.dir, "wrong.cc")
		clitest.WriteFile(t, path, []byte("#include <static_call.h>\n"+functions+c.source+"\n"))
		for compiler, want := range map[string]string{"gxx-p8-O2": c.gcc, "clangxx-p8-O2": c.clang} {
			words := slices.Concat(w.compilers[compiler], []string{"-I" + clitest.RepoPath("include"), "-c", path, "-o", filepath.Join(w.dir, "wrong.o")})
			out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%s, %s: %v, want %q in\n%s", c.name, compiler, err, want, out)
			}
		}
	}
}
