// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// A linkerFact is what the linkers make of a branch that a naive tool would
// leave, and what scpatch decides for such a site. docs/linkers.md describes
// these facts, which are the reasons for scpatch's rules. If a linker differs,
// a fact has changed: check what scpatch relies on before you change the row.
type linkerFact struct {
	name     string
	place    string   // how it is linked: linkPlaces
	defines  []string // of testdata/src/linkers/call.S
	bfd, lld string   // results of outcome
	scpatch  string   // "OBJECT TEXT": an object of testdata/obj, and what list --user prints about its site
}

// Each place has a command for the library and one for the program. A library
// "libcall.so" contains the call.
var linkPlaces = map[string]struct{ libTarget, libCall, program []string }{
	"object":          {program: []string{"-pie", "main.o", "call.o", "target.o"}},
	"same file":       {program: []string{"-pie", "main.o", "call.o"}},
	"library":         {[]string{"target.o"}, nil, []string{"-pie", "main.o", "call.o", "libtarget.so"}},
	"library, no PIE": {[]string{"target.o"}, nil, []string{"-no-pie", "main.o", "call.o", "libtarget.so"}},
	"in a library":    {nil, []string{"call.o"}, []string{"-pie", "main.o", "libcall.so"}},
	"preempted":       {nil, []string{"call.o"}, []string{"-pie", "main.o", "target.o", "libcall.so"}},
	"two libraries":   {[]string{"target.o"}, []string{"call.o", "libtarget.so"}, []string{"-pie", "main.o", "libcall.so", "libtarget.so"}},
}

const (
	restore = "SLOT=ld 2,24(1)"
	viaTOC  = "SITE=addis 12,2,__SCK__x@toc@ha; ld 12,__SCK__x@toc@l(12); mtctr 12; bctrl"
	viaAddr = "SITE=.pushsection .data; .balign 8; at: .quad __SCK__x; .popsection; addis 12,2,at@toc@ha; ld 12,at@toc@l(12); ld 12,0(12); mtctr 12; bctrl"
	viaGOT  = "SITE=addis 12,2,__SCK__x@got@ha; ld 12,__SCK__x@got@l(12); ld 12,0(12); mtctr 12; bctrl"
	viaREL  = "SITE=addis 9,2,entry@toc@ha; addi 9,9,entry@toc@l; lwa 10,0(9); add 9,9,10; ld 12,0(9); mtctr 12; bctrl"
	viaPLT  = "SITE=addis 12,2,target@plt@ha; ld 12,target@plt@l(12); .reloc .,R_PPC64_PLTSEQ,target; mtctr 12; .reloc .,R_PPC64_PLTCALL,target; bctrl"
	lacks   = "error: lacks nop, can't restore toc"
)

