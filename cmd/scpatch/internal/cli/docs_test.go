// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// The tests of this file compare the documents with the program: options, exit
// codes, reasons, messages, fields, and the output of commands.

// runCommand is Run with its output in strings.
func runCommand(args ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	code = Run(args, &out, &err)
	return out.String(), err.String(), code
}

// An option is one line of a help text or one item of the manual page.
type option struct{ short, long, arg string }

var optionLine = regexp.MustCompile(`^ {2,6}-`) // not a continuation line

var helpOption = regexp.MustCompile(`^ {2,6}(?:-(\w), )?--([a-z-]+)(?: ([A-Z]+)|\[=([A-Z]+)\])?  `)

func helpOptions(t *testing.T, args ...string) (opts []option) {
	t.Helper()
	help, _, code := runCommand(append(args, "--help")...)
	if code != ExitDone {
		t.Fatalf("exit code %d", code)
	}
	for _, line := range strings.Split(help, "\n") {
		if !optionLine.MatchString(line) {
			continue
		}
		m := helpOption.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("cannot read %q", line)
		}
		opts = append(opts, option{m[1], m[2], m[3] + m[4]})
	}
	return opts
}

var manOption = regexp.MustCompile(`^\.It (?:Fl (\w) , )?Fl -([a-z-]+)(?: Ar ([A-Z]+)| Ns Op = Ns Ar ([A-Z]+))?$`)

// manOptions reads the options of one subsection of the manual page.
func manOptions(t *testing.T, page, subsection string) (opts []option) {
	t.Helper()
	_, text, ok := strings.Cut(page, "\n.Ss "+subsection+"\n")
	if !ok {
		t.Fatalf("no subsection %q", subsection)
	}
	if i := regexp.MustCompile(`\n\.S[sh] `).FindStringIndex(text); i != nil {
		text = text[:i[0]]
	}
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, ".It Fl") {
			continue
		}
		m := manOption.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("cannot read %q", line)
		}
		opts = append(opts, option{m[1], m[2], m[3] + m[4]})
	}
	return opts
}

func TestManualOptions(t *testing.T) {
	page := clitest.Doc(t, "docs", "scpatch.1")
	all := manOptions(t, page, "Options of all commands")
	files := slices.Concat(all, manOptions(t, page, "Options of all commands but explain"))
	inputs := manOptions(t, page, "Options of scpatch, list and verify")
	planning := slices.Concat(files, manOptions(t, page, "Options of scpatch, list, compare and compile"))
	diff := slices.Concat(planning, manOptions(t, page, "Option of scpatch, list and compile"))
	both := slices.Concat(diff, inputs)
	tested := 0
	for _, c := range []struct {
		subsection string
		args       []string
		shared     []option
	}{
		{"Options of scpatch", nil, both},
		{"Options of scpatch list", []string{"list"}, both},
		{"Options of scpatch verify", []string{"verify"}, slices.Concat(files, inputs)},
		{"Options of scpatch compare", []string{"compare"}, planning},
		{"", []string{"explain"}, all},
		{"", []string{"compile"}, diff},
	} {
		want, got := helpOptions(t, c.args...), slices.Clone(c.shared)
		if c.subsection != "" {
			got = append(got, manOptions(t, page, c.subsection)...)
		}
		byName := func(a, b option) int { return strings.Compare(a.long, b.long) }
		slices.SortFunc(want, byName)
		slices.SortFunc(got, byName)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(option{})); diff != "" {
			t.Errorf("%q: --help has -, the manual page has +:\n%s", c.args, diff)
		}
		tested++
	}
	if tested != 1+len(commands) {
		t.Errorf("%d commands tested, there are %q and patching", tested, commands)
	}
}

