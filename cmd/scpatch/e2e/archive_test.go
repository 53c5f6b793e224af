// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EArchive patches the objects of a program as members of an archive,
// whole and thin, links the program from it with both linkers, and runs it.
func TestE2EArchive(t *testing.T) {
	want := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc.txt")))
	for name, ar := range map[string][]string{
		"gnu":       {"powerpc64le-linux-gnu-ar", "rcs"},
		"gnu-thin":  {"powerpc64le-linux-gnu-ar", "rcsT"},
		"llvm":      {"llvm-ar", "rcs"},
		"llvm-thin": {"llvm-ar", "rcsT"},
	} {
		t.Run(name, func(t *testing.T) {
			tooltest.Need(t, ar[0])
			w := newWorkshop(t)
			var members []string
			for _, o := range []string{"main", "calls", "keys", "targets"} {
				file := map[string]string{"calls": "calls_in_a_long_name"}[o] + o + ".o"
				w.object(file, "gcc-p8-O2", "usc_"+o+".c", "-fPIE")
				if o != "main" {
					members = append(members, file)
				}
			}
			lib := filepath.Join(w.dir, "libusc.a")
			execute(t, w.dir, slices.Concat(ar, []string{lib}, members))
			calls := len(listJSON(t, filepath.Join(w.dir, members[0]), []string{"--user"}))
			for _, file := range []string{filepath.Join(w.dir, "main.o"), lib} {
				if out, errs, code := runCommand("--user", file); code > cli.ExitKept {
					t.Fatalf("%s: exit %d\n%s%s", file, code, out, errs)
				}
			}
			out, errs, code := runCommand("verify", "--user", lib)
			if code != cli.ExitDone || calls == 0 || !strings.Contains(out, members[0]+"): ") {
				t.Errorf("verify: exit %d, %d sites\n%s%s", code, calls, out, errs)
			}
			for linker := range w.linkers {
				program := "program-" + linker
				w.link(linker, "-fPIE", "-pie", "main.o", "libusc.a", "-o", program)
				if got := w.execute(t, "./"+program); got != want {
					t.Errorf("%s: printed\n%s\nwant\n%s", linker, got, want)
				}
				out, errs, code := runCommand("verify", "--user", filepath.Join(w.dir, program))
				if code != cli.ExitDone || !strings.Contains(out, " sites, all correct") {
					t.Errorf("verify: exit %d\n%s%s", code, out, errs)
				}
			}
		})
	}
}

// TestLibraries lists, verifies and patches the libraries of the cross compiler. They
// have no static calls, so none is written.
func TestLibraries(t *testing.T) {
	var libs []string
	for _, pattern := range []string{"/usr/powerpc64le-linux-gnu/lib/libc.a", "/usr/lib/gcc-cross/powerpc64le-linux-gnu/*/lib*c*.a"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, found...)
	}
	if len(libs) < 3 {
		tooltest.Missing(t, "the libraries of the cross compiler are not there")
	}
	dir := t.TempDir()
	members := 0
	for _, from := range libs {
		lib := filepath.Join(dir, filepath.Base(from))
		copyFile(t, from, lib)
		before, err := os.Stat(lib)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"list", "--user", "--json"}, {"verify", "--user"}, {"--user"}, {"--user", "-o", filepath.Join(dir, "out.a")}} {
			out, errs, code := runCommand(append(args, lib)...)
			if code != cli.ExitDone || errs != "" {
				t.Errorf("%q %s: exit %d: %s", args, lib, code, errs)
			}
			members += strings.Count(out, "\n")
		}
		if after, err := os.Stat(lib); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s was written", lib)
		}
		if !bytes.Equal(clitest.ReadFile(t, lib), clitest.ReadFile(t, filepath.Join(dir, "out.a"))) {
			t.Errorf("the copy of %s differs", lib)
		}
		if a, err := elfrw.NewArchive(clitest.ReadFile(t, lib)); err != nil || a.NumMembers() == 0 {
			t.Errorf("%s: %v", lib, err)
		}
	}
	if members < 3000 {
		t.Errorf("%d lines about members", members)
	}
}
