// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// unsigned is the sign-off of a patch that nobody has signed: no address, so that git
// send-email refuses it.
const unsigned = "Signed-off-by: *** NAME <ADDRESS> ***\n"

// TestUnsigned looks at each patch of the series.
func TestUnsigned(t *testing.T) {
	patches, err := filepath.Glob(clitest.RepoPath("kbuild", "patches", "*", "*.patch"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range patches {
		if strings.HasSuffix(filepath.Dir(p), "-minimal") { // it is for comparison only
			continue
		}
		n++
		if text := string(clitest.ReadFile(t, p)); strings.Count(text, "Signed-off-by:") != 1 || !strings.Contains(text, unsigned) {
			t.Errorf("%s: expected one %s", p, unsigned)
		}
	}
	if n < 27 {
		t.Errorf("%d patches, expected those of three series", n)
	}
}

// TestKernelSeries writes a series of two patches as it is sent, and fails where it
// cannot.
func TestKernelSeries(t *testing.T) {
	tooltest.Need(t, "git", "bash", "awk")
	dir := t.TempDir()
	tree := filepath.Join(dir, "linux")
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", tree, "-c", "user.name=x", "-c", "user.email=x@example.org"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	clitest.Fill(t, tree, map[string]string{"Makefile": "VERSION = 7\n"})
	git("init", "-q")
	git("add", "Makefile")
	git("commit", "-q", "-m", "base")
	base := git("rev-parse", "HEAD")
	for _, n := range []string{"1", "2"} {
		clitest.Fill(t, tree, map[string]string{"Makefile": "VERSION = 7\nPATCHLEVEL = " + n + "\n"})
		if n == "2" {
			clitest.Fill(t, tree, map[string]string{"MAINTAINERS": "STATIC CALLS\nM:\t*** NAME <ADDRESS> ***\n"})
		}
		git("add", ".")
		git("commit", "-q", "-m", "kbuild: Step "+n+"\n\nBecause.\n\n"+unsigned)
	}
	git("format-patch", "-q", "-o", filepath.Join(dir, "kbuild", "patches", "7"), base)
	git("reset", "-q", "--hard", base)
	clitest.Fill(t, filepath.Join(dir, "kbuild"), map[string]string{
		"series.sh":   string(clitest.ReadFile(t, clitest.RepoPath("kbuild", "series.sh"))),
		"cover-7.txt": "kbuild: Two | steps & more\n\nFirst paragraph.\n\n[1] https://example.org/a\n",
	})

	out := filepath.Join(dir, "out")
	run := func(args ...string) (string, int) {
		cmd := exec.Command("bash", append([]string{filepath.Join(dir, "kbuild", "series.sh")}, args...)...)
		b, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(b), cmd.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"7", tree, "A/B & Co <a@example.org>"}, "usage", 2},
		{[]string{"7", tree, "A Name", out}, "expected a name and an address", 1},
		{[]string{"8", tree, "A/B & Co <a@example.org>", out}, "no patches", 1},
		{[]string{"7", dir, "A/B & Co <a@example.org>", out}, "no git tree", 1},
		{[]string{"7", tree, "A/B & Co <a@example.org>", dir}, "exists", 1},
	} {
		if got, code := run(c.args...); code != c.code || !strings.Contains(got, c.want) {
			t.Errorf("series.sh %q: exit %d, expected %d and %q:\n%s", c.args, code, c.code, c.want, got)
		}
	}
	if got, code := run("7", tree, "A/B & Co <a@example.org>", out); code != 0 {
		t.Fatalf("exit %d:\n%s", code, got)
	}
	files, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v: %v", files, err)
	}
	if last := string(clitest.ReadFile(t, files[2])); !strings.Contains(last, "\n+M:\tA/B & Co <a@example.org>\n") {
		t.Errorf("MAINTAINERS names nobody:\n%s", last)
	}
	letter := string(clitest.ReadFile(t, files[0]))
	for _, want := range []string{"Subject: [PATCH 0/2] kbuild: Two | steps & more\n", "\n\nFirst paragraph.\n\n[1] https://example.org/a\n", "\nbase-commit: " + base + "\n"} {
		if !strings.Contains(letter, want) {
			t.Errorf("the cover letter lacks %q:\n%s", want, letter)
		}
	}
	for _, f := range files[1:] {
		text := string(clitest.ReadFile(t, f))
		if !strings.Contains(text, "\nFrom: A/B & Co <a@example.org>\n") || !strings.Contains(text, "\nSigned-off-by: A/B & Co <a@example.org>\n") || strings.Contains(text, "***") {
			t.Errorf("%s is not signed:\n%s", f, text)
		}
	}
	if got := git("worktree", "list"); strings.Count(got, "\n") != 0 || git("status", "--short") != "" {
		t.Errorf("the tree has changed: %s", got)
	}

	// A tree that the series is not for.
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	clitest.Fill(t, tree, map[string]string{"Makefile": "VERSION = 8\n"})
	git("commit", "-q", "-a", "-m", "other")
	if got, code := run("7", tree, "A/B & Co <a@example.org>", out); code != 1 || !strings.Contains(got, "0001-kbuild-Step-1.patch does not apply to") {
		t.Errorf("another tree: exit %d:\n%s", code, got)
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s is left", out)
	}
}
