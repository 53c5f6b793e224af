// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// A shell runs a shell with our completion file and returns the words that it
// offers for the last word.
type shell struct {
	name string
	ask  func(t *testing.T, words ...string) []string
}

var shells = []shell{
	{"bash", func(t *testing.T, words ...string) []string {
		const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _scpatch; printf '%s\n' "${COMPREPLY[@]}"`
		var split []string // as readline does
		for _, w := range words {
			if name, value, ok := strings.Cut(w, "="); ok {
				split = append(split, name, "=")
				if w = value; w == "" {
					continue
				}
			}
			split = append(split, w)
		}
		return offers(t, "", "bash", append([]string{"--norc", "-c", script, completionFile(t, "scpatch.bash")}, split...)...)
	}},
	{"fish", func(t *testing.T, words ...string) []string {
		// fish and zsh offer the whole word if it contains an option and its
		// value.
		option, _, _ := strings.Cut(words[len(words)-1], "=")
		return offers(t, option+"=", "fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, completionFile(t, "scpatch.fish"), strings.Join(words, " "))
	}},
	{"zsh", func(t *testing.T, words ...string) []string {
		script, err := filepath.Abs(scriptDir + "/testdata/complete.zsh")
		if err != nil {
			t.Fatal(err)
		}
		return offers(t, "", "zsh", "-f", script, filepath.Dir(completionFile(t, "_scpatch")), zshDump(t), strings.Join(words, " "))
	}},
}

// scriptDir is the directory in which the tests started.
var scriptDir, _ = os.Getwd()

func completionFile(t *testing.T, name string) string {
	t.Helper()
	return clitest.RepoPath("completions", name)
}

// zshDump returns the same cache file for all runs of a test, without which
// each takes seconds.
func zshDump(t *testing.T) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(wd, ".zcompdump")
}

// offers runs a shell that prints one offer a line, with a tab before its
// description, and returns the offers sorted and without a prefix.
func offers(t *testing.T, prefix, name string, args ...string) (list []string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=dumb")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		word = strings.TrimPrefix(strings.TrimSuffix(word, "/"), prefix)
		if word != "" && word != "-J" && word != "-default-" { // compadd's own
			list = append(list, word)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// TestCompletions asks each shell for the options of every command, which must
// be those of --help, and for values, names and files.
func TestCompletions(t *testing.T) {
	tooltest.NoRace(t)
	var forms, restoring, names, reasons []string
	for _, f := range sites.Forms() {
		forms = append(forms, f.String())
	}
	for _, f := range sites.RestoreForms() {
		restoring = append(restoring, f.String())
	}
	for _, e := range report.Catalogue() {
		names = append(names, e.Name)
	}
	for _, g := range report.Groups() {
		names = append(names, string(g))
	}
	for _, r := range sites.Reasons() {
		reasons = append(reasons, r.String())
	}
	for _, sh := range shells {
		t.Run(sh.name, func(t *testing.T) {
			tooltest.Need(t, sh.name)
			t.Chdir(t.TempDir())
			for _, name := range []string{"a.o", "b.ko", "vmlinux", "lib.a", "with space.o", "old.json"} {
				clitest.WriteFile(t, name, nil)
			}
			for _, c := range append([]string{""}, commands...) {
				words, args := []string{"scpatch"}, []string(nil)
				if c != "" {
					words, args = append(words, c), []string{c}
				}
				var long, short []string
				for _, o := range helpOptions(t, args...) {
					long = append(long, "--"+o.long)
					if o.short != "" {
						short = append(short, "-"+o.short)
					}
				}
				slices.Sort(long)
				slices.Sort(short)
				compare(t, sh, long, append(words, "--")...)
				got := slices.DeleteFunc(sh.ask(t, append(words, "-")...), func(s string) bool { return strings.HasPrefix(s, "--") })
				if diff := cmp.Diff(short, got); diff != "" {
					t.Errorf("%q: --help has -, the shell offers +:\n%s", append(words, "-"), diff)
				}
			}
			compare(t, sh, []string{"inline", "none", "trampoline"}, "scpatch", "--runtime", "")
			compare(t, sh, []string{"inline", "none", "trampoline"}, "scpatch", "verify", "--runtime=")
			compare(t, sh, []string{"always", "auto", "never"}, "scpatch", "list", "--color=")
			compare(t, sh, []string{"any", "bfd", "lld", "other"}, "scpatch", "list", "--linker", "")
			compare(t, sh, []string{"16", "8"}, "scpatch", "--entry-size", "")
			compare(t, sh, []string{"github", "json", "text"}, "scpatch", "--log-format", "")
			compare(t, sh, restoring, "scpatch", "--restore", "")
			compare(t, sh, forms, "scpatch", "list", "--require=")
			compare(t, sh, forms, "scpatch", "list", "--form=")
			compare(t, sh, reasons, "scpatch", "list", "--reason", "")
			compare(t, sh, report.SortKeys(), "scpatch", "list", "--sort", "")
			compare(t, sh, names, "scpatch", "explain", "")
			for _, without := range [][]string{{"scpatch", "--restore", "stack,paca,"}, {"scpatch", "list", "--require", "stack,paca,"}} {
				got := sh.ask(t, without...)
				if !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, "shadow") }) ||
					slices.ContainsFunc(got, func(s string) bool {
						return strings.HasSuffix(s, ",stack") || strings.HasSuffix(s, ",paca") || s == "stack"
					}) {
					t.Errorf("%q: %q", without, got)
				}
			}
			objects := []string{"a.o", "b.ko", "vmlinux", "lib.a", "with space.o"}
			compare(t, sh, append(objects, commands...), "scpatch", "")
			for _, c := range [][]string{{"scpatch", "list", ""}, {"scpatch", "verify", "--user", ""}, {"scpatch", "a.o", ""}} {
				compare(t, sh, objects, c...)
			}
			compare(t, sh, append(objects, "old.json"), "scpatch", "compare", "")
			compare(t, sh, []string{"old.json"}, "scpatch", "compile", "--user", "--", "cc", "ol")
			for _, c := range [][]string{{"scpatch", "-o", ""}, {"scpatch", "list", "--html", ""}} {
				compare(t, sh, append(objects, "old.json"), c...)
			}
		})
	}
}

// compare checks that a shell offers these words, in any order.
func compare(t *testing.T, sh shell, want []string, words ...string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, sh.ask(t, words...)); diff != "" {
		t.Errorf("%s: %q: wanted -, offered +:\n%s", sh.name, words, diff)
	}
}

// TestCompletionForm makes each shell check its file.
func TestCompletionForm(t *testing.T) {
	for _, c := range [][]string{
		{"bash", "-n", completionFile(t, "scpatch.bash")},
		{"fish", "--no-execute", completionFile(t, "scpatch.fish")},
		{"zsh", "-n", completionFile(t, "_scpatch")},
	} {
		t.Run(c[0], func(t *testing.T) {
			tooltest.Need(t, c[0])
			if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%q: %v\n%s", c, err, out)
			}
		})
	}
}
