// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EKeyAmongCode runs a program that changes a key without a relocation
// against it: the patched call must follow.
func TestE2EKeyAmongCode(t *testing.T) {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "ld.lld")
	b := newBuilder(t, m)
	for _, linker := range m.linkerNames() {
		for _, md := range []mode{
			{"not patched", nil},
			{"user", []string{"--user", "--runtime=trampoline", "--require=stack,save-stub"}},
			{"kernel", []string{"--whole-program", "--runtime=trampoline", "--require=stack,save-stub"}},
		} {
			t.Run(linker+"/"+md.name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				for name, words := range map[string][]string{"main.o": {"-fPIE", "src/codekey.c"}, "sites.o": {"src/codekey.S"}} {
					copyFile(t, b.compile(t, "gcc-p8-O2", words), filepath.Join(dir, name))
				}
				if md.args != nil {
					scpatch(t, md, filepath.Join(dir, "sites.o"))
				}
				execute(t, dir, slices.Concat(m.linkers[linker], []string{"-pie", "main.o", "sites.o", "-o", "program"}))
				if got := string(execute(t, dir, append(slices.Clone(m.run), "./program"))); got != "1 2\n" {
					t.Errorf("printed %q", got)
				}
			})
		}
	}
}
