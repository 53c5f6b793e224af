// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// ran is the result of a command.
type ran struct {
	Code           int
	Signal         syscall.Signal
	Stdout, Stderr string
	Files          map[string]string
}

var gccTemporary = regexp.MustCompile(`/tmp/\w+(-\w+)?\.[a-z]+`)

func runIn(t *testing.T, dir string, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Stdin = strings.NewReader(callSource)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := ran{Stdout: stdout.String(), Stderr: gccTemporary.ReplaceAllString(stderr.String(), "TEMP"), Files: map[string]string{}}
	r.Code = cmd.ProcessState.ExitCode()
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		r.Signal = s.Signal()
	}
	for name := range clitest.FilesBelow(t, dir) {
		r.Files[name] = string(clitest.ReadFile(t, filepath.Join(dir, name)))
	}
	return r
}

// callSource has a call that scpatch changes.
const callSource = `#include <static_call.h>
int t1(int x);
DEFINE_STATIC_CALL(op, t1);
int use(int x) { return static_call(op)(x) + 1; }
`

// TestE2ECompile compiles with and without scpatch compile. Objects for ppc64le must
// be patched; everything else must be as the compiler makes it: other files, output
// and exit code.
func TestE2ECompile(t *testing.T) {
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "gcc", "clang", "clang-19")
	include, err := filepath.Abs(clitest.RepoPath("include"))
	if err != nil {
		t.Fatal(err)
	}
	options := []string{"-O2", "-I" + include}
	files := map[string]string{
		"a.c": callSource, "d/b.c": callSource, "no-suffix": callSource, "-dash.c": callSource,
		"a\tb c.c": callSource, "bad.c": "#error bad\n", "h.h": "int z;\n", "asm.s": "\t.text\n\tnop\n",
		"old.o": "not ours", "r": "-c @more", "more": `-o "r r.o" a.c`, "lto.o": "of another run",
	}
	cross := map[string][]string{
		"gcc":   append([]string{"powerpc64le-linux-gnu-gcc"}, options...),
		"clang": append([]string{"clang", "--target=powerpc64le-linux-gnu"}, options...),
	}
	native := map[string][]string{
		"gcc":   append([]string{"gcc"}, options...),
		"clang": append([]string{"clang", "--target=x86_64-linux-gnu"}, options...),
	}
	for n, c := range []struct {
		args    string // separated by |
		patched string // the objects
		on      string // these compilers; "" for one in turn
	}{
		{"-c|-o|x.o|a.c", "x.o", ""},
		{"-c|a.c", "a.o", ""},
		{"-c|a.c|bad.c", "", ""}, // the exit code is that of bad.c
		{"-c|a.c|d/b.c|asm.s", "a.o|b.o|asm.o", ""},
		{"-c|-oold.o|a.c", "old.o", ""},
		{"--compile|--output=x.o|a.c", "x.o", ""},
		{"--compile|--output|x.o|a.c", "x.o", ""},
		{"@r|-O1", "r r.o", ""},
		{"-c|a\tb c.c", "a\tb c.o", ""},
		{"-c|a\tb c.c|-o|d/x\n'y.o", "d/x\n'y.o", ""},
		{"-c|./-dash.c", "-dash.o", ""},
		{"-c|-x|c|-", "-.o", ""},
		{"-c|-xc|-|-o|in.o", "in.o", ""},
		{"-c|-x|c|no-suffix", "no-suffix.o", ""},
		{"-c|-MD|-MF|x.d|a.c|-o|x.o", "x.o", ""},
		{"-c|-save-temps|a.c|-o|x.o", "x.o", "gcc clang"},
		{"-c|-g|-gsplit-dwarf|a.c|-o|x.o", "x.o", ""},
		{"-c|--|a.c", "a.o", "clang"},
		{"-c|bad.c|-o|old.o", "", ""},
		{"-c|none.c", "", ""},
		{"-S|-c|a.c|-o|x.o", "", "gcc clang"},
		{"-c|-S|a.c", "", ""},
		{"-E|-c|a.c|-o|x.o", "", ""},
		{"-c|-M|a.c|-o|x.o", "", ""},
		{"-c|-fsyntax-only|a.c|-o|old.o", "", ""},
		{"-c|-###|a.c|-o|old.o", "", ""},
		{"-c|a.c|-o|/dev/null", "", ""},
		{"-c|a.c|-o|-", "", "gcc clang"},
		{"-c|-x|c-header|h.h|-o|h.gch", "", "gcc clang"},
		{"-c|h.h", "", ""},
		{"-c|-flto|-emit-llvm|a.c|-o|x.bc", "", "clang"},
		{"-r|-nostdlib|a.c|-o|x.o", "", "gcc"},
		{"-dumpmachine|-c", "", ""},
		{"--version", "", ""},
	} {
		for i, name := range []string{"gcc", "clang"} {
			compiler := cross[name]
			if !strings.Contains(c.on, name) && (c.on != "" || (n+i)%2 == 0) && !clitest.Full() {
				continue
			}
			t.Run(strings.ReplaceAll(c.args, "|", " ")+"/"+name, func(t *testing.T) {
				t.Parallel()
				compareRuns(t, files, append(slices.Clone(compiler), strings.Split(c.args, "|")...), strings.Split(c.patched, "|"))
			})
		}
	}
	for _, args := range []string{"-c|-o|x.o|a.c", "-c|a.c|d/b.c", "-c|-flto|-frandom-seed=1|a.c|-o|lto.o", "-c|-m32|-ffreestanding|asm.s"} {
		for name, compiler := range native {
			t.Run("native "+strings.ReplaceAll(args, "|", " ")+"/"+name, func(t *testing.T) {
				t.Parallel()
				compareRuns(t, files, append(slices.Clone(compiler), strings.Split(args, "|")...), nil)
			})
		}
	}
	t.Run("big-endian", func(t *testing.T) {
		t.Parallel()
		compareRuns(t, files, []string{"clang", "--target=powerpc64-linux-gnu", "-c", "-x", "c", "h.h"}, nil)
	})
	// An object that cannot be patched is an error and is removed.
	for name, compiler := range map[string][]string{
		"slim":    append(slices.Clone(cross["gcc"]), "-flto"),
		"fat":     append(slices.Clone(cross["gcc"]), "-flto", "-ffat-lto-objects"),
		"bitcode": append(slices.Clone(cross["clang"]), "-flto"),
		"thin":    append(slices.Clone(cross["clang"]), "-flto=thin"),
		"fat-llvm": append([]string{"clang-19", "--target=powerpc64le-linux-gnu"},
			append(slices.Clone(options), "-flto", "-ffat-lto-objects")...),
	} {
		t.Run("lto/"+name, func(t *testing.T) {
			t.Parallel()
			dir := clitest.InDirectory(t, files)
			got := runIn(t, dir, append([]string{"scpatch", "compile", "--user", "-q", "--"}, append(compiler, "-c", "a.c", "-o", "lto.o")...)...)
			if got.Code != cli.ExitInput || !strings.HasPrefix(got.Stderr, "scpatch: lto.o: ") || !strings.Contains(got.Stderr, "[lto-object]") {
				t.Errorf("exit code %d, %s", got.Code, got.Stderr)
			}
			if _, ok := got.Files["lto.o"]; ok {
				t.Error("the object is there")
			}
		})
	}
}

