// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites"
)

// TestE2E builds the programs of testdata/e2e/cells.txt, and links and runs
// each with its objects unpatched and patched, for every run time and with both
// linkers. The output of a program must not change, and sites that the plan
// calls direct must be direct. The everyday form runs every cell with its first
// compiler and every second one of the others.
func TestE2E(t *testing.T) {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "clang", "clang++", "ld.lld")
	b := newBuilder(t, m)
	for n, c := range m.cells {
		for i, compiler := range c.with {
			if i > 0 && (n+i)%2 == 0 && !clitest.Full() {
				continue
			}
			t.Run(c.name+"/"+compiler, func(t *testing.T) {
				t.Parallel()
				b.runCell(t, c, compiler, i)
			})
		}
	}
}

type builder struct {
	*manifest
	cache string // compiled and linked files, by what made them
	mu    sync.Mutex
	made  map[[32]byte]*sync.Once
}

func newBuilder(t *testing.T, m *manifest) *builder {
	return &builder{manifest: m, cache: t.TempDir(), made: map[[32]byte]*sync.Once{}}
}

// A mode is a way to patch a cell's objects.
type mode struct {
	name string
	args []string // nil: not patched
}

const kernelMode = "kernel-inline"

// modes returns the ways to patch a cell. The first is not to patch it.
func (c *cell) modes() []mode {
	modes := []mode{{"unpatched", nil}}
	for _, r := range c.runtimes {
		modes = append(modes, mode{"user-" + r, []string{"--user", "--runtime=" + r}})
	}
	if len(c.library) == 0 && (clitest.Full() || !strings.HasPrefix(c.name, "matrix")) {
		// One link unit, like the kernel image.
		modes = append(modes, mode{"kernel-whole", []string{"--runtime=trampoline", "--whole-program"}})
		if slices.Contains(c.runtimes, "none") {
			modes = append(modes, mode{kernelMode, []string{"--runtime=inline"}})
		}
	}
	return modes
}

// runCell runs a cell with its n-th compiler. The long form tests every mode
// with both linkers; the everyday form uses the linkers in turn, and with the
// second compiler and later ones only one mode of user space.
func (b *builder) runCell(t *testing.T, c *cell, compiler string, n int) {
	want, err := os.ReadFile(clitest.RepoPath("testdata", "e2e", "want", c.stdout))
	if err != nil {
		t.Fatal(err)
	}
	modes := c.modes()
	if n > 0 && !clitest.Full() {
		user := slices.DeleteFunc(modes, func(m mode) bool { return !strings.HasPrefix(m.name, "user") })
		modes = user[n%len(user):][:1]
	}
	seen := map[[32]byte]bool{}
	for i, md := range modes {
		dir := t.TempDir()
		for _, o := range c.objects {
			b.object(t, o, compiler, dir)
		}
		if md.args != nil {
			b.patchObjects(t, c, md, dir)
		}
		// Modes with the same output need not be linked and run again.
		h := hashFiles(t, dir, c.patch)
		if seen[h] {
			continue
		}
		seen[h] = true
		linkers := c.linkers
		if !clitest.Full() {
			linkers = linkers[(n+i)%len(linkers):][:1]
		}
		for _, linker := range linkers {
			got := b.linkAndRun(t, c, linker, dir)
			if md.name == kernelMode && !c.dropsTable() {
				program := filepath.Join(dir, "program")
				listed, direct, hidden := listedSites(t, dir, c.patch, md.args)
				if hidden > 0 {
					checkUnlisted(t, program, hidden)
				} else {
					checkLinked(t, program, listed, direct)
				}
			}
			if md.args != nil && !c.dropsTable() && !strings.HasPrefix(c.name, "annot") { // their table is the kernel's
				verifyCell(t, c, md, dir)
			}
			if got != string(want) {
				t.Errorf("%s, %s: printed\n%s\nwant\n%s", md.name, linker, got, want)
			}
		}
	}
}