var linkerFacts = []linkerFact{
	// The rule, for comparison.
	{"bl and nop, foreign", "library", []string{"SITE=bl target", "SLOT=nop"},
		"0: bl; ld r2,24(r1)", "0: bl; ld r2,24(r1)", ""},
	{"bl without slot, foreign", "library", []string{"SITE=bl target"}, lacks, lacks, "bad-noslot.o no-slot"},
	{"b, foreign", "library", []string{"TAIL", "SITE=b target"}, lacks, lacks, "bad-tailforeign.o tail-other-unit"},
	{"b, foreign, no PIE", "library, no PIE", []string{"TAIL", "SITE=b target"}, lacks, lacks, "bad-tailforeign.o tail-other-unit"},

	// 1. ld.bfd exempts targets in the section of the call.
	{"bl without slot, same section, preempted", "preempted", []string{"HERE", "SITE=bl target"},
		"2: bl; addi r1,r1,48", "16: bl; ld r2,24(r1)", "bad-noslot.o no-slot"},
	{"b, same section, preempted", "preempted", []string{"TAIL", "HERE", "SITE=b target"},
		"2: b; li r3,0", "6: b; ld r2,24(r1)", "asm-tail.o tail-other-unit"},
	{"bl without slot, same section, local entry 1", "same file", []string{"HERE", "LE1", "SITE=bl target"},
		"2: bl; addi r1,r1,48", lacks, "bad-noslot.o no-slot"},
	{"b, same section, local entry 1", "same file", []string{"TAIL", "HERE", "LE1", "SITE=b target"},
		"2: b; li r3,0", lacks, ""},

	// 2. ld.lld exempts targets in the file of the call if the call goes
	// through the PLT, and writes the restore over the next word, whatever it
	// is.
	{"bl without slot, same file, preemptible", "in a library", []string{"HERE", "APART", "SITE=bl target"},
		lacks, "16: bl; ld r2,24(r1)", "bad-noslot.o no-slot"},
	{"b, same file, preemptible", "in a library", []string{"TAIL", "HERE", "APART", "SITE=b target"},
		lacks, "4: b; ld r2,24(r1)", "asm-tail.o tail-other-unit"},
	{"bl without slot, same file, local entry 1", "same file", []string{"HERE", "APART", "LE1", "SITE=bl target"},
		lacks, lacks, "bad-noslot.o no-slot"},
	{"b, same file, local entry 1", "same file", []string{"TAIL", "HERE", "APART", "LE1", "SITE=b target"}, lacks, lacks, ""},

	// 3. What a slot may hold.
	{"ld in the slot, foreign", "library", []string{"SAVE", "SITE=bl target", restore},
		"0: bl; ld r2,24(r1)", lacks, ""},
	{"cror 15 in the slot, foreign", "library", []string{"SITE=bl target", "SLOT=cror 15,15,15"},
		"0: bl; ld r2,24(r1)", lacks, ""},
	{"cror 31 in the slot, foreign", "library", []string{"SITE=bl target", "SLOT=cror 31,31,31"},
		"0: bl; ld r2,24(r1)", lacks, ""},

	// 4. The relocation of a call on a nop: ld.bfd inserts the displacement.
	{"REL24 on a nop", "object", []string{"SITE=.reloc .,R_PPC64_REL24,target; nop", "SLOT=nop"},
		"8: something else; nop", "8: nop; nop", "bad-notbranch.o expected b or bl"},
	{"REL24 on a nop, foreign", "library", []string{"SITE=.reloc .,R_PPC64_REL24,target; nop", "SLOT=nop"},
		lacks, "8: nop; nop", "bad-notbranch.o expected b or bl"},

	// 5. A section symbol has no local entry.
	{"bl section+addend", "same file", []string{"HERE", "APART", "SITE=bl .text.target", "SLOT=nop"},
		"10: bl; nop", "10: bl; nop", ""},

	// 6. A stub that saves and branches.
	{"save stub, same unit", "object", []string{"SITE=bl stub", restore, "STUB=std 2,24(1); b target"},
		"0: bl; ld r2,24(r1)", "0: bl; ld r2,24(r1)", ""},
	{"save stub, foreign", "library", []string{"SITE=bl stub", restore, "STUB=std 2,24(1); b target"}, lacks, lacks, ""},
	{"save stub, same file, preempted", "preempted", []string{"HERE", "SITE=bl stub", restore, "STUB=std 2,24(1); b target"},
		"0: bl; ld r2,24(r1)", "4: bl; ld r2,24(r1)", ""},

	// 7. A key in a shared library: ld.bfd copies it into a program.
	{"key by @toc", "library", []string{"SAVE", viaTOC, restore}, "0: bctrl; ld r2,24(r1)", "SIGSEGV: bctrl; ld r2,24(r1)", ""},
	{"key by @toc, no PIE", "library, no PIE", []string{"SAVE", viaTOC, restore}, "0: bctrl; ld r2,24(r1)", "SIGSEGV: bctrl; ld r2,24(r1)", ""},
	{"key by @toc, from a library", "two libraries", []string{"SAVE", viaTOC, restore},
		"error: unresolvable R_PPC64_TOC16_HA", "SIGSEGV: bctrl; ld r2,24(r1)", ""},
	{"key by its address", "library", []string{"SAVE", viaAddr, restore}, "0: bctrl; ld r2,24(r1)", "0: bctrl; ld r2,24(r1)", ""},
	{"key by its address, no PIE", "library, no PIE", []string{"SAVE", viaAddr, restore}, "0: bctrl; ld r2,24(r1)", "0: bctrl; ld r2,24(r1)", ""},
	{"key by its address, from a library", "two libraries", []string{"SAVE", viaAddr, restore}, "0: bctrl; ld r2,24(r1)", "0: bctrl; ld r2,24(r1)", ""},
	{"key by @got", "library", []string{"SAVE", viaGOT, restore}, "0: bctrl; ld r2,24(r1)", "0: bctrl; ld r2,24(r1)", ""},
	{"key by @got, from a library", "two libraries", []string{"SAVE", viaGOT, restore}, "0: bctrl; ld r2,24(r1)", "0: bctrl; ld r2,24(r1)", ""},

	// 8. A table entry for such a key: ld.lld copies it into a program, ld.bfd leaves
	// 32 bits to the dynamic linker and does not warn that they may be too few.
	{"REL32 to a key", "library", []string{"SAVE", viaREL, restore, "ENTRY=__SCK__x-."}, "0: bctrl; ld r2,24(r1) or SIGSEGV: bctrl; ld r2,24(r1)", "0: bctrl; ld r2,24(r1)", ""},
	{"REL32 to a key, no PIE", "library, no PIE", []string{"SAVE", viaREL, restore, "ENTRY=__SCK__x-."},
		"SIGSEGV: bctrl; ld r2,24(r1)", "0: bctrl; ld r2,24(r1)", ""},
	{"REL32 to a key, from a library", "two libraries", []string{"SAVE", viaREL, restore, "ENTRY=__SCK__x-."},
		"0: bctrl; ld r2,24(r1) or SIGSEGV: bctrl; ld r2,24(r1)", "error: relocation R_PPC64_REL32 cannot be used against symbol '__SCK__x'", ""},

	// 9. An inline PLT sequence: ld.bfd turns it into a bl and ignores local
	// entry 1.
	{"inline PLT, local entry 1", "same file", []string{"HERE", "LE1", "SAVE", viaPLT, restore},
		"2: bl; nop", "error: unknown relocation (119)", "bad-longcall.o call-form"},
}

