// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"debug/elf"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites"
)

// The tests of include/static_call.h that are not cells of testdata/e2e: what
// it compiles to, link-time optimization, other architectures, names that two
// units share, and its run time.

// A workshop builds programs that use the header in its own directory.
type workshop struct {
	*builder
	t   *testing.T
	dir string
}

func newWorkshop(t *testing.T) *workshop {
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "clang", "clang++", "ld.lld")
	// Read the files, so that go test does not reuse cached results after they
	// change.
	for _, pattern := range []string{clitest.RepoPath("include", "*.h"), clitest.RepoPath("testdata", "src", "usc*")} {
		files, err := filepath.Glob(pattern)
		if err != nil || files == nil {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			clitest.ReadFile(t, f)
		}
	}
	return &workshop{newBuilder(t, m), t, t.TempDir()}
}

// object compiles a source of testdata/src with warnings as errors.
func (w *workshop) object(name, compiler, source string, flags ...string) string {
	w.t.Helper()
	words := slices.Concat([]string{"-Wall", "-Wextra", "-Werror", "-I../include"}, flags, []string{"src/" + source})
	to := filepath.Join(w.dir, name)
	copyFile(w.t, w.compile(w.t, compiler, words), to)
	return to
}

func (w *workshop) link(linker string, words ...string) {
	w.t.Helper()
	execute(w.t, w.dir, slices.Concat(w.linkers[linker], []string{"-Wl,-rpath,$ORIGIN"}, words))
}

func (w *workshop) execute(t *testing.T, words ...string) string {
	t.Helper()
	return string(execute(t, w.dir, slices.Concat(w.run, words)))
}

// TestStaticCallObjects checks what static_call() leaves in an object: a call
// with a relocation that names the trampoline, a slot if the caller has a TOC
// pointer, and the key's symbol, outside everything that a program loads.
func TestStaticCallObjects(t *testing.T) {
	tooltest.NoRace(t)
	w := newWorkshop(t)
	for _, compiler := range []string{
		"gcc-p8-O0", "gcc-p8-O2", "gcc-p8-Os", "gcc-p10-O2", "gcc-p8-O2-large", "clang-p8-O0", "clang-p8-O2", "clang-p10-O2",
		"gxx-p8-O0", "gxx-p8-O2", "clangxx-p8-O0", "clangxx-p10-O2",
	} {
		for _, flags := range [][]string{{"-fPIE"}, {"-fPIC", "-fvisibility=hidden"}, {"-fPIC", "-DSTATIC_CALL_SAVE_TOC=1"}} {
			if strings.HasSuffix(compiler, "large") {
				flags[0] = "-fno-pie"
			}
			if strings.Contains(compiler, "xx") {
				flags = append(flags, "-xc++")
			}
			path := w.object("calls.o", compiler, "usc_calls.c", flags...)
			t.Run(compiler+strings.Join(flags, ""), func(t *testing.T) {
				checkCallsObject(t, path, compiler)
			})
		}
	}
}

func checkCallsObject(t *testing.T, path, compiler string) {
	f, err := elfrw.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	code := map[string][]byte{}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		code[s.NameString()] = s.Data()
		if table, err := reloc.NewTable(s.Data()); s.Is(elf.SHT_RELA) && err == nil {
			for j := range table.Len() {
				if name := table.At(j).TypeName(); strings.HasPrefix(name, "R_PPC64_GOT16") {
					t.Errorf("%s: %s, which mold does not know", s.NameString(), name)
				}
			}
		}
		if strings.HasPrefix(s.NameString(), ".discard") && (s.Has(elf.SHF_ALLOC) || s.Flags&0x80000000 == 0) {
			t.Errorf("%s: flags 0x%x, want SHF_EXCLUDE alone", s.NameString(), s.Flags)
		}
	}
	symbols := map[string]bool{}
	for i := 1; i < f.NumSymbols(); i++ {
		symbols[string(f.SymbolName(f.Symbol(i)))] = true
	}
	called := map[string]int{}
	for at, name := range callRelocations(t, path) {
		key, ok := strings.CutPrefix(name, sites.TrampPrefix)
		if !ok {
			continue
		}
		called[key]++
		if !symbols[sites.KeyPrefix+key] {
			t.Errorf("no symbol of the key of %s", name)
		}
		branch, err := ppc64.Load(code[at.section], at.off)
		if err != nil || branch.Opcode() != 18 {
			t.Errorf("%s+0x%x: %v, not a branch (%v)", at.section, at.off, branch, err)
		}
		if strings.Contains(compiler, "p10") {
			continue // tail calls, which have no slots
		}
		slot, err := ppc64.Load(code[at.section], at.off+4)
		if err != nil || branch&1 == 0 || slot != ppc64.Nop {
			t.Errorf("%s+0x%x: %v; %v, not a bl with a slot (%v)", at.section, at.off, branch, slot, err)
		}
	}
	for _, key := range []string{"usc_op", "usc_hook", "usc_zero", "usc_floats", "usc_struct", "usc_here", "usc_fixed"} {
		if called[key] == 0 {
			t.Errorf("no call to %s", key)
		}
	}
}

