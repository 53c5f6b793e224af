// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
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

// graphPrograms is the number of programs made from the objects of one graph,
// which are compiled once.
const (
	graphPrograms = 24
	graphLinks    = 4 // ways to link among them
)

// TestE2ERandomCalls makes programs of random functions, in C and C++, in up to
// eight objects of up to four link units, that call each other through random
// keys and change the keys as they run. It makes 24 programs from each graph of
// functions: patched with random options, joined by ld -r or not, linked by one
// linker or another. A program must print what it prints unpatched; verify must
// accept its objects and all linked files; a second run must change nothing;
// and verify must notice a corrupted word.
//
// SCPATCH_PROGRAMS says how many programs, SCPATCH_FIRST which is the first,
// SCPATCH_SPOILS how many words are corrupted. Failures are left in
// build/random/GRAPH/NUMBER.
func TestE2ERandomCalls(t *testing.T) {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "clang", "clang++", "ld.lld")
	programs := map[int][]int{} // by graph
	first, n := randomNumber(t, "SCPATCH_FIRST", 0), randomNumber(t, "SCPATCH_PROGRAMS", 0)
	for p := first; p < first+n; p++ {
		programs[p/graphPrograms] = append(programs[p/graphPrograms], p)
	}
	if n == 0 {
		programs = map[int][]int{6: {144, 151, 157, 163}, 14: {336, 343, 349, 355}}
	}
	tally := &randomTally{counts: map[string]int{}}
	t.Cleanup(func() { tally.log(t) })
	for _, graph := range slices.Sorted(maps.Keys(programs)) {
		t.Run(fmt.Sprint(graph), func(t *testing.T) {
			t.Parallel()
			g := newRandomGraph(t, m, tally, graph)
			for _, p := range programs[graph] {
				g.program(t, p)
			}
			if !t.Failed() {
				os.RemoveAll(g.dir)
			}
		})
	}
}

// A randomTally counts results over all graphs.
type randomTally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (r *randomTally) add(what ...string) {
	r.mu.Lock()
	r.counts[strings.Join(what, " ")]++
	r.mu.Unlock()
}

func (r *randomTally) log(t *testing.T) {
	var all strings.Builder
	for _, what := range slices.Sorted(maps.Keys(r.counts)) {
		fmt.Fprintf(&all, "%7d %s\n", r.counts[what], what)
	}
	t.Logf("\n%s", &all)
}

func randomNumber(t *testing.T, name string, n int) int {
	if text := os.Getenv(name); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil || n < 0 {
			t.Fatalf("%s=%s: want a number", name, text)
		}
	}
	return n
}

// A randomProgram is one program of a graph.
type randomProgram struct {
	*randomGraph
	t      *testing.T
	number int
	dir    string
	link   *randomLink
	patch  *randomPatch
	want   string // what it prints unpatched
	failed bool
}

func (p *randomProgram) errorf(format string, args ...any) {
	p.t.Helper()
	p.failed = true
	p.t.Errorf("program %d (make soundness-random FIRST=%d PROGRAMS=1): %s\n%s",
		p.number, p.number, fmt.Sprintf(format, args...), p.describe(p.link, p.patch))
}

// A randomOutcome is the result of a random program.
type randomOutcome int

const (
	randomPassed randomOutcome = iota
	randomFailed
	randomNotLinked // unpatched, or for a reason that is not scpatch's
)

// program makes the n-th program.
func (g *randomGraph) program(t *testing.T, n int) randomOutcome {
	r := rand.New(rand.NewPCG(uint64(n), 2))
	p := &randomProgram{randomGraph: g, t: t, number: n, dir: filepath.Join(g.dir, fmt.Sprint(n)), link: g.links[n%graphLinks]}
	p.patch = g.randomPatch(r, p.link)
	var err error
	if p.want, err = g.unpatched(t, p.link, p.patch.runtime == "none"); err != nil {
		g.tally.add("not linked unpatched:", p.link.linker, gist(err))
		return randomNotLinked
	}
	got, err := g.make(t, p.dir, p.link, p.patch)
	switch {
	case err != nil && (p.link.kind() == "mold" && strings.Contains(err.Error(), "unknown relocation: ") || strings.Contains(err.Error(), unwindLost)):
		g.tally.add("not linked patched:", p.link.linker, gist(err))
		return randomNotLinked
	case err != nil:
		p.errorf("%v\n%s", err, p.shrink())
	case got != p.want:
		p.errorf("printed otherwise:\n%s\n%s", firstDifference(got, p.want), p.shrink())
	default:
		p.check(r)
	}
	g.tally.add("linked by", p.link.linker)
	g.tally.add("with --runtime", p.patch.runtime)
	if p.failed {
		g.tally.add("programs that failed")
		return randomFailed
	}
	g.tally.add("programs that passed")
	os.RemoveAll(p.dir)
	return randomPassed
}

