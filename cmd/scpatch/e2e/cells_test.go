// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A cell is one end-to-end program of testdata/e2e/cells.txt, which explains
// its directives.
type cell struct {
	name     string
	with     []string
	linkers  []string
	objects  []buildStep
	patch    []string
	library  [][]string
	program  []string
	args     [][]string
	stdout   string
	runtimes []string
}

// A buildStep makes one object: with a compiler, by copying a committed one, or
// by joining existing objects.
type buildStep struct {
	file      string
	compiler  string
	words     []string
	committed bool // words[0] is a file of testdata/obj
	joined    bool
}

type manifest struct {
	compilers map[string][]string
	linkers   map[string][]string
	run       []string
	cells     []*cell
	only      *randomTools // for random programs, unless they choose their own
}

func (m *manifest) linkerNames() []string { return []string{"bfd", "lld"} }

func readCells(t testing.TB, path string) *manifest {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &manifest{compilers: map[string][]string{}, linkers: map[string][]string{}}
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if w := strings.Fields(line); len(w) > 1 {
			if err := m.directive(w[0], w[1:]); err != nil {
				t.Fatalf("%s:%d: %v", path, n+1, err)
			}
		}
	}
	return m
}

func (m *manifest) directive(verb string, w []string) error {
	switch verb {
	case "compiler":
		m.compilers[w[0]] = w[1:]
		return nil
	case "linker":
		m.linkers[w[0]] = w[1:]
		return nil
	case "run":
		m.run = w
		return nil
	case "cell":
		m.cells = append(m.cells, &cell{
			name: w[0], linkers: m.linkerNames(), runtimes: []string{"none", "inline", "trampoline"},
		})
		return nil
	}
	if len(m.cells) == 0 {
		return fmt.Errorf("%s outside a cell", verb)
	}
	c := m.cells[len(m.cells)-1]
	switch verb {
	case "with":
		c.with = w
	case "linkers":
		c.linkers = w
	case "object":
		c.objects = append(c.objects, buildStep{file: w[0], compiler: w[1], words: w[2:]})
	case "prebuilt":
		c.objects = append(c.objects, buildStep{file: w[0], words: w[1:], committed: true})
	case "joined":
		c.objects = append(c.objects, buildStep{file: w[0], compiler: w[1], words: w[2:], joined: true})
	case "matrix":
		return c.matrix(w)
	case "patch":
		c.patch = w
	case "library":
		c.library = append(c.library, w)
	case "program":
		c.program = w
	case "args":
		c.args = append(c.args, w)
	case "stdout":
		c.stdout = w[0]
	case "runtimes":
		c.runtimes = w
	default:
		return fmt.Errorf("unknown directive %q", verb)
	}
	return nil
}

// matrix expands the directive of that name: it builds
// PREFIX_{main,caller,keys,targets}SUFFIX and links them according to their
// places.
func (c *cell) matrix(w []string) error {
	if len(w) < 6 {
		return fmt.Errorf("matrix: want SOURCE SUFFIX COMPILER CALLER KEYS TARGETS")
	}
	source, suffix, others, caller, flags := w[0], w[1], w[2], w[3], w[6:]
	object := func(name, compiler string, flags ...string) {
		c.objects = append(c.objects, buildStep{
			file: name + ".o", compiler: compiler, words: append(flags, source+"_"+name+suffix),
		})
	}
	program, unit := []string{"-pie"}, []string{"caller.o"}
	pic := "-fPIE"
	if caller == "library" {
		pic = "-fPIC"
	}
	callerFlags := append([]string{pic}, flags...)
	for i, name := range []string{"keys", "targets"} {
		switch place := w[4+i]; place {
		case "same":
			callerFlags = append(callerFlags, "-D"+strings.ToUpper(name)+"_HERE")
		case "object":
			object(name, others, append([]string{pic}, flags...)...)
			unit = append(unit, name+".o")
		case "program":
			object(name, others, "-fPIE")
			program = append(program, name+".o")
		case "library":
			object(name, others, "-fPIC")
			c.library = append(c.library, []string{"lib" + name + ".so", name + ".o"})
		default:
			return fmt.Errorf("matrix: no place %q for %s", place, name)
		}
	}
	switch caller {
	case "main":
		object("main", "@", append(callerFlags, "-DCALLER_HERE")...)
		c.patch, unit[0] = []string{"main.o"}, "main.o"
	case "object", "library":
		object("main", others, "-fPIE")
		object("caller", "@", callerFlags...)
		c.patch, program = []string{"caller.o"}, append(program, "main.o")
	default:
		return fmt.Errorf("matrix: no place %q for the caller", caller)
	}
	if caller == "library" {
		c.library = append(c.library, append([]string{"libcaller.so"}, unit...))
	} else {
		program = append(program, unit...)
	}
	for _, l := range c.library {
		program = append(program, l[0])
	}
	c.program = program
	return nil
}

// substitute replaces a leading @ by the name of the cell's compiler.
func substitute(word, compiler string) string {
	if rest, ok := strings.CutPrefix(word, "@"); ok {
		return compiler + rest
	}
	return word
}

// dropsTable reports whether a cell's link drops the table, as --gc-sections
// does if no linker script keeps it.
func (c *cell) dropsTable() bool { return slices.Contains(c.program, "-Wl,--gc-sections") }
