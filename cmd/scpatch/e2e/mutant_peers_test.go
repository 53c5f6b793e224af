// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestMutantPeers runs scpatch and other programs that rewrite objects on
// SCPATCH_MUTANT_PEERS mutants and counts the outcomes. It is the source of a
// table in docs/reliability.md. The programs have limits of 20 seconds and 8
// GB. OBJTOOL is the kernel's objtool. scpatch must have no bad outcome.
func TestMutantPeers(t *testing.T) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SCPATCH_MUTANT_PEERS"), "50"))
	if err != nil {
		t.Fatal(err)
	}
	if tooltest.Brief() {
		n = 10
	}
	tooltest.Need(t, "powerpc64le-linux-gnu-objcopy", "llvm-objcopy")
	programs := []struct {
		name string
		args []string
		lost [5]int
	}{
		{name: "scpatch", args: []string{"scpatch", "-q", "FILE"}},
		{name: "GNU objcopy", args: []string{"powerpc64le-linux-gnu-objcopy", "FILE"}},
		{name: "llvm-objcopy", args: []string{"llvm-objcopy", "FILE"}},
		{name: "objtool", args: []string{os.Getenv("OBJTOOL"), "--static-call", "FILE"}},
	}
	const crashed, hung, silent, rewritten, lost = 0, 1, 2, 3, 4
	sources := []string{"gcc-p8-O2-update.o", "asm-annot16-partial.o", "clang-p8-O2-extkey.o", "gcc-p8-O2-weak.o", "module.o"}
	path := filepath.Join(t.TempDir(), "a.o")
	invalid := 0
	for _, source := range sources {
		m, err := newMutator(clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", source)))
		if err != nil {
			t.Fatal(err)
		}
		for k := range (n + len(sources) - 1) / len(sources) {
			b, what := m.mutant(k)
			wrong := structure(b)
			if wrong != nil {
				invalid++
			}
			for i := range programs {
				p := &programs[i]
				if _, err := exec.LookPath(p.args[0]); err != nil {
					continue
				}
				clitest.WriteFile(t, path, b)
				status, ended := within(t, p.args, path)
				now, err := os.ReadFile(path)
				changed := err != nil || !bytes.Equal(now, b)
				switch {
				case !ended:
					p.lost[hung]++
				case status.Signaled() || status.ExitStatus() > 128: // reported by the shell
					p.lost[crashed]++
				case wrong != nil && status.ExitStatus() == 0:
					p.lost[silent]++
				}
				if wrong != nil && changed {
					p.lost[rewritten]++
				}
				if err != nil || changed && structure(now) != nil && wrong == nil {
					p.lost[lost]++
				}
				if i == 0 && p.lost != [5]int{} {
					t.Fatalf("%s, mutant %d (%s): %v, %v", source, k, what, status, p.lost)
				}
			}
		}
	}
	t.Logf("%d mutants of %d objects, %d not valid", n, len(sources), invalid)
	t.Log("program: crashed, without end, accepted what is not valid, rewrote what is not valid, made a valid file invalid or lost it")
	for _, p := range programs {
		if _, err := exec.LookPath(p.args[0]); err == nil {
			t.Logf("%s: %d", p.name, p.lost)
		}
	}
}

// within runs a program on a file within limits.
func within(t *testing.T, args []string, path string) (status syscall.WaitStatus, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	line := "ulimit -c 0 -v 8000000; exec " + strings.ReplaceAll(strings.Join(args, " "), "FILE", `"$0"`)
	cmd := exec.CommandContext(ctx, "sh", "-c", line, path)
	out, err := cmd.CombinedOutput()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		t.Fatalf("%v: %v: %s", cmd, err, out)
	}
	return status, ctx.Err() == nil
}

// FuzzPatch runs the command on any bytes, in every way that TestMutants does,
// with the same checks.
func FuzzPatch(f *testing.F) {
	for i, name := range mutantSources {
		f.Add(clitest.ReadFile(f, clitest.RepoPath("testdata", "obj", name)), uint(i))
	}
	for _, name := range []string{"odd-tocsave.o", "bad-grouplocal.o", "asm-samename.o", "bad-annotkey.o"} {
		f.Add(clitest.ReadFile(f, clitest.RepoPath("testdata", "obj", name)), uint(0))
	}
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "fuzz.o")
	f.Fuzz(func(t *testing.T, b []byte, n uint) {
		c := &mutantCount{}
		c.try(t, path, b, int(n%uint(3*len(mutantOptions))), fmt.Sprintf("%d bytes", len(b)))
	})
}
