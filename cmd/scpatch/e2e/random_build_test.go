// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64"
)

// A randomGraph is a graph with its objects, and ways to link them.
type randomGraph struct {
	*manifest
	tally *randomTally
	dir   string
	calm  bool
	alone bool // compiled as one executable
	tocs  bool // all code has a TOC pointer
	links []*randomLink
	lines []string // the commands that compiled it
}

// A randomLink is one way to link a graph.
type randomLink struct {
	index  int
	linker string
	alone  bool     // everything is one executable
	flags  []string // for the executable
	every  []string // for the libraries as well
	join   string   // the linker that joins the program's objects with -r, or ""
	first  bool     // join them before they are patched

	made    [2]bool // whether the unpatched output is known, if keys change and if not
	printed [2]string
	failed  [2]error
}

// A randomPatch is one way to patch them.
type randomPatch struct {
	args    []string
	runtime string
	record  bool
	leave   map[string]bool // objects that are not patched
	patched []string        // the files that are patched
}

// randomTools are the tools for random programs that do not choose their own.
type randomTools struct {
	compiler [2]string // for C and C++
	cpu      string
	linkers  []string // in turn
	dir      string   // the directory of the programs
}

// newRandomGraph writes and compiles the n-th graph.
func newRandomGraph(t *testing.T, m *manifest, tally *randomTally, n int) *randomGraph {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	source := &callGraph{rand: r}
	dir, err := filepath.Abs(clitest.RepoPath("build", "random", fmt.Sprint(n)))
	if err != nil {
		t.Fatal(err)
	}
	if m.only != nil {
		dir = m.only.dir
	}
	g := &randomGraph{manifest: m, tally: tally, dir: dir}
	os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range source.sources() {
		clitest.WriteFile(t, filepath.Join(dir, name), []byte(text))
	}
	g.calm, g.alone, g.tocs = source.calm, r.IntN(3) == 0, r.IntN(3) == 0
	for _, o := range graphObjects {
		g.compile(t, r, o)
	}
	for i := range graphLinks {
		g.links = append(g.links, g.randomLink(r, i))
	}
	return g
}

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// toolOr returns a program, or another one if it is not installed. Later random
// choices do not depend on the result.
func toolOr(name, otherwise string) string {
	if _, err := exec.LookPath(name); err != nil {
		return otherwise
	}
	return name
}

// compile compiles one object with a randomly chosen compiler.
func (g *randomGraph) compile(t *testing.T, r *rand.Rand, o graphObject) {
	compilers := [][2]string{{"powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++"}, {"clang", "clang++"}}
	compiler := one(r, compilers[0], compilers[0], compilers[1])
	if r.IntN(6) == 0 {
		compiler = [2]string{toolOr("clang-19", "clang"), toolOr("clang++-19", "clang++")}
	}
	cpu := one(r, "power8", "power8", "power9", "power10")
	if g.only != nil {
		compiler, cpu = g.only.compiler, g.only.cpu
	}
	if g.tocs && hasPrefixed(cpu) {
		cpu = "power9"
	}
	command := []string{compiler[0], "-std=gnu11"}
	if o.cxx {
		command = []string{compiler[1], "-std=c++17"}
	}
	if strings.HasPrefix(compiler[0], "clang") {
		command = append(command, "--target=powerpc64le-linux-gnu")
	}
	command = append(command, "-mcpu="+cpu, one(r, "-O0", "-O1", "-O2", "-O2", "-O3", "-Os"))
	if !hasPrefixed(cpu) {
		switch r.IntN(12) {
		case 0:
			command = append(command, "-mcmodel=small")
		case 1:
			command = append(command, "-mcmodel=large")
		}
	}
	if r.IntN(2) == 0 {
		command = append(command, "-ffunction-sections", "-fdata-sections")
	}
	if r.IntN(4) == 0 {
		command = append(command, "-DSTATIC_CALL_SAVE_TOC=1")
	}
	if !g.calm {
		command = append(command, "-fexceptions")
	}
	include, err := filepath.Abs(clitest.RepoPath("include"))
	if err != nil {
		t.Fatal(err)
	}
	pic := "-fPIC"
	if o.unit == 0 || g.alone {
		pic = "-fPIE"
	}
	command = append(command, pic, "-w", "-fwrapv", "-I"+include, "-c", o.name+o.suffix(), "-o", o.name+".orig")
	g.lines = append(g.lines, strings.Join(command, " "))
	execute(t, g.dir, command)
}

