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

// The ways to make a call to a key that may change.
var callWays = []struct {
	name  string
	flags []string // compiler options for the calls
	args  []string // options of scpatch, nil: unpatched
}{
	{"pointer", []string{"-DPOINTER"}, nil},
	{"out of line", nil, nil},
	{"scpatch", nil, []string{"--user"}},
	{"scpatch, r2 saved by the caller", []string{"-DSTATIC_CALL_SAVE_TOC=1"}, []string{"--user"}},
}

// The kinds of calls in testdata/src/restore_count.c, in its order, where no
// call comes first.
var restoreKinds = []string{"target in the unit", "in another", "in another, key never NULL", "NULL", "return 0"}

// The two forms of the calls there.
var callForms = []string{"in a loop", "once in a function"}

// Where the calls and their keys are.
type callPlace struct {
	calls string // in the program or in the library
	keys  string // in the same object, another object of the unit, or the other unit
}

// restoreCounts is what a call of each form and kind executes.
type restoreCounts [2][5]executions

// TestE2ERestoreCounts counts what one call of a key that may change executes:
// through a pointer, through a trampoline with local entry 1 (the out-of-line
// scheme), and as scpatch and the run time leave it. The tables of
// docs/benchmarking.md are its output with SCPATCH_FULL=1 and -v.
func TestE2ERestoreCounts(t *testing.T) {
	tooltest.Long(t, "make soundness")
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "clang")
	b := newBuilder(t, m)
	places, compilers := []callPlace{{"program", "object"}}, []string{"gcc-p8-O2"}
	if clitest.Full() {
		places, compilers = nil, []string{"gcc-p8-O2", "gcc-p9-O2", "gcc-p10-O2", "clang-p8-O2", "clang-p9-O2", "clang-p10-O2"}
		for _, calls := range []string{"program", "library"} {
			for _, keys := range []string{"same object", "object", "other unit"} {
				places = append(places, callPlace{calls, keys})
			}
		}
	}
	all := make([][][]restoreCounts, len(compilers)) // by compiler, way and place
	t.Cleanup(func() { t.Log(restoreTables(compilers, all)) })
	for i, compiler := range compilers {
		all[i] = make([][]restoreCounts, len(callWays))
		for k := range callWays {
			all[i][k] = make([]restoreCounts, len(places))
		}
		for j, place := range places {
			t.Run(compiler+"/"+place.calls+"/"+place.keys, func(t *testing.T) {
				t.Parallel()
				for k, way := range callWays {
					all[i][k][j] = b.countRestore(t, compiler, place, way.flags, way.args)
				}
				pointer, outOfLine := all[i][0][j], all[i][1][j]
				for k := range callWays[2:] {
					checkRestoreCounts(t, callWays[k+2].name, all[i][k+2][j], pointer, outOfLine)
				}
			})
		}
	}
}

// restoreTables makes two tables of the counts: the range of instructions over all
// places, and a breakdown for the worst place. Compilers with the same counts share
// rows.
func restoreTables(compilers []string, all [][][]restoreCounts) string {
	count := func(least, most executions) string {
		if least.instructions == most.instructions {
			return fmt.Sprint(most.instructions)
		}
		return fmt.Sprintf("%d–%d", least.instructions, most.instructions)
	}
	what := func(_, most executions) string {
		return fmt.Sprint(most.loads, most.stores, most.taken, most.indirect)
	}
	text := ""
	for _, table := range []struct {
		title string
		cell  func(least, most executions) string
	}{{"instructions per call, those of the target included", count}, {"loads, stores, taken branches, indirect branches", what}} {
		text += table.title + "\n\n| compiler | calls | way | " + strings.Join(restoreKinds, " | ") + " |\n|---|---|---" + strings.Repeat("|---", len(restoreKinds)) + "|\n"
		names := map[string][]string{}
		var blocks []string
		for i, compiler := range compilers {
			block := restoreRows(all[i], table.cell)
			if names[block] == nil {
				blocks = append(blocks, block)
			}
			names[block] = append(names[block], compiler)
		}
		for _, block := range blocks {
			text += "| " + strings.Join(names[block], ", ") + block
		}
		text += "\n"
	}
	return text
}