// TestManualForm checks the manual page with a formatter.
func TestManualForm(t *testing.T) {
	page := clitest.RepoPath("docs", "scpatch.1")
	checked := false
	for _, c := range [][]string{
		{"mandoc", "-T", "lint", "-W", "warning", page},
		{"groff", "-mdoc", "-ww", "-z", "-Tutf8", page},
		{"man", "--warnings", "-l", page},
	} {
		if _, err := exec.LookPath(c[0]); err != nil {
			continue
		}
		checked = true
		cmd := exec.Command(c[0], c[1:]...)
		var said bytes.Buffer
		cmd.Stderr = &said
		if c[0] == "mandoc" {
			cmd.Stdout = &said
		}
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("%s: %v\n%s", strings.Join(c, " "), err, &said)
		}
	}
	if !checked {
		tooltest.Need(t, "mandoc") // or groff, or man
	}
}

// sourceFiles parses the files of a package's directory, without its tests.
func sourceFiles(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// constants returns the constants of a package, with their values, for which
// want is true.
func constants(t *testing.T, dir string, want func(name, typ string) bool) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, f := range sourceFiles(t, dir) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				typ := ""
				if id, ok := v.Type.(*ast.Ident); ok {
					typ = id.Name
				}
				for i, name := range v.Names {
					if i < len(v.Values) && want(name.Name, typ) {
						lit, ok := v.Values[i].(*ast.BasicLit)
						if !ok {
							t.Fatalf("%s is no literal", name.Name)
						}
						found[name.Name] = strings.Trim(lit.Value, `"`)
					}
				}
			}
		}
	}
	return found
}

func TestExitCodesDocumented(t *testing.T) {
	messages, page := clitest.Doc(t, "docs", "messages.md"), clitest.Doc(t, "docs", "scpatch.1")
	_, status, _ := strings.Cut(page, "\n.Sh EXIT STATUS\n")
	status, _, _ = strings.Cut(status, "\n.Sh ")
	help, _, _ := runCommand("--help")
	codes := constants(t, ".", func(name, _ string) bool { return regexp.MustCompile(`^Exit[A-Z]`).MatchString(name) })
	if len(codes) < 5 {
		t.Fatalf("found %v", codes)
	}
	for name, code := range codes {
		if row := fmt.Sprintf("\n| %s | `%s` | ", code, name); !strings.Contains(messages, row) {
			t.Errorf("docs/messages.md has no row %q", row)
		}
		if !strings.Contains(status, "\n.It "+code+"\n") {
			t.Errorf("docs/scpatch.1 does not have %s", code)
		}
		if !strings.Contains(help, "\n  "+code+"  ") {
			t.Errorf("--help does not have %s", code)
		}
	}
}

var verb = regexp.MustCompile(`%[#+0 ]*[0-9]*[a-zA-Z]`)

// TestMessagesDocumented looks for every error message in docs/messages.md,
// with "…" for what differs.
func TestMessagesDocumented(t *testing.T) {
	tooltest.NoRace(t)
	messages := strings.Join(strings.Fields(clitest.Doc(t, "docs", "messages.md")), " ")
	for dir, command := range map[string]bool{
		".": true, filepath.Join("..", "report"): true,
		clitest.RepoPath("sites"): false, clitest.RepoPath("sites", "verify"): false, clitest.RepoPath("sites", "image"): false, clitest.RepoPath("elfrw"): false,
	} {
		n := 0
		for _, f := range sourceFiles(t, dir) {
			for _, m := range errorTexts(f, command) {
				n++
				if text := verb.ReplaceAllString(m, "…"); !strings.Contains(messages, strings.Join(strings.Fields(text), " ")) {
					t.Errorf("docs/messages.md does not have %q", text)
				}
			}
		}
		if n < 9 {
			t.Errorf("%s: found %d messages", dir, n)
		}
	}
}

