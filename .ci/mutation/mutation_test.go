// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
	got := allCovered("mode: set\nm/p/a.go:3.1,4.2 1 0\nm/p/a.go:5.1,6.2 1 1\nm/p/b.go:1.1,2.2 1 0\n")
	if want := "m/p/a.go:1.1,1000000.1 1 1\nm/p/b.go:1.1,1000000.1 1 1\n"; got != want {
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

// TestKilledBefore wants a killed mutant remembered, and no other.
func TestKilledBefore(t *testing.T) {
	dir, source := t.TempDir(), t.TempDir()
	t.Setenv(envKilled, filepath.Join(dir, "killed"))
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
	if m := mutated(dir, source); m != "" || wasKilled(m) {
		t.Errorf("without a mutant: %q", m)
	}
	put(dir, "b.go", "a - b")
	m := mutated(dir, source)
	if wasKilled(m) {
		t.Error("before it was killed")
	}
	noteKilled(m)
	if !wasKilled(mutated(dir, source)) {
		t.Error("not known")
	}
	put(dir, "b.go", "a * b")
	if wasKilled(mutated(dir, source)) {
		t.Error("another mutant")
	}
}

// TestQuickest wants the quickest tests, up to a tenth of the whole time.
func TestQuickest(t *testing.T) {
	got := quickest("=== RUN   TestA\n--- PASS: TestA (8.00s)\n--- PASS: TestB (0.50s)\n    --- PASS: TestB/sub (0.01s)\n--- PASS: TestC (0.40s)\n--- PASS: TestD (0.30s)\n--- SKIP: TestE (0.00s)\nPASS\n")
	if want := "^(TestD|TestC)$"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