// restoreRows makes the rows of a compiler, without its name.
func restoreRows(ways [][]restoreCounts, cell func(least, most executions) string) string {
	rows := ""
	for form, calls := range callForms {
		for k, way := range callWays {
			switch {
			case form+k == 0:
				rows += " | " + calls
			case k == 0:
				rows += "| | " + calls
			default:
				rows += "| | "
			}
			rows += " | " + way.name + " |"
			for kind := range restoreKinds {
				least, most := ways[k][0][form][kind], executions{}
				for _, c := range ways[k] {
					e := c[form][kind]
					if e.instructions < least.instructions {
						least = e
					}
					if e.instructions > most.instructions {
						most = e
					}
				}
				rows += " " + cell(least, most) + " |"
			}
			rows += "\n"
		}
	}
	return rows
}

// checkRestoreCounts compares scpatch's calls with the other ways.
func checkRestoreCounts(t *testing.T, way string, ours, pointer, outOfLine restoreCounts) {
	for form, calls := range callForms {
		for k, kind := range restoreKinds {
			n := ours[form][k].instructions
			if other := outOfLine[form][k].instructions; n > other {
				t.Errorf("%s, %s, %s: %d instructions, out of line %d", way, calls, kind, n, other)
			}
			// For a call through a pointer, the compiler moves the key's
			// address and the save of r2 out of the loop. A stub contains both,
			// and adds the branch to it and a nop for the run time. gcc sets up
			// no frame if a pointer is NULL.
			allowed := pointer[form][k].instructions + [2][5]int{{0, 4, 4, 3, 0}, {0, 2, 2, 8, 0}}[form][k]
			if n > allowed {
				t.Errorf("%s, %s, %s: %d instructions, a pointer %d", way, calls, kind, n, pointer[form][k].instructions)
			}
		}
	}
}

// countRestore builds the program with its calls and keys in a place, and counts.
func (b *builder) countRestore(t *testing.T, compiler string, place callPlace, flags, args []string) restoreCounts {
	dir := t.TempDir()
	compile := func(name string, words ...string) {
		words = slices.Concat([]string{"-I../include"}, words, []string{"src/restore_count.c"})
		copyFile(t, b.compile(t, compiler, words), filepath.Join(dir, name))
	}
	own, other := []string{"calls.o", "own.o"}, []string{"other.o"} // the units
	calls, pic := slices.Concat([]string{"-DCALLS", "-fno-unroll-loops"}, flags), []string{"-fPIE", "-fPIC"}
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
	execute(t, dir, slices.Concat(link, []string{"-shared", "-Wl,-z,now", "-Wl,-soname,libcount.so"}, *library, []string{"-o", "libcount.so"}))
	execute(t, dir, slices.Concat(link, []string{"-pie", "-rdynamic", "-Wl,-z,now"}, *program, []string{"libcount.so", "-Wl,-rpath,$ORIGIN", "-o", "program"}))
	if args != nil {
		for _, file := range []string{"program", "libcount.so"} {
			if _, stderr, code := runCommand("verify", "--user", filepath.Join(dir, file)); code != cli.ExitDone {
				t.Errorf("verify %s: exit %d\n%s", file, code, stderr)
			}
		}
	}
	const marker, few, more = 0x63bd0000, 10, 20 // ori r29,r29,0; the calls of each kind
	e := executed(t, dir, b.run, []string{"./program"}, marker)
	if len(e) != 2*len(callForms)*(1+len(restoreKinds)) {
		t.Fatalf("%d pairs of markers", len(e))
	}
	var counts restoreCounts
	for form := range callForms {
		base, e := executions{}, e[form*len(e)/2:]
		for kind := range 1 + len(restoreKinds) {
			n := e[2*kind+1].minus(e[2*kind])
			if kind == 0 {
				base = n
				continue
			}
			counts[form][kind-1] = n.minus(base).per(t, more-few)
		}
	}
	return counts
}