// TestLinkerFacts links and runs each row with both linkers.
func TestLinkerFacts(t *testing.T) {
	tooltest.Long(t, "make soundness")
	m := readCells(t, clitest.RepoPath("testdata", "e2e", "cells.txt"))
	tooltest.Need(t, m.run[0], "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-g++", "ld.lld")
	for _, f := range linkerFacts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f.assemble(t, m.compilers["gcc-p10-O2"][0], dir)
			for linker, want := range map[string]string{"bfd": f.bfd, "lld": f.lld} {
				if got := f.outcome(t, m, linker, dir); !matchesOutcome(got, want) {
					t.Errorf("%s: the linker has changed what it does, see docs/linkers.md:\ngot  %s\nwant %s", linker, got, want)
				}
			}
			if object, text, ok := strings.Cut(f.scpatch, " "); ok {
				out, errs, _ := runCommand("list", "--user", "--runtime=none", clitest.RepoPath("testdata", "obj", object))
				if !strings.Contains(out+errs, text) {
					t.Errorf("scpatch lists %s as\n%s%s\nwant %q", object, out, errs, text)
				}
			}
		})
	}
}

// matchesOutcome compares outcomes. An error only has to contain the wanted text. An
// outcome that depends on the addresses of a program and its library, which qemu 10
// takes from the host, may be one of two.
func matchesOutcome(got, want string) bool {
	if one, other, two := strings.Cut(want, " or "); two {
		return got == one || got == other
	}
	if text, ok := strings.CutPrefix(want, "error: "); ok {
		return strings.HasPrefix(got, "error: ") && strings.Contains(got, text)
	}
	return got == want
}

func (f linkerFact) assemble(t *testing.T, compiler, dir string) {
	var defines []string
	for _, d := range f.defines {
		defines = append(defines, "-D"+d)
	}
	for _, name := range []string{"call", "target", "main"} {
		source := filepath.Join("src", "linkers", name+".S")
		out, err := filepath.Abs(filepath.Join(dir, name+".o"))
		if err != nil {
			t.Fatal(err)
		}
		execute(t, clitest.RepoPath("testdata"), slices.Concat([]string{compiler, "-mcpu=power8"}, defines, []string{"-c", source, "-o", out}))
	}
}

// outcome links and runs a program. It returns "error: " and the linker's
// message, or the exit status or signal, the branch at the site, and the word
// after it.
func (f linkerFact) outcome(t *testing.T, m *manifest, linker, dir string) string {
	place, ok := linkPlaces[f.place]
	if !ok {
		t.Fatalf("no place %q", f.place)
	}
	// Lazy binding would store into the caller's frame.
	link := slices.Concat(m.linkers[linker], []string{"-Wl,-z,now"})
	holder := "program"
	for _, l := range []struct {
		name string
		of   []string
	}{{"libtarget.so", place.libTarget}, {"libcall.so", place.libCall}} {
		if l.of == nil {
			continue
		}
		if l.name == "libcall.so" {
			holder = l.name
		}
		if _, errs, err := command(dir, slices.Concat(link, []string{"-shared", "-Wl,-soname," + l.name, "-Wl,-rpath,$ORIGIN"}, l.of, []string{"-o", l.name})...); err != nil {
			return "error: " + errs
		}
	}
	if _, errs, err := command(dir, slices.Concat(link, place.program, []string{"-Wl,-rpath,$ORIGIN", "-o", "program"})...); err != nil {
		return "error: " + errs
	}
	words := siteWords(t, filepath.Join(dir, holder))
	_, _, err := command(dir, append(slices.Clone(m.run), "./program")...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "0: " + words
	case errors.As(err, &exit) && exit.Exited() && exit.ExitCode() != 128+int(syscall.SIGSEGV):
		return fmt.Sprintf("%d: %s", exit.ExitCode(), words)
	case errors.As(err, &exit) && (exit.Exited() || exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGSEGV):
		return "SIGSEGV: " + words
	}
	return err.Error() + ": " + words
}

// command runs a command that may fail.
func command(dir string, words ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// siteWords returns the word before the symbol `after' and the word at it.
func siteWords(t *testing.T, path string) string {
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(syms, func(s elf.Symbol) bool { return s.Name == "after" })
	if i < 0 {
		t.Fatalf("%s has no symbol after", path)
	}
	s := f.Sections[syms[i].Section]
	data, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	at := syms[i].Value - s.Addr
	return showWord(t, data, at-4) + "; " + showWord(t, data, at)
}

func showWord(t *testing.T, code []byte, off uint64) string {
	w, err := ppc64.Load(code, off)
	switch {
	case err != nil:
		t.Fatal(err)
	case w.IsBranch() && w.LK():
		return "bl"
	case w.IsBranch():
		return "b"
	}
	switch w {
	case ppc64.Nop:
		return "nop"
	case ppc64.RestoreTOC:
		return "ld r2,24(r1)"
	case ppc64.Li3Zero:
		return "li r3,0"
	case 0x4e800421:
		return "bctrl"
	case 0x38210030:
		return "addi r1,r1,48"
	}
	return "something else"
}