// randomLink returns a random way to link.
func (g *randomGraph) randomLink(r *rand.Rand, i int) *randomLink {
	l := &randomLink{index: i, linker: one(r, "bfd", "bfd", "lld", "lld"), alone: g.alone || r.IntN(4) == 0}
	if r.IntN(6) == 0 {
		l.linker = "lld-19"
	}
	if l.alone && r.IntN(4) == 0 {
		l.linker = "mold"
	}
	if g.only != nil {
		l.linker = g.only.linkers[i%len(g.only.linkers)]
		l.alone = l.alone || l.kind() == "mold"
	}
	l.flags = []string{one(r, "-pie", "-pie", "-no-pie")}
	if l.alone && r.IntN(3) == 0 {
		l.flags = []string{"-static"}
	}
	if !l.alone {
		l.flags = append(l.flags, "-rdynamic")
	}
	if r.IntN(3) == 0 {
		l.every = append(l.every, "-Wl,--gc-sections")
		if l.kind() != "mold" && r.IntN(2) == 0 {
			l.every = append(l.every, "-Wl,-z,start-stop-gc")
		}
	}
	if l.kind() != "bfd" && r.IntN(2) == 0 {
		l.every = append(l.every, one(r, "-Wl,--icf=all", "-Wl,--icf=safe"))
	}
	if r.IntN(3) == 0 {
		l.every = append(l.every, "-Wl,-z,now")
	}
	if r.IntN(3) == 0 {
		l.join, l.first = one(r, "bfd", "lld"), r.IntN(2) == 0
	}
	switch l.linker {
	case "lld-19":
		l.linker = strings.TrimPrefix(toolOr("ld.lld-19", "ld.lld"), "ld.")
	case "mold":
		l.linker = toolOr("mold", "lld")
	}
	return l
}

// kind returns the linker without its version.
func (l *randomLink) kind() string {
	kind, _, _ := strings.Cut(l.linker, "-")
	return kind
}

// randomPatch returns a random way to patch with which programs that are linked like
// that are correct.
func (g *randomGraph) randomPatch(r *rand.Rand, l *randomLink) *randomPatch {
	p := &randomPatch{runtime: one(r, "inline", "inline", "trampoline", "none"), record: r.IntN(12) > 0, leave: map[string]bool{}}
	p.args = []string{"--user", "--runtime=" + p.runtime}
	if r.IntN(2) == 0 {
		var forms []string
		for _, f := range []string{"stack", "save-stub", "linker", "shadow"} {
			if r.IntN(2) == 0 {
				forms = append(forms, f)
			}
		}
		if len(forms) > 0 {
			p.args = append(p.args, "--restore="+strings.Join(forms, ","))
		}
	}
	if g.calm && r.IntN(2) == 0 {
		p.args = append(p.args, "--allow-shadow", "--shadow-stack=sh_stack")
	}
	switch {
	case l.kind() == "mold":
		p.args = append(p.args, "--linker=other")
	case r.IntN(2) == 0:
		p.args = append(p.args, "--linker="+one(r, l.kind(), "other"))
	}
	if l.join != "" && l.first && l.alone && r.IntN(2) == 0 {
		p.args = append(p.args, "--whole-program")
	}
	if !p.record {
		p.args = append(p.args, "--no-record")
	}
	if r.IntN(3) == 0 {
		p.leave[graphObjects[r.IntN(len(graphObjects))].name] = true
	}
	return p
}

// verify returns the matching options of verify.
func (p *randomPatch) verify() []string {
	args := []string{"--user", "--runtime=" + p.runtime}
	if len(p.leave) > 0 || !p.record {
		args = append(args, "--allow-unpatched")
	}
	return args
}

// files returns the files to link.
func (l *randomLink) files() []string {
	if l.alone {
		return []string{"program"}
	}
	return []string{"program", "lib1.so", "lib2.so", "plug.so"}
}

// has reports whether the link has an object.
func (l *randomLink) has(o graphObject) bool {
	return !l.alone || o.name != graphObjects[graphDup].name
}

// make patches, links and runs a program in dir, and returns its output.
func (g *randomGraph) make(t *testing.T, dir string, l *randomLink, p *randomPatch) (string, error) {
	os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	p.patched = nil
	patch := func(name string) error {
		path := filepath.Join(dir, name)
		p.patched = append(p.patched, path)
		if _, stderr, code := runCommand(slices.Concat(p.args, []string{"-q", path})...); code != cli.ExitDone && code != cli.ExitKept {
			return fmt.Errorf("scpatch %s %s: exit %d\n%s", strings.Join(p.args, " "), path, code, stderr)
		}
		return nil
	}
	units := map[int][]string{}
	for _, o := range graphObjects {
		if !l.has(o) {
			continue
		}
		unit := o.unit
		if l.alone {
			unit = 0
		}
		units[unit] = append(units[unit], o.name+".o")
		copyFile(t, filepath.Join(g.dir, o.name+".orig"), filepath.Join(dir, o.name+".o"))
		if !p.leave[o.name] && (unit != 0 || l.join == "" || !l.first) {
			if err := patch(o.name + ".o"); err != nil {
				return "", err
			}
		}
	}
	if l.join != "" {
		command := slices.Concat(g.linker(l.join), []string{"-nostdlib", "-no-pie", "-r", "-o", "joined.o"}, units[0])
		if _, err := attempt(dir, nil, command); err != nil {
			return "", err
		}
		if f, err := elf.Open(filepath.Join(dir, "joined.o")); err != nil || endsEarly(f) {
			return "", fmt.Errorf("joined.o: %v\n%s %s", err, l.join, unwindLost)
		}
		units[0] = []string{"joined.o"}
		if l.first && len(p.leave) < len(graphObjects) {
			if err := patch("joined.o"); err != nil {
				return "", err
			}
		}
	}
	link := slices.Concat(g.linker(l.linker), l.every)
	if !l.alone {
		for unit, lib := range []string{1: "lib1.so", 2: "lib2.so", 3: "plug.so"} {
			if lib == "" {
				continue
			}
			if _, err := attempt(dir, nil, slices.Concat(link, []string{"-shared", "-Wl,-soname," + lib}, units[unit], []string{"-o", lib})); err != nil {
				return "", err
			}
		}
		units[0] = append(units[0], "lib1.so", "lib2.so")
	}
	if _, err := attempt(dir, nil, slices.Concat(link, l.flags, units[0], []string{"-Wl,-rpath,$ORIGIN", "-o", "program"})); err != nil {
		return "", err
	}
	return g.runs(dir, p)
}