// TestE2EStaticCallLTO compiles the objects of a program into one, as scpatch
// needs it (-flinker-output=nolto-rel), and directly into a program.
func TestE2EStaticCallLTO(t *testing.T) {
	w := newWorkshop(t)
	want := clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc.txt"))
	for _, compiler := range []string{"gcc-p8-O2", "gcc-p10-O2", "gxx-p8-O2"} {
		var objects []string
		for _, o := range []string{"main", "calls", "keys", "targets"} {
			w.object(o+".o", compiler, "usc_"+o+".c", "-fPIE", "-flto")
			objects = append(objects, o+".o")
		}
		lto := slices.Concat(w.compilers[compiler], []string{"-fPIE", "-flto"}, objects)
		execute(t, w.dir, slices.Concat(lto, []string{"-r", "-flinker-output=nolto-rel", "-o", "all.o"}))
		checkCallsObject(t, filepath.Join(w.dir, "all.o"), compiler)
		for _, linker := range w.linkerNames() {
			w.link(linker, "-pie", "all.o", "-o", "program")
			if got := w.execute(t, "./program"); got != string(want) {
				t.Errorf("%s, %s: printed\n%s\nwant\n%s", compiler, linker, got, want)
			}
		}
		execute(t, w.dir, slices.Concat(lto, []string{"-pie", "-o", "program"}))
		if got := w.execute(t, "./program"); got != string(want) {
			t.Errorf("%s, linked with -flto: printed\n%s\nwant\n%s", compiler, got, want)
		}
	}
}

// TestStaticCallElsewhere compiles the same program for another architecture,
// and runs it if that is the host's.
func TestStaticCallElsewhere(t *testing.T) {
	tooltest.NoRace(t)
	tooltest.Need(t, "x86_64-linux-gnu-gcc", "clang")
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	var sources []string
	for _, o := range []string{"main", "calls", "keys", "targets"} {
		sources = append(sources, "src/usc_"+o+".c")
	}
	for _, compiler := range [][]string{
		{"x86_64-linux-gnu-gcc", "-std=gnu11"}, {"x86_64-linux-gnu-gcc", "-xc++", "-std=c++17"}, {"clang", "--target=x86_64-linux-gnu"},
	} {
		execute(t, clitest.RepoPath("testdata"), slices.Concat(compiler,
			[]string{"-O2", "-Wall", "-Wextra", "-Werror", "-I../include"}, sources, []string{"-o", program}))
		if runtime.GOARCH != "amd64" {
			continue
		}
		want := clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc.txt"))
		if got := execute(t, dir, []string{program}); string(got) != string(want) {
			t.Errorf("%v: printed\n%s\nwant\n%s", compiler, got, want)
		}
	}
}

