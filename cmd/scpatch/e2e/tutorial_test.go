// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// The tests of this file follow the tutorials in docs/.

// A file of a tutorial is a block after a line that contains only its name.
var tutorialFile = regexp.MustCompile("(?ms)^`([\\w.-]+)`:\n\n```\\w+\n(.*?)^```$")

// writeFiles writes the files of a tutorial and returns their names.
func writeFiles(t *testing.T, doc, dir string) (names []string) {
	t.Helper()
	for _, m := range tutorialFile.FindAllStringSubmatch(doc, -1) {
		clitest.WriteFile(t, filepath.Join(dir, m[1]), []byte(m[2]))
		names = append(names, m[1])
	}
	return names
}

// A step is a command of a document and the output that the document shows.
type step struct{ command, want string }

// steps reads the blocks of a document that are marked "console". A command
// that ends in a backslash continues on the next line.
func steps(doc string) (all []step) {
	for _, block := range clitest.Fenced(doc, "console") {
		for _, c := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, want, _ := strings.Cut(c, "\n")
			for strings.HasSuffix(command, "\\") {
				var line string
				line, want, _ = strings.Cut(want, "\n")
				command += "\n" + line
			}
			all = append(all, step{command, strings.TrimRight(want, "\n")})
		}
	}
	return all
}

// The exit code follows the output of a command that fails.
var stepExit = regexp.MustCompile(`(?s)^(?:(.*)\n)?\[exit (\d+)\]$`)

// session types the commands into one shell and compares the output of each.
func session(t *testing.T, dir string, env []string, all []step) {
	t.Helper()
	sessionLike(t, dir, env, all, clitest.Matches)
}

// sessionLike is session with another comparison.
func sessionLike(t *testing.T, dir string, env []string, all []step, matches func(got, want string) bool) {
	t.Helper()
	const mark = "\x01 exit "
	var script strings.Builder
	for _, s := range all {
		fmt.Fprintf(&script, "%s\nprintf '\\001 exit %%d\\n' $?\n", s.command)
	}
	cmd := exec.Command("bash", "-c", "exec 2>&1; "+script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rest := string(out)
	for _, s := range all {
		got, after, ok := strings.Cut(rest, mark)
		if !ok {
			t.Fatalf("%s: no end in\n%s", s.command, rest)
		}
		var code string
		code, rest, _ = strings.Cut(after, "\n")
		want, wantCode := s.want, "0"
		if m := stepExit.FindStringSubmatch(want); m != nil {
			want, wantCode = m[1], m[2]
		}
		if !matches(got, want) || code != wantCode {
			t.Errorf("$ %s\nprints, and exits with %s,\n%s\nwhere the document has %s and\n%s", s.command, code, got, wantCode, want)
		}
	}
}

var (
	placed  = regexp.MustCompile(`\+0x[0-9a-f]+`)
	counted = regexp.MustCompile(`(hook|pointer): (\d+\.\d)`)
)

// matchesOfOtherCompiler compares the output that a tutorial shows with that of
// another compiler: addresses may differ, and an iteration of a loop may take
// up to two instructions more or less.
func matchesOfOtherCompiler(got, want string) bool {
	g, w := counted.FindAllStringSubmatch(got, -1), counted.FindAllStringSubmatch(want, -1)
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		n, errN := strconv.ParseFloat(g[i][2], 64)
		m, errM := strconv.ParseFloat(w[i][2], 64)
		if errN != nil || errM != nil || max(n-m, m-n) > 2 {
			return false
		}
	}
	same := func(s string) string { return counted.ReplaceAllString(placed.ReplaceAllString(s, "+"), "$1") }
	return clitest.Matches(same(got), same(want))
}

// TestE2ETutorialPlugin builds and runs the plug-in host. The page shows the output of gcc
// 12.
func TestE2ETutorialPlugin(t *testing.T) {
	w := newWorkshop(t)
	tooltest.Need(t, "make", "bash")
	doc := clitest.Doc(t, "docs", "tutorial-plugin.md")
	dir := t.TempDir()
	if names := writeFiles(t, doc, dir); len(names) != 7 {
		t.Fatalf("found the files %v", names)
	}
	prefix := installed(t, w)
	version, err := exec.Command("powerpc64le-linux-gnu-gcc", "-dumpversion").Output()
	if err != nil {
		t.Fatal(err)
	}
	matches := matchesOfOtherCompiler
	if strings.TrimSpace(string(version)) == "12" {
		matches = clitest.Matches
	}
	env := []string{"PREFIX=" + prefix, "PATH=" + filepath.Join(prefix, "bin") + ":" + os.Getenv("PATH")}
	sessionLike(t, dir, env, steps(doc), matches)
}

