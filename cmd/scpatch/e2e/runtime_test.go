// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
)

// The tests of the run time of include/static_call.h in patched programs: what
// a call does while its key changes.

// patched compiles a source of testdata/src and patches it.
func (w *workshop) patched(name, compiler, source string, flags ...string) {
	w.t.Helper()
	path := w.object(name, compiler, source, flags...)
	if _, stderr, code := runCommand("--user", "-q", path); code != cli.ExitDone {
		w.t.Fatalf("%s %v: exit %d\n%s", source, flags, code, stderr)
	}
}

// prints runs a program with each argument and checks its output.
func (w *workshop) prints(t *testing.T, want map[string]string) {
	t.Helper()
	for arg, text := range want {
		if got := w.execute(t, "./program", arg); got != strings.TrimLeft(text, "\n") {
			t.Errorf("%s: printed\n%s\nwant%s", arg, got, text)
		}
	}
}

// TestE2ERuntimeTraps tests a foreign trap in a call, which the run time must
// not overwrite and after which the call must be correct, and a system that
// does not allow code to be changed.
func TestE2ERuntimeTraps(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gcc-p8-O2", "clang-p8-O2"} {
		w.patched("main.o", compiler, "usc_trap.c", "-fPIE")
		for _, linker := range w.linkerNames() {
			w.link(linker, "-pie", "main.o", "-o", "program")
			w.prints(t, map[string]string{
				"early": `
trap 1
trap 1
after: 30 20 10, trap 0, patching 0
again: 10 20 10, trap 0, patching 0
`,
				"late": `
direct: 1 1
trap 1
trap 1
after: 30 20 30, trap 0, patching 0
again: 10 20 30, trap 0, patching 0
`,
				"second": `
direct: 1 1
direct after the first: 0 0
trap 1
trap 1
after: 30 20 10, trap 0, patching 0
again: 10 20 10, trap 0, patching 0
`,
				"refuse": `
direct: 0 0
after: 20 20 10, trap 0, patching 0
again: 10 20 10, trap 0, patching 0
`,
			})
		}
	}
}

// TestE2ERuntimeFollows calls in early code, in children of a process whose
// threads update, and in signal handlers.
func TestE2ERuntimeFollows(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gcc-p8-O2", "clang-p8-O2", "gcc-p10-O2"} {
		w.patched("main.o", compiler, "usc_follow.c", "-fPIE")
		for _, linker := range w.linkerNames() {
			w.link(linker, "-pie", "-pthread", "main.o", "-o", "program")
			w.prints(t, map[string]string{
				"early":  "\n10 0 0\n20 20 2\n20 20 3\n30 0 0\npatching 1\n",
				"fork":   "\nchildren that went wrong: 0\npatching 1\n",
				"signal": "\nhandled, 0 wrong\npatching 1\n",
			})
		}
	}
	// The lock is also used, and may be held by other threads, if code cannot be written.
	w.patched("main.o", "gcc-p8-O2", "usc_follow.c", "-fPIE", "-DREFUSE")
	w.link("bfd", "-pie", "-pthread", "main.o", "-o", "program")
	w.prints(t, map[string]string{
		"early":  "\n10 0 0\n20 20 2\n20 20 3\n30 0 0\npatching 0\n",
		"fork":   "\nchildren that went wrong: 0\npatching 0\n",
		"signal": "\nhandled, 0 wrong\npatching 0\n",
	})
}

