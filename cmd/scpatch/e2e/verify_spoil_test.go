// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites/layout"
)

const spoilCalls = `
#include "static_call.h"
int slow(int);
DECLARE_STATIC_CALL(op, slow);
DECLARE_STATIC_CALL(op2, slow);
int proven(int x) { static_call_save_toc(); return static_call(op)(x) + 1; }
int other(int x) { static_call_save_toc(); return static_call(op2)(x) + 2; }
int stub(int x) { return static_call(op)(x) + 3; }
`

// Its keys never change: it is patched with --runtime none.
const spoilFixed = `
#include "static_call.h"
int other(int);
__attribute__((noinline)) static int three(int x) { return x * 3; }
DEFINE_STATIC_CALL(fixed, three);
int fixed(int x) { return static_call(fixed)(x) + 4; }
`

const spoilMain = `
#define STATIC_CALL_RUNTIME
#include "static_call.h"
int proven(int), other(int), stub(int), fixed(int);
__attribute__((noinline)) int slow(int x) { return x + 1; }
DEFINE_STATIC_CALL(op, slow);
DEFINE_STATIC_CALL(op2, slow);
int main(void) { return proven(1) + other(1) + stub(1) + fixed(1) != 20; }
`

// A spoiler is an object whose bytes are corrupted.
type spoiler struct {
	t    *testing.T
	b    []byte
	file *elf.File
	syms []elf.Symbol
}

func newSpoiler(t *testing.T, b []byte) *spoiler {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	return &spoiler{t, slices.Clone(b), f, syms}
}

// word returns the first word in a function that fits, as bytes.
func (s *spoiler) word(fn string, fits func(ppc64.Word) bool) (at uint64, b []byte) {
	s.t.Helper()
	for _, sym := range s.syms {
		if sym.Name != fn || elf.ST_TYPE(sym.Info) != elf.STT_FUNC {
			continue
		}
		sec := s.file.Sections[sym.Section]
		for off := sym.Value; off < sym.Value+sym.Size; off += ppc64.WordSize {
			b := s.b[sec.Offset+off-sec.Addr:]
			if w, err := ppc64.Load(b, 0); err == nil && fits(w) {
				return off, b
			}
		}
	}
	s.t.Fatalf("%s has no such word", fn)
	return 0, nil
}

func isCall(w ppc64.Word) bool { return w.IsBranch() && w.LK() }

func is(want ppc64.Word) func(ppc64.Word) bool {
	return func(w ppc64.Word) bool { return w == want }
}

// against changes the symbol of the relocation of the first call in a function.
func (s *spoiler) against(fn, symbol string) {
	s.t.Helper()
	at, _ := s.word(fn, isCall)
	n := slices.IndexFunc(s.syms, func(x elf.Symbol) bool { return x.Name == symbol })
	rela := s.file.Section(".rela.text")
	for off := rela.Offset; off < rela.Offset+rela.Size; off += rela.Entsize {
		if binary.LittleEndian.Uint64(s.b[off:]) == at && elf.R_PPC64(binary.LittleEndian.Uint32(s.b[off+8:])) == elf.R_PPC64_REL24 {
			binary.LittleEndian.PutUint32(s.b[off+12:], uint32(n+1))
			return
		}
	}
	s.t.Fatalf("no relocation at %s", fn)
}

// shrink removes bytes from the end of a section.
func (s *spoiler) shrink(name string, n uint64) {
	header := binary.LittleEndian.Uint64(s.b[40:])
	for i, sec := range s.file.Sections {
		if sec.Name == name {
			binary.LittleEndian.PutUint64(s.b[header+uint64(i)*64+32:], sec.Size-n)
			return
		}
	}
	s.t.Fatalf("no section %s", name)
}

