// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// made returns a report on one file, with one mutant of each status.
func made(t *testing.T, src string, at ...[2]int) *report {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "p"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "p", "f.go"), []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	f := file{Name: "f.go"}
	for i, s := range []string{"LIVED", "NOT COVERED", "KILLED", "TIMED OUT", "NOT VIABLE"} {
		p := at[min(i, len(at)-1)]
		f.Mutations = append(f.Mutations, mutant{"CONDITIONALS_NEGATION", s, p[0], p[1]})
	}
	return &report{dir: dir, Files: []file{f}}
}

const source = "package p\n\nvar a = 1 - 2\n\nfunc (t T) f() bool {\n\treturn a >= b && c\n}\n"

// TestSurvivors wants the mutants that lived or are not covered, with their
// places in words.
func TestSurvivors(t *testing.T) {
	r := made(t, source, [2]int{6, 11}, [2]int{3, 11})
	got, err := r.survivors("p")
	if err != nil {
		t.Fatal(err)
	}
	want := []survivor{
		{"p/f.go", "f", "CONDITIONALS_NEGATION", "return a ‹>=› b && c", ""},
		{"p/f.go", "-", "CONDITIONALS_NEGATION", "var a = 1 ‹-› 2", ""},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := r.tally(); n != (tally{1, 1, 1, 1, 1}) || n.tested() != 4 || n.score() != 50 {
		t.Errorf("tally %+v, score %g", n, n.score())
	}
}

// TestList wants the list read back as it was written, and a survivor without a
// reason to count as unexplained.
func TestList(t *testing.T) {
	a := survivor{"p/f.go", "f", "INVERT_LOGICAL", "return a ‹&&› b", "both are the same"}
	b := survivor{"p/f.go", "g", "INVERT_LOGICAL", "return a ‹&&› b", ""}
	other := survivor{"q/f.go", "f", "INVERT_LOGICAL", "return a ‹&&› b", "of another package"}
	l, err := parseList("list", (&list{[]string{"p", "q"}, []survivor{a, b, other}}).String())
	if err != nil || !slices.Equal(l.survivors, []survivor{a, b, other}) || !slices.Equal(l.whole, []string{"p", "q"}) {
		t.Fatalf("%v, %v", l, err)
	}
	if got := l.unexplained([]survivor{a, b}); len(got) != 1 || got[0] != b {
		t.Errorf("unexplained: %v", got)
	}
	if got := l.stale("p", []survivor{a}); len(got) != 1 || got[0] != b {
		t.Errorf("stale: %v", got)
	}
	c := survivor{"p/e.go", "h", "INVERT_LOGICAL", "x", ""}
	a2 := a
	a2.why = ""
	if l.replace("p", []survivor{c, a2, a2}); !slices.Equal(l.survivors, []survivor{c, a, other}) || len(l.whole) != 2 {
		t.Errorf("replaced: %v", l)
	}
	if l.replace("r", nil); len(l.whole) != 3 {
		t.Errorf("whole are %v", l.whole)
	}
	for _, bad := range []string{"p/f.go f\n\tx\n\twhy: y\n", "p/f.go f M\n\tx\n", "p/f.go f M\n\tx\n\tbecause\n"} {
		if _, err := parseList("list", bad); err == nil || !strings.HasPrefix(err.Error(), "list:1: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestMark(t *testing.T) {
	for _, c := range []struct {
		line   string
		column int
		want   string
	}{
		{"\tif a == b {", 7, "if a ‹==› b {"},
		{"\t\tbreak", 3, "‹break›"},
		{"\t\tcontinue // x", 3, "‹continue› // x"},
		{"a--", 2, "a‹--›"},
		{"a", 9, "a‹›"},
	} {
		if got := mark(c.line, c.column); got != c.want {
			t.Errorf("mark(%q, %d) = %q, want %q", c.line, c.column, got, c.want)
		}
	}
}

func TestAllCovered(t *testing.T) {
	got := allCovered("m/p", []string{"/x/a.go", "/x/b.go"})
	if want := "mode: set\nm/p/a.go:1.1,1000000.1 1 1\nm/p/b.go:1.1,1000000.1 1 1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSample wants every nth call in the sample, from the offset on.
func TestSample(t *testing.T) {
	t.Setenv(envEvery, "3")
	t.Setenv(envOffset, "7")
	t.Setenv(envCount, filepath.Join(t.TempDir(), "count"))
	got := ""
	for range 7 {
		if inSample() {
			got += "x"
		} else {
			got += "."
		}
	}
	if got != ".x..x.." {
		t.Errorf("in the sample: %s", got)
	}
}

// TestVerdicts wants a killed mutant remembered, and one that lived forgotten.
func TestVerdicts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "verdicts")
	note := func(mutant string, code int) {
		t.Helper()
		if err := noteVerdict(file, mutant, code); err != nil {
			t.Fatal(err)
		}
	}
	lived := func(want int) {
		t.Helper()
		if n, err := countLived(file); n != want || err != nil {
			t.Errorf("%d lived, %v; want %d", n, err, want)
		}
	}
	note("a.go:1", killed)
	note("a.go:10", 0)
	lived(1)
	if !wasKilled(file, "a.go:1") || wasKilled(file, "a.go:10") || wasKilled(file, "go:1") {
		t.Error("not what was noted")
	}
	for _, keep := range []bool{true, false} {
		if err := forget(file, keep); err != nil {
			t.Fatal(err)
		}
		lived(0)
		if wasKilled(file, "a.go:1") != keep {
			t.Errorf("after forget(%t)", keep)
		}
	}
}

// TestMutated wants a mutant's key to name the file that differs, and its text.
func TestMutated(t *testing.T) {
	dir, source := t.TempDir(), t.TempDir()
	put := func(in, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(in, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, in := range []string{dir, source} {
		put(in, "a.go", "a < b")
		put(in, "b.go", "a + b")
	}
	if key := mutated(dir, source); key != "" {
		t.Errorf("without a mutant: %q", key)
	}
	put(dir, "b.go", "a - b")
	minus := mutated(dir, source)
	put(dir, "b.go", "a * b")
	if times := mutated(dir, source); fileOf(minus) != "b.go" || fileOf(times) != "b.go" || minus == times {
		t.Errorf("keys %q and %q", minus, times)
	}
}

// TestWeave builds a package with three mutants, runs its test with each, and
// wants one killed by the test that reaches it, one alive, and one, which does not
// compile, dropped.
func TestWeave(t *testing.T) {
	source, collected := t.TempDir(), t.TempDir()
	const code = `package p

func less(a, b int) bool {
	defer func() {}()
loop:
	for {
		break loop
	}
	return a < b
}

func join(a, b string) string { return a + b }

var one = 2 - 1
`
	for name, text := range map[string]string{
		"go.mod": "module m\n",
		"p.go":   code,
		"p_test.go": `package p

import "testing"

func TestLess(t *testing.T) {
	if !less(1, 2) {
		t.Error("1 < 2")
	}
}

func TestJoin(t *testing.T) { join("a", "b") }
`,
	} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	keys := map[string]string{}
	for name, change := range map[string][2]string{
		"killed":  {"a < b", "a >= b"},
		"lived":   {"a < b", "a <= b"},
		"invalid": {"a + b", "a - b"},
		"apart":   {"2 - 1", "2 + 1"},
	} {
		text := strings.Replace(code, change[0], change[1], 1)
		if err := os.WriteFile(filepath.Join(source, "p.go"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		unchanged := t.TempDir()
		if err := os.WriteFile(filepath.Join(unchanged, "p.go"), []byte(code), 0o666); err != nil {
			t.Fatal(err)
		}
		keys[name] = mutated(source, unchanged)
		if err := copyFile(filepath.Join(source, "p.go"), filepath.Join(collected, keys[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(source, "p.go"), []byte(code), 0o666); err != nil {
		t.Fatal(err)
	}
	j := &job{"go", source, collected, filepath.Join(t.TempDir(), "tests"), "", os.Environ()}
	p, err := j.plan()
	if err != nil {
		t.Fatal(err)
	}
	if !p.Apart[keys["apart"]] || len(p.Apart) != 1 || len(p.Woven) != 2 {
		t.Errorf("the plan is %+v", p)
	}
	for name, want := range map[string]int{"killed": killed, "lived": 0, "invalid": notViable} {
		if got := p.try(keys[name]); got != want {
			t.Errorf("%s: exit code %d, want %d", name, got, want)
		}
	}
	m := p.Woven[keys["killed"]]
	if s := p.Steps[m.Scope]; len(s) != 1 || s[0].Run != "^(TestLess)$" {
		t.Errorf("%v test less, want TestLess", s)
	}
}

// TestSteps wants the quick tests first, and steps that become longer.
func TestSteps(t *testing.T) {
	var tests []traced
	for i, ms := range []int{5000, 100, 20, 700, 150} {
		tests = append(tests, traced{name: "T" + string(rune('0'+i)), took: time.Duration(ms) * time.Millisecond})
	}
	got := ""
	for _, s := range steps(tests) {
		got += s.Run
	}
	if want := "^(T2|T1|T4)$^(T3)$^(T0)$"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