// TestE2ETwoRuntimes opens and closes plug-ins that have their own run time and
// calls through the program's key.
func TestE2ETwoRuntimes(t *testing.T) {
	w := newWorkshop(t)
	want := strings.Repeat("loaded: FIRST, 5000 5000, patching 1 1\nprogram's: 20 20 20\n"+
		"plug-in's: 5000 5000 5000, 5000 5000\none closed: 20 20, 5000\none closed: 10 10, 10\nboth closed: 20\n", 2)
	want = strings.Replace(strings.Replace(want, "FIRST", "10 10 10", 1), "FIRST", "20 20 20", 1)
	w.patched("plugin.o", "gcc-p8-O2", "usc_two.c", "-fPIC", "-DPLUGIN")
	for _, program := range [][]string{nil, {"-DNO_CALLS"}, {"-DNO_RUNTIME"}, {"-DNO_CALLS", "-DNO_RUNTIME"}} {
		w.patched("main.o", "gcc-p8-O2", "usc_two.c", slices.Concat([]string{"-fPIE"}, program)...)
		first := "patching 0\n"
		if program == nil {
			first = "patching 1\n"
		}
		for _, linker := range w.linkerNames() {
			w.link(linker, "-pie", "-rdynamic", "main.o", "-o", "program")
			for _, plugin := range []string{"a.so", "b.so"} {
				w.link(linker, "-shared", "-Wl,-Bsymbolic", "plugin.o", "-o", plugin)
			}
			for _, deep := range [][]string{nil, {"deep"}} {
				if got := w.execute(t, slices.Concat([]string{"./program"}, deep)...); got != first+want {
					t.Errorf("%v, %s, %v: printed\n%s\nwant\n%s", program, linker, deep, got, first+want)
				}
			}
		}
	}
}

// TestE2ERuntimeClosed closes the libraries that call through the program's keys, and
// then the one with the run time, to which no key may then belong.
func TestE2ERuntimeClosed(t *testing.T) {
	w := newWorkshop(t)
	const want = "both: 40 20, left 1, right 1\none: 20 10, left 1, right 1\nboth closed: 20 10, left 0, right 1\n" +
		"one closed: 0 0, left 0, right 0\nno run time: 0 0, left 0, right 0\n"
	for _, compiler := range []string{"gcc-p8-O2", "gcc-p10-O2"} {
		w.patched("main.o", compiler, "usc_close.c", "-fPIE")
		libraries := map[string][]string{"runtime": {"-DRUNTIME"}, "both": {"-DUSER", "-DBOTH"}, "one": {"-DUSER"}}
		for name, flags := range libraries {
			w.patched(name+".o", compiler, "usc_close.c", slices.Concat([]string{"-fPIC"}, flags)...)
		}
		for _, linker := range w.linkerNames() {
			w.link(linker, "-pie", "-rdynamic", "main.o", "-o", "program")
			for name := range libraries {
				w.link(linker, "-shared", name+".o", "-o", name+".so")
			}
			if got := w.execute(t, "./program"); got != want {
				t.Errorf("%s, %s: printed\n%s\nwant\n%s", compiler, linker, got, want)
			}
		}
	}
}

// TestE2ERuntimeFar puts a call and its stub out of reach of a branch: the
// linker's call is correct and must stay.
func TestE2ERuntimeFar(t *testing.T) {
	w := newWorkshop(t)
	w.object("fill.o", "gcc-p8-O2", "usc_far.c", "-DFILL")
	for _, compiler := range []string{"gcc-p8-O2", "gcc-p10-O2"} {
		for _, sections := range []string{"-fno-function-sections", "-ffunction-sections"} {
			w.patched("main.o", compiler, "usc_far.c", "-fPIE", "-DMAIN")
			w.patched("far.o", compiler, "usc_far.c", "-fPIE", sections)
			for _, linker := range w.linkerNames() {
				w.link(linker, "-pie", "main.o", "fill.o", "far.o", "-o", "program")
				if got := w.execute(t, "./program"); got != "2 1001 5, 3\n" {
					t.Errorf("%s, %s, %s: printed %q", compiler, sections, linker, got)
				}
			}
		}
	}
}

// TestE2EFolded links with identical functions folded. Callers of different
// keys must not be folded, even if their keys have the same initial value.
func TestE2EFolded(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gcc-p8-O2", "clang-p8-O2", "gcc-p10-O2"} {
		for _, visibility := range []string{"hidden", "default"} {
			w.patched("main.o", compiler, "usc_folded.c", "-fPIE", "-ffunction-sections", "-fvisibility="+visibility)
			for _, icf := range []string{"safe", "all"} {
				w.link("lld", "-pie", "-Wl,--icf="+icf, "main.o", "-o", "program")
				const want = "2 2 0 0 2\n1001 2 1001 0 1001\n1001 5 1001 5 1001\nfolded: 0 0\n"
				if got := w.execute(t, "./program"); got != want {
					t.Errorf("%s, %s, --icf=%s: printed %q, want %q", compiler, visibility, icf, got, want)
				}
			}
		}
	}
}
