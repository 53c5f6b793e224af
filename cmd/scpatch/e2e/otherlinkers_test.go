// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EOtherLinkers links programs of static_call.h with gold and mold: scpatch and
// the header must not depend on features that only ld.bfd and ld.lld have. Keys and
// targets may each be in the unit of the calls or not. With gold, which ignores local
// entry 1, some of the unpatched programs are wrong.
func TestE2EOtherLinkers(t *testing.T) {
	w := newWorkshop(t)
	var linkers []string
	if hasTool("powerpc64le-linux-gnu-ld.gold") {
		linkers = append(linkers, "gold")
	}
	if major := 0; hasTool("ld.mold") {
		out, err := exec.Command("ld.mold", "--version").Output()
		if _, scanned := fmt.Sscanf(string(out), "mold %d.", &major); err != nil || scanned != nil {
			t.Fatalf("ld.mold --version: %v, %q", err, out)
		}
		if major >= 2 { // mold 1.10 does not know R_PPC64_REL32
			linkers = append(linkers, "mold")
		}
	}
	if linkers == nil {
		tooltest.Missing(t, "neither gold nor mold 2 is here")
	}
	t.Logf("linkers: %v", linkers)
	want := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc.txt")))
	objects := []string{"main", "calls", "keys", "targets"}
	for _, compiler := range []string{"gcc-p8-O2", "gcc-p10-O2"} {
		for _, runtime := range []string{"--runtime=inline", "--runtime=trampoline"} {
			for _, o := range objects {
				for _, pic := range []string{"-fPIE", "-fPIC"} {
					path := w.object(o+pic+".o", compiler, "usc_"+o+".c", pic)
					if _, stderr, code := runCommand("--user", "-q", runtime, path); code != cli.ExitDone {
						t.Fatalf("%s: exit %d\n%s", path, code, stderr)
					}
				}
			}
			for _, linker := range linkers {
				link := []string{"powerpc64le-linux-gnu-gcc", "-fuse-ld=" + linker, "-Wl,-rpath,$ORIGIN"}
				for _, library := range [][]string{nil, {"keys", "targets"}, {"calls"}, {"targets"}} {
					program := slices.Concat(link, []string{"-pie", "-rdynamic"})
					shared := slices.Concat(link, []string{"-shared"})
					for _, o := range objects {
						if slices.Contains(library, o) {
							shared = append(shared, o+"-fPIC.o")
						} else {
							program = append(program, o+"-fPIE.o")
						}
					}
					if library != nil {
						execute(t, w.dir, append(shared, "-o", "libpart.so"))
						program = append(program, "libpart.so")
					}
					execute(t, w.dir, append(program, "-o", "program"))
					if got := w.execute(t, "./program"); got != want {
						t.Errorf("%s, %s, %s, %v in a library: printed\n%s\nwant\n%s", compiler, runtime, linker, library, got, want)
					}
					for _, file := range []string{"program", "libpart.so"} {
						if _, err := os.Stat(filepath.Join(w.dir, file)); err != nil {
							continue
						}
						if _, stderr, code := runCommand("verify", "--user", runtime, filepath.Join(w.dir, file)); code != cli.ExitDone {
							t.Errorf("%s, %s, %s, %v in a library: verify %s: exit %d\n%s", compiler, runtime, linker, library, file, code, stderr)
						}
					}
				}
			}
		}
	}
}
