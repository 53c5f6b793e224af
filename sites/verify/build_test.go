// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

func execute(t testing.TB, dir string, command ...string) {
	t.Helper()
	cmd := exec.Command(tooltest.Path(t, command[0]), command[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

const gcc = "powerpc64le-linux-gnu-gcc"

var linkers = map[string][]string{
	"bfd": {gcc, "-fuse-ld=bfd"},
	"lld": {gcc, "-fuse-ld=lld", "-B/usr/lib/llvm-14/bin"},
}

// build returns the directory for what is built from the sources with a name.
// For repeated runs of the tests, SCPATCH_ASSEMBLED is a directory that keeps
// the results.
func build(t testing.TB, name string, of func(dir string)) string {
	t.Helper()
	parent := os.Getenv("SCPATCH_ASSEMBLED")
	kept := filepath.Join(parent, name)
	if _, err := os.Stat(kept); err == nil && parent != "" {
		return kept
	}
	dir, err := os.MkdirTemp(parent, name)
	if err != nil {
		t.Fatal(err)
	}
	of(dir)
	if parent != "" && os.Rename(dir, kept) == nil {
		return kept
	}
	made.Lock()
	made.dirs = append(made.dirs, dir)
	made.Unlock()
	return dir
}

var (
	made struct { // the results of build that are not kept
		sync.Mutex
		dirs []string
	}
	forms struct {
		once sync.Once
		dir  string
	}
)

// TestMain removes what build made.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range made.dirs {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// buildForms builds testdata, and links it with both linkers in all shapes:
// exe, pie, and lib.so with so, the program that uses it.
func buildForms(t testing.TB) string {
	t.Helper()
	for _, name := range []string{gcc, "ld.lld"} {
		tooltest.Path(t, name)
	}
	forms.once.Do(func() {
		src, err := filepath.Abs("testdata")
		if err != nil {
			t.Fatal(err)
		}
		forms.dir = build(t, "verify-forms", func(dir string) { linkForms(t, src, dir) })
	})
	if forms.dir == "" {
		t.Fatal("not built")
	}
	return forms.dir
}

func linkForms(t testing.TB, src, dir string) {
	source := func(name string) string { return filepath.Join(src, name) }
	execute(t, dir, gcc, "-c", source("forms.S"), "-o", "forms.o")
	execute(t, dir, gcc, "-O1", "-fPIC", "-c", source("main.c"), "-o", "main.o")
	execute(t, dir, gcc, "-O1", "-fPIC", "-c", source("ret0.c"), "-o", "ret0.o")
	execute(t, dir, gcc, "-O1", "-fPIC", "-shared", source("ext.c"), "-o", "libext.so")
	for name, link := range linkers {
		link := func(words ...string) {
			execute(t, dir, slices.Concat(link, []string{"-Wl,-rpath,$ORIGIN"}, words)...)
		}
		link("-no-pie", "main.o", "forms.o", "ret0.o", "libext.so", "-o", name+".exe")
		link("-pie", "main.o", "forms.o", "ret0.o", "libext.so", "-o", name+".pie")
		link("-shared", "forms.o", "ret0.o", "libext.so", "-o", name+".lib.so")
		link("-pie", "main.o", "./"+name+".lib.so", "libext.so", "-o", name+".so")
	}
	execute(t, dir, gcc, "-c", source("far.S"), "-o", "far.o")
	execute(t, dir, gcc, "-O1", "-fPIC", "-c", source("far.c"), "-o", "far_main.o")
	for name, link := range farLinks {
		execute(t, dir, slices.Concat(linkers[name[:3]], link, []string{
			"-Wl,--section-start=.far=0x20000000", "-Wl,-rpath,$ORIGIN", "far_main.o", "far.o", "libext.so", "-o", name,
		})...)
	}
}

// farLinks are the programs built from far.S, with the linker's arguments.
var farLinks = map[string][]string{
	"bfd.far":     {"-no-pie", "-Wl,--power10-stubs"},
	"bfd.far.pie": {"-pie", "-Wl,--power10-stubs"},
	"bfd.far.p8":  {"-pie", "-Wl,--no-power10-stubs"},
	"lld.far":     {"-no-pie"},
	"lld.far.pie": {"-pie"},
}

// shapes returns the files with sites that buildForms makes.
func shapes() []string {
	return []string{"forms.o", "bfd.exe", "bfd.pie", "bfd.lib.so", "lld.exe", "lld.pie", "lld.lib.so"}
}

// assemble makes an object from a text for GNU as, which may include files of
// testdata.
func assemble(t testing.TB, text string) []byte {
	t.Helper()
	tooltest.Need(t, gcc)
	dir := build(t, fmt.Sprintf("verify-%x", sha256.Sum256([]byte(text))), func(dir string) {
		src, err := filepath.Abs("testdata")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "x.S"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		execute(t, dir, gcc, "-c", "-mcpu=power10", "-I", src, "x.S", "-o", "x.o")
	})
	return readFile(t, filepath.Join(dir, "x.o"))
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func check(b []byte, opts Options) (*Report, error) {
	f, err := elfrw.New(b)
	if err != nil {
		return nil, err
	}
	return Verify(f, opts)
}

// like reports whether a text contains the parts of a pattern in order. ".*"
// separates parts, "|" alternatives.
func like(text, pattern string) bool {
	for _, alternative := range strings.Split(pattern, "|") {
		rest, ok := text, true
		for _, part := range strings.Split(alternative, ".*") {
			_, after, found := strings.Cut(rest, part)
			rest, ok = after, ok && found
		}
		if ok {
			return true
		}
	}
	return false
}
