// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A report is gremlins's output (--output), and the directory of the files.
type report struct {
	dir   string
	Files []file `json:"files"`
}

type file struct {
	Name      string   `json:"file_name"`
	Mutations []mutant `json:"mutations"`
}

type mutant struct {
	Type   string `json:"type"`
	Status string `json:"status"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type tally struct{ killed, timedOut, lived, notCovered, invalid int }

func (t tally) tested() int { return t.killed + t.timedOut + t.lived + t.notCovered }

// score is the share of mutants that the tests notice, in percent. A mutant
// that no test runs survives.
func (t tally) score() float64 {
	if t.tested() == 0 {
		return 100
	}
	return 100 * float64(t.killed+t.timedOut) / float64(t.tested())
}

func (r *report) tally() (t tally) {
	for _, f := range r.Files {
		for _, m := range f.Mutations {
			switch m.Status {
			case "KILLED":
				t.killed++
			case "TIMED OUT":
				t.timedOut++
			case "LIVED":
				t.lived++
			case "NOT COVERED":
				t.notCovered++
			default:
				t.invalid++
			}
		}
	}
	return t
}

// A survivor is a mutant that no test noticed: its function, what was done to
// it, and its line with the operator between ‹ and ›. Line numbers would change
// with each edit.
type survivor struct {
	file, function, mutation, line string
	why                            string
}

func (s survivor) key() string {
	return strings.Join([]string{s.file, s.function, s.mutation, s.line}, "\n")
}

func (s survivor) String() string {
	why := s.why
	if why == "" {
		why = "?"
	}
	return fmt.Sprintf("%s %s %s\n\t%s\n\twhy: %s\n", s.file, s.function, s.mutation, s.line, why)
}

// survivors returns the survivors in a package's report, in the order of the
// files.
func (r *report) survivors(p string) ([]survivor, error) {
	var all []survivor
	for _, f := range r.Files {
		name := path.Join(p, path.Base(f.Name))
		src, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			return nil, err
		}
		lines := strings.Split(string(src), "\n")
		functions, err := functionsOf(name, src)
		if err != nil {
			return nil, err
		}
		for _, m := range f.Mutations {
			if m.Status != "LIVED" && m.Status != "NOT COVERED" {
				continue
			}
			if m.Line < 1 || m.Line > len(lines) {
				return nil, fmt.Errorf("%s: line %d of %d", name, m.Line, len(lines))
			}
			all = append(all, survivor{file: name, function: functions(m.Line), mutation: m.Type, line: mark(lines[m.Line-1], m.Column)})
		}
	}
	slices.SortStableFunc(all, func(a, b survivor) int { return cmp.Compare(a.file, b.file) })
	return all, nil
}

// mark puts the operator that begins at a column (1 is the first byte) between
// ‹ and ›.
func mark(line string, column int) string {
	start := min(max(column-1, 0), len(line))
	end := start
	for end < len(line) && strings.IndexByte("+-*/%&|^<>=!", line[end]) >= 0 {
		end++
	}
	if start == end { // break, continue
		for end < len(line) && line[end] >= 'a' && line[end] <= 'z' {
			end++
		}
	}
	return strings.TrimSpace(line[:start] + "‹" + line[start:end] + "›" + line[end:])
}

// functionsOf returns a function that names the function at a line.
func functionsOf(name string, src []byte) (func(line int) string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return func(line int) string {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && set.Position(fn.Pos()).Line <= line && line <= set.Position(fn.End()).Line {
				return fn.Name.Name
			}
		}
		return "-"
	}, nil
}

// A list has the known survivors, with the reason for each, and the packages
// whose survivors are all listed.
type list struct {
	whole     []string
	survivors []survivor
}

func readList(name string) (*list, error) {
	b, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return &list{}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseList(name, string(b))
}

const wholeMark = "whole: "

func parseList(name, text string) (*list, error) {
	l := &list{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" || strings.HasPrefix(lines[i], "#") {
			continue
		}
		if packages, ok := strings.CutPrefix(lines[i], wholeMark); ok {
			l.whole = strings.Fields(packages)
			continue
		}
		head := strings.Fields(lines[i])
		if len(head) != 3 || i+2 >= len(lines) || !strings.HasPrefix(lines[i+2], "\twhy: ") {
			return nil, fmt.Errorf("%s:%d: want FILE FUNCTION MUTATION, the line, and why", name, i+1)
		}
		s := survivor{head[0], head[1], head[2], strings.TrimSpace(lines[i+1]), strings.TrimPrefix(lines[i+2], "\twhy: ")}
		if s.why == "?" {
			s.why = ""
		}
		l.survivors = append(l.survivors, s)
		i += 2
	}
	return l, nil
}

const listHead = `# SPDX-License-Identifier: BSD-3-Clause
#
# The mutants that survive the tests of their package, and why they change nothing.
# "make mutation" compares the survivors with this list. A line "whole:" names packages
# whose survivors are all listed: samples are compared, too.
`

func (l *list) String() string {
	b := listHead
	if len(l.whole) > 0 {
		b += "\n" + wholeMark + strings.Join(l.whole, " ") + "\n"
	}
	for _, s := range l.survivors {
		b += "\n" + s.String()
	}
	return b
}

// unexplained returns the survivors for which the list has no reason.
func (l *list) unexplained(alive []survivor) (all []survivor) {
	known := map[string]bool{}
	for _, s := range l.survivors {
		known[s.key()] = s.why != ""
	}
	for _, s := range alive {
		if !known[s.key()] {
			all = append(all, s)
		}
	}
	return all
}

// stale returns the listed survivors of a package that are no longer alive.
func (l *list) stale(p string, alive []survivor) (all []survivor) {
	is := map[string]bool{}
	for _, s := range alive {
		is[s.key()] = true
	}
	for _, s := range l.survivors {
		if path.Dir(s.file) == p && !is[s.key()] {
			all = append(all, s)
		}
	}
	return all
}

// replace replaces a package's survivors in the list, and keeps the known
// reasons.
func (l *list) replace(p string, alive []survivor) {
	why := map[string]string{}
	var out []survivor
	for _, s := range l.survivors {
		if path.Dir(s.file) == p {
			why[s.key()] = s.why
		} else {
			out = append(out, s)
		}
	}
	seen := map[string]bool{}
	for _, s := range alive {
		if !seen[s.key()] {
			seen[s.key()] = true
			s.why = why[s.key()]
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b survivor) int { return cmp.Compare(a.file, b.file) })
	l.survivors = out
	if !slices.Contains(l.whole, p) {
		l.whole = append(l.whole, p)
	}
}