// unwindLost is the reason why a program cannot be tested: ld.lld -r pads .eh_frame
// of an object with a zero, which ends it for the final linker, so that later landing
// pads are lost.
const unwindLost = "-r ends .eh_frame early"

func endsEarly(f *elf.File) bool {
	defer f.Close()
	s := f.Section(".eh_frame")
	if s == nil {
		return false
	}
	b, err := s.Data()
	for err == nil && len(b) > 4 {
		n := binary.LittleEndian.Uint32(b)
		if n == 0 {
			return true
		}
		b = b[min(uint64(len(b)), 4+uint64(n)):]
	}
	return err != nil
}

// entersLocally returns an error if a library is only right by chance: code without a TOC
// pointer calls a function of the library through a stub of lld's, and the dynamic linker
// enters it at its local entry, because both are in one unit. r2 is what the last call
// has left there (TestE2ENoTOCPreemptible).
func entersLocally(dir string, l *randomLink) error {
	for _, name := range l.files() {
		f, err := elf.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer f.Close()
		symbols, err := f.Symbols()
		if err != nil {
			return err
		}
		stubs := map[string]bool{}
		for _, s := range symbols {
			if target, ok := strings.CutPrefix(s.Name, "__plt_pcrel_"); ok {
				stubs[target] = true
			}
		}
		for _, s := range symbols {
			entry, err := ppc64.LocalEntryOf(s.Other)
			if err != nil {
				return err
			}
			if stubs[s.Name] && s.Section != elf.SHN_UNDEF && entry.UsesTOC() {
				return fmt.Errorf("%s: %s:\nthe program is right by chance: lld lets its own library enter it locally", name, s.Name)
			}
		}
	}
	return nil
}

// runs executes a program. If keys must not change, it tells the program.
func (g *randomGraph) runs(dir string, p *randomPatch) (string, error) {
	var env []string
	if p.runtime == "none" {
		env = []string{"FIXED=1"}
	}
	return attempt(dir, env, slices.Concat(g.run, []string{"./program"}))
}

// linker returns a compiler driver that links with a linker.
func (g *randomGraph) linker(name string) []string {
	switch name {
	case "lld-19":
		return []string{"powerpc64le-linux-gnu-g++", "-fuse-ld=lld", "-B/usr/lib/llvm-19/bin"}
	case "mold":
		return []string{"powerpc64le-linux-gnu-g++", "-B/usr/libexec/mold"} // has ld
	}
	return g.linkers[name]
}

// attempt runs a command in dir and returns its output.
func attempt(dir string, env, command []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("cd %s; %s: %w\n%s%s", dir, strings.Join(slices.Concat(env, command), " "), err, &stdout, &stderr)
	}
	return stdout.String(), nil
}

// gist returns the gist of a linker's error.
func gist(err error) string {
	for _, gist := range []string{"unknown relocation: R_PPC64_", "relocation R_PPC64_", "out of range", "dangerous relocation", "crash", "signal"} {
		if _, rest, ok := strings.Cut(err.Error(), gist); ok {
			word, _, _ := strings.Cut(rest, "\n")
			return gist + strings.FieldsFunc(word+" ", func(r rune) bool { return r == ' ' || r == ';' })[0]
		}
	}
	lines := strings.Split(err.Error(), "\n")
	return strings.Join(lines[1:min(3, len(lines))], "; ")
}

// describe says how a program was made.
func (g *randomGraph) describe(l *randomLink, p *randomPatch) string {
	how := fmt.Sprintf("scpatch %s\nlinked by %s %s %s, one unit: %t", strings.Join(p.args, " "), l.linker, strings.Join(l.flags, " "), strings.Join(l.every, " "), l.alone)
	if l.join != "" {
		how += fmt.Sprintf(", joined by %s (before it was patched: %t)", l.join, l.first)
	}
	for name, left := range p.leave {
		if left {
			how += ", unpatched: " + name
		}
	}
	return how + "\n" + strings.Join(g.lines, "\n")
}