// TestE2ESpoiled corrupts an object that scpatch has written. verify must find
// the same fault in the object and in the output of either linker.
func TestE2ESpoiled(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "ld.lld")
	dir := buildSpoiled(t)
	for _, c := range []struct {
		name, fn string
		do       func(*spoiler)
		kinds    []string
	}{
		{"nothing", "", func(*spoiler) {}, nil},
		{"no save", "proven", func(s *spoiler) { _, b := s.word("proven", is(ppc64.SaveTOC)); ppc64.Nop.Put(b) }, []string{"r2-not-saved"}},
		{"no restore after a proven call", "proven", func(s *spoiler) { _, b := s.word("proven", is(ppc64.RestoreTOC)); ppc64.Nop.Put(b) }, []string{"r2-lost"}},
		{"no restore after a stub that saves", "stub", func(s *spoiler) { _, b := s.word("stub", is(ppc64.RestoreTOC)); ppc64.Nop.Put(b) }, []string{"bad-record", "r2-lost"}},
		{"the stub of another key", "proven", func(s *spoiler) { s.against("proven", "__SCJ__op2") }, []string{"wrong-call"}},
		{"the stub of another key, which saves", "stub", func(s *spoiler) { s.against("stub", "__SCS__op2") }, []string{"wrong-call"}},
		{"the stub that does not save", "stub", func(s *spoiler) { s.against("stub", "__SCJ__op") }, []string{"r2-not-saved"}},
		{"a function that the key does not hold", "fixed", func(s *spoiler) { s.against("fixed", "other") }, []string{"wrong-call"}},
		{"another instruction in the slot", "fixed", func(s *spoiler) { _, b := s.word("fixed", is(ppc64.Nop)); ppc64.Li3Zero.Put(b) }, []string{"bad-record"}},
		{"a trampoline instead of a function", "fixed", func(s *spoiler) { s.against("fixed", "__SCT__fixed") }, []string{"bad-record"}},
		{"a trampoline instead of a stub", "stub", func(s *spoiler) {
			_, b := s.word("stub", is(ppc64.RestoreTOC))
			ppc64.Nop.Put(b)
			s.against("stub", "__SCT__op")
		}, []string{"bad-record"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects := []string{"main.o", "calls.o", "fixed.o"}
			n := 1
			if c.fn == "fixed" {
				n = 2
			}
			s := newSpoiler(t, clitest.ReadFile(t, filepath.Join(dir, objects[n])))
			c.do(s)
			clitest.WriteFile(t, filepath.Join(dir, "spoiled.o"), s.b)
			objects[n] = "spoiled.o"
			files := []string{"spoiled.o"}
			for _, linker := range []string{"bfd", "lld"} {
				linkSpoiled(t, dir, linker, linker, objects...)
				files = append(files, linker)
			}
			for _, f := range files {
				wantSpoiled(t, filepath.Join(dir, f), c.fn, c.kinds)
			}
		})
	}
}

// cell returns the relocation of a field of the n-th cell of an object.
func (s *spoiler) cell(n int, field uint64) []byte {
	s.t.Helper()
	rela := s.file.Section(".relastatic_call_cells")
	for off := rela.Offset; off < rela.Offset+rela.Size; off += rela.Entsize {
		if binary.LittleEndian.Uint64(s.b[off:]) == uint64(n)*layout.CellSize+field {
			return s.b[off:]
		}
	}
	s.t.Fatalf("cell %d has no field %d", n, field)
	return nil
}

// move changes the addend of a relocation.
func move(rela []byte, n int64) {
	binary.LittleEndian.PutUint64(rela[16:], binary.LittleEndian.Uint64(rela[16:])+uint64(n))
}

// TestE2ESpoiledCells corrupts the cells of an object, and the code that loads
// them.
func TestE2ESpoiledCells(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "ld.lld")
	dir := buildSpoiled(t)
	for _, c := range []struct {
		name  string
		do    func(*spoiler)
		kinds []string
	}{
		{"a cell that follows another key", func(s *spoiler) {
			copy(s.cell(0, layout.CellKeyField)[12:16], s.cell(1, layout.CellKeyField)[12:16])
		}, []string{"bad-stub", "wrong-call"}},
		{"a cell that follows what is no key", func(s *spoiler) { move(s.cell(0, layout.CellKeyField), 8) }, []string{"bad-table", "bad-stub", "wrong-call"}},
		{"a cell that holds another stub's way through its key", func(s *spoiler) { copy(s.cell(0, 0)[12:24], s.cell(1, 0)[12:24]) }, []string{"bad-stub", "wrong-call"}},
		{"a cell that begins in the middle of the way", func(s *spoiler) { move(s.cell(0, 0), 4) }, []string{"bad-stub", "wrong-call"}},
		{"a cell that holds itself the jump through it", func(s *spoiler) { move(s.cell(0, 0), -16); move(s.cell(0, layout.CellStubField), -16) }, []string{"bad-stub", "wrong-call"}},
		{"a way through the key that nobody restores", func(s *spoiler) { move(s.cell(0, layout.CellStubField), 64) }, []string{"bad-stub"}},
		{"a stub that jumps through the cell of another key", func(s *spoiler) {
			rela := s.file.Section(".rela.text.unlikely.static_call")
			for off := rela.Offset; off < rela.Offset+rela.Size; off += rela.Entsize {
				if r := s.b[off:]; s.syms[binary.LittleEndian.Uint32(r[12:])-1].Section != 0 && binary.LittleEndian.Uint64(r) < 16 && elf.R_PPC64(binary.LittleEndian.Uint32(r[8:])) != elf.R_PPC64_NONE {
					move(r, layout.CellSize)
				}
			}
		}, []string{"bad-stub", "wrong-call"}},
		{"a stub that jumps through what no table lists", func(s *spoiler) { s.shrink("static_call_cells", 48) }, []string{"bad-table", "bad-stub", "wrong-call", "bad-elf"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSpoiler(t, clitest.ReadFile(t, filepath.Join(dir, "calls.o")))
			c.do(s)
			clitest.WriteFile(t, filepath.Join(dir, "spoiled.o"), s.b)
			wantSpoiled(t, filepath.Join(dir, "spoiled.o"), "", c.kinds)
			if strings.Contains(c.name, "no table lists") {
				return // linkers reject it
			}
			for _, linker := range []string{"bfd", "lld"} {
				linkSpoiled(t, dir, linker, linker, "main.o", "spoiled.o", "fixed.o")
				wantSpoiled(t, filepath.Join(dir, linker), "", c.kinds)
			}
		})
	}
	// In a program the table may lose its name.
	linkSpoiled(t, dir, "bfd", "bfd", "main.o", "calls.o", "fixed.o")
	execute(t, dir, []string{"powerpc64le-linux-gnu-objcopy", "--rename-section", "static_call_cells=.data.cells", "--strip-symbol", "__start_static_call_cells", "--strip-symbol", "__stop_static_call_cells", "bfd", "renamed"})
	wantSpoiled(t, filepath.Join(dir, "renamed"), "", []string{"bad-stub", "wrong-call"})
}

