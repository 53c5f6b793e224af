// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
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
	for _, pattern := range []string{clitest.RepoPath("share", "*"), clitest.RepoPath("Makefile")} { // for go test; see newWorkshop
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
		staged := clitest.FilesBelow(t, filepath.Join(stage, prefix))
		for _, f := range []string{
			"bin/scpatch", "include/scpatch/static_call.h", "share/man/man1/scpatch.1", "share/scpatch/scpatch.mk",
			"share/scpatch/scpatch-compile", "share/cmake/Scpatch/ScpatchConfig.cmake", "share/pkgconfig/scpatch.pc", "share/doc/scpatch/docs/messages.md",
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
		if diff := cmp.Diff(clitest.FilesBelow(t, prefix), staged); diff != "" {
			t.Errorf("with DESTDIR other files:\n%s", diff)
		}
		mine := filepath.Join(stage, prefix, "share", "doc", "mine")
		clitest.WriteFile(t, mine, nil)
		makeInstall(t, w, "uninstall", prefix, stage)
		if left := clitest.FilesBelow(t, stage); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
		makeInstall(t, w, "uninstall", prefix, stage) // nothing is installed
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
		// If a required form is not reached, that is an error, and there is no
		// object.
		cmd := exec.Command("make", "-s", "SHARE="+share, "SCPATCHFLAGS=--user --quiet --require constant", "-W", "usc_calls.c")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "usc_calls.o: ") {
			t.Errorf("--require constant: %v\n%s", err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "usc_calls.o")); err == nil {
			t.Error("the object is there that scpatch has refused")
		}
	})

	// With a precompiled header, and with directories of the project.
	for _, c := range [][]string{
		{"Ninja", "-DCMAKE_C_COMPILER=powerpc64le-linux-gnu-gcc"},
		{"Unix Makefiles", "-DCMAKE_C_COMPILER=powerpc64le-linux-gnu-gcc"},
		{"Ninja", "-DCMAKE_C_COMPILER=clang", "-DCMAKE_C_COMPILER_TARGET=powerpc64le-linux-gnu"},
	} {
		t.Run(strings.Join(c, "/"), func(t *testing.T) {
			dir := project(t, "CMakeLists.txt", `
cmake_minimum_required(VERSION 3.16)
project(usc C)
find_package(Scpatch REQUIRED)
add_executable(program usc_main.c usc_calls.c usc_keys.c usc_targets.c)
target_compile_options(program PRIVATE -O2 -fPIE -idirafter mine)
target_link_options(program PRIVATE -pie)
target_precompile_headers(program PRIVATE <stdio.h>)
scpatch_patch(program)
`)
			execute(t, dir, slices.Concat([]string{"cmake", "-B", "b", "-DCMAKE_PREFIX_PATH=" + prefix,
				"-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=ppc64le", "-G"}, c))
			checkProject(t, w, dir, "b", []string{"cmake", "--build", "b"})
		})
	}

	t.Run("pkg-config", func(t *testing.T) {
		tooltest.Need(t, "pkg-config")
		dir := project(t, "Makefile", `
CC = $(shell pkg-config --variable=compile scpatch) powerpc64le-linux-gnu-gcc
CFLAGS = -O2 -fPIE $(shell pkg-config --cflags scpatch)
OBJECTS = usc_main.o usc_calls.o usc_keys.o usc_targets.o
program: $(OBJECTS)
	$(CC) -pie -o $@ $^
$(OBJECTS): usc.h
`)
		t.Setenv("PKG_CONFIG_PATH", filepath.Join(prefix, "share", "pkgconfig"))
		checkProject(t, w, dir, ".", []string{"make", "-s"})
		version := execute(t, dir, []string{filepath.Join(prefix, "bin", "scpatch"), "--version"})
		execute(t, dir, []string{"pkg-config", "--exact-version=" + strings.Fields(string(version))[1], "scpatch"})
	})

	// A portable program, built for this machine.
	t.Run("native", func(t *testing.T) {
		tooltest.Need(t, "gcc")
		dir := clitest.InDirectory(t, map[string]string{
			"app.c": `
#define STATIC_CALL_RUNTIME
#include <scpatch/static_call.h>
static int plain(int x) { return x + 1; }
static int fancy(int x) { return x * 100; }
DEFINE_STATIC_CALL(op, plain);
int main(void)
{
	int before = static_call(op)(5);
	static_call_update(op, fancy);
	return !(before == 6 && static_call(op)(5) == 500);
}
`,
			"Makefile": `
include $(SHARE)/scpatch.mk
CPPFLAGS += $(SCPATCH_CPPFLAGS)
app: CC := $(SCPATCH_COMPILE) gcc
app: app.o
`,
			"CMakeLists.txt": `
cmake_minimum_required(VERSION 3.16)
project(app C)
find_package(Scpatch REQUIRED)
add_executable(app app.c)
scpatch_patch(app)
`,
		})
		execute(t, dir, []string{"make", "-s", "app", "SHARE=" + filepath.Join(prefix, "share", "scpatch")})
		execute(t, dir, []string{"./app"})
		execute(t, dir, []string{"cmake", "-G", "Ninja", "-B", "b", "-DCMAKE_PREFIX_PATH=" + prefix, "-DCMAKE_C_COMPILER=gcc"})
		execute(t, dir, []string{"cmake", "--build", "b"})
		execute(t, dir, []string{"b/app"})
	})

	// Objects with the same name are made at the same time, and one cannot be
	// patched. It must be made again until it can.
	t.Run("make -j", func(t *testing.T) {
		files := map[string]string{"Makefile": `
include $(SHARE)/scpatch.mk
CC := $(SCPATCH_COMPILE) powerpc64le-linux-gnu-gcc
CPPFLAGS += -O2 $(SCPATCH_CPPFLAGS)
DIRS := 1 2 3 4 5 6
all: $(DIRS:=/x.o)
%/x.o: %/x.c
	cd $* && $(CC) $(CPPFLAGS) $(FLAGS$*) -c x.c
`}
		for _, d := range []string{"1", "2", "3", "4", "5", "6"} {
			files[d+"/x.c"] = strings.Replace(callSource, "<static_call.h>", "<scpatch/static_call.h>", 1)
		}
		dir := clitest.InDirectory(t, files)
		build := []string{"make", "-s", "-j4", "-k", "SHARE=" + filepath.Join(prefix, "share", "scpatch")}
		for range 2 {
			cmd := exec.Command(build[0], append(build[1:], "FLAGS3=-flto")...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err == nil || strings.Count(string(out), "scpatch: ") != 1 || !strings.Contains(string(out), "[lto-object]") {
				t.Errorf("%v\n%s", err, out)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "3", "x.o")); err == nil {
			t.Error("3/x.o is there")
		}
		execute(t, dir, build)
		one := clitest.ReadFile(t, filepath.Join(dir, "1", "x.o"))
		for _, d := range []string{"2", "3", "4", "5", "6"} {
			if !bytes.Equal(one, clitest.ReadFile(t, filepath.Join(dir, d, "x.o"))) {
				t.Errorf("%s/x.o is not as 1/x.o", d)
			}
		}
		if sites := listJSON(t, filepath.Join(dir, "1", "x.o"), []string{"--user"}); len(sites) != 1 || !sites[0].Done {
			t.Errorf("sites %+v", sites)
		}
	})

	// The same command by its other name.
	t.Run("scpatch-compile", func(t *testing.T) {
		script := filepath.Join(prefix, "share", "scpatch", "scpatch-compile")
		help := execute(t, ".", []string{script, filepath.Join(prefix, "bin", "scpatch"), "--help"})
		if !strings.HasPrefix(string(help), "Usage: scpatch compile ") {
			t.Errorf("printed %s", help)
		}
		if err := exec.Command(script).Run(); err == nil {
			t.Error("without arguments it ends well")
		}
	})

	t.Run("autoconf", func(t *testing.T) {
		tooltest.Need(t, "autoconf")
		dir := clitest.InDirectory(t, map[string]string{"configure.ac": `
AC_INIT([t], [1])
AC_CONFIG_HEADERS([config.h])
AC_PROG_CC
AC_COMPUTE_INT([size], [sizeof(long)])
AC_DEFINE_UNQUOTED([SIZE], [$size])
AC_OUTPUT
`, "config.h.in": "#undef SIZE\n"})
		execute(t, dir, []string{"autoconf"})
		compiler := filepath.Join(prefix, "bin", "scpatch") + " compile --user --quiet -- powerpc64le-linux-gnu-gcc"
		execute(t, dir, []string{"./configure", "--host=powerpc64le-linux-gnu", "CC=" + compiler})
		if got := string(clitest.ReadFile(t, filepath.Join(dir, "config.h"))); !strings.Contains(got, "#define SIZE 8\n") {
			t.Errorf("config.h has\n%s", got)
		}
	})
}

// project returns a new directory with the program's sources and a file.
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

// checkProject builds and checks the result: all sites are patched, and the
// program is correct. A second build must do nothing, and a third one must
// compile what has changed.
func checkProject(t *testing.T, w *workshop, dir, out string, build []string) {
	t.Helper()
	built := func() map[string]fs.FileInfo {
		t.Helper()
		execute(t, dir, build)
		files := map[string]fs.FileInfo{}
		sites := 0
		for f := range clitest.FilesBelow(t, filepath.Join(dir, out)) {
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
