// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A woven mutant is the changed body of a function. All of a package are built
// into one test program, next to the true bodies: each function begins with a
// switch that enters one of them.
type woven struct {
	key      string // what mutated returns for it
	file     string // base name
	function int    // index among the functions of the file
	body     string // from brace to brace
	id       int    // 1 and up
}

// A scope is a function that mutants change.
type scope struct {
	file     string
	function int
}

// A loom has a package's mutants.
type loom struct {
	dir     string // of the unchanged package
	mutants []*woven
	scopes  []scope  // mutants of scopes[i] are woven into one function
	apart   []string // keys of mutants outside of functions: they are built one by one
}

// load reads the mutants that asGo has collected in a directory.
func load(collected, dir string) (*loom, error) {
	l := &loom{dir: dir}
	names, err := filepath.Glob(filepath.Join(collected, "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		changed, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		key := filepath.Base(name)
		base := fileOf(key)
		was, err := os.ReadFile(filepath.Join(dir, base))
		if err != nil {
			return nil, err
		}
		id := len(l.mutants) + 1
		changed, err = format.Source(changed) // gremlins does not
		if err != nil {
			continue // &x became |x
		}
		function, body, err := changedBody(was, changed, id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", base, err)
		}
		if function < 0 {
			l.apart = append(l.apart, key)
			continue
		}
		l.mutants = append(l.mutants, &woven{key, base, function, body, id})
		if s := (scope{base, function}); !slices.Contains(l.scopes, s) {
			l.scopes = append(l.scopes, s)
		}
	}
	return l, nil
}

// changedBody returns the index of the only function that differs between two
// states of a file, and its new body with braces. Labels in it end in the
// mutant's number. The index is -1 if something else differs.
func changedBody(was, changed []byte, id int) (int, string, error) {
	old, err := functionsIn(was)
	if err != nil {
		return 0, "", err
	}
	now, err := functionsIn(changed)
	if err != nil {
		return 0, "", err
	}
	found := -1
	for i := range min(len(old), len(now)) {
		if bytes.Equal(old[i].text(old[i].decl), now[i].text(now[i].decl)) {
			continue
		}
		if found >= 0 || !bytes.Equal(old[i].text(old[i].decl.Type), now[i].text(now[i].decl.Type)) {
			return -1, "", nil
		}
		found = i
	}
	if found < 0 {
		return -1, "", nil
	}
	return found, now[found].renamed("_m" + strconv.Itoa(id)), nil
}

// A function is a declaration with a body.
type function struct {
	src  []byte
	base token.Pos // of the file
	decl *ast.FuncDecl
}

func functionsIn(src []byte) ([]function, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []function
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			all = append(all, function{src, f.FileStart, fn})
		}
	}
	return all, nil
}

func (f function) offset(p token.Pos) int { return int(p - f.base) }

func (f function) text(n ast.Node) []byte { return f.src[f.offset(n.Pos()):f.offset(n.End())] }

// renamed returns the body with a suffix on each label.
func (f function) renamed(suffix string) string {
	var ends []int
	add := func(label *ast.Ident) {
		if label != nil {
			ends = append(ends, f.offset(label.End()))
		}
	}
	ast.Inspect(f.decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.LabeledStmt:
			add(n.Label)
		case *ast.BranchStmt:
			add(n.Label)
		}
		return true
	})
	slices.Sort(ends)
	var b strings.Builder
	at := f.offset(f.decl.Body.Pos())
	for _, end := range ends {
		b.Write(f.src[at:end])
		b.WriteString(suffix)
		at = end
	}
	b.Write(f.src[at:f.offset(f.decl.Body.End())])
	return b.String()
}

// selector is added to the package: envMutant says which mutant runs, and
// envTrace names a file that gets the number of each scope that is entered.
const selector = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var (
	activeMutant, _ = strconv.Atoi(os.Getenv(%q))
	mutantTrace, _  = os.OpenFile(os.Getenv(%q), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666) // tests act as other users
	mutantSeen      [%d]atomic.Bool
)