// TestE2EStaticCallHidden gives two libraries, compiled with hidden symbols, a
// key of the same name. Each must go through its own trampoline.
func TestE2EStaticCallHidden(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gcc-p8-O2", "clang-p8-O2", "gcc-p10-O2"} {
		for _, side := range []string{"A", "B"} {
			w.object(side+".o", compiler, "usc_hidden.c", "-fPIC", "-fvisibility=hidden", "-DUSC_SIDE=side_"+side)
		}
		w.object("main.o", compiler, "usc_hidden.c", "-fPIE")
		for _, linker := range w.linkerNames() {
			w.link(linker, "-shared", "A.o", "-o", "liba.so")
			w.link(linker, "-shared", "B.o", "-o", "libb.so")
			w.link(linker, "-pie", "main.o", "liba.so", "libb.so", "-o", "program")
			const want = "side_A side_B, side_A then other, side_B\nreturn0 is one function: 1\n"
			if got := w.execute(t, "./program"); got != want {
				t.Errorf("%s, %s: printed %q, want %q", compiler, linker, got, want)
			}
		}
	}
}

// TestE2EStaticCallRuntime runs the run time on hand-written calls, stubs and a
// table, in a program and in a plug-in.
func TestE2EStaticCallRuntime(t *testing.T) {
	w := newWorkshop(t)
	for _, c := range []struct {
		name, compiler, pie string
		linkers             []string
		words               []string
	}{
		{"gcc", "gcc-p8-O2", "-pie", []string{"bfd", "lld"}, nil},
		{"gcc-nopie", "gcc-p8-O2", "-no-pie", []string{"bfd"}, nil},
		{"gcc-O0", "gcc-p8-O0", "-pie", []string{"bfd"}, nil},
		{"clang", "clang-p8-O2", "-pie", []string{"lld"}, nil},
		{"gcc-gc", "gcc-p8-O2", "-pie", []string{"bfd", "lld"}, []string{"-Wl,--gc-sections"}},
	} {
		fpie := map[string]string{"-pie": "-fPIE", "-no-pie": "-fno-pie"}[c.pie]
		w.object("main.o", c.compiler, "usc_rt_main.c", fpie)
		// clang, because lld 14 does not know gcc's R_PPC64_ENTRY.
		w.object("large.o", "clang-p8-O2", "usc_rt_target.c", "-fno-pie", "-mcmodel=large", "-DRT_NAME=rt_large", "-DRT_BIAS=RT_LARGE")
		w.object("a.o", "gcc-p8-O2", "usc_rt_target.c", "-fPIC", "-DRT_NAME=rt_a", "-DRT_BIAS=RT_A", "-DRT_ONE_ENTRY=rt_one")
		w.object("b.o", "gcc-p8-O2", "usc_rt_target.c", "-fPIC", "-DRT_NAME=rt_b", "-DRT_BIAS=RT_B")
		w.object("plugin.o", "gcc-p8-O2", "usc_rt_plugin.c", "-fPIC")
		w.object("sites.o", "gcc-p10-O2", "usc_rt_sites.S")
		w.object("plugin-sites.o", "gcc-p10-O2", "usc_rt_sites.S", "-DPLUGIN")
		for _, linker := range c.linkers {
			w.link(linker, "-shared", "a.o", "-o", "liba.so")
			w.link(linker, "-shared", "b.o", "-o", "libb.so")
			w.link(linker, "-shared", "plugin.o", "plugin-sites.o", "-o", "plugin.so")
			w.link(linker, slices.Concat([]string{c.pie, "-rdynamic", "main.o", "large.o", "sites.o", "liba.so", "libb.so", "-o", "program"}, c.words)...)
			t.Run(c.name+"/"+linker, func(t *testing.T) {
				for _, what := range []string{"forms", "plugin", "refuse", "threads"} {
					want := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc_rt_"+what+".txt")))
					if c.name == "gcc-O0" { // it sets up a frame to return 0
						want = strings.NewReplacer("return 0", "at its entry", "blr", "stub").Replace(want)
					}
					if got := w.execute(t, "./program", what); got != want {
						t.Errorf("%s: printed\n%s\nwant\n%s", what, got, want)
					}
				}
			})
		}
	}
}

