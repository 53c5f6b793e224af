// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/sites"
)

// TestE2EOddCalls tests calls to a trampoline in forms that are not rewritten,
// beside one that is. They must stay, and the program must be correct. ld.lld
// supports neither R_PPC64_REL24_P9NOTOC nor inline PLT sequences.
func TestE2EOddCalls(t *testing.T) {
	w := newWorkshop(t)
	w.object("main.o", "gcc-p8-O2", "odd_main.c", "-fPIE")
	path := filepath.Join(w.dir, "calls.o")
	for _, options := range []string{"", "--runtime=none", "--runtime=trampoline", "--runtime=inline"} {
		w.object("calls.o", "gcc-p8-O2", "odd_calls.S")
		if options != "" {
			for _, s := range listJSON(t, path, []string{"--user", options}) {
				odd := s.Function != "odd_plain"
				if odd != (s.Form == sites.Keep) || odd != (s.Reason == sites.CallForm) {
					t.Errorf("%s: %s is %s, %s", options, s.Function, s.Form, s.Reason)
				}
			}
			if _, stderr, code := runCommand("--user", options, path); code != cli.ExitKept || !strings.Contains(stderr, "3 of 4 sites stay") {
				t.Errorf("%s: exit %d\n%s", options, code, stderr)
			}
		}
		w.link("bfd", "-pie", "main.o", "calls.o", "-o", "program")
		if got, want := w.execute(t, "./program"), "4 3 -1 5 6\n"; got != want {
			t.Errorf("%q: printed %q, want %q", options, got, want)
		}
		if options == "" {
			continue
		}
		for _, file := range []string{"calls.o", "program"} {
			if _, stderr, code := runCommand("verify", "--user", options, filepath.Join(w.dir, file)); code != cli.ExitDone {
				t.Errorf("%s: verify %s: exit %d\n%s", options, file, code, stderr)
			}
		}
	}
}