// unpatched returns the output of an unpatched program; fixed says that no key
// changes.
func (g *randomGraph) unpatched(t *testing.T, link *randomLink, fixed bool) (string, error) {
	how, i := &randomPatch{runtime: "inline", leave: map[string]bool{}}, 0
	if fixed {
		how.runtime, i = "none", 1
	}
	for _, o := range graphObjects {
		how.leave[o.name] = true
	}
	if !link.made[i] {
		link.made[i] = true
		dir := filepath.Join(g.dir, fmt.Sprintf("unpatched-%d", link.index))
		link.printed[i], link.failed[i] = g.make(t, dir, link, how)
		if link.failed[i] == nil {
			link.failed[i] = entersLocally(dir, link)
		}
	}
	return link.printed[i], link.failed[i]
}

// shrink leaves more and more objects unpatched while the program still fails.
func (p *randomProgram) shrink() string {
	small := *p.patch
	small.leave = maps.Clone(p.patch.leave)
	dir := filepath.Join(p.randomGraph.dir, fmt.Sprint(p.number, "-small"))
	var patched []string
	for _, o := range graphObjects {
		if small.leave[o.name] || !p.link.has(o) {
			continue
		}
		small.leave[o.name] = true
		if got, err := p.make(p.t, dir, p.link, &small); err == nil && got == p.want {
			delete(small.leave, o.name)
			patched = append(patched, o.name)
		}
	}
	got, err := p.make(p.t, dir, p.link, &small)
	if err != nil {
		got = err.Error()
	}
	return fmt.Sprintf("with no more than %s patched, in %s: %s", strings.Join(patched, ", "), dir, firstDifference(got, p.want))
}

// check verifies everything, patches it once more, and corrupts it.
func (p *randomProgram) check(r *rand.Rand) {
	for _, f := range p.patch.patched {
		p.verify(f)
		once := clitest.ReadFile(p.t, f)
		runCommand(slices.Concat(p.patch.args, []string{"-q", f})...)
		if !bytes.Equal(once, clitest.ReadFile(p.t, f)) {
			p.errorf("a second run changes %s", f)
		}
		clitest.WriteFile(p.t, f, once)
	}
	files := p.link.files()
	for _, f := range files {
		p.verify(filepath.Join(p.dir, f))
	}
	if !p.failed && p.patch.record {
		p.spoil(filepath.Join(p.dir, one(r, files...)), r)
	}
}

// verify checks that verify accepts a file. Without a record, it may report that it
// knows nothing.
func (p *randomProgram) verify(file string) {
	_, stderr, code := runCommand(slices.Concat([]string{"verify", "-q"}, p.patch.verify(), []string{file})...)
	unknown := !p.patch.record && strings.Count(stderr, "\n") == 1 && strings.Contains(stderr, "[nothing-known]")
	if code != cli.ExitDone && !unknown {
		p.errorf("verify %s: exit %d\n%s", file, code, stderr)
	}
}

// firstDifference returns the first line that differs.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, want %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}

// options returns random options with which programs that change keys are
// correct.
func (g *callGraph) options() []string {
	args := []string{"--user", "--runtime=" + []string{"inline", "inline", "trampoline"}[g.any(3)]}
	if g.any(3) == 0 {
		var forms []string
		for _, f := range []string{"stack", "save-stub", "linker", "shadow"} {
			if g.any(2) == 0 {
				forms = append(forms, f)
			}
		}
		if len(forms) > 0 {
			args = append(args, "--restore="+strings.Join(forms, ","))
		}
	}
	return args
}