// TestE2ETruncated removes entries of the table, the table, and the record.
func TestE2ETruncated(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-objcopy", "ld.lld")
	dir := buildSpoiled(t)
	files := []string{"calls.o", "bfd", "lld"}
	for _, linker := range files[1:] {
		linkSpoiled(t, dir, linker, linker, "main.o", "calls.o", "fixed.o")
	}
	const table, record = "static_call_sites", ".debug_static_calls"
	for _, f := range files {
		whole := clitest.ReadFile(t, filepath.Join(dir, f))
		cut := func(what string, kinds []string, names map[string]uint64) {
			t.Helper()
			s := newSpoiler(t, whole)
			for name, n := range names {
				s.shrink(name, n)
			}
			clitest.WriteFile(t, filepath.Join(dir, "cut"), s.b)
			t.Run(f+"/"+what, func(t *testing.T) { wantSpoiled(t, filepath.Join(dir, "cut"), "", kinds) })
		}
		remove := func(what string, kinds []string, args ...string) {
			t.Helper()
			execute(t, dir, slices.Concat([]string{"powerpc64le-linux-gnu-objcopy"}, args, []string{f, "cut"}))
			t.Run(f+"/"+what, func(t *testing.T) { wantSpoiled(t, filepath.Join(dir, "cut"), "", kinds) })
		}
		cut("part of an entry", []string{"bad-table", "not-listed", "bad-elf"}, map[string]uint64{table: 4})
		cut("an entry", []string{"bad-table", "not-listed", "bad-elf"}, map[string]uint64{table: 16})
		cut("part of the record", []string{"bad-record"}, map[string]uint64{record: 4})
		if f == "calls.o" {
			cut("an entry with its relocations", []string{"not-listed"}, map[string]uint64{table: 16, ".rela" + table: 72})
			continue
		}
		cut("three entries", []string{"bad-table", "not-listed"}, map[string]uint64{table: 48})
		remove("the table", []string{"not-listed"}, "-R", table)
		remove("the table and the record", []string{"nothing-known"}, "-R", table, "-R", record)
		remove("the table and all symbols", []string{"nothing-known"}, "-R", table, "-S")
	}
}

// TestE2EStubsOnly strips a program whose table of sites has entries of stubs only. Only
// the record, or the names of the stubs, show the calls.
func TestE2EStubsOnly(t *testing.T) {
	w := newWorkshop(t)
	w.patched("main.o", "gcc-p8-O2", "usc_gc.c", "-fPIE", "-DSTATIC_CALL_SAVE_TOC=0")
	for _, linker := range w.linkerNames() {
		w.link(linker, "-pie", "main.o", "-o", "program")
		for _, c := range []struct {
			name  string
			kinds []string
			strip []string
		}{
			{"program", nil, nil},
			{"no record", nil, []string{"-g"}},
			{"no symbols", nil, []string{"-S", "--keep-section=.debug_static_calls"}},
			{"neither", []string{"nothing-known"}, []string{"-S"}},
		} {
			execute(t, w.dir, slices.Concat([]string{"powerpc64le-linux-gnu-objcopy"}, c.strip, []string{"program", "stripped"}))
			if got := w.execute(t, "./stripped"); got != "2\n1001\n" {
				t.Errorf("%s, %s: printed %q", linker, c.name, got)
			}
			wantSpoiled(t, filepath.Join(w.dir, "stripped"), "", c.kinds)
		}
	}
}