// errorTexts returns the texts in a file that may become part of an error: in
// the command, those passed to a function that makes one; in the libraries,
// which print nothing, all texts of several words.
func errorTexts(f *ast.File, command bool) (texts []string) {
	add := func(n ast.Node) {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, err := strconv.Unquote(lit.Value)
			if s == "referred to" {
				return // a marker in package sites, which an explanation replaces
			}
			if err == nil && strings.Contains(strings.TrimSpace(verb.ReplaceAllString(s, "")), " ") && !strings.HasSuffix(s, "\n") {
				texts = append(texts, s)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "String" || n.Name.Name == "Error" {
				return false
			}
		case *ast.CompositeLit:
			if a, ok := n.Type.(*ast.ArrayType); ok {
				if id, ok := a.Elt.(*ast.Ident); ok && id.Name == "reasonText" {
					return false // the sentences of the reasons, which the document explains separately
				}
			}
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); command && ok && slices.Contains([]string{"New", "Errorf"}, sel.Sel.Name) {
				for _, a := range n.Args {
					add(a)
				}
			}
		case *ast.BasicLit:
			if !command {
				add(n)
			}
		}
		return true
	})
	return texts
}

// TestFormatsDocumented looks for every field of the JSON output.
func TestFormatsDocumented(t *testing.T) {
	formats := clitest.Doc(t, "docs", "formats.md")
	for _, v := range []any{report.File{}, report.Site{}, report.Verdict{}, report.Fault{}, report.Comparison{}, report.Pair{}} {
		for typ, i := reflect.TypeOf(v), 0; i < typ.NumField(); i++ {
			if !typ.Field(i).IsExported() {
				continue
			}
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name == "" || !strings.Contains(formats, "\n| `"+name+"` | ") {
				t.Errorf("docs/formats.md has no row for %v.%s (%q)", typ, typ.Field(i).Name, name)
			}
		}
	}
}

// TestFormatsExamples checks the JSON that docs/formats.md shows.
func TestFormatsExamples(t *testing.T) {
	blocks := clitest.Fenced(clitest.Doc(t, "docs", "formats.md"), "json")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of JSON, want 2", len(blocks))
	}
	clitest.InObjects(t)
	strict := func(text string, v any) {
		t.Helper()
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	var shown report.Site
	strict(blocks[0], &shown)
	out, _, _ := runCommand("list", "--json", "gcc-p8-O2-update.o")
	var list report.File
	strict(out, &list)
	if diff := cmp.Diff(list.Sites[0], shown); diff != "" {
		t.Errorf("the program has -, docs/formats.md has +:\n%s", diff)
	}

	var said, logged map[string]any
	strict(blocks[1], &said)
	_, stderr, _ := runCommand("--dry-run", "--log-format=json", "gcc-p8-O2-weak.o")
	strict(stderr, &logged)
	delete(said, "time")
	delete(logged, "time")
	if diff := cmp.Diff(logged, said); diff != "" {
		t.Errorf("the program has -, docs/formats.md has +:\n%s", diff)
	}
}

// TestConsole runs the commands in the "console" blocks of README.md and the
// documents, and compares their output. A line "..." stands for any lines. cat
// shows a file that the block then uses. Commands of programs that are not in
// demoTools are skipped.
func TestConsole(t *testing.T) {
	docs := map[string]string{"README.md": clitest.Doc(t, "README.md")}
	for _, name := range []string{"architecture.md", "formats.md", "messages.md"} {
		docs[name] = clitest.Doc(t, "docs", name)
	}
	n := 0
	for name, doc := range docs {
		for _, block := range clitest.Fenced(doc, "console") {
			t.Run(name, func(t *testing.T) { n += runConsole(t, block) })
		}
	}
	if n == 0 {
		t.Error("no document shows a command")
	}
}

// demoTools are the programs with which blocks make files.
var demoTools = []string{"cp", "truncate", "ar", "powerpc64le-linux-gnu-as", "powerpc64le-linux-gnu-ld"}

