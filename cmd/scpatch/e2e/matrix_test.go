// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EToolMatrix builds programs of testdata/e2e/cells.txt with each version of gcc
// and clang that is installed, for each processor, and has each linker link their objects
// unpatched and patched. It adds random programs. A program must print the expected
// output, patched or not, and verify must accept it. A program that does not link
// unpatched says nothing about scpatch; it is counted, and the log has the command.
//
// SCPATCH_MATRIX says how many cells each compiler builds for each processor, at most all,
// and how many random programs, at most 24; SCPATCH_FIRST says where to start. Without
// SCPATCH_MATRIX, each compiler builds one cell for one processor, and one linker links it.
// Failures are left in build/matrix.
func TestE2EToolMatrix(t *testing.T) {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], crossPrefix+"gcc", crossPrefix+"g++", "clang", "clang++", "ld.lld")
	programs, first := randomNumber(t, "SCPATCH_MATRIX", 0), randomNumber(t, "SCPATCH_FIRST", 0)
	linkers := matrixLinkers(t)
	names := slices.Sorted(maps.Keys(linkers))
	table := &matrixTable{linkers: names, counts: map[string]*matrixCounts{}}
	t.Cleanup(func() { table.log(t) })
	everyday := programs == 0
	compilers := matrixCompilers()
	if len(compilers) == 0 {
		tooltest.Missing(t, "no version of gcc or clang that the matrix has is here")
	}
	for n, c := range compilers {
		for i, cpu := range matrixProcessors {
			x := &matrixPart{table: table, compiler: c, cpu: cpu, linkers: names, cells: programs, random: programs,
				first: first + (n*len(matrixProcessors)+i)*programs}
			if everyday {
				if i != n%2*2 { // power8 and power10 in turn
					continue
				}
				x.cells, x.everyday, x.linkers = 1, "usc-calls-library", []string{names[n%len(names)]}
			}
			if !c.knows(cpu) {
				continue
			}
			x.manifest = m.withTools(c, cpu, linkers, emulates(t, m.run[0], cpu))
			t.Run(c.name+"/"+cpu, func(t *testing.T) {
				t.Parallel()
				x.run(t)
			})
		}
	}
}

// A matrixPart is the part for one compiler and one processor.
type matrixPart struct {
	*manifest
	table    *matrixTable
	compiler matrixCompiler
	cpu      string
	linkers  []string
	cells    int
	everyday string // the only cell, if not empty
	random   int
	first    int
}

// run runs the part's cells, from first on, and its random programs.
func (x *matrixPart) run(t *testing.T) {
	var suited []*cell
	for _, c := range x.manifest.cells {
		if x.everyday != "" && c.name != x.everyday {
			continue
		}
		if c.suits(x.compiler.kind, x.cpu, 0) != "" {
			suited = append(suited, c)
		}
	}
	if len(suited) == 0 {
		t.Fatal("no cell for this compiler and processor")
	}
	for i := range min(x.cells, len(suited)) {
		c := suited[(x.first+i)%len(suited)]
		t.Run(c.name, func(t *testing.T) { x.cell(t, c, c.suits(x.compiler.kind, x.cpu, x.first+i)) })
	}
	if x.random > 0 {
		t.Run("random", x.randomPrograms)
	}
}

// dir returns an empty directory for a test. It is removed if the test passes.
func (x *matrixPart) dir(t *testing.T) string {
	dir, err := filepath.Abs(clitest.RepoPath("build", "matrix", strings.TrimPrefix(t.Name(), "TestE2EToolMatrix/")))
	if err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(dir)
		}
	})
	return dir
}

// cell builds a cell with one of its compilers, patches it in each mode, and links and
// runs it with each linker.
func (x *matrixPart) cell(t *testing.T, c *cell, compiler string) {
	top := x.dir(t)
	want := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", c.stdout)))
	objects := filepath.Join(top, "objects")
	if err := x.objects(c, compiler, objects); err != nil {
		t.Logf("not compiled: %v", err)
		for _, l := range x.linkers {
			x.table.count(x, l).unlinked++
		}
		return
	}
	right := map[string]bool{} // the linkers whose unpatched program is correct
	seen := map[[32]byte]bool{}
	for _, md := range c.modes() {
		dir := filepath.Join(top, md.name)
		if err := os.CopyFS(dir, os.DirFS(objects)); err != nil {
			t.Fatal(err)
		}
		if md.args != nil {
			for _, o := range c.patch {
				if _, stderr, code := runCommand(append(slices.Clone(md.args), "-q", filepath.Join(dir, o))...); code != cli.ExitDone && code != cli.ExitKept {
					t.Errorf("scpatch %s %s: exit %d\n%s", strings.Join(md.args, " "), filepath.Join(dir, o), code, stderr)
				}
			}
		}
		h := hashFiles(t, dir, c.patch)
		if seen[h] {
			continue
		}
		seen[h] = true
		for _, l := range x.linkers {
			switch {
			case !c.links(l) || !strings.HasPrefix(md.name, "user") && md.args != nil && strings.HasPrefix(l, "mold"): // mold links no kernels
			case md.args == nil:
				got, err := x.linkAndRun(c, l, dir)
				if right[l] = err == nil && got == want; !right[l] {
					x.table.count(x, l).unlinked++
					if _, none := os.Stat(filepath.Join(dir, "program")); none == nil {
						t.Errorf("%s, unpatched: %s, %v", l, firstDifference(got, want), err)
					} else {
						t.Logf("%s, unpatched, does not link: %v", l, err)
					}
				}
			case right[l]:
				x.table.add(x, l, x.try(t, c, md, l, dir, want))
			}
		}
	}
	if len(seen) < 2 {
		t.Error("no mode has changed an object")
	}
}

