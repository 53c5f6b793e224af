// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestMusl builds a program of the header, and one with threads, children and
// signals, with musl's headers and libraries, statically and dynamically
// linked.
func TestMusl(t *testing.T) {
	tooltest.Long(t, "make musl-test")
	root := os.Getenv("SCPATCH_MUSL")
	lib := filepath.Join(root, "usr", "lib", "powerpc64le-linux-musl")
	specs, err := os.ReadFile(filepath.Join(lib, "musl-gcc.specs"))
	if root == "" || err != nil {
		tooltest.Missing(t, "no musl in SCPATCH_MUSL; make musl-test fetches it")
	}
	w := newWorkshop(t)
	// The specs of Debian's musl-gcc, adapted to where the package is unpacked.
	here := strings.NewReplacer(" /usr/include", " "+root+"/usr/include", "/usr/lib/powerpc64le-linux-musl", lib).Replace(string(specs))
	specsFile := filepath.Join(w.dir, "specs")
	clitest.WriteFile(t, specsFile, []byte(here))
	// musl for ppc64le has a long double of 64 bits.
	gcc := slices.Concat(w.compilers["gcc-p8-O2"], []string{"-specs=" + specsFile, "-mlong-double-64"})
	compile := func(source string) string {
		object := strings.TrimSuffix(source, "c") + "o"
		execute(t, clitest.RepoPath("testdata"), slices.Concat(gcc, []string{
			"-fPIE", "-Wall", "-Wextra", "-Werror", "-I../include", "-c", "src/" + source, "-o", filepath.Join(w.dir, object)}))
		scpatch(t, mode{args: []string{"--user", "-q"}}, filepath.Join(w.dir, object))
		return object
	}
	var objects []string
	for _, s := range uscSources {
		objects = append(objects, compile(s))
	}
	usc := string(clitest.ReadFile(t, clitest.RepoPath(append([]string{"testdata"}, uscWant...)...)))
	for _, p := range []struct {
		objects []string
		args    map[string]string
	}{
		{objects, map[string]string{"": usc}},
		{[]string{compile("usc_follow.c")}, map[string]string{
			// The first two lines have no calls: musl does not run
			// .preinit_array.
			"early":  "0 0 0\n0 0 0\n10 0 0\n30 0 0\npatching 1\n",
			"fork":   "children that went wrong: 0\npatching 1\n",
			"signal": "handled, 0 wrong\npatching 1\n",
		}},
	} {
		for _, link := range [][]string{{"-static"}, {"-pie"}} {
			execute(t, w.dir, slices.Concat(gcc, link, p.objects, []string{"-o", "program"}))
			for arg, want := range p.args {
				// Not execute, which allows a minute: a child of many threads takes longer on a
				// busy machine.
				words := slices.Concat([]string{"-L", root, "./program"}, strings.Fields(arg))
				cmd := exec.Command(w.run[0], words...)
				cmd.Dir = w.dir
				if got, err := cmd.Output(); err != nil || string(got) != want {
					t.Errorf("%v %v %s: %v, printed\n%s\nwant\n%s", p.objects, link, arg, err, got, want)
				}
			}
		}
	}
}
