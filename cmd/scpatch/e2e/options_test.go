// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"debug/elf"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites"
)

// An optionRow is a way to build the program usc_*.c of static_call.h, with main,
// calls and keys in the program and targets in a library.
type optionRow struct {
	name     string
	compiler string   // of cells.txt; default gcc-p8-O2
	compile  []string // for all objects
	calls    []string // for calls.o alone
	sources  []string // sources of more objects of the program
	link     []string // for program and library
	linker   string   // default bfd
	alone    []string // options to link all as one unit; default: -pie, with the library
	join     []string // command that makes joined.o of main.o, calls.o and keys.o, to be patched
	sites    int      // sites that leave their trampolines; default: all 16 in the source, or more if joined
	kept     int      // sites that stay, as call-form
	lines    bool     // has debugging information
	noRun    string   // why the emulator cannot run it
	everyday bool
}

// optionRows returns the options that people build with. gcc is the major version of
// gcc.
func optionRows(gcc int) []optionRow {
	// gcc 12 puts the nops of a function with a TOC pointer where they break the
	// computation of the pointer: the unpatched program crashes.
	patchable := "gcc-p10-O2"
	if gcc >= 13 {
		patchable = "gcc-p8-O2"
	}
	// The options that -fhardened stands for in gcc 14.
	hardened := strings.Fields("-D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS -ftrivial-auto-var-init=zero -fstack-protector-strong -fstack-clash-protection")
	if gcc >= 14 {
		hardened = []string{"-fhardened"}
	}
	relro := []string{"-Wl,-z,relro,-z,now"}
	lto := []string{"-flto"}
	words := strings.Fields
	return []optionRow{
		{name: "rop-protect", compiler: "gcc-p10-O2", compile: words("-mrop-protect"), everyday: true},
		{name: "rop-protect-clang", compiler: "clang-p10-O2", compile: words("-mrop-protect"), linker: "lld"},
		{name: "rop-protect-power8", compile: words("-mrop-protect")},
		// Linked without -fsplit-stack, which would select gold.
		{name: "split-stack", compile: words("-fsplit-stack"), link: words("-Wl,--wrap=pthread_create"), everyday: true},
		{name: "patchable-function-entry", compiler: patchable, compile: words("-fpatchable-function-entry=2"), everyday: true},
		{name: "hardened", compile: hardened, link: relro, everyday: true},
		{name: "stack-protector-all", compile: words("-fstack-protector-all")},
		{name: "sanitize-undefined", compile: words("-fsanitize=undefined"), link: words("-fsanitize=undefined")},
		{name: "sanitize-undefined-clang", compiler: "clang-p8-O2", compile: words("-fsanitize=undefined -fsanitize-trap=all"), linker: "lld", everyday: true},
		{name: "sanitize-kernel-address", calls: words("-fsanitize=kernel-address --param=asan-instrumentation-with-call-threshold=0 --param=asan-stack=0 --param=asan-globals=0"),
			sources: words("usc_sanitize.c"), everyday: true},
		{name: "sanitize-thread", calls: words("-fsanitize=thread -Wno-tsan"), sources: words("usc_sanitize.c")},
		{name: "sanitize-address", compile: words("-fsanitize=address"), link: words("-fsanitize=address"), noRun: "qemu-user has no room for its shadow memory"},
		{name: "profile-pg", compile: words("-pg"), link: words("-pg")},
		{name: "profile-coverage", compile: words("--coverage"), link: words("--coverage"), everyday: true},
		{name: "profile-generate", compile: words("-fprofile-generate"), link: words("-fprofile-generate")},
		{name: "instrument-functions", compile: words("-finstrument-functions"), sites: 22},
		{name: "debug-zstd", compile: words("-g -Wa,--compress-debug-sections=zstd"), lines: true, everyday: true},
		{name: "debug-zdebug", compile: words("-g -Wa,--compress-debug-sections=zlib-gnu"), lines: true, everyday: true},
		{name: "debug-gz", compile: words("-g -gz"), link: words("-gz"), lines: true},
		{name: "debug-split", compile: words("-g -gsplit-dwarf"), lines: true, everyday: true},
		{name: "debug-dwarf4", compile: words("-g3 -gdwarf-4"), lines: true},
		// ld.bfd turns inline PLT sequences into calls that lose r2 between units, patched or
		// not.
		{name: "no-plt", calls: words("-fno-plt"), alone: words("-pie"), sites: 5, kept: 11, everyday: true},
		{name: "longcall", calls: words("-mlongcall"), alone: words("-pie"), sites: 5, kept: 11},
		{name: "longcall-power10", compiler: "gcc-p10-O2", calls: words("-mlongcall"), sites: 5, kept: 11, everyday: true},
		// To the compiler these are calls through pointers: no sites.
		{name: "no-pltseq", calls: words("-fno-plt -mno-pltseq"), sites: 5},
		{name: "pack-relative-relocs", link: words("-Wl,-z,pack-relative-relocs"), everyday: true},
		{name: "relro-now", link: relro},
		{name: "relro-now-lld", link: relro, linker: "lld"},
		{name: "emit-relocs", link: words("-Wl,-q"), everyday: true},
		{name: "emit-relocs-lld", link: words("-Wl,-q"), linker: "lld"},
		{name: "icf-all", compile: words("-ffunction-sections"), link: words("-Wl,--icf=all"), linker: "lld", everyday: true},
		{name: "icf-safe", compiler: "clang-p8-O2", compile: words("-ffunction-sections -faddrsig"), link: words("-Wl,--icf=safe"), linker: "lld"},
		{name: "gc-sections", compile: words("-ffunction-sections -fdata-sections"), link: words("-Wl,--gc-sections")},
		{name: "gc-sections-lld", compile: words("-ffunction-sections -fdata-sections"), link: words("-Wl,--gc-sections"), linker: "lld"},
		{name: "static", alone: words("-static")},
		{name: "no-toc-optimize", link: words("-Wl,--no-toc-optimize,--no-tls-optimize")},
		{name: "plt-localentry", link: words("-Wl,--no-plt-localentry,--emit-stub-syms,--plt-align=5")},
		{name: "stub-groups", compile: words("-ffunction-sections"), link: words("-Wl,--stub-group-size=256")},
		{name: "lto", compile: lto, join: words("-flto -r -flinker-output=nolto-rel")},
		{name: "lto-clang", compiler: "clang-p8-O2", compile: lto, join: words("-flto -fuse-ld=lld -r -nostdlib"), linker: "lld"},
		{name: "thinlto", compiler: "clang-p8-O2", compile: words("-flto=thin"), join: words("-flto=thin -fuse-ld=lld -r -nostdlib"), linker: "lld", everyday: true},
	}
}

