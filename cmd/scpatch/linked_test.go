// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/scpatch/scpatch/sites"
)

// checkLinked verifies a linked program, as the last step of a build does, and
// counts: every site that the plans list must be in the table, and every one
// that they call direct must be so.
func checkLinked(t *testing.T, program string, wantSites, wantDirect int) {
	t.Helper()
	stdout, stderr, code := runCommand("verify", "--json", program)
	if code != exitDone {
		t.Errorf("scpatch verify: exit %d\n%s", code, stderr)
		return
	}
	var v verifyView
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatal(err)
	}
	if v.Checked != wantSites {
		t.Errorf("%s: %d sites, want %d", program, v.Checked, wantSites)
	}
	if v.Direct < wantDirect {
		t.Errorf("%s: %d calls do not go through their keys, planned were at least %d", program, v.Direct, wantDirect)
	}
}

// listedSites counts the sites of a cell's patched objects that are in the
// table, and those of them that must reach their target without a stub: direct
// calls of one unit with a TOC pointer.
func listedSites(t *testing.T, dir string, names []string, args []string) (listed, direct int) {
	t.Helper()
	for _, name := range names {
		for _, s := range listJSON(t, filepath.Join(dir, name), args) {
			if s.Listed {
				listed++
			}
			if s.Listed && s.Form == sites.Direct && !s.NoTOC {
				direct++
			}
		}
	}
	return listed, direct
}
