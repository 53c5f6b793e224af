// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites"
)

// checkLinked verifies a linked program, like the last step of a build, and
// counts: every site that the plans list must be in the table, and every one
// that they call direct must be direct. The record also has those that stay.
// Objects that are not patched may have calls of their own.
func checkLinked(t *testing.T, program string, wantSites, wantDirect int) {
	t.Helper()
	stdout, stderr, code := runCommand("verify", "--json", "--allow-unpatched", program)
	if code != cli.ExitDone {
		t.Errorf("scpatch verify: exit %d\n%s", code, stderr)
		return
	}
	var v report.Verdict
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatal(err)
	}
	if v.Checked < wantSites {
		t.Errorf("%s: %d sites, want at least %d", program, v.Checked, wantSites)
	}
	if v.Direct < wantDirect {
		t.Errorf("%s: %d calls do not go through their keys, not the planned at least %d", program, v.Direct, wantDirect)
	}
}

// checkUnlisted checks that verify rejects the calls that only decoding shows,
// and no others.
func checkUnlisted(t *testing.T, program string, want int) {
	t.Helper()
	_, stderr, code := runCommand("verify", program)
	n := strings.Count(stderr, "but no entry of the table names the call")
	if code != cli.ExitInput || n != want || strings.Count(stderr, "\n") != want {
		t.Errorf("scpatch verify: exit %d, %d unlisted calls, want %d and nothing else\n%s", code, n, want, stderr)
	}
}

// listedSites counts the sites of a cell's patched objects in the table, and
// those of them that must reach their target without a stub: direct calls
// within a unit, with a TOC pointer. hidden counts those that neither a
// relocation nor an entry shows.
func listedSites(t *testing.T, dir string, names []string, args []string) (listed, direct, hidden int) {
	t.Helper()
	for _, name := range names {
		for _, s := range listJSON(t, filepath.Join(dir, name), args) {
			if s.Listed {
				listed++
			}
			if s.Listed && s.Form == sites.Direct && !s.NoTOC {
				direct++
			}
			if s.Reason == sites.NotAnnotated {
				hidden++
			}
		}
	}
	return listed, direct, hidden
}