// TestE2EOptions builds the program with each row's options, and links and runs it
// unpatched and patched. Both must print the same. The sites must leave their
// trampolines, except those that stay according to the row, and verify must accept the
// program. The everyday form has some of the rows.
func TestE2EOptions(t *testing.T) {
	w := newWorkshop(t)
	for _, row := range optionRows(gccVersion(t, w.compilers["gcc-p8-O2"][0])) {
		if !row.everyday && !clitest.Full() {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := &optionBuild{&workshop{w.builder, t, t.TempDir()}, row}
			o.compileObjects()
			o.check()
		})
	}
}

// gccVersion returns the major version of a gcc.
func gccVersion(t *testing.T, gcc string) (major int) {
	out, err := exec.Command(gcc, "-dumpversion").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(out), &major); err != nil {
		t.Fatalf("%s -dumpversion: %q", gcc, out)
	}
	return major
}

// An optionBuild is a row in a directory of its own.
type optionBuild struct {
	*workshop
	row optionRow
}

func (o *optionBuild) compiler() string {
	if o.row.compiler == "" {
		return "gcc-p8-O2"
	}
	return o.row.compiler
}

func (o *optionBuild) linker() string {
	if o.row.linker == "" {
		return "bfd"
	}
	return o.row.linker
}

// patched returns the objects to patch.
func (o *optionBuild) patched() []string {
	if o.row.join != nil {
		return []string{"joined.o"}
	}
	return []string{"main.o", "calls.o", "keys.o"}
}

// compileObjects makes the objects.
func (o *optionBuild) compileObjects() {
	for _, name := range []string{"main", "calls", "keys", "targets"} {
		flags := append([]string{"-fPIE"}, o.row.compile...)
		switch name {
		case "calls":
			flags = append(flags, o.row.calls...)
		case "targets":
			if o.row.alone == nil {
				flags[0] = "-fPIC"
			}
		}
		o.object(name+".o", o.compiler(), "usc_"+name+".c", flags...)
	}
	for _, source := range o.row.sources {
		o.object(source+".o", o.compiler(), source, "-fPIE")
	}
	if o.row.join != nil {
		execute(o.t, o.dir, slices.Concat(o.compilers[o.compiler()], []string{"-fPIE"}, o.row.join,
			[]string{"main.o", "calls.o", "keys.o", "-o", "joined.o"}))
	}
}