// verifyCell verifies every patched object and the linked files, and reports
// whether all are correct.
func verifyCell(t *testing.T, c *cell, md mode, dir string) bool {
	right := true
	files := append(slices.Clone(c.patch), "program")
	for _, l := range c.library {
		files = append(files, l[0])
	}
	args := slices.DeleteFunc(slices.Clone(md.args), func(a string) bool { return a == "--whole-program" })
	if strings.HasPrefix(c.name, "cxx") || strings.HasPrefix(c.name, "matrix-cxx") {
		args = append(args, "--allow-unpatched") // functions of a group come from main, which is not patched
	}
	for _, f := range files {
		if _, stderr, code := runCommand(slices.Concat([]string{"verify", "-q"}, args, []string{filepath.Join(dir, f)})...); code != cli.ExitDone {
			t.Errorf("%s: verify %s: exit %d\n%s", md.name, filepath.Join(dir, f), code, stderr)
			right = false
		}
	}
	return right
}

// object makes one object in dir.
func (b *builder) object(t *testing.T, o buildStep, compiler, dir string) {
	to := filepath.Join(dir, o.file)
	if o.joined {
		execute(t, dir, slices.Concat(b.compilers[substitute(o.compiler, compiler)], o.words, []string{"-o", o.file}))
		return
	}
	if o.committed {
		copyFile(t, clitest.RepoPath("testdata", "obj", substitute(o.words[0], compiler)), to)
		return
	}
	copyFile(t, b.compile(t, substitute(o.compiler, compiler), o.words), to)
}

// compile compiles once for all cells with the same step.
func (b *builder) compile(t *testing.T, compiler string, words []string) string {
	command := slices.Concat(b.compilers[compiler], words[:len(words)-1], []string{"-c", words[len(words)-1]})
	return b.once(sha256.Sum256([]byte(strings.Join(command, "\x00"))), func(out string) {
		execute(t, clitest.RepoPath("testdata"), append(command, "-o", out))
	})
}

// link links once for the same words and the same files in dir.
func (b *builder) link(t *testing.T, dir, out string, words []string) {
	h := sha256.New()
	for _, w := range words {
		fmt.Fprintf(h, "%s\x00", w)
		if data, err := os.ReadFile(filepath.Join(dir, w)); err == nil {
			fmt.Fprintf(h, "%x\x00", sha256.Sum256(data))
		}
	}
	made := b.once([32]byte(h.Sum(nil)), func(out string) {
		execute(t, dir, append(words, "-o", out))
	})
	to := filepath.Join(dir, out)
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	// Not a symbolic link: the dynamic linker's $ORIGIN would be its target.
	if err := os.Link(made, to); err != nil {
		t.Fatal(err)
	}
}

// once returns the path of the file for a key. The first call for a key makes
// it.
func (b *builder) once(key [32]byte, makes func(out string)) string {
	b.mu.Lock()
	o := b.made[key]
	if o == nil {
		o = new(sync.Once)
		b.made[key] = o
	}
	b.mu.Unlock()
	out := filepath.Join(b.cache, fmt.Sprintf("%x", key))
	o.Do(func() { makes(out) })
	return out
}

// patchObjects patches the cell's objects and compares each with its plan. A
// second run must change nothing.
func (b *builder) patchObjects(t *testing.T, c *cell, md mode, dir string) {
	for _, name := range c.patch {
		path := filepath.Join(dir, name)
		plan := listJSON(t, path, md.args)
		scpatch(t, md, path)
		checkDirect(t, path, plan)
		once := clitest.ReadFile(t, path)
		scpatch(t, md, path)
		if !bytes.Equal(once, clitest.ReadFile(t, path)) {
			t.Errorf("%s, %s: a second run changed the object", md.name, name)
		}
	}
}

func scpatch(t *testing.T, md mode, path string) {
	var stdout, stderr bytes.Buffer
	if code := cli.Run(append(slices.Clone(md.args), path), &stdout, &stderr); code != cli.ExitDone && code != cli.ExitKept {
		t.Fatalf("scpatch %s: exit %d\n%s", strings.Join(md.args, " "), code, &stderr)
	}
}

