// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// A sodium is a build of libsodium.
type sodium struct {
	source, dir string
	libs        string // where the shared library is
}

// TestLibsodium converts Debian's libsodium, which calls the implementations that it
// has chosen through pointers, to static calls. It builds the library with ld.bfd and
// lld, runs its own tests, and compares what calls take with the library as it is.
func TestLibsodium(t *testing.T) {
	tooltest.Long(t, "make libsodium-test")
	source := os.Getenv("SCPATCH_LIBSODIUM")
	if _, err := os.Stat(filepath.Join(source, "configure.ac")); err != nil {
		tooltest.Missing(t, "no source in SCPATCH_LIBSODIUM; make libsodium-test fetches it")
	}
	w := newWorkshop(t)
	execute(t, w.dir, []string{"cp", "-a", source, "source"})
	execute(t, filepath.Join(w.dir, "source"), []string{"autoreconf", "-fi"})
	execute(t, w.dir, []string{"cp", "-a", "source", "converted"})
	patch := clitest.RepoPath("testdata", "libsodium", "static-calls.patch")
	execute(t, filepath.Join(w.dir, "converted"), []string{"patch", "-p1", "-F0", "-i", patch})
	wrapper := clitest.RepoPath("build", "scpatch") + " compile --user --quiet -- "

	before := buildSodium(t, w, "source", "before", crossPrefix+"gcc")
	for linker, flags := range map[string]string{"bfd": "", "lld": " -fuse-ld=lld -B/usr/lib/llvm-14/bin"} {
		after := buildSodium(t, w, "converted", linker, wrapper+crossPrefix+"gcc"+flags)
		out := execute(t, after.libs, []string{clitest.RepoPath("build", "scpatch"), "verify", "libsodium.so"})
		if want := "libsodium.so: 17 sites, all correct\n"; string(out) != want {
			t.Errorf("%s: verify printed %q, expected %q", linker, out, want)
		}
		after.check(t, w)
		for _, call := range []string{"poly1305", "chacha20", "blake2b", "aead"} {
			b, a := before.count(t, w, call), after.count(t, w, call)
			t.Logf("%s: %s: %d instructions, with static calls %d", linker, call, b, a)
			if a >= b {
				t.Errorf("%s: %s takes %d instructions, through pointers %d", linker, call, a, b)
			}
		}
	}
}

// buildSodium configures and builds a source for ppc64le.
func buildSodium(t *testing.T, w *workshop, source, name, compiler string) sodium {
	t.Helper()
	s := sodium{source: filepath.Join(w.dir, source), dir: filepath.Join(w.dir, name)}
	s.libs = filepath.Join(s.dir, "src", "libsodium", ".libs")
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.run(t, s.dir, filepath.Join(s.source, "configure"), "--host=powerpc64le-linux-gnu", "--disable-dependency-tracking",
		"CC="+compiler, "CPPFLAGS=-I"+clitest.RepoPath("include"))
	s.run(t, s.dir, "make", "-j2")
	return s
}

// run runs a command, which may take minutes.
func (s sodium) run(t *testing.T, dir string, words ...string) string {
	t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

// check runs the tests of the library. libtool finds the program that its script runs.
func (s sodium) check(t *testing.T, w *workshop) {
	t.Helper()
	run := strings.Join(slices.Concat([]string{filepath.Join(s.dir, "libtool"), "--mode=execute"}, w.run), " ")
	out := s.run(t, s.dir, "make", "-C", "test/default", "check", "-j2", "LOG_COMPILER="+run)
	number := func(what string) int {
		m := regexp.MustCompile(`(?m)^# ` + what + `: +(\d+)$`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("make check printed no %s:\n%s", what, out)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	if total, pass := number("TOTAL"), number("PASS"); total < 70 || pass != total {
		t.Errorf("%s: %d tests of %d pass, expected 70 or more, and all\n%s", s.dir, pass, total, out)
	}
}

// count returns how many instructions a call takes.
func (s sodium) count(t *testing.T, w *workshop, call string) int {
	t.Helper()
	const least, most = 10, 110
	program := filepath.Join(s.dir, "count")
	words := []string{crossPrefix + "gcc", "-O2", clitest.RepoPath("testdata", "libsodium", "count.c"), "-o", program,
		"-L" + s.libs, "-lsodium", "-Wl,-rpath," + s.libs}
	for _, tree := range []string{s.source, s.dir} { // version.h is made by configure
		include := filepath.Join(tree, "src", "libsodium", "include")
		words = append(words, "-I"+include, "-I"+filepath.Join(include, "sodium"))
	}
	execute(t, w.dir, words)
	of := func(n int) int { return instructions(t, s.dir, w.run, []string{program, call, fmt.Sprint(n)}, 0) }
	return (of(most) - of(least)) / (most - least)
}
