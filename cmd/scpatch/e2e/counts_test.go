// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2ECounts counts the instructions that one call executes before and after
// scpatch. The cost of start-up and of the loop cancels out between two lengths
// of two loops. With -v it prints the table of docs/benchmarking.md; with
// SCPATCH_FULL=1 that is for all compilers.
func TestE2ECounts(t *testing.T) {
	tooltest.Long(t, "make soundness")
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "clang")
	b := newBuilder(t, m)
	var mu sync.Mutex
	rows := map[string]string{}
	t.Cleanup(func() { // after the parallel parts
		head := "| cell | compiler | call | NULL | return 0 |\n|---|---|---|---|---|\n"
		var lines []string
		for _, key := range slices.Sorted(maps.Keys(rows)) {
			lines = append(lines, rows[key])
		}
		t.Log("instructions per call, those of the target included\n" + head + strings.Join(lines, "\n"))
	})
	for _, c := range m.cells {
		if !strings.HasPrefix(c.name, "count-") {
			continue
		}
		for i, compiler := range c.with {
			if i > 0 && !clitest.Full() {
				continue
			}
			t.Run(c.name+"/"+compiler, func(t *testing.T) {
				t.Parallel()
				before := b.countCell(t, c, compiler, mode{"unpatched", nil})
				after := b.countCell(t, c, compiler, mode{"none", []string{"--user", "--runtime=none"}})
				row := fmt.Sprintf("| %s | %s |", strings.TrimPrefix(c.name, "count-"), compiler)
				for _, kind := range countKinds {
					if after[kind] > before[kind] {
						t.Errorf("%s takes %d instructions, before it took %d", kind, after[kind], before[kind])
					}
					row += fmt.Sprintf(" %d → %d |", before[kind], after[kind])
				}
				mu.Lock()
				defer mu.Unlock()
				rows[c.name+compiler] = row
			})
		}
	}
}

var countKinds = []string{"call", "null", "ret0"}

func (b *builder) countCell(t *testing.T, c *cell, compiler string, md mode) map[string]int {
	dir := t.TempDir()
	for _, o := range c.objects {
		b.object(t, o, compiler, dir)
	}
	if md.args != nil {
		b.patchObjects(t, c, md, dir)
	}
	b.linkAndRun(t, c, "bfd", dir)
	return b.counts(t, dir, countKinds)
}

// counts returns the number of instructions of one call of each kind that the
// program in dir makes.
func (b *builder) counts(t *testing.T, dir string, kinds []string) map[string]int {
	executed := func(kind string, calls int) int {
		return instructions(t, dir, b.run, []string{"./program", kind, strconv.Itoa(calls)}, 0)
	}
	const few, more = 100, 200
	per := func(kind string) int { return executed(kind, more) - executed(kind, few) }
	loop, counts := per("loop"), map[string]int{}
	for _, kind := range kinds {
		n := per(kind) - loop
		if n%(more-few) != 0 {
			t.Errorf("%s: %d instructions in %d calls", kind, n, more-few)
		}
		counts[kind] = n / (more - few)
	}
	return counts
}
