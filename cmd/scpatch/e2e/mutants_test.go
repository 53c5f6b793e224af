// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// mutantSources are objects with sites: with a table of either size, from both
// compilers, with groups, with and without TOC pointers, with stubs of scpatch,
// and a module, also linked.
var mutantSources = []string{
	"asm-annot16.o", "asm-annot8-partial.o", "asm-slots.o", "asm-tail.o", "asm-trampkey.o", "asm-alt.o", "gcc-p8-O2-update.o",
	"gcc-p8-O2-count.o", "gcc-p8-O2-small-debug.o", "gcc-p10-O2-cxx_a.o", "clang-p8-O2-extkey.o", "clang-p10-O2-sites.o",
	"gcc-p8-O2-fsec-sites.o", "module.o", "module-large-signed.ko", "odd-fatlto.o",
}

// mutantOptions are the options with which scpatch runs on mutants, in turn.
var mutantOptions = [][]string{
	nil, {"--module"}, {"--user"}, {"--runtime=trampoline"}, {"--runtime=none", "--whole-program"}, {"--table-only"},
	{"--strip-signature", "--module"}, {"--user", "--allow-shadow"},
}

// TestTruncatedFiles runs the command on a small object cut at every length,
// and checks the exit code and the message, and that the file is unchanged.
func TestTruncatedFiles(t *testing.T) {
	whole := clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", mutantSources[0]))
	path := filepath.Join(t.TempDir(), "cut.o")
	step := 1
	if tooltest.Brief() {
		step = 7
	}
	for n := 0; n < len(whole); n += step {
		code, message := patchBytes(t, path, whole[:n])
		if code != cli.ExitInput || !strings.HasPrefix(message, "scpatch: "+path+": ") {
			t.Errorf("%d of %d bytes: exit %d, %q", n, len(whole), code, message)
		}
	}
}

// TestMutants runs the command on changed objects, 200 of each source, or as
// many as SCPATCH_MUTANTS says. A rejected file must stay unchanged, with a
// message. A rewritten file must pass an independent check before and after,
// and a second run must not change it. No run may take long or much memory,
// whatever a count in the file says, or leave anything behind.
func TestMutants(t *testing.T) {
	each := 200
	if tooltest.Brief() {
		each = 50
	}
	if s := os.Getenv("SCPATCH_MUTANTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		each = (n + len(mutantSources) - 1) / len(mutantSources)
	}
	sum := &mutantCount{kinds: map[string]int{}}
	for _, name := range mutantSources {
		m, err := newMutator(clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", name)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		dir := t.TempDir()
		for n := range each {
			b, what := m.mutant(n)
			sum.kinds[m.kinds[n%len(m.kinds)].kind]++
			sum.try(t, filepath.Join(dir, name), b, n, fmt.Sprintf("%s, mutant %d (%s)", name, n, what))
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
			t.Errorf("%s: %d files left, %v", name, len(names), err)
		}
	}
	t.Logf("%d mutants: %d refused, %d left alone, %d rewritten; %d were not valid", sum.refused+sum.same+sum.rewritten, sum.refused, sum.same, sum.rewritten, sum.invalid)
	kinds := make([]string, 0, len(sum.kinds))
	for k, n := range sum.kinds {
		kinds = append(kinds, fmt.Sprintf("%7d %s", n, k))
	}
	slices.Sort(kinds)
	t.Log("\n" + strings.Join(kinds, "\n"))
	if sum.refused == 0 || sum.same == 0 || sum.rewritten == 0 || sum.invalid == 0 {
		t.Error("not every outcome was seen")
	}
}

// A mutantCount counts the outcomes of mutants.
type mutantCount struct {
	refused, same, rewritten int
	invalid                  int // among all mutants
	kinds                    map[string]int
}

func (c *mutantCount) try(t testing.TB, path string, b []byte, n int, what string) {
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s: panic: %v", what, p)
		}
	}()
	// Not a limit on the time, but an end to endless loops.
	hung := time.AfterFunc(time.Minute, func() { panic(what + ": no end after a minute") })
	defer hung.Stop()
	wrong := structure(b)
	if wrong != nil {
		c.invalid++
	}
	options := mutantOptions[n/3%len(mutantOptions)]
	before := allocated()
	code, message := patchBytes(t, path, b, options...)
	// This includes the tests' own copies of the file, and other work of a fuzzing process.
	if used, limit := allocated()-before, uint64(8<<20+100*len(b)); used > limit {
		t.Errorf("%s: allocated %d bytes for a file of %d", what, used, len(b))
	}
	now := clitest.ReadFile(t, path)
	switch {
	case code == cli.ExitInput && message == "":
		t.Errorf("%s: refused without a message", what)
	case code == cli.ExitInput:
		c.refused++
	case code != cli.ExitDone && code != cli.ExitKept:
		t.Errorf("%s: exit %d, %s", what, code, message)
	case bytes.Equal(now, b):
		c.same++
		if wrong != nil {
			t.Errorf("%s: accepted, though %v", what, wrong)
		}
	default:
		c.rewritten++
		if wrong != nil {
			t.Errorf("%s: rewritten, though %v", what, wrong)
		} else if err := structure(now); err != nil {
			t.Errorf("%s: the output is not valid: %v", what, err)
		}
		if again, message := patchBytes(t, path, now, options...); again != code || !bytes.Equal(now, clitest.ReadFile(t, path)) {
			t.Errorf("%s: a second run changes the file, or exits with %d: %s", what, again, message)
		}
	}
	for _, command := range []string{"list", "verify"} {
		var stdout, stderr bytes.Buffer
		if code := cli.Run(append([]string{command, "--quiet", path}, userOnly(options)...), &stdout, &stderr); code == cli.ExitUsage || code == cli.ExitIO {
			t.Errorf("%s: %s exits with %d: %s", what, command, code, &stderr)
		}
	}
}

// userOnly returns those of some options that every command takes.
func userOnly(options []string) []string {
	return slices.DeleteFunc(slices.Clone(options), func(o string) bool { return o != "--user" && o != "--module" })
}

// allocated returns the number of bytes that the process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// patchBytes patches a file of those bytes. If the file is rejected, it must be
// unchanged.
func patchBytes(t testing.TB, path string, b []byte, options ...string) (int, string) {
	t.Helper()
	clitest.WriteFile(t, path, b)
	var stdout, stderr bytes.Buffer
	code := cli.Run(append([]string{"--quiet", path}, options...), &stdout, &stderr)
	if code > cli.ExitKept && !bytes.Equal(clitest.ReadFile(t, path), b) {
		t.Errorf("exit %d, and the file was changed: %s", code, &stderr)
	}
	return code, stderr.String()
}