// compareRuns compares a run of the compiler with one through scpatch.
func compareRuns(t *testing.T, files map[string]string, compiler, patched []string) {
	t.Helper()
	options := []string{"--user", "-q"}
	dir := filepath.Join(t.TempDir(), "d") // the same for both, because it is in debug information
	clitest.Fill(t, dir, files)
	want := runIn(t, dir, compiler...)
	for _, name := range patched {
		if name == "" {
			continue
		}
		path := filepath.Join(dir, name)
		if _, said, code := runCommand(slices.Concat(options, []string{path})...); code > cli.ExitKept {
			t.Fatal(said)
		}
		now := string(clitest.ReadFile(t, path))
		if now == want.Files[name] && name != "asm.o" {
			t.Errorf("%s has nothing to patch", name)
		}
		want.Files[name] = now
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	clitest.Fill(t, dir, files)
	got := runIn(t, dir, slices.Concat([]string{"scpatch", "compile"}, options, []string{"--"}, compiler)...)
	for name := range maps.Keys(got.Files) {
		if strings.HasSuffix(name, ".gch") { // gcc writes a time into it
			got.Files[name], want.Files[name] = "", ""
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the compiler -, with scpatch +:\n%s", diff)
	}
}

// TestCompileEnds tests compilers that fail, and a scpatch that fails.
func TestCompileEnds(t *testing.T) {
	object, err := filepath.Abs(clitest.RepoPath("testdata", "obj", "gcc-p8-O2-update.o"))
	if err != nil {
		t.Fatal(err)
	}
	compiled := string(clitest.ReadFile(t, object))
	linked := compiled[:16] + "\x03" + compiled[17:] // ET_DYN
	// The old object is one that scpatch would change.
	before := string(clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", "gcc-p8-O2-sites.o")))
	tool := "#!/bin/sh\n"
	// Written once, before another process is started that could hold them
	// open.
	tools := clitest.InDirectory(t, map[string]string{
		"cc":      tool + `cp "` + object + `" x.o` + "\n",
		"seven":   tool + "cp '" + object + "' x.o; exit 7\n",
		"killed":  tool + "kill -KILL $$\n",
		"crashed": tool + "kill -SEGV $$\n",
		"ended":   tool + "kill -TERM $$\n",
		"idle":    tool + "echo said\n",
		"links":   tool + "cp \"$0\".o x.o\n",
		"links.o": linked,
		"text":    "no program\n",
	})
	for name := range clitest.FilesBelow(t, tools) {
		if err := os.Chmod(filepath.Join(tools, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	clitest.WriteFile(t, filepath.Join(tools, "plain"), []byte("no permission\n"))
	const old, patched = "old", "patched" // the latter stands for neither of the two texts
	for _, c := range []struct {
		args   string
		code   int
		signal syscall.Signal
		object string // "" for none
		said   string
	}{
		{"-- ./cc -c -o x.o", 0, 0, patched, ""},
		{"--runtime=none -- ./cc -c -o x.o", 0, 0, patched, ""},
		{"-- ./cc -c -o other.o", 0, 0, "compiled", ""}, // an object that the command line does not name
		{"-- ./cc -o x.o", 0, 0, "compiled", ""},
		{"--require constant -- ./cc -c -o x.o", cli.ExitInput, 0, "", "x.o: "},
		{"-- ./seven -c -o x.o", 7, 0, "compiled", ""},
		{"-- ./seven x.o", 7, 0, "compiled", ""},
		{"-- ./killed -c -o x.o", -1, syscall.SIGKILL, old, ""},
		{"-- ./crashed -c -o x.o", -1, syscall.SIGSEGV, old, ""},
		{"-- ./ended -c -o x.o", -1, syscall.SIGTERM, old, ""},
		{"-- ./ended", -1, syscall.SIGTERM, old, ""},
		{"-- ./idle -c -o x.o", 0, 0, old, ""}, // the compiler did not write the old one
		{"-- ./links -c -o x.o", 0, 0, "linked", ""},
		{"-- ./none -c -o x.o", 127, 0, old, "scpatch: ./none: the compiler cannot be run: stat ./none: no such file or directory [no-such-file]\n"},
		{"-- no-such-cc", 127, 0, old, "scpatch: no-such-cc: the compiler cannot be run: executable file not found in $PATH [no-such-file]\n"},
		{"-- ./plain -c -o x.o", 126, 0, old, "scpatch: ./plain: the compiler cannot be run: permission denied [permission-denied]\n"},
		{"-- ./text -c -o x.o", 126, 0, old, "./text: the compiler cannot be run: "},
		{"-- ./text", 126, 0, old, "./text: the compiler cannot be run: exec format error"},
		{"--", cli.ExitUsage, 0, old, "no compiler: "},
		{"", cli.ExitUsage, 0, old, "no compiler: "},
		{"./cc -c -o x.o", cli.ExitUsage, 0, old, "no compiler: "},
		{"./cc -- ./cc -c -o x.o", cli.ExitUsage, 0, old, "no compiler: "},
		{"--require often -- ./cc -c -o x.o", cli.ExitUsage, 0, old, `--require: unknown form "often"`},
		{"--output y.o -- ./cc -c -o x.o", cli.ExitUsage, 0, old, "unknown flag: --output"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			dir := clitest.InDirectory(t, map[string]string{"x.o": before})
			at := strings.NewReplacer("./", tools+"/")
			got := runIn(t, dir, append([]string{"scpatch", "compile", "--user", "-q"}, strings.Fields(at.Replace(c.args))...)...)
			now := got.Files["x.o"]
			switch now {
			case "":
			case before:
				now = old
			case compiled:
				now = "compiled"
			case linked:
				now = "linked"
			default:
				now = patched
			}
			if got.Code != c.code || got.Signal != c.signal || now != c.object || !strings.Contains(got.Stderr, at.Replace(c.said)) || c.said == "" && got.Stderr != "" {
				t.Errorf("exit code %d, signal %v, object %q, said %q", got.Code, got.Signal, now, got.Stderr)
			}
			if len(got.Files) > 1 {
				t.Errorf("left behind: %v", slices.Sorted(maps.Keys(got.Files)))
			}
		})
	}
}

// TestCompileInherits tests a compiler that uses standard input and a descriptor
// from make.
func TestCompileInherits(t *testing.T) {
	dir := clitest.InDirectory(t, map[string]string{"cc": "read word; echo $word >&3\n"})
	for _, args := range []string{"-c -o x.o", ""} {
		got := runIn(t, dir, "sh", "-c", "exec scpatch compile --user -- sh cc "+args+" 3>three")
		if want := "#include <static_call.h>\n"; got.Code != 0 || got.Files["three"] != want {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestCompileInterrupted sends a signal while a compiler that has already written
// its object is still running. The compiler must end, and no unpatched object may be
// left.
func TestCompileInterrupted(t *testing.T) {
	object, err := filepath.Abs(clitest.RepoPath("testdata", "obj", "gcc-p8-O2-update.o"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		script string
		gets   string
	}{
		// The compiler gets the signal and cleans up.
		{"passed on", syscall.SIGTERM, `trap 'echo >got; rm x.o; exit 1' TERM; cp "$0.o" x.o; echo >ready; for i in 1 2 3 4 5 6 7 8 9; do sleep 1; done`, "got"},
		{"in vain", syscall.SIGHUP, `trap '' HUP; cp "$0.o" x.o; echo >ready; while ! [ -e sent ]; do sleep 0.01; done`, ""},
		{"of the keyboard", syscall.SIGINT, `trap 'echo >got' INT; cp "$0.o" x.o; echo >ready; while ! [ -e sent ]; do sleep 0.01; done`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := clitest.InDirectory(t, map[string]string{"cc": c.script, "cc.o": string(clitest.ReadFile(t, object))})
			// The tests may run under nohup, which ignores SIGHUP.
			cmd := exec.Command("env", "--default-signal", "scpatch", "compile", "--user", "--", "sh", "cc", "-c", "-o", "x.o")
			cmd.Dir = dir
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for range 1000 {
				if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			clitest.WriteFile(t, filepath.Join(dir, "sent"), nil)
			_ = cmd.Wait()
			if s := cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != c.signal {
				t.Errorf("ended with %v", cmd.ProcessState)
			}
			files := clitest.FilesBelow(t, dir)
			if _, ok := files["x.o"]; ok {
				t.Error("the object is there")
			}
			if _, ok := files["got"]; ok != (c.gets == "got") {
				t.Errorf("the compiler got the signal: %v", ok)
			}
		})
	}
}
