// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// mostStarted limits the bytes that packages allocate before main. They
// allocate about 44,000; html/template alone would add 26,000.
const mostStarted = 56_000

// initTrace is a line that the Go runtime prints with GODEBUG=inittrace=1.
const initTrace = "init %s @%f ms, %f ms clock, %d bytes, %d allocs"

// TestStart adds up the allocations before main: a build may start scpatch a
// thousand times.
func TestStart(t *testing.T) {
	tooltest.NoRace(t)
	cmd := exec.Command(buildStarted(t, ".."), "-o", filepath.Join(t.TempDir(), "out.o"), startObject)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	packages, sum := 0, 0
	for line := range strings.Lines(string(out)) {
		var name string
		var at, clock float64
		var bytes, allocs int
		if n, _ := fmt.Sscanf(line, initTrace, &name, &at, &clock, &bytes, &allocs); n == 5 {
			packages++
			sum += bytes
		}
	}
	if packages < 10 || sum == 0 || sum > mostStarted {
		t.Errorf("%d packages allocated %d bytes before main, expected at most %d:\n%s", packages, sum, mostStarted, out)
	}
}

// BenchmarkStart reports the fewest page faults of a run on a small object, and of a
// program that does nothing. The numbers depend on the machine.
func BenchmarkStart(b *testing.B) {
	source := filepath.Join(b.TempDir(), "nothing.go")
	clitest.WriteFile(b, source, []byte("package main\n\nfunc main() {}\n"))
	nothing, scpatch := buildStarted(b, source), buildStarted(b, "..")
	out := filepath.Join(b.TempDir(), "out.o")
	least := [2]int64{1 << 62, 1 << 62}
	for b.Loop() {
		least[0] = min(least[0], faults(b, nothing))
		least[1] = min(least[1], faults(b, scpatch, "-o", out, startObject))
	}
	b.ReportMetric(float64(least[0]), "faults-of-nothing")
	b.ReportMetric(float64(least[1]), "faults")
}

// startObject is the object of the runs: 2 kB with six sites.
var startObject = filepath.Join("..", "..", "..", "testdata", "obj", "asm-annot0.o")

// buildStarted builds a program like a release, without cgo, and returns its
// name.
func buildStarted(t testing.TB, source string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// TestNotStarted checks that packages are not imported that do much before main and
// are easily imported for something minor.
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

// faults runs a program and returns its page faults.
func faults(b *testing.B, name string, args ...string) int64 {
	b.Helper()
	cmd := exec.Command(name, args...)
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 1 {
		b.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return usage.Minflt + usage.Majflt
}