func listJSON(t *testing.T, path string, args []string) []report.Site {
	var stdout, stderr bytes.Buffer
	if code := cli.Run(slices.Concat([]string{"list", "--json"}, args, []string{path}), &stdout, &stderr); code != cli.ExitDone {
		t.Fatalf("scpatch list: exit %d\n%s", code, &stderr)
	}
	var v report.File
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v.Sites
}

// A place is a byte offset in a section of that name.
type place struct {
	section string
	off     uint64
}

// callRelocations returns the symbol of each R_PPC64_REL24 and REL24_NOTOC of
// an object.
func callRelocations(t *testing.T, path string) map[place]string {
	t.Helper()
	return relocationsOf(t, path, func(r reloc.Rela, _ string) bool { return r.IsCall() })
}

// relocationsOf returns the symbols of the wanted relocations of an object.
func relocationsOf(t *testing.T, path string, wanted func(r reloc.Rela, name string) bool) map[place]string {
	t.Helper()
	f, err := elfrw.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[place]string{}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		if !s.Is(elf.SHT_RELA) {
			continue
		}
		table, err := reloc.NewTable(s.Data())
		if err != nil {
			t.Fatal(err)
		}
		section := f.Section(int(s.Info)).NameString()
		for j := range table.Len() {
			r := table.At(j)
			if name := string(f.SymbolName(f.Symbol(int(r.Sym())))); wanted(r, name) {
				found[place{section, r.Off}] = name
			}
		}
	}
	return found
}

// checkDirect checks the patched object by its relocations alone. Where the
// plan says direct or constant, no call to a trampoline may be left, and every
// site with a known target must have left it, except those with a reason.
func checkDirect(t *testing.T, path string, plan []report.Site) {
	t.Helper()
	calls := callRelocations(t, path)
	for _, s := range plan {
		callee, called := calls[place{s.Section, s.Offset}]
		switch s.Form {
		case sites.Direct:
			if !called || strings.HasPrefix(callee, sites.TrampPrefix) {
				t.Errorf("%s: %s+0x%x should be direct, calls %q", path, s.Section, s.Offset, callee)
			}
		case sites.Constant:
			if called {
				t.Errorf("%s: %s+0x%x should be a constant, calls %q", path, s.Section, s.Offset, callee)
			}
		case sites.Keep:
			if s.Reason == sites.NoReason || s.Why == "" {
				t.Errorf("%s: %s+0x%x is kept without a reason", path, s.Section, s.Offset)
			}
		default:
			if s.Proof == "" {
				t.Errorf("%s: %s+0x%x is %s without a proof", path, s.Section, s.Offset, s.Form)
			}
		}
	}
}

// linkAndRun links the cell in dir and returns the output of its program.
func (b *builder) linkAndRun(t *testing.T, c *cell, linker, dir string) string {
	link := b.linkers[linker]
	for _, l := range c.library {
		b.link(t, dir, l[0], slices.Concat(link, []string{"-shared", "-Wl,-soname," + l[0]}, l[1:]))
	}
	b.link(t, dir, "program", slices.Concat(link, c.program, []string{"-Wl,-rpath,$ORIGIN"}))
	runs := c.args
	if len(runs) == 0 {
		runs = [][]string{nil}
	}
	var printed strings.Builder
	for _, args := range runs {
		printed.Write(execute(t, dir, slices.Concat(b.run, []string{"./program"}, args)))
	}
	return printed.String()
}

// execute runs a command in dir and returns its standard output.
func execute(t testing.TB, dir string, command []string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(command, " "), err, &stdout, &stderr)
	}
	return stdout.Bytes()
}

func hashFiles(t *testing.T, dir string, names []string) [32]byte {
	h := sha256.New()
	for _, n := range names {
		h.Write(clitest.ReadFile(t, filepath.Join(dir, n)))
	}
	return [32]byte(h.Sum(nil))
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	clitest.WriteFile(t, to, clitest.ReadFile(t, from))
}
