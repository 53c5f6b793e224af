// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EShadow runs tail calls, and a call without a slot, to targets in a
// shared library: with twelve parameters, call-backs, recursion, and in three
// concurrent threads. Only the patched program keeps r2 and can continue.
func TestE2EShadow(t *testing.T) {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "ld.lld")
	b := newBuilder(t, m)
	for _, linker := range m.linkerNames() {
		for _, pie := range []string{"-pie", "-no-pie"} {
			t.Run(linker+pie, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				for name, words := range map[string][]string{
					"main.o":  {"-fPIE", "-pthread", "src/shadow.c"},
					"sites.o": {"src/shadow.S"},
					"lib.o":   {"-fPIC", "-DLIBRARY", "src/shadow.c"},
				} {
					copyFile(t, b.compile(t, "gcc-p8-O2", words), filepath.Join(dir, name))
				}
				md := mode{"shadow", []string{"--user", "--runtime=trampoline", "--allow-shadow", "--shadow-stack=sh_stack", "--require=shadow"}}
				scpatch(t, md, filepath.Join(dir, "sites.o"))
				link := m.linkers[linker]
				execute(t, dir, slices.Concat(link, []string{"-shared", "-Wl,-soname,libshadow.so", "lib.o", "-o", "libshadow.so"}))
				execute(t, dir, slices.Concat(link, []string{pie, "main.o", "sites.o", "libshadow.so", "-pthread", "-Wl,-rpath,$ORIGIN", "-o", "program"}))
				got := string(execute(t, dir, append(slices.Clone(m.run), "./program")))
				want := shadowOutput()
				if got != want {
					t.Errorf("printed\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// shadowOutput computes the expected output of shadow.c.
func shadowOutput() string {
	var target func(n, c, tail int) int // tail: what the parameters in the stack add
	target = func(n, c, tail int) int {
		const bias, rest = 100, 2 + 3 + 4 + 5 + 6
		sum := bias + n + c + rest + tail
		if n > 0 {
			sum += target(n-1, c+(n-1)&1, tail) + 7 // an odd call goes through sh_framed
		}
		return sum + bias
	}
	var out string
	for thread := range 3 {
		sum, tail := 0, 7*2+8*3+9*5+thread*7
		for n := range 50 {
			sum += target(n%5, 1, tail) + target(n%3, 2, tail) + target(0, 1, 2+3+5+7) + 1 + n + 7
		}
		out += fmt.Sprintf("thread %d: %d\n", thread, sum)
	}
	return out + "r2 kept, the stacks of return addresses are empty\n"
}