func selectMutant(scope int) int {
	if mutantTrace != nil && !mutantSeen[scope].Swap(true) {
		if _, err := mutantTrace.WriteString(strconv.Itoa(scope) + "\n"); err != nil {
			panic(err)
		}
	}
	return activeMutant
}
`

// weave returns a file of the package with its mutants, and the mutant of each
// line (0 is none).
func (l *loom) weave(base string) (string, []int, error) {
	src, err := os.ReadFile(filepath.Join(l.dir, base))
	if err != nil {
		return "", nil, err
	}
	functions, err := functionsIn(src)
	if err != nil {
		return "", nil, err
	}
	var out strings.Builder
	var lines []int
	write := func(text string, id int) {
		out.WriteString(text)
		for range strings.Count(text, "\n") {
			lines = append(lines, id)
		}
	}
	at := 0
	for i, s := range l.scopes {
		if s.file != base {
			continue
		}
		fn := functions[s.function]
		brace := fn.offset(fn.decl.Body.Lbrace) + 1
		write(string(src[at:brace])+"\nswitch selectMutant("+strconv.Itoa(i)+") {\n", 0)
		for _, m := range l.mutants {
			if m.file != base || m.function != s.function {
				continue
			}
			end := "return"
			if fn.decl.Type.Results.NumFields() > 0 {
				end = `panic("a mutant without a return")`
			}
			write(fmt.Sprintf("case %d:\n%s\n%s\n", m.id, m.body, end), m.id)
		}
		write("}\n", 0)
		at = brace
	}
	write(string(src[at:]), 0)
	return out.String(), append(lines, 0), nil
}

// compileError is one line of the compiler's output.
var compileError = regexp.MustCompile(`(?m)^(?:\./)?([\w./-]+\.go):(\d+)(?::\d+)?: (.*)$`)

// build builds the package's tests with all mutants. Mutants that do not
// compile are dropped.
func (l *loom) build(goTool, bin string) error {
	slices.SortFunc(l.scopes, func(a, b scope) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.function, b.function))
	})
	tmp, err := os.MkdirTemp("", "weave-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for {
		overlay, owner, err := l.overlay(tmp)
		if err != nil {
			return err
		}
		cmd := exec.Command(goTool, "test", "-c", "-o", bin, "-vet=off", "-gcflags=-e", "-overlay="+overlay, ".")
		cmd.Dir = l.dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		bad := map[int]bool{}
		for _, m := range compileError.FindAllStringSubmatch(string(out), -1) {
			line, _ := strconv.Atoi(m[2])
			if lines := owner[filepath.Base(m[1])]; line >= 1 && line <= len(lines) && lines[line-1] != 0 {
				bad[lines[line-1]] = true
			}
		}
		if len(bad) == 0 {
			return fmt.Errorf("the mutants do not compile: %w\n%s", err, out)
		}
		l.mutants = slices.DeleteFunc(l.mutants, func(m *woven) bool { return bad[m.id] })
	}
}

// overlay writes the woven files to a directory, and a list of what they replace
// for go's -overlay. It returns the list's name, and for each file the mutant of
// each line.
func (l *loom) overlay(tmp string) (string, map[string][]int, error) {
	name, err := packageName(l.dir)
	if err != nil {
		return "", nil, err
	}
	owner, replace := map[string][]int{}, map[string]string{}
	put := func(base, text string) error {
		to := filepath.Join(tmp, base)
		replace[filepath.Join(l.dir, base)] = to
		return os.WriteFile(to, []byte(text), 0o666)
	}
	if err := put("zz_select_mutant.go", fmt.Sprintf(selector, name, envMutant, envTrace, len(l.scopes))); err != nil {
		return "", nil, err
	}
	for _, s := range l.scopes {
		if owner[s.file] != nil {
			continue
		}
		text, lines, err := l.weave(s.file)
		if err != nil {
			return "", nil, err
		}
		owner[s.file] = lines
		if err := put(s.file, text); err != nil {
			return "", nil, err
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", nil, err
	}
	list := filepath.Join(tmp, "overlay.json")
	return list, owner, os.WriteFile(list, b, 0o666)
}

// packageName returns the name in the package clause of a directory's code.
func packageName(dir string) (string, error) {
	names, err := sources(dir)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		return f.Name.Name, nil
	}
	return "", fmt.Errorf("%s has no Go code", dir)
}

// sources returns the Go files of a directory that are not tests.
func sources(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") }), err
}
