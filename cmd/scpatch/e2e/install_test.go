// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// The sources of a program in testdata/src, and what it prints.
var (
	uscSources = []string{"usc_main.c", "usc_calls.c", "usc_keys.c", "usc_targets.c"}
	uscWant    = []string{"e2e", "want", "usc.txt"}
)

// makeInstall runs the target install, or uninstall, of the Makefile.
func makeInstall(t *testing.T, w *workshop, target, prefix, destdir string) {
	t.Helper()
	tooltest.Need(t, "make")
	for _, pattern := range []string{clitest.RepoPath("share", "*"), clitest.RepoPath("Makefile")} { // for go test, see newWorkshop
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			clitest.ReadFile(t, f)
		}
	}
	execute(t, clitest.RepoPath(), []string{"make", "-s", target, "B=" + filepath.Join(w.dir, "b"), "PREFIX=" + prefix, "DESTDIR=" + destdir})
}

// installed installs scpatch and returns the prefix.
func installed(t *testing.T, w *workshop) string {
	t.Helper()
	prefix := filepath.Join(w.dir, "prefix")
	makeInstall(t, w, "install", prefix, "")
	return prefix
}

// TestE2EInstall installs, builds programs with what is installed, and uninstalls.
func TestE2EInstall(t *testing.T) {
	w := newWorkshop(t)
	tooltest.Need(t, "cmake", "ninja")
	stage := filepath.Join(t.TempDir(), "a stage") // DESTDIR may have a space in it
	prefix := installed(t, w)

	t.Run("files", func(t *testing.T) {
		makeInstall(t, w, "install", prefix, stage)
		staged := filesBelow(t, filepath.Join(stage, prefix))
		for _, f := range []string{
			"bin/scpatch", "include/scpatch/static_call.h", "share/man/man1/scpatch.1", "share/scpatch/scpatch.mk",
			"share/scpatch/scpatch-compile", "share/cmake/Scpatch/ScpatchConfig.cmake", "share/doc/scpatch/docs/messages.md",
		} {
			if _, ok := staged[f]; !ok {
				t.Errorf("%s is not installed", f)
			}
		}
		for f, mode := range staged {
			want := fs.FileMode(0o644)
			if f == "bin/scpatch" || f == "share/scpatch/scpatch-compile" {
				want = 0o755
			}
			if mode != want {
				t.Errorf("%s has mode %v, want %v", f, mode, want)
			}
		}
		if diff := cmp.Diff(filesBelow(t, prefix), staged); diff != "" {
			t.Errorf("with DESTDIR other files:\n%s", diff)
		}
		mine := filepath.Join(stage, prefix, "share", "doc", "mine")
		clitest.WriteFile(t, mine, nil)
		makeInstall(t, w, "uninstall", prefix, stage)
		if left := filesBelow(t, stage); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
		makeInstall(t, w, "uninstall", prefix, stage) // of nothing
	})

	t.Run("make", func(t *testing.T) {
		dir := project(t, "Makefile", `
include $(SHARE)/scpatch.mk
CC = powerpc64le-linux-gnu-gcc
CFLAGS = -O2 -fPIE
CPPFLAGS += $(SCPATCH_CPPFLAGS)
OBJECTS = usc_main.o usc_calls.o usc_keys.o usc_targets.o
program: CC := $(SCPATCH_COMPILE) $(CC)
program: $(OBJECTS)
	$(CC) -pie -o $@ $^
$(OBJECTS): usc.h
`)
		share := filepath.Join(prefix, "share", "scpatch")
		checkProject(t, w, dir, ".", []string{"make", "-s", "SHARE=" + share})
		// A form that calls do not get is an error, and no object.
		cmd := exec.Command("make", "-s", "SHARE="+share, "SCPATCHFLAGS=--user --quiet --require constant", "-W", "usc_calls.c")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "usc_calls.o: ") {
			t.Errorf("--require constant: %v\n%s", err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "usc_calls.o")); err == nil {
			t.Error("the object is there that scpatch has refused")
		}
	})

	for _, generator := range []string{"Ninja", "Unix Makefiles"} {
		t.Run("cmake/"+generator, func(t *testing.T) {
			dir := project(t, "CMakeLists.txt", `
cmake_minimum_required(VERSION 3.13)
project(usc C)
find_package(Scpatch REQUIRED)
add_executable(program usc_main.c usc_calls.c usc_keys.c usc_targets.c)
target_compile_options(program PRIVATE -O2 -fPIE)
target_link_options(program PRIVATE -pie)
scpatch_patch(program)
`)
			execute(t, dir, []string{"cmake", "-G", generator, "-B", "b", "-DCMAKE_PREFIX_PATH=" + prefix,
				"-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=ppc64le", "-DCMAKE_C_COMPILER=powerpc64le-linux-gnu-gcc"})
			checkProject(t, w, dir, "b", []string{"cmake", "--build", "b"})
		})
	}
}

// project is a new directory with the program's sources and a file.
func project(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, s := range append([]string{"usc.h"}, uscSources...) {
		text := strings.Replace(string(clitest.ReadFile(t, clitest.RepoPath("testdata", "src", s))), `"static_call.h"`, "<scpatch/static_call.h>", 1)
		clitest.WriteFile(t, filepath.Join(dir, s), []byte(text))
	}
	clitest.WriteFile(t, filepath.Join(dir, name), []byte(text))
	return dir
}

