// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"
)

// rooms lists the parts of the package from bottom to top. A file of a room is
// room.go, or begins with the room's name and an underscore; the others are the
// model.
var rooms = []string{"model", "find", "plan", "apply", "check"}

func roomOf(file string) int {
	name, _, _ := strings.Cut(strings.TrimSuffix(file, ".go"), "_")
	return max(slices.Index(rooms, name), 0)
}

// nothing imports every package as an empty one, which is enough to find the
// references within this package.
type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, path[strings.LastIndexByte(path, '/')+1:])
	p.MarkComplete()
	return p, nil
}

// TestRooms finds every reference from a file to a declaration of another. A file
// may refer to its own room and to those below it. With -v it prints the numbers in
// docs/architecture.md.
func TestRooms(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	var counts, lines [5]int // of files, by room
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
			counts[roomOf(name)]++
			lines[roomOf(name)] += fset.Position(f.FileEnd).Line - 1
		}
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	pkg, _ := config.Check("sites", fset, files, &info)
	down, between := 0, map[[2]string]bool{}
	for id, object := range info.Uses {
		if object.Pkg() != pkg || !object.Pos().IsValid() {
			continue
		}
		from, to := fset.Position(id.Pos()), fset.Position(object.Pos())
		if from.Filename != to.Filename {
			between[[2]string{from.Filename, to.Filename}] = true
		}
		switch a, b := roomOf(from.Filename), roomOf(to.Filename); {
		case a < b:
			t.Errorf("%v: %s is of the room %q, and this one, %q, is below it", from, id.Name, rooms[b], rooms[a])
		case a > b:
			down++
		}
	}
	for room, name := range rooms {
		t.Logf("%s: %d files, %d lines", name, counts[room], lines[room])
	}
	t.Logf("%d files, of which one refers to another %d times, %d identifiers in all downwards", len(files), len(between), down)
	if down < 500 {
		t.Errorf("%d references to rooms below were found: the test does not see them", down)
	}
}
