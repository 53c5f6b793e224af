// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites"
)

// TestE2ECompletes joins an object that has its table with one that has none,
// like a build that patches some of its objects early. The table must be
// completed and not duplicated, existing entries are checked, and the program
// must print the same.
func TestE2ECompletes(t *testing.T) {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-ld", "powerpc64le-linux-gnu-g++", "ld.lld")
	b := newBuilder(t, m)
	for _, size := range []string{"--entry-size=8", "--entry-size=16"} {
		for _, joiner := range [][]string{{"powerpc64le-linux-gnu-ld", "-r"}, {"ld.lld", "-m", "elf64lppc", "-r"}} {
			for _, early := range []string{"sites.o", "abi.o"} {
				name := strings.Join([]string{early, size, joiner[0]}, "/")
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					for _, o := range []string{"sites", "abi", "sites_main", "targets", "ret0"} {
						copyFile(t, clitest.RepoPath("testdata", "obj", "gcc-p8-O2-"+o+".o"), filepath.Join(dir, o+".o"))
					}
					scpatch(t, mode{name: "early", args: []string{size}}, filepath.Join(dir, early))
					// Both orders: the table's section may come before or after
					// the code of the object that has none.
					execute(t, dir, slices.Concat(joiner, []string{"-o", "joined.o", "sites.o", "abi.o"}))
					joined := filepath.Join(dir, "joined.o")
					before := count(listJSON(t, joined, nil))
					scpatch(t, mode{name: "joined"}, joined)
					after := count(listJSON(t, joined, nil))
					if before.sites != after.sites || after.listed != after.sites || after.done != after.sites-after.kept {
						t.Errorf("before %+v, after %+v", before, after)
					}
					once := clitest.ReadFile(t, joined)
					scpatch(t, mode{name: "again", args: []string{size}}, joined)
					if !bytes.Equal(once, clitest.ReadFile(t, joined)) {
						t.Error("another run changed the object")
					}
					c := &cell{program: []string{"-pie", "sites_main.o", "joined.o", "targets.o", "ret0.o"}}
					want := clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "sites.txt"))
					for _, linker := range m.linkerNames() {
						if got := b.linkAndRun(t, c, linker, dir); got != string(want) {
							t.Errorf("%s: printed\n%s\nwant\n%s", linker, got, want)
						}
						checkLinked(t, filepath.Join(dir, "program"), after.listed, 1)
					}
				})
			}
		}
	}
}

type tally struct{ sites, listed, done, kept int }

func count(views []report.Site) (n tally) {
	n.sites = len(views)
	for _, s := range views {
		if s.Listed {
			n.listed++
		}
		if s.Done {
			n.done++
		}
		if s.Form == sites.Keep {
			n.kept++
		}
	}
	return n
}