// TestE2EFirstSession follows docs/first-session.md, starting from a clone of
// the last commit.
func TestE2EFirstSession(t *testing.T) {
	tooltest.Need(t, "bash", "git", "make")
	root, err := filepath.Abs(clitest.RepoPath())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		tooltest.Missing(t, "no clone: git knows nothing of this directory")
	}
	env := []string{
		"GIT_CONFIG_COUNT=4",
		"GIT_CONFIG_KEY_0=url.file://" + root + ".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/scpatch/scpatch",
		"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*",
		// Silences git's hint if this clone is on no branch.
		"GIT_CONFIG_KEY_2=init.defaultBranch", "GIT_CONFIG_VALUE_2=main",
		"GIT_CONFIG_KEY_3=advice.detachedHead", "GIT_CONFIG_VALUE_3=false",
	}
	session(t, t.TempDir(), env, steps(clitest.Doc(t, "docs", "first-session.md")))
}

// TestTutorialKernel compares docs/tutorial-kernel.md with kbuild/, and types
// the commands that need no kernel tree. With SCPATCH_TUTORIAL_KERNEL it types
// all of them, in this source directory.
func TestTutorialKernel(t *testing.T) {
	tooltest.Need(t, "bash", "powerpc64le-linux-gnu-gcc")
	doc := clitest.Doc(t, "docs", "tutorial-kernel.md")
	all := steps(doc)
	if len(all) < 12 {
		t.Fatalf("found %d commands", len(all))
	}
	if os.Getenv("SCPATCH_TUTORIAL_KERNEL") != "" {
		w := newWorkshop(t)
		root, err := filepath.Abs(clitest.RepoPath())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(root, "build", "linux")); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(root, "build"), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFiles(t, doc, filepath.Join(root, "build"))
		session(t, root, []string{"PATH=" + filepath.Join(installed(t, w), "bin") + ":" + os.Getenv("PATH")}, all)
		return
	}

	// What kbuild/ says about packages, the machine and the configuration.
	_, packages, _ := strings.Cut(clitest.Doc(t, "kbuild", "README.md"), "sudo apt-get install ")
	packages, _, _ = strings.Cut(packages, "    kbuild/build-vmlinux.sh")
	for _, p := range append(strings.Fields(strings.ReplaceAll(packages, "\\", "")), "qemu-system-ppc", "cpio") {
		if !strings.Contains(clitest.Fenced(doc, "sh")[0], p) {
			t.Errorf("the package %s is not in docs/tutorial-kernel.md", p)
		}
	}
	boot := strings.Join(strings.Fields(clitest.Doc(t, "kbuild", "boot-test.sh")), " ")
	build := clitest.Doc(t, "kbuild", "build-vmlinux.sh")
	for _, s := range all {
		if options, ok := strings.CutPrefix(s.command, "qemu-system-ppc64 "); ok {
			options = strings.Join(strings.Fields(strings.ReplaceAll(options, "\\", "")), " ")
			for _, part := range strings.SplitAfter(options, " -") {
				part = strings.TrimSuffix(part, " -")
				word, _, _ := strings.Cut(part, " ")
				if strings.HasPrefix(part, "M ") || word == "m" || word == "vga" || word == "serial" || word == "monitor" {
					word = part
				}
				if !strings.Contains(boot, strings.TrimPrefix(word, "-")) {
					t.Errorf("kbuild/boot-test.sh does not have %q", part)
				}
			}
		}
		if strings.Contains(s.command, "allnoconfig") && !strings.Contains(build, "KCONFIG_ALLCONFIG=") {
			t.Error("kbuild/build-vmlinux.sh configures in another way")
		}
	}

	dir := t.TempDir()
	kbuild, err := filepath.Abs(clitest.RepoPath("kbuild"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(kbuild, filepath.Join(dir, "kbuild")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "build"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, doc, filepath.Join(dir, "build"))
	var cheap []step
	for _, s := range all {
		if !strings.Contains(s.command, "$LINUX") && !strings.Contains(s.command, "boot.log") && (!strings.Contains(s.command, "cpio") || hasTool("cpio")) {
			cheap = append(cheap, s)
		}
	}
	if len(cheap) < 5 {
		t.Fatalf("found %d cheap commands", len(cheap))
	}
	session(t, dir, nil, cheap)
}

func hasTool(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}
