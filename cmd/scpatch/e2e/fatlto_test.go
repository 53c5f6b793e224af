// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
)

// TestE2EFatLTO does what the message about a fat LTO object says, and checks
// that a program linked with -flto has the patched code.
func TestE2EFatLTO(t *testing.T) {
	w := newWorkshop(t)
	want := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc.txt")))
	objects := []string{"main.o", "calls.o", "keys.o", "targets.o"}
	for _, o := range objects {
		w.object(o, "gcc-p8-O2", "usc_"+strings.TrimSuffix(o, ".o")+".c", "-fPIE", "-flto", "-ffat-lto-objects")
	}
	calls := filepath.Join(w.dir, "calls.o")
	_, errs, code := runCommand("--user", "--runtime=none", calls)
	_, advice, ok := strings.Cut(errs, "or remove it: ")
	if code != cli.ExitInput || !ok {
		t.Fatalf("exit %d: %s", code, errs)
	}
	advice, _, _ = strings.Cut(advice, " [")
	execute(t, w.dir, []string{"sh", "-c", "powerpc64le-linux-gnu-" + advice + " calls.o"})
	scpatch(t, mode{"none", []string{"--user", "--runtime=trampoline"}}, calls)
	lto := slices.Concat(w.compilers["gcc-p8-O2"], []string{"-fPIE", "-flto", "-pie"}, objects, []string{"-o", "program"})
	execute(t, w.dir, lto)
	if got := w.execute(t, "./program"); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	if out := string(execute(t, w.dir, []string{"powerpc64le-linux-gnu-objdump", "-d", "program"})); !strings.Contains(out, "<__SCS__usc_op>") {
		t.Error("no call to a stub is left in the program")
	}
}
