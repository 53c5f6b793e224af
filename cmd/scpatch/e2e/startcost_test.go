// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"slices"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EStartCosts counts the instructions that the run time executes before
// main for each call: to shorten it, and if it finds that it must not. The
// everyday form has one thousand calls.
func TestE2EStartCosts(t *testing.T) {
	tooltest.Long(t, "make soundness")
	w := newWorkshop(t)
	sizes := []int{1, 2}
	if clitest.Full() {
		sizes = []int{1, 10, 100}
	}
	first, before := 0, 0
	w.patched("part.o", "gcc-p8-O2", "count_start.c", "-fPIE", "-DPART")
	w.patched("main.o", "gcc-p8-O2", "count_start.c", "-fPIE")
	t.Log("\n| calls | instructions before main | for each call |\n|---|---|---|")
	for i, n := range sizes {
		w.link("bfd", slices.Concat([]string{"-pie", "main.o"}, slices.Repeat([]string{"part.o"}, n), []string{"-o", "program"})...)
		count := instructions(t, w.dir, w.run, []string{"./program"}, 1)
		if i == 0 {
			first, before = n, count
			t.Logf("| %d | %d | |", 1000*n, count)
			continue
		}
		each := (count - before) / (1000 * (n - first))
		t.Logf("| %d | %d | %d |", 1000*n, count, each)
		if each < 20 || each > 400 {
			t.Errorf("%d instructions for each call", each)
		}
		first, before = n, count
	}
}