// TestE2EStaticCallTwoTOCs makes ld.bfd give a program two TOCs. A function
// that uses the other one must not be called at its local entry.
func TestE2EStaticCallTwoTOCs(t *testing.T) {
	w := newWorkshop(t)
	w.object("main.o", "gcc-p8-O2", "usc_rt_main.c", "-fPIE")
	w.object("a.o", "gcc-p8-O2", "usc_rt_target.c", "-fPIC", "-DRT_NAME=rt_a", "-DRT_BIAS=RT_A", "-DRT_ONE_ENTRY=rt_one")
	w.object("b.o", "gcc-p8-O2", "usc_rt_target.c", "-fPIC", "-DRT_NAME=rt_b", "-DRT_BIAS=RT_B")
	w.object("sites.o", "gcc-p10-O2", "usc_rt_sites.S")
	w.object("large.o", "gcc-p8-O2", "usc_toc.S", "-DTARGET")
	w.object("fill.o", "gcc-p8-O2", "usc_toc.S")
	w.link("bfd", "-shared", "a.o", "b.o", "-o", "libab.so")
	// The words that fill the TOC are unused and would be dropped.
	w.link("bfd", "-pie", "-Wl,--no-toc-optimize", "large.o", "fill.o", "main.o", "sites.o", "libab.so", "-o", "program")
	one := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc_rt_forms.txt")))
	want := strings.ReplaceAll(one, "large: toc at its local entry", "large: toc stub")
	large := strings.Index(want, "op large: ")
	want = want[:large] + strings.Replace(want[large:], "\n   stub at its local entry", "\n   stub nop", 1)
	if got := w.execute(t, "./program", "forms"); got != want || want == one {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}

// TestE2EStaticCallNoRuntime checks that patched calls go through their keys
// without the run time.
func TestE2EStaticCallNoRuntime(t *testing.T) {
	w := newWorkshop(t)
	w.object("main.o", "gcc-p8-O2", "usc_rt_main.c", "-fPIE", "-DNO_RUNTIME")
	w.object("large.o", "gcc-p8-O2", "usc_rt_target.c", "-fPIE", "-DRT_NAME=rt_large", "-DRT_BIAS=RT_LARGE")
	w.object("a.o", "gcc-p8-O2", "usc_rt_target.c", "-fPIE", "-DRT_NAME=rt_a", "-DRT_BIAS=RT_A", "-DRT_ONE_ENTRY=rt_one")
	w.object("b.o", "gcc-p8-O2", "usc_rt_target.c", "-fPIE", "-DRT_NAME=rt_b", "-DRT_BIAS=RT_B")
	w.object("sites.o", "gcc-p10-O2", "usc_rt_sites.S")
	w.link("bfd", "-pie", "main.o", "large.o", "a.o", "b.o", "sites.o", "-o", "program")
	got := w.execute(t, "./program", "forms")
	first, rest, _ := strings.Cut(got, "\n")
	const want = "forms: op 1001 (stub), hook 1 (stub), zero 0 (stub)"
	if first != want || !strings.Contains(rest, "executable pages are not writable: 1") || strings.Contains(rest, "entry") {
		t.Errorf("printed\n%s\nwant %q and no call that is direct", got, want)
	}
}

// TestE2EReadmeProgram follows README.md: it installs the header, writes the
// program, patches it and runs it.
func TestE2EReadmeProgram(t *testing.T) {
	w := newWorkshop(t)
	readme := clitest.Doc(t, "README.md")
	_, section, _ := strings.Cut(readme, "\n## In your own program\n")
	source, script := clitest.Fenced(section, "c")[0], clitest.Fenced(section, "sh")[0]
	execute(t, clitest.RepoPath(), []string{"make", "-s", "install-headers", "PREFIX=" + w.dir})
	clitest.WriteFile(t, filepath.Join(w.dir, "app.c"), []byte(source))
	t.Chdir(w.dir)
	printed := ""
	for line := range strings.Lines(script) {
		switch args := strings.Fields(line); args[0] {
		case "cc":
			execute(t, ".", slices.Concat(w.compilers["gcc-p8-O2"], []string{"-Iinclude"}, args[1:]))
		case "scpatch":
			if stdout, stderr, code := runCommand(args[1:]...); code != cli.ExitDone && code != cli.ExitKept {
				t.Fatalf("%s: exit %d\n%s%s", line, code, stdout, stderr)
			}
		default:
			printed += w.execute(t, args...)
		}
	}
	if printed != "6\n500\n" {
		t.Errorf("printed %q", printed)
	}
}