// runConsole runs one block in a directory of its own and returns how many of
// its commands run scpatch.
func runConsole(t *testing.T, block string) (n int) {
	clitest.InObjects(t)
	for _, c := range strings.Split("\n"+block, "\n$ ")[1:] {
		line, want, _ := strings.Cut(c, "\n")
		args := strings.Fields(line)
		switch {
		case args[0] == "scpatch":
			n++
			var both bytes.Buffer
			Run(args[1:], &both, &both)
			if got := both.String(); !clitest.Matches(got, strings.TrimRight(want, "\n")) {
				t.Errorf("%s\nprints\n%s\nwhere the document has\n%s", line, got, want)
			}
		case args[0] == "cat" && len(args) == 2:
			if err := os.WriteFile(args[1], []byte(strings.TrimRight(want, "\n")+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		case slices.Contains(demoTools, args[0]):
			tooltest.Need(t, args[0])
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
		}
	}
	return n
}

// TestReadmeGoProgram runs the Go program of README.md as README.md says.
func TestReadmeGoProgram(t *testing.T) {
	tooltest.NoRace(t)
	_, section, _ := strings.Cut(clitest.Doc(t, "README.md"), "\n## In your Go program\n")
	source, shown := clitest.Fenced(section, "go")[0], clitest.Fenced(section, "console")[0]
	line, want, _ := strings.Cut(shown, "\n")
	object, ok := strings.CutPrefix(line, "$ go run . ")
	if !ok {
		t.Fatalf("the block begins with %q", line)
	}
	program := filepath.Join(t.TempDir(), "main.go")
	clitest.WriteFile(t, program, []byte(source))
	cmd := exec.Command("go", "run", program, filepath.Join("testdata", "obj", object))
	cmd.Dir = clitest.RepoPath()
	got, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("README.md has -, the program prints +:\n%s", diff)
	}
}

// rows returns the cells of all tables of a document. An empty cell repeats the one
// above it, as in docs/benchmarking.md.
func rows(doc string) (all [][]string) {
	var above []string
	for line := range strings.Lines(doc) {
		if !strings.HasPrefix(line, "| ") {
			above = nil
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i, c := range cells {
			if cells[i] = strings.Trim(c, " *"); cells[i] == "" && i < len(above) {
				cells[i] = above[i]
			}
		}
		all, above = append(all, cells), cells
	}
	return all
}

// TestReadmeNumbers finds the numbers of README.md in docs/benchmarking.md.
func TestReadmeNumbers(t *testing.T) {
	measured := rows(clitest.Doc(t, "docs", "benchmarking.md"))
	// number returns a cell of the row that begins with these cells.
	number := func(column int, begin ...string) string {
		t.Helper()
		for _, r := range measured {
			if len(r) > column && slices.Equal(r[:len(begin)], begin) {
				return r[column]
			}
		}
		t.Fatalf("docs/benchmarking.md has no row %q", begin)
		return ""
	}
	kernel := func(begin ...string) []string {
		return []string{number(3, begin...), number(4, begin...), number(5, begin...)}
	}
	user := func(column int) []string {
		way := func(name string) string { return number(column, "gcc-p8-O2, gcc-p9-O2", "in a loop", name) }
		saved := way("scpatch, r2 saved by the caller")
		if patched := way("scpatch"); patched != saved {
			saved += "–" + patched
		}
		return []string{way("pointer"), way("out of line"), saved}
	}
	want := map[string][]string{
		"a kernel function, from the kernel":         kernel("kernel", "kernel", "kernel"),
		"NULL, from the kernel (an unused hook)":     kernel("kernel", "kernel", "NULL"),
		"a function of the same module":              kernel("module", "kernel", "the module"),
		"a kernel function, from a module":           kernel("module", "kernel", "kernel, another module"),
		"a function of the same program, user space": user(3),
		"a function of another library, user space":  user(4),
	}
	for _, r := range rows(clitest.Doc(t, "README.md")) {
		if w, ok := want[r[0]]; ok {
			if diff := cmp.Diff(w, r[1:]); diff != "" {
				t.Errorf("%s: docs/benchmarking.md has -, README.md has +:\n%s", r[0], diff)
			}
			delete(want, r[0])
		}
	}
	for name := range want {
		t.Errorf("README.md has no row %q", name)
	}
}