// try links, runs and verifies a patched program, and reports whether all succeeded.
func (x *matrixPart) try(t *testing.T, c *cell, md mode, linker, dir, want string) bool {
	got, err := x.linkAndRun(c, linker, dir)
	if err != nil {
		t.Errorf("%s, %s: %v", linker, md.name, err)
		return false
	}
	if got != want {
		t.Errorf("%s, %s: %s (in %s)", linker, md.name, firstDifference(got, want), dir)
		return false
	}
	if c.dropsTable() || strings.HasPrefix(c.name, "annot") {
		return true
	}
	return verifyCell(t, c, md, dir)
}

// objects compiles a cell's objects into dir.
func (x *matrixPart) objects(c *cell, compiler, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, o := range c.objects {
		command := x.compilers[substitute(o.compiler, compiler)]
		from, words := dir, o.words
		if !o.joined {
			from = clitest.RepoPath("testdata")
			words = slices.Concat(words[:len(words)-1], []string{"-c", words[len(words)-1]})
		}
		if _, err := attempt(from, nil, slices.Concat(command, words, []string{"-o", filepath.Join(dir, o.file)})); err != nil {
			return err
		}
	}
	return nil
}

// linkAndRun links a cell in dir and returns the output of its program.
func (x *matrixPart) linkAndRun(c *cell, linker, dir string) (string, error) {
	link := x.manifest.linkers[linker]
	for _, l := range c.library {
		if _, err := attempt(dir, nil, slices.Concat(link, []string{"-shared", "-Wl,-soname," + l[0]}, l[1:], []string{"-o", l[0]})); err != nil {
			return "", err
		}
	}
	if _, err := attempt(dir, nil, slices.Concat(link, c.program, []string{"-Wl,-rpath,$ORIGIN", "-o", "program"})); err != nil {
		return "", err
	}
	runs := c.args
	if len(runs) == 0 {
		runs = [][]string{nil}
	}
	printed := ""
	for _, args := range runs {
		got, err := attempt(dir, nil, slices.Concat(x.manifest.run, []string{"./program"}, args))
		if err != nil {
			return "", err
		}
		printed += got
	}
	return printed, nil
}

// randomPrograms makes random programs of one graph: the compiler compiles it, and the
// linkers link it in turn.
func (x *matrixPart) randomPrograms(t *testing.T) {
	m, turn := *x.manifest, x.first%len(x.linkers)
	m.only = &randomTools{compiler: [2]string{x.compiler.c, x.compiler.cxx}, cpu: x.cpu, linkers: slices.Concat(x.linkers[turn:], x.linkers[:turn]), dir: x.dir(t)}
	r := rand.New(rand.NewPCG(uint64(x.first), 3))
	for range slices.Index(matrixProcessors, x.cpu) {
		r.Uint64()
	}
	graph := r.IntN(1000)
	tally := &randomTally{counts: map[string]int{}}
	g := newRandomGraph(t, &m, tally, graph)
	for i := range min(x.random, graphPrograms) {
		number := graph*graphPrograms + i
		l := g.links[number%graphLinks].linker
		switch g.program(t, number) {
		case randomPassed:
			x.table.add(x, l, true)
		case randomFailed:
			x.table.add(x, l, false)
		case randomNotLinked:
			x.table.count(x, l).unlinked++
		}
	}
	tally.log(t)
}

// A matrixTable counts programs by compiler and processor, and by linker.
type matrixTable struct {
	linkers []string
	mu      sync.Mutex
	counts  map[string]*matrixCounts
}

type matrixCounts struct{ passed, failed, unlinked int }

func (m *matrixTable) count(x *matrixPart, linker string) *matrixCounts {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := x.compiler.name + " " + x.cpu + " " + linker
	if m.counts[key] == nil {
		m.counts[key] = &matrixCounts{}
	}
	return m.counts[key]
}

func (m *matrixTable) add(x *matrixPart, linker string, passed bool) {
	if passed {
		m.count(x, linker).passed++
	} else {
		m.count(x, linker).failed++
	}
}

// log prints the table: the programs that passed and, if there are any, those that failed
// and those that are wrong unpatched.
func (m *matrixTable) log(t *testing.T) {
	var text strings.Builder
	line := func(first string, of func(linker string) string) {
		fmt.Fprintf(&text, "| %-17s |", first)
		for _, l := range m.linkers {
			fmt.Fprintf(&text, " %-12s |", of(l))
		}
		text.WriteString("\n")
	}
	line("patched programs", func(l string) string { return l })
	line(strings.Repeat("-", 17), func(string) string { return strings.Repeat("-", 12) })
	for _, c := range matrixCompilers() {
		for _, cpu := range matrixProcessors {
			any := false
			for _, l := range m.linkers {
				any = any || m.counts[c.name+" "+cpu+" "+l] != nil
			}
			if !any {
				continue
			}
			line(c.name+" "+cpu, func(l string) string {
				n := m.counts[c.name+" "+cpu+" "+l]
				if n == nil {
					return ""
				}
				text := fmt.Sprint(n.passed)
				if n.failed > 0 {
					text += fmt.Sprintf(" FAIL %d", n.failed)
				}
				if n.unlinked > 0 {
					text += fmt.Sprintf(" (%d)", n.unlinked)
				}
				return text
			})
		}
	}
	t.Logf("in brackets: programs that do not link, or are wrong, unpatched\n%s", &text)
}
