// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A plan says how the mutants of a package are tested.
type plan struct {
	Go     string
	Tests  string           // the program that has all woven mutants
	Woven  map[string]entry // by key
	Apart  map[string]bool  // keys of mutants that are built one by one
	Steps  [][]step         // the tests that reach each scope
	Always []step           // all tests
}

type entry struct{ Mutant, Scope int }

// A step is a run of some tests. The quickest tests are in the first step: they
// kill most mutants.
type step struct {
	Run   string        // a pattern
	Limit time.Duration // after which the mutant counts as killed
}

func readPlan(name string) (*plan, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p := &plan{}
	return p, json.Unmarshal(b, p)
}

func (p *plan) write(name string) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o666)
}

// A job is a package whose mutants are tested.
type job struct {
	goTool    string
	source    string // the directory of the unchanged package
	collected string // the directory of its mutants
	tests     string // where the program with all woven mutants goes
	skip      string // a pattern of tests that are left out
	env       []string
}

// plan weaves the collected mutants, and finds out which tests reach them.
func (j *job) plan() (*plan, error) {
	l, err := load(j.collected, j.source)
	if err != nil {
		return nil, err
	}
	if err := l.build(j.goTool, j.tests); err != nil {
		return nil, err
	}
	p := &plan{Go: j.goTool, Tests: j.tests, Woven: map[string]entry{}, Apart: map[string]bool{}}
	for _, key := range l.apart {
		p.Apart[key] = true
	}
	for _, m := range l.mutants {
		p.Woven[m.key] = entry{m.id, slices.Index(l.scopes, scope{m.file, m.function})}
	}
	all, err := j.traceAll()
	if err != nil {
		return nil, err
	}
	p.Always = steps(all)
	for i := range l.scopes {
		p.Steps = append(p.Steps, steps(slices.DeleteFunc(slices.Clone(all), func(t traced) bool { return !t.reached[i] })))
	}
	return p, nil
}

// list returns the names of the tests.
func (j *job) list() ([]string, error) {
	skip, err := regexp.Compile(cmp.Or(j.skip, "^$"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(j.tests, "-test.list=.")
	cmd.Dir, cmd.Env = j.source, j.env
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", cmd.Args, err)
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(name string) bool {
		return strings.HasPrefix(name, "Benchmark") || skip.MatchString(name)
	}), nil
}

// A traced test is known by what it reaches, and by how long that takes.
type traced struct {
	name    string
	took    time.Duration
	reached map[int]bool // scopes
}

// traceAll runs each test by itself, without a mutant.
func (j *job) traceAll() ([]traced, error) {
	names, err := j.list()
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "trace-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	all := make([]traced, len(names))
	for i, name := range names {
		if all[i], err = j.trace(name, filepath.Join(tmp, strconv.Itoa(i))); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (j *job) trace(name, file string) (traced, error) {
	cmd := exec.Command(j.tests, "-test.short", "-test.run=^"+name+"$")
	cmd.Dir, cmd.Env = j.source, append(j.env, envTrace+"="+file)
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return traced{}, fmt.Errorf("%s fails without a mutant: %w\n%s", name, err, out)
	}
	t := traced{name, time.Since(start), map[int]bool{}}
	b, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return traced{}, err
	}
	for _, s := range strings.Fields(string(b)) {
		i, err := strconv.Atoi(s)
		if err != nil {
			return traced{}, err
		}
		t.reached[i] = true
	}
	return t, nil
}

// firstStep is how long the first step takes. Each later one takes three times
// as long.
const firstStep = 300 * time.Millisecond

func steps(tests []traced) []step {
	slices.SortFunc(tests, func(a, b traced) int {
		return cmp.Or(cmp.Compare(a.took, b.took), cmp.Compare(a.name, b.name))
	})
	var all []step
	length := firstStep
	for len(tests) > 0 {
		n, sum := 0, time.Duration(0)
		var names []string
		for n < len(tests) && (n == 0 || sum+tests[n].took <= length) {
			sum += tests[n].took
			names = append(names, tests[n].name)
			n++
		}
		all = append(all, step{"^(" + strings.Join(names, "|") + ")$", 10*sum + 10*time.Second})
		tests, length = tests[n:], 3*length
	}
	return all
}

// try tests the mutant in this directory, and returns go's exit code.
func (p *plan) try(key string) int {
	if m, ok := p.Woven[key]; ok {
		return p.runSteps(p.Tests, m.Scope, p.Steps[m.Scope], envMutant+"="+strconv.Itoa(m.Mutant))
	}
	if !p.Apart[key] {
		return notViable // not in the sample, or it does not compile
	}
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "test")
	if command(context.Background(), p.Go, "test", "-c", "-o", bin, "-vet=off").Run() != nil {
		return notViable
	}
	return p.runSteps(bin, -1, p.Always)
}

// runSteps runs tests until one fails. The step that killed the last mutant of
// the scope comes first.
func (p *plan) runSteps(tests string, scope int, steps []step, env ...string) int {
	hint := fmt.Sprintf("%s.%d", p.Tests, scope)
	order := steps
	if b, err := os.ReadFile(hint); err == nil {
		if i, err := strconv.Atoi(string(b)); err == nil && i < len(steps) {
			order = slices.Concat(steps[i:i+1], steps[:i], steps[i+1:])
		}
	}
	for _, s := range order {
		ctx, cancel := context.WithTimeout(context.Background(), s.Limit)
		cmd := command(ctx, tests, "-test.short", "-test.failfast", "-test.run="+s.Run)
		cmd.Env = append(os.Environ(), env...)
		err := cmd.Run()
		cancel()
		if err != nil {
			_ = os.WriteFile(hint, []byte(strconv.Itoa(slices.Index(steps, s))), 0o666)
			return killed
		}
	}
	return 0
}
