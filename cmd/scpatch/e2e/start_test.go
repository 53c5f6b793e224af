// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// moreFaults is how many pages a run over a small object may touch beyond those of a
// program that does nothing, in hundredths of the latter. It is 155 to 160; a warning
// that decodes instructions, which needs the disassembler's tables, makes it 190.
const moreFaults = 180

// TestStart compares the page faults of scpatch over a small object with those of a Go
// program that does nothing: a build starts scpatch a thousand times.
func TestStart(t *testing.T) {
	tooltest.NoRace(t)
	dir := t.TempDir()
	clitest.WriteFile(t, filepath.Join(dir, "nothing.go"), []byte("package main\n\nfunc main() {}\n"))
	nothing, scpatch := filepath.Join(dir, "nothing"), filepath.Join(dir, "scpatch")
	for _, args := range [][]string{{nothing, filepath.Join(dir, "nothing.go")}, {scpatch, ".."}} {
		build := exec.Command("go", append([]string{"build", "-trimpath", "-buildvcs=false", "-o"}, args...)...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	object := filepath.Join("..", "..", "..", "testdata", "obj", "asm-annot0.o")
	empty := leastFaults(t, nothing)
	ours := leastFaults(t, scpatch, "-o", filepath.Join(dir, "out.o"), object)
	t.Logf("%d page faults, of a program that does nothing %d", ours, empty)
	if limit := empty + empty*moreFaults/100; ours > limit {
		t.Errorf("%d page faults, more than %d; of a program that does nothing %d", ours, limit, empty)
	}
}

// TestNotStarted names packages that do much before main, and are easily imported for
// a trifle.
func TestNotStarted(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "..").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{}
	for name := range strings.Lines(string(out)) {
		linked[strings.TrimSpace(name)] = true
	}
	if !linked["debug/elf"] {
		t.Fatal("the list of packages is not that of scpatch")
	}
	for _, name := range []string{"html/template", "text/template", "regexp"} {
		if linked[name] {
			t.Errorf("scpatch is linked with %s, which starts before main", name)
		}
	}
}

// leastFaults returns the fewest page faults of several runs of a program: now and then
// a run has more threads than others.
func leastFaults(t *testing.T, name string, args ...string) int64 {
	t.Helper()
	least := int64(1 << 62)
	for range 15 {
		cmd := exec.Command(name, args...)
		if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 1 {
			t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		least = min(least, usage.Minflt+usage.Majflt)
	}
	return least
}
