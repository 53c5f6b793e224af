// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// minVersion matches what a patch adds to scripts/min-tool-version.sh.
var minVersion = regexp.MustCompile(`(?m)^\+scpatch\)\n\+\techo (\S+)$`)

// kernelScripts writes the scripts/scpatch*.sh that a series adds to a directory, and a
// min-tool-version.sh for scpatch alone. It returns false if the series has no such
// scripts.
func kernelScripts(t *testing.T, series, dir string) bool {
	t.Helper()
	patches, err := filepath.Glob(filepath.Join(series, "*.patch"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patches {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if m := minVersion.FindSubmatch(text); m != nil {
			writeScript(t, filepath.Join(dir, "scripts", "min-tool-version.sh"), "echo "+string(m[1]))
		}
		cmd := exec.Command("git", "apply", "--include=scripts/scpatch*.sh", p)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_DIR="+filepath.Join(dir, "none"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	_, err = os.Stat(filepath.Join(dir, "scripts", "scpatch-version.sh"))
	return err == nil
}

func writeScript(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
}

// TestKernelScripts runs the scripts that the series add to the kernel's build. Kconfig
// must get 0 for each program that the kernel cannot use. The reason is printed when a
// script is run by hand, and in a build only if its configuration needs scpatch.
func TestKernelScripts(t *testing.T) {
	tooltest.NoRace(t)
	tooltest.Need(t, "git", "sh")
	all, err := filepath.Glob(clitest.RepoPath("kbuild", "patches", "*"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, series := range all {
		dir := t.TempDir()
		if kernelScripts(t, series, dir) {
			found++
			t.Run(filepath.Base(series), func(t *testing.T) { testKernelScripts(t, dir) })
		}
	}
	if found < 2 {
		t.Errorf("%d series have scripts, expected 6.1 and 6.12 at least", found)
	}
}

func testKernelScripts(t *testing.T, dir string) {
	const knows = `case "$1 $2" in "--kernel-format 1") shift 2 ;; --kernel-format*) exit 2 ;; esac; `
	for name, body := range map[string]string{
		"good":   knows + `echo "scpatch 0.1.0 (0123456789)"`,
		"newer":  knows + `echo scpatch 12.34.56-rc7`,
		"old":    knows + `echo scpatch 0.0.99`,
		"format": `case $1 in --kernel-format) exit 2 ;; esac; echo scpatch 1.2.3`,
		"other":  `echo v1.24`,
		"broken": `exit 126`,
		"args":   `echo "$*"`,
	} {
		writeScript(t, filepath.Join(dir, name), body)
	}
	for name, lines := range map[string]string{"with": "CONFIG_PPC_STATIC_CALL_INLINE=y\n", "without": "# CONFIG_PPC_STATIC_CALL_INLINE is not set\n"} {
		if err := os.WriteFile(filepath.Join(dir, name+".config"), []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const version, run = "scripts/scpatch-version.sh", "scripts/scpatch.sh"
	for _, c := range []struct {
		env, args      string
		stdout, stderr string
		code           int
	}{
		{"", version + " ./good", "100", "", 0},
		{"", version + " ./newer", "123456", "", 0},
		{"", version + " ./old", "0", "./old: scpatch 0.0.99 is too old, this kernel needs 0.1.0", 1},
		{"", version + " ./format", "0", "./format: scpatch 1.2.3 does not write the format of this kernel", 1},
		{"", version + " ./other", "0", "./other: not scpatch", 1},
		{"", version + " ./broken", "0", "./broken: no such program, or it does not run (SCPATCH)", 1},
		{"", version + " ./nosuch", "0", "./nosuch: no such program, or it does not run (SCPATCH)", 1},
		{"KCONFIG_CONFIG=with.config", version + " ./good", "100", "", 0},
		{"KCONFIG_CONFIG=with.config", version + " ./old", "0", "warning: ./old: scpatch 0.0.99 is too old, this kernel needs 0.1.0: PPC_STATIC_CALL_INLINE will be off", 1},
		{"KCONFIG_CONFIG=without.config", version + " ./old", "0", "", 1},
		{"KCONFIG_CONFIG=nosuch.config", version + " ./old", "0", "", 1},

		{"SCPATCH=./args", run + " --table-only x.o", "--kernel-format 1 --allow-kept --quiet --table-only x.o", "", 0},
		{"SCPATCH=./args KBUILD_VERBOSE=1", run + " vmlinux", "--kernel-format 1 --allow-kept vmlinux", "", 0},
		{"SCPATCH=./broken", run + " vmlinux", "", "", 126},
		{"SCPATCH=", run + " --runtime inline --entry-size 16 --module m.ko", "", "Leaving static calls of m.ko as they are, which is slower, due to unavailability of scpatch", 0},
		{"SCPATCH=", run + " --runtime inline --entry-size 16 --table-only x.o", "", "x.o: scpatch has gone, or is one that this kernel cannot use: make olddefconfig", 1},
		{"SCPATCH=", run + " vmlinux", "", "vmlinux: scpatch has gone, or is one that this kernel cannot use: make olddefconfig", 1},
	} {
		cmd := exec.Command("sh", strings.Fields(c.args)...)
		cmd.Dir = dir
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, strings.Fields(c.env)...)
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(stdout.String()); got != c.stdout {
			t.Errorf("%s %s: standard output %q, expected %q", c.env, c.args, got, c.stdout)
		}
		if got := strings.TrimSpace(stderr.String()); got != c.stderr {
			t.Errorf("%s %s: standard error %q, expected %q", c.env, c.args, got, c.stderr)
		}
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%s %s: exit code %d, expected %d", c.env, c.args, got, c.code)
		}
	}
}