// run links, and returns the program's output and the line of the source that defines
// usc_call.
func (o *optionBuild) run() (printed, line string) {
	o.t.Helper()
	program := append([]string{"-o", "program"}, o.patched()...)
	for _, source := range o.row.sources {
		program = append(program, source+".o")
	}
	if o.row.alone == nil {
		o.link(o.linker(), slices.Concat(o.row.link, []string{"-shared", "targets.o", "-o", "libtargets.so"})...)
		program = append(program, "-pie", "libtargets.so")
	} else {
		program = slices.Concat(program, o.row.alone, []string{"targets.o"})
	}
	o.link(o.linker(), slices.Concat(program, o.row.link)...)
	if o.row.lines {
		line = o.definedAt("usc_call")
	}
	if o.row.noRun != "" {
		return "", line
	}
	return o.execute(o.t, "./program"), line
}

// definedAt returns the place of a function in the source, according to the program's
// debugging information.
func (o *optionBuild) definedAt(name string) string {
	out := string(execute(o.t, o.dir, []string{"gdb-multiarch", "-nx", "-batch", "-ex", "info line " + name, "program"}))
	at, _, _ := strings.Cut(out, " starts at address")
	return at
}

// check patches the objects and compares the program with the unpatched one.
func (o *optionBuild) check() {
	t := o.t
	unpatched, line := o.run()
	if want := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "e2e", "want", "usc.txt"))); unpatched != want && o.row.noRun == "" {
		t.Fatalf("unpatched, printed\n%s\nwant\n%s", unpatched, want)
	}
	if o.row.lines && !strings.HasSuffix(line, `usc_calls.c"`) {
		t.Fatalf("unpatched, usc_call is at %q", line)
	}
	o.checkSites()
	printed, patchedLine := o.run()
	if printed != unpatched {
		t.Errorf("printed\n%s\nwant\n%s", printed, unpatched)
	}
	if patchedLine != line {
		t.Errorf("usc_call is at %q, unpatched at %q", patchedLine, line)
	}
	for _, file := range append(o.patched(), "program") {
		args := []string{"verify", "--user", filepath.Join(o.dir, file)}
		if _, stderr, code := runCommand(args...); code != cli.ExitDone {
			t.Errorf("verify %s: exit %d\n%s", file, code, stderr)
		}
	}
}

// checkSites patches the objects and checks by their relocations which calls have left
// their trampolines.
func (o *optionBuild) checkSites() {
	t := o.t
	want := o.row.sites
	if want == 0 {
		want = 16
	}
	left, stay := 0, 0
	for _, file := range o.patched() {
		path := filepath.Join(o.dir, file)
		before, odd := callRelocations(t, path), oddCalls(t, path)
		_, stderr, code := runCommand("--user", path)
		if len(odd) == 0 && code != cli.ExitDone || len(odd) > 0 && (code != cli.ExitKept || !strings.Contains(stderr, sites.CallForm.String()+": ")) {
			t.Errorf("%s, with %d calls that stay: exit %d\n%s", file, len(odd), code, stderr)
		}
		after := callRelocations(t, path)
		for at, name := range before {
			switch {
			case !strings.HasPrefix(name, sites.TrampPrefix):
			case strings.HasPrefix(after[at], sites.TrampPrefix):
				t.Errorf("%s: %s+0x%x still calls %s", file, at.section, at.off, after[at])
			default:
				left++
			}
		}
		if kept := oddCalls(t, path); !maps.Equal(kept, odd) {
			t.Errorf("%s: calls that are to stay: %v, before %v", file, kept, odd)
		}
		stay += len(odd)
	}
	if left != want && (o.row.join == nil || left < want) || stay != o.row.kept {
		t.Errorf("%d calls have left their trampolines, %d stay; want %d and %d", left, stay, want, o.row.kept)
	}
}

// oddCalls returns the calls to trampolines in inline PLT sequences.
func oddCalls(t *testing.T, path string) map[place]string {
	t.Helper()
	return relocationsOf(t, path, func(r reloc.Rela, name string) bool {
		typ := elf.R_PPC64(r.Type())
		return (typ == elf.R_PPC64_PLTCALL || typ == elf.R_PPC64_PLTCALL_NOTOC) && strings.HasPrefix(name, sites.TrampPrefix)
	})
}
