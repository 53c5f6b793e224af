// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// The ways to make a call of a key that may change.
var callWays = []struct {
	name  string
	flags []string // of the compiler, for the calls
	args  []string // of scpatch, nil: unpatched
}{
	{"pointer", []string{"-DPOINTER"}, nil},
	{"out of line", nil, nil},
	{"scpatch", nil, []string{"--user"}},
	{"scpatch, r2 saved by the caller", []string{"-DSTATIC_CALL_SAVE_TOC=1"}, []string{"--user"}},
}

var restoreKinds = []string{"own", "other", "null", "ret0"}

// Where the calls are, and where their keys.
type callPlace struct {
	calls string // in the program or in the library
	keys  string // in the same object, another object of the unit, or the other unit
}

// TestE2ERestoreCounts counts the instructions of one call of a key that may
// change: through a pointer, through a trampoline of local entry 1 (the
// out-of-line scheme), and as scpatch and the run time leave it. The table of
// docs/benchmarking.md is its output with SCPATCH_FULL=1 and -v.
func TestE2ERestoreCounts(t *testing.T) {
	tooltest.Long(t, "make soundness")
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++")
	b := newBuilder(t, m)
	places, compilers := []callPlace{{"program", "object"}}, []string{"gcc-p8-O2"}
	if clitest.Full() {
		places, compilers = nil, []string{"gcc-p8-O2", "clang-p8-O2", "gcc-p10-O2"}
		for _, calls := range []string{"program", "library"} {
			for _, keys := range []string{"same object", "object", "other unit"} {
				places = append(places, callPlace{calls, keys})
			}
		}
	}
	rows := make([]string, len(places)*len(compilers)*len(callWays))
	t.Cleanup(func() {
		t.Log("instructions per call, those of the target included\n" +
			"| compiler | call in | key in | way | target in the unit | in another | NULL | return 0 |\n|---|---|---|---|---|---|---|---|\n" + strings.Join(rows, "\n"))
	})
	for i, compiler := range compilers {
		for j, place := range places {
			t.Run(compiler+"/"+place.calls+"/"+place.keys, func(t *testing.T) {
				t.Parallel()
				ways := make([]map[string]int, len(callWays))
				for k, way := range callWays {
					ways[k] = b.countRestore(t, compiler, place, way.flags, way.args)
					row := fmt.Sprintf("| %s | %s | %s | %s |", compiler, place.calls, place.keys, way.name)
					for _, kind := range restoreKinds {
						row += fmt.Sprintf(" %d |", ways[k][kind])
					}
					rows[(i*len(places)+j)*len(callWays)+k] = row
				}
				checkRestoreCounts(t, ways)
			})
		}
	}
}

// checkRestoreCounts holds what scpatch makes against the other ways.
func checkRestoreCounts(t *testing.T, ways []map[string]int) {
	pointer, outOfLine := ways[0], ways[1]
	for k, ours := range ways[2:] {
		for _, kind := range restoreKinds {
			name := callWays[k+2].name
			if ours[kind] > outOfLine[kind] {
				t.Errorf("%s, %s: %d instructions, out of line %d", name, kind, ours[kind], outOfLine[kind])
			}
			// The compiler takes the key's address and the save of r2 out of the
			// loop around a call through a pointer. A stub has both in it, and the
			// branch to it, a nop for the run time, and a test for NULL.
			allowed := pointer[kind] + map[string]int{"other": 7, "null": 3}[kind]
			if ours[kind] > allowed {
				t.Errorf("%s, %s: %d instructions, a pointer %d", name, kind, ours[kind], pointer[kind])
			}
		}
	}
}

// countRestore builds the program with its calls and keys in a place, and counts.
func (b *builder) countRestore(t *testing.T, compiler string, place callPlace, flags, args []string) map[string]int {
	dir := t.TempDir()
	compile := func(name string, words ...string) {
		words = slices.Concat([]string{"-I../include"}, words, []string{"src/restore_count.c"})
		copyFile(t, b.compile(t, compiler, words), filepath.Join(dir, name))
	}
	own, other := []string{"calls.o", "own.o"}, []string{"other.o"} // the units
	calls, pic := slices.Concat([]string{"-DCALLS"}, flags), []string{"-fPIE", "-fPIC"}
	switch place.keys {
	case "same object":
		calls = append(calls, "-DKEYS")
	case "object":
		own = append(own, "keys.o")
	case "other unit":
		other = append(other, "keys.o")
	}
	program, library := &own, &other
	if place.calls == "library" {
		program, library = library, program
		slices.Reverse(pic)
	}
	*program = append(*program, "main.o")
	compile("main.o", "-fPIE", "-DMAIN", "-DSTATIC_CALL_RUNTIME")
	compile("calls.o", append(calls, pic[0])...)
	compile("keys.o", "-fPIC", "-DKEYS")
	compile("own.o", pic[0], "-DTARGET=t_own")
	compile("other.o", pic[1], "-DTARGET=t_other")
	if args != nil {
		scpatch(t, mode{"count", args}, filepath.Join(dir, "calls.o"))
	}
	link := b.linkers["bfd"]
	execute(t, dir, slices.Concat(link, []string{"-shared", "-Wl,-soname,libcount.so"}, *library, []string{"-o", "libcount.so"}))
	execute(t, dir, slices.Concat(link, []string{"-pie", "-rdynamic", "-Wl,-z,now"}, *program, []string{"libcount.so", "-Wl,-rpath,$ORIGIN", "-o", "program"}))
	if args != nil {
		for _, file := range []string{"program", "libcount.so"} {
			if _, stderr, code := runCommand("verify", "--user", filepath.Join(dir, file)); code != cli.ExitDone {
				t.Errorf("verify %s: exit %d\n%s", file, code, stderr)
			}
		}
	}
	return b.counts(t, dir, restoreKinds)
}
