// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestExported wants a comment on every exported function, method, type, constant and
// variable. Those of a block may share one.
func TestExported(t *testing.T) {
	tooltest.NoRace(t)
	fset, seen := token.NewFileSet(), 0
	for _, file := range allSources(t) {
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			for _, id := range undocumented(d) {
				t.Errorf("%v: %s has no comment", fset.Position(id.Pos()), id.Name)
			}
			seen++
		}
	}
	if seen < 1000 {
		t.Errorf("only %d declarations", seen)
	}
}

// allSources returns the Go files of all packages, without tests.
func allSources(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}
{{end}}`, "./...")
	cmd.Dir = clitest.RepoPath(".")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// undocumented returns the exported names of a declaration that have no comment.
func undocumented(d ast.Decl) (names []*ast.Ident) {
	add := func(id *ast.Ident, comments ...*ast.CommentGroup) {
		for _, c := range comments {
			if c != nil {
				return
			}
		}
		if id.IsExported() {
			names = append(names, id)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || receiverName(d.Recv.List[0].Type).IsExported() {
			add(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				add(s.Name, d.Doc, s.Doc)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					add(id, d.Doc, s.Doc, s.Comment)
				}
			}
		}
	}
	return names
}

func receiverName(x ast.Expr) *ast.Ident {
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	if id, ok := x.(*ast.Ident); ok {
		return id
	}
	return ast.NewIdent("_")
}