// checkProject builds, and looks at what was built: all sites patched, the program
// right; a second build does nothing; a third one compiles what has changed.
func checkProject(t *testing.T, w *workshop, dir, out string, build []string) {
	t.Helper()
	built := func() map[string]fs.FileInfo {
		t.Helper()
		execute(t, dir, build)
		files := map[string]fs.FileInfo{}
		sites := 0
		for f := range filesBelow(t, filepath.Join(dir, out)) {
			path := filepath.Join(dir, out, f)
			base := filepath.Base(f)
			source := strings.TrimSuffix(strings.TrimSuffix(base, ".o"), ".c") + ".c"
			if base != "program" && !slices.Contains(uscSources, source) || !strings.HasSuffix(base, ".o") && base != "program" {
				continue
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			files[source] = info
			if base == "program" {
				continue
			}
			for _, s := range listJSON(t, path, []string{"--user"}) {
				sites++
				if !s.Done {
					t.Errorf("%s: the site at %s+0x%x is not patched", f, s.Section, s.Offset)
				}
			}
		}
		if len(files) != len(uscSources)+1 || sites == 0 {
			t.Fatalf("%d files, %d sites", len(files), sites)
		}
		want := string(clitest.ReadFile(t, clitest.RepoPath(append([]string{"testdata"}, uscWant...)...)))
		if got := string(execute(t, dir, append(slices.Clone(w.run), filepath.Join(dir, out, "program")))); got != want {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
		return files
	}
	changed := func(before, after map[string]fs.FileInfo) (names []string) {
		for name := range before {
			if !os.SameFile(before[name], after[name]) || !before[name].ModTime().Equal(after[name].ModTime()) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	first := built()
	second := built()
	if names := changed(first, second); names != nil {
		t.Errorf("nothing has changed, and made again: %v", names)
	}
	source := filepath.Join(dir, "usc_calls.c")
	clitest.WriteFile(t, source, append(clitest.ReadFile(t, source), "/* changed */\n"...))
	third := built()
	if diff := cmp.Diff([]string{"program.c", "usc_calls.c"}, changed(second, third)); diff != "" {
		t.Errorf("of usc_calls.c has to be made what has -, is made +:\n%s", diff)
	}
}

// filesBelow returns the files below a directory and their permissions.
func filesBelow(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	files := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[name] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCompileScript gives share/scpatch-compile compilers and scpatches that fail
// and do not.
func TestCompileScript(t *testing.T) {
	script, err := filepath.Abs(clitest.RepoPath("share", "scpatch-compile"))
	if err != nil {
		t.Fatal(err)
	}
	clitest.ReadFile(t, script)
	t.Chdir(t.TempDir())
	tool := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tool("cc", `for f; do :; done; echo "$# $*" >>said; echo compiled >"$f"`)
	tool("no-cc", "exit 7")
	for code, name := range []string{"done", "kept", "usage", "input"} {
		tool(name, `for f; do :; done; echo "$# $*" >>said; echo patched >"$f"; exit `+string(rune('0'+code)))
	}
	compile := []string{"--", "./cc", "-c", "-o", "a b.o"}
	const both = "3 -c -o a b.o\n1 a b.o\n"
	for _, c := range []struct {
		args []string
		code int
		said string
		file string // what "a b.o" holds afterwards
	}{
		{append([]string{"./done"}, compile...), 0, both, "patched\n"},
		{[]string{"./done", "--user", "-q", "--", "./cc", "-oa b.o", "-c", "a b.o"}, 0, "3 -oa b.o -c a b.o\n3 --user -q a b.o\n", "patched\n"},
		{append([]string{"./kept"}, compile...), 0, both, "patched\n"},
		{append([]string{"./usage"}, compile...), 2, both, ""},
		{append([]string{"./input"}, compile...), 3, both, ""},
		{[]string{"./done", "--", "./no-cc", "-c", "-o", "a b.o"}, 7, "", ""},
		{[]string{"./done", "--", "./cc", "x.o", "-o", "a b.o"}, 0, "3 x.o -o a b.o\n", "compiled\n"}, // links
		{[]string{"./done", "--", "./cc", "-c", "x.c"}, 2, "2 -c x.c\n", ""},
		{[]string{"./done", "--", "./cc", "-c", "-o", "none", "x.d"}, 0, "4 -c -o none x.d\n", ""}, // -MM
		{[]string{"./done", "--user"}, 2, "", ""},
		{[]string{"./done", "--"}, 2, "", ""},
	} {
		for _, f := range []string{"said", "a b.o"} {
			os.Remove(f)
		}
		err := exec.Command(script, c.args...).Run()
		code := 0
		if err != nil {
			code = err.(*exec.ExitError).ExitCode()
		}
		said, _ := os.ReadFile("said")
		file, _ := os.ReadFile("a b.o")
		if code != c.code || string(said) != c.said || string(file) != c.file {
			t.Errorf("%q: exit %d, said %q, object %q, want %d, %q, %q", c.args, code, said, file, c.code, c.said, c.file)
		}
	}
}
