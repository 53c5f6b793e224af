// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// A ciStage is what CI_DRY=1 .ci/run prints about a stage.
type ciStage struct {
	name    string
	budget  int
	always  bool
	command string // empty: left out
	why     string
}

var ciLine = regexp.MustCompile(`^(\S+) +(\d+) s planned, (?:(always|turn): (.+)|left out: (.+))$`)

// dryCI returns what .ci/run would run for a commit number.
func dryCI(t *testing.T, number int) []ciStage {
	t.Helper()
	cmd := exec.Command("bash", clitest.RepoPath(".ci", "run"))
	cmd.Env = append(os.Environ(), "CI_DRY=1", "CI_PLAN=", "CI_MINUTES=", fmt.Sprintf("CI_NUMBER=%d", number))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if got, want := lines[0], fmt.Sprintf("commit number %d: ", number); !strings.HasPrefix(got, want) {
		t.Errorf("the first line is %q", got)
	}
	if got := lines[len(lines)-1]; got != "0 passed, 0 failed, 0 skipped" {
		t.Errorf("the last line is %q", got)
	}
	var stages []ciStage
	for _, l := range lines[2 : len(lines)-1] {
		m := ciLine.FindStringSubmatch(l)
		if m == nil {
			t.Fatalf("no stage: %q", l)
		}
		budget, _ := strconv.Atoi(m[2])
		stages = append(stages, ciStage{m[1], budget, m[3] == "always", m[4], m[5]})
	}
	return stages
}

// TestCIStages checks that .ci/run chooses the same stages for the same commit,
// stays within the time, and leaves no stage out forever.
func TestCIStages(t *testing.T) {
	tooltest.NoRace(t)
	tooltest.Need(t, "bash")
	makefile, err := os.ReadFile(clitest.RepoPath("Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	const minute = 60
	ran := map[string]int{}
	turns := 0
	stages := dryCI(t, 0)
	for _, s := range stages {
		if !s.always {
			turns++
		}
	}
	if turns == 0 || turns == len(stages) {
		t.Fatalf("%d of %d stages take turns", turns, len(stages))
	}
	for n := range turns {
		always, planned := 0, 0
		for i, s := range dryCI(t, n) {
			if s.name != stages[i].name || s.budget != stages[i].budget {
				t.Fatalf("number %d: stage %d is %s, %d s", n, i, s.name, s.budget)
			}
			if s.command == "" {
				if s.why == "" {
					t.Errorf("number %d: %s is left out and nothing says why", n, s.name)
				}
				continue
			}
			ran[s.name]++
			planned += s.budget
			if s.always {
				always += s.budget
			}
			f := strings.Fields(s.command)
			if len(f) < 2 || f[0] != "make" || !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(f[1])+`:`).Match(makefile) {
				t.Errorf("%s: no such target: %s", s.name, s.command)
			}
			if strings.Contains(s.command, "$") {
				t.Errorf("%s: not filled in: %s", s.name, s.command)
			}
		}
		if always > 35*minute || planned > 70*minute {
			t.Errorf("number %d: %d s always run, %d s are planned", n, always, planned)
		}
	}
	for _, s := range stages {
		switch {
		case ran[s.name] == 0:
			t.Errorf("%s is never run", s.name)
		case ran[s.name] == turns != (s.name == "test" || s.name == "demo" || s.name == "lint" || s.name == "soundness-1" || s.name == "boot"):
			t.Errorf("%s is run by %d of %d numbers", s.name, ran[s.name], turns)
		}
	}
	// The text about a stage may contain the commit number.
	plain := func(n int) string { return strings.ReplaceAll(fmt.Sprint(dryCI(t, n)), strconv.Itoa(n), "N") }
	if a, b := plain(777000), plain(777000+turns); a != b {
		t.Errorf("numbers 777000 and %d differ:\n%s\n%s", 777000+turns, a, b)
	}
}