// buildSpoiled makes the objects in a directory.
func buildSpoiled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	include, err := filepath.Abs(clitest.RepoPath("include"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"calls": spoilCalls, "main": spoilMain, "fixed": spoilFixed} {
		clitest.WriteFile(t, filepath.Join(dir, name+".c"), []byte(text))
		execute(t, dir, []string{"powerpc64le-linux-gnu-gcc", "-O2", "-I" + include, "-c", name + ".c", "-o", name + ".o"})
		args := []string{"--user", "-q"}
		if name == "fixed" {
			args = append(args, "--runtime=none")
		}
		scpatch(t, mode{"user", args}, filepath.Join(dir, name+".o"))
	}
	return dir
}

func linkSpoiled(t *testing.T, dir, linker, out string, objects ...string) {
	t.Helper()
	execute(t, dir, slices.Concat([]string{"powerpc64le-linux-gnu-gcc", "-fuse-ld=" + linker, "-B/usr/lib/llvm-14/bin"}, objects, []string{"-o", out}))
}

// wantSpoiled expects faults of these kinds, in a function if one is named, or
// an error of that kind. Without kinds, it expects no fault.
func wantSpoiled(t *testing.T, path, fn string, kinds []string) {
	t.Helper()
	stdout, stderr, code := runCommand("verify", "--json", "--user", path)
	var got []string
	var v report.Verdict
	if strings.TrimSpace(stdout) == "" {
		_, rest, _ := strings.Cut(stderr, " [")
		got = append(got, strings.TrimSuffix(rest, "]\n"))
	} else if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Faults {
		if fn != "" && f.Symbol != fn {
			t.Errorf("%s: besides: %s: %s", filepath.Base(path), f.Symbol, f.What)
		}
		got = append(got, f.Kind)
	}
	if (code == cli.ExitDone) != (kinds == nil) || len(got) == 0 != (kinds == nil) || slices.ContainsFunc(got, func(k string) bool { return !slices.Contains(kinds, k) }) {
		t.Errorf("%s: exit %d, %v, want %v\n%s", filepath.Base(path), code, got, kinds, stderr)
	}
}

// TestE2EListLinked lists programs. Each site of the objects must be listed, with
// its key, its form, and whether it is in a table, and so must calls that were not
// patched.
func TestE2EListLinked(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "ld.lld")
	dir := buildSpoiled(t)
	site := func(s *report.Site) string {
		return strings.Join([]string{s.Symbol, s.Key, s.Target, s.Form.String(), s.Before[0], s.Before[1], map[bool]string{true: "listed"}[s.Listed]}, ", ")
	}
	want := []string{
		"fixed, fixed, three, direct, bl three, nop, ", //nolint:dupword // the function has the name of its key
		"other, op2, slow, stack, bl __SCJ__op2, ld r2,24(r1), listed",
		"proven, op, slow, stack, bl __SCJ__op, ld r2,24(r1), listed",
		"stub, op, slow, save-stub, bl __SCS__op, ld r2,24(r1), ",
	}
	for _, linker := range []string{"bfd", "lld"} {
		linkSpoiled(t, dir, linker, linker, "main.o", "calls.o", "fixed.o")
		for _, args := range [][]string{{"--user"}, nil} { // the record says that it is of user space
			var got []string
			for _, s := range listJSON(t, filepath.Join(dir, linker), args) {
				got = append(got, site(&s))
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s %v:\n%s\nwant\n%s", linker, args, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	include, err := filepath.Abs(clitest.RepoPath("include"))
	if err != nil {
		t.Fatal(err)
	}
	execute(t, dir, []string{"powerpc64le-linux-gnu-gcc", "-O2", "-I" + include, "-c", "calls.c", "-o", "calls.o"})
	linkSpoiled(t, dir, "bfd", "bfd", "main.o", "calls.o", "fixed.o")
	stdout, _, code := runCommand("list", filepath.Join(dir, "bfd"))
	for _, line := range []string{"4 sites, 3 keys: 1 direct, 0 constant, 3 kept\n", "  bl __SCT__op   no-record\n", "no-record: nothing says that the site was patched, or was meant to stay (3)\n"} {
		if !strings.Contains(stdout, line) || code != cli.ExitDone {
			t.Errorf("exit %d\n%s\nlacks %q", code, stdout, line)
		}
	}
}
