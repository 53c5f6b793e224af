// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestWork checks that the work of each command does not grow with the square of its
// input. It counts how often each block of statements runs, with the counters of go
// build -cover, for n functions, sites, keys or sections and for 2n. Linear work
// doubles, and n log n takes a little more. The clock does not matter. The searches
// of package slices are counted too.
//
// All commands run, on objects, archives, thin archives, many files, programs,
// libraries and kernel images. The everyday suite uses each value of an option when it
// patches, and a third of the places and of the other commands' options, in turn; make
// soundness uses each pair and all of these, and the long form each triple.
func TestWork(t *testing.T) {
	tooltest.NoRace(t)
	tooltest.Need(t, "powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-ar", "powerpc64le-linux-gnu-ld.bfd")
	tools := workTools{counting: countingProgram(t), covdata: covdata(t)}
	for _, name := range slices.Sorted(maps.Keys(workShapes)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			few := measureWork(t, tools, name, workSize)
			many := measureWork(t, tools, name, 2*workSize)
			for _, command := range slices.Sorted(maps.Keys(many)) {
				for _, block := range slices.Sorted(maps.Keys(many[command])) {
					n, m := few[command][block], many[command][block]
					if isQuadratic(n, m) {
						t.Errorf("%s: %s runs %d times for %d, and %d times for %d", command, block, n, workSize, m, 2*workSize)
					}
				}
			}
		})
	}
}

// workSize is the number of things in a shape.
const workSize = 150

// isQuadratic judges the counts of a block for workSize and for twice that. If a
// count is a + b n + c n², b cancels out of the difference m - 2n, which is 2c n² -
// a.
func isQuadratic(n, m uint64) bool {
	const least = workSize * workSize / 4
	return m > n*11/4 && m > 2*n+least
}

// TestIsQuadratic counts the steps of loops.
func TestIsQuadratic(t *testing.T) {
	count := func(loop func(n uint64) uint64) bool { return isQuadratic(loop(workSize), loop(2*workSize)) }
	for name, c := range map[string]struct {
		loop func(n uint64) uint64
		want bool
	}{
		"linear":         {func(n uint64) uint64 { return 100_000 + 500*n }, false},
		"sorting":        {func(n uint64) uint64 { return 40 * n * uint64(len(strconv.FormatUint(n, 2))) }, false},
		"square":         {func(n uint64) uint64 { return n * n }, true},
		"half a square":  {func(n uint64) uint64 { return n * (n - 1) / 2 }, true},
		"one of 20 runs": {func(n uint64) uint64 { return 20*n + n*n }, true},
	} {
		if got := count(c.loop); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// workTools are programs.
type workTools struct {
	counting string // scpatch with counters
	covdata  string // reads them
}

// covdata returns the path of the Go tool. "go tool covdata" would take five times as
// long.
func covdata(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(string(execute(t, ".", []string{"go", "tool", "-n", "covdata"})))
}

// countingProgram builds scpatch with counters.
func countingProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scpatch")
	cmd := exec.Command("go", "build", "-cover", "-covermode=atomic", "-coverpkg=./...,slices,bytes,strings", "-o", path, "./cmd/scpatch")
	cmd.Dir = clitest.RepoPath(".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// workShapes are assembly texts with n of something.
var workShapes = map[string]func(n int) string{
	"functions": func(n int) string {
		return each(n, "func f%[1]d\nframe\nbl __SCT__op\nnop\nunframe\nendfunc f%[1]d\n") + workKey
	},
	"cold parts": func(n int) string {
		return each(n, "func f%[1]d\nbl f%[1]d.cold\nnop\nblr\nendfunc f%[1]d\nleaf f%[1]d.cold, local\nbl __SCT__op\nnop\nblr\nendfunc f%[1]d.cold\n") + workKey
	},
	"sections": func(n int) string {
		return each(n, ".section .text.f%[1]d,\"ax\",@progbits\nfunc f%[1]d\nframe\nbl __SCT__op\nnop\nunframe\nendfunc f%[1]d\n") + workKey
	},
	"tail calls": func(n int) string {
		return each(n, ".section .text.f%[1]d,\"ax\",@progbits\nfunc f%[1]d\nb __SCT__op\nendfunc f%[1]d\n") + workKey
	},
	"keys": func(n int) string {
		return each(n, "func f%[1]d\nframe\nbl __SCT__op%[1]d\nnop\nunframe\nendfunc f%[1]d\n") +
			each(n, "key op%[1]d, target\ntramp op%[1]d\n") + workTarget
	},
	"keys of null": func(n int) string {
		return each(n, "func f%[1]d\nframe\nbl __SCT__op%[1]d\nnop\nunframe\nendfunc f%[1]d\n") +
			each(n, "key op%[1]d, 0\ntramp op%[1]d\n")
	},
	"keys of others": func(n int) string {
		return each(n, "func f%[1]d\nframe\nbl __SCT__op%[1]d\nnop\nunframe\nendfunc f%[1]d\n")
	},
	"local trampolines": func(n int) string {
		return each(n, "localtramp op%[1]d\nfunc f%[1]d\nframe\nbl __SCT__op%[1]d\nnop\nunframe\nendfunc f%[1]d\nkey op%[1]d, target, local\n") + workTarget
	},
	"one function": func(n int) string {
		return "func f0\nframe\n" + strings.Repeat("cmpdi 3,0\nbeq 1f\nbl __SCT__op\nnop\n1:\n", n) + "unframe\nendfunc f0\n" + workKey
	},
	"frames": func(n int) string {
		return each(n, "func f%[1]d\n.cfi_startproc\n.cfi_personality 0x94,DW.ref.p\n.cfi_lsda 0x14,.L%[1]d\n"+
			"mflr 0\nstd 0,16(1)\nstdu 1,-48(1)\n.cfi_def_cfa_offset 48\nbl __SCT__op\nnop\nunframe\nb .\n.cfi_endproc\nendfunc f%[1]d\n"+
			".pushsection .gcc_except_table,\"a\"\n.balign 4\n.L%[1]d: .byte 0xff,0xff,1,4\n.byte 12,8,32,0\n.popsection\n") +
			".data\nDW.ref.p: .quad p\n.text\n" + workKey
	},
	"switches": func(n int) string {
		return each(n, "func f%[1]d\nframe\naddis 4,2,.L%[1]d@toc@ha\naddi 4,4,.L%[1]d@toc@l\nlwax 5,4,3\nadd 4,4,5\nmtctr 4\nbctr\n"+
			".La%[1]d: bl __SCT__op\nnop\n.Lb%[1]d: unframe\nendfunc f%[1]d\n"+
			".pushsection .rodata\n.balign 4\n.L%[1]d: .long .La%[1]d-.L%[1]d,.Lb%[1]d-.L%[1]d\n.popsection\n") + workKey
	},
	"aliases": func(n int) string {
		return "func f0\n" + each(n, ".globl a%[1]d\n.type a%[1]d,@function\n.set a%[1]d,f0\n") +
			"frame\n" + strings.Repeat("bl __SCT__op\nnop\n", n) + "unframe\nendfunc f0\n" + each(n, ".size a%[1]d,.-f0\n") + workKey
	},
	"overlapping functions": func(n int) string { // all of them end before the sites
		return "func f0\nnop\nendfunc f0\n" + each(n, ".type g%[1]d,@function\ng%[1]d: nop\n") + each(n, ".size g%[1]d,.-g%[1]d\n") +
			strings.Repeat("bl __SCT__op\nnop\n", n) + workKey
	},
	"groups": func(n int) string {
		return each(n, ".section .text.f%[1]d,\"axG\",@progbits,f%[1]d,comdat\nfunc f%[1]d, weak\nframe\nbl __SCT__op\nnop\nunframe\nendfunc f%[1]d\n") + workKey
	},
	"patched code": func(n int) string {
		return each(n, "func f%[1]d\nframe\n1: nop\nbl __SCT__op\nnop\n2: unframe\nendfunc f%[1]d\n"+
			".pushsection __jump_table,\"aw\"\n.balign 8\n.long 1b-., 2b-.\n.quad word-.\n.popsection\n"+
			".pushsection __ex_table,\"a\"\n.balign 4\n.long 1b-., 2b-.\n.popsection\n") + ".data\nword: .quad 0\n" + workKey
	},
	"members":      oneSite, // of an archive
	"thin members": oneSite,
	"files":        oneSite,
}

// oneSite is for shapes with n files.
func oneSite(int) string { return "func f0\nframe\nbl __SCT__op\nnop\nunframe\nendfunc f0\n" + workKey }

const (
	workTarget = ".text\n.hidden target\nfunc target\nblr\nendfunc target\n"
	workKey    = workTarget + "key op, target\ntramp op\n"
)

// each repeats a text with the numbers from 0 to n-1.
func each(n int, text string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, text, i)
	}
	return b.String()
}

// A workRun runs the counting program and sums up what it has counted.
type workRun struct {
	workTools
	t      *testing.T
	dir    string
	good   map[string]int // how many runs of each command succeeded
	stdout []byte         // of the last run
	thin   bool           // the input is a thin archive, which can only be patched in place
	turn   int            // number of the shape
}

// inTurn returns all of a list, or in the everyday suite a third of it: another one for
// each shape.
func inTurn[T any](w *workRun, all []T) (some []T) {
	if !testing.Short() {
		return all
	}
	for i := w.turn % min(3, len(all)); i < len(all); i += 3 {
		some = append(some, all[i])
	}
	return some
}

// workCommands are the commands; each must succeed several times.
var workCommands = []string{"patch", "list", "verify", "compare", "compile", "explain"}

// measureWork runs every command on a shape of size n, and returns the counts
// of each block by command.
func measureWork(t *testing.T, tools workTools, shape string, n int) map[string]map[string]uint64 {
	w := &workRun{workTools: tools, t: t, dir: t.TempDir(), good: map[string]int{}}
	input := "in.o"
	w.write("in.s", ".include \"sc_asm.h\"\n.text\n"+workShapes[shape](n))
	w.execute("powerpc64le-linux-gnu-gcc", workSource(), "-c", "-o", input, "in.s")
	switch shape {
	case "members":
		input = w.archive(input, "rcs", n)
	case "thin members":
		input, w.thin = w.archive(input, "rcsT", n), true
	case "files":
		w.files(n)
	}
	if !w.thin {
		w.patch(input)
	}
	w.turn = slices.Index(slices.Sorted(maps.Keys(workShapes)), shape)
	places := inTurn(w, workPlaces)
	for _, o := range places {
		if w.thin {
			w.archive("in.o", "rcsT", n) // as it was before a patch
		}
		w.look(input, o)
		w.run("compile", append(slices.Clone(o), "--", "powerpc64le-linux-gnu-gcc", workSource(), "-c", "-o", "compiled.o", "in.s")...)
	}
	if !strings.HasSuffix(input, ".a") {
		w.link(input)
	}
	w.explain(n)
	counts := map[string]map[string]uint64{}
	for _, command := range workCommands {
		if w.good[command] < len(places) {
			t.Errorf("only %d runs of %s could do their work", w.good[command], command)
		}
		counts[command] = w.counts(command)
	}
	return counts
}

// workSource says how gcc assembles a shape. It is not a variable: other tests run this
// program as scpatch in a directory of their own.
func workSource() string { return "-Wa,-mpower10,-I," + clitest.RepoPath("testdata", "src") }

// Options that say where the code runs.
var workPlaces = [][]string{{}, {"--module"}, {"--user", "--runtime=none"}}

// workOptions are the options of a patch, each with its values.
var workOptions = [][]string{
	{"", "--module", "--user"},
	{"--runtime=inline", "--runtime=trampoline", "--runtime=none"},
	{"", "--linker=bfd", "--linker=lld", "--linker=other"},
	{"", "--entry-size=8", "--entry-size=16"},
	{"", "--whole-program"},
	{"", "--no-record"},
	{"", "--allow-shadow"},
	{"", "--paca-toc=16"},
	{"", "--table-only"},
	{"", "--restore=stack", "--restore=paca", "--restore=save-stub", "--restore=linker", "--restore=shadow"},
	{"", "--diff", "--verbose", "--dry-run"},
}

// patch patches the input with combinations of options, and then the output
// again.
func (w *workRun) patch(input string) {
	strength := 2
	switch {
	case clitest.Full():
		strength = 3
	case testing.Short():
		strength = 1
	}
	for _, options := range combinations(workOptions, strength) {
		if w.run("patch", append(options, "-o", "out.o", input)...) && !slices.Contains(options, "--dry-run") {
			w.run("patch", append(options, "-o", "again.o", "out.o")...)
		}
	}
}

// look lists, verifies and compares the output of a patch for one place.
func (w *workRun) look(input string, place []string) {
	with := func(args ...string) []string { return slices.Concat(place, args) }
	w.run("list", with("--json", input)...)
	w.write("before.json", string(w.stdout))
	w.run("verify", with("--allow-unpatched", input)...)
	output := "out.o"
	if w.thin {
		output = input
		w.run("patch", with(input)...)
	} else {
		w.run("patch", with("-o", output, input)...)
	}
	for _, o := range inTurn(w, [][]string{
		{"--json"}, {"--sarif"}, {"--diff"}, {"--sort=key"}, {"--sort=reason", "--verbose"}, {"--html=x.html"},
		{"--form=keep", "--key=op*"}, {"--reason=key-may-change", "--function=f*"},
	}) {
		w.run("list", append(with(o...), output)...)
	}
	for _, o := range inTurn(w, []string{"", "--json", "--sarif", "--entry-size=8", "--paca-toc=16"}) {
		w.run("verify", with(o, output)...)
	}
	w.run("list", with("--json", output)...)
	w.write("after.json", string(w.stdout))
	for _, o := range inTurn(w, []string{"", "--json", "--html=x.html", "--strict"}) {
		w.run("compare", with(o, input, output)...)
	}
	w.run("compare", "before.json", "after.json")
}

// files runs the commands on n files at once, by name, in a directory, and named in a
// file of arguments. The compiler compiles n files.
func (w *workRun) files(n int) {
	var objects, sources strings.Builder
	for i := range n {
		object, source := fmt.Sprintf("dir/f%d.o", i), fmt.Sprintf("s%d.s", i)
		w.copy("in.o", object)
		w.copy("in.s", source)
		fmt.Fprintln(&objects, object)
		fmt.Fprintln(&sources, source)
	}
	w.write("objects", objects.String())
	w.write("sources", sources.String())
	w.run("patch", "--dry-run", "@objects")
	w.run("patch", "--recursive", "dir")
	for _, o := range []string{"--json", "--sarif"} {
		w.run("list", o, "--recursive", "dir")
		w.run("verify", o, "@objects")
	}
	w.run("list", "--html=x.html", "@objects")
	w.run("compile", "--", "powerpc64le-linux-gnu-gcc", workSource(), "-c", "@sources")
}

// explain asks for n names.
func (w *workRun) explain(n int) {
	for _, name := range []string{"direct", "key-may-change", "unread-relocations"} {
		w.run("explain", slices.Repeat([]string{name}, n)...)
	}
	w.run("explain", append(slices.Repeat([]string{"stack"}, n), "no-such-name")...)
}

// link verifies and lists a program, and patches a kernel image.
func (w *workRun) link(input string) {
	ld := func(args ...string) {
		execute(w.t, w.dir, append([]string{"powerpc64le-linux-gnu-ld.bfd", "-no-warn-rwx-segments", "--unresolved-symbols=ignore-all", "-e", "f0"}, args...))
	}
	w.run("patch", "--user", "-o", "out.o", input)
	ld("-o", "program", "out.o")
	ld("-shared", "-Bsymbolic", "-o", "library.so", "out.o") // a tail call has no slot, so its target must be its own
	for _, linked := range []string{"program", "library.so"} {
		for _, o := range inTurn(w, []string{"", "--json", "--sarif"}) {
			w.run("verify", "--user", o, linked)
			w.run("list", "--user", o, linked)
		}
	}
	script := strings.NewReplacer("BASE", "0xc000000000000000", "u_call", "f0").Replace(string(clitest.ReadFile(w.t, filepath.Join("testdata", "kernel.lds"))))
	clitest.WriteFile(w.t, filepath.Join(w.dir, "kernel.lds"), []byte(script))
	w.run("patch", "--table-only", "-o", "out.o", input)
	ld("-T", "kernel.lds", "-o", "vmlinux", "out.o")
	for _, o := range inTurn(w, []string{"", "--json", "--diff", "--html=x.html"}) {
		w.run("list", o, "vmlinux")
	}
	w.run("verify", "--allow-unpatched", "vmlinux")
	if w.run("patch", "--diff", "-o", "vmlinux.new", "vmlinux") {
		w.run("verify", "--allow-unpatched", "--json", "vmlinux.new")
		w.run("compare", "vmlinux", "vmlinux.new")
		w.run("patch", "-o", "vmlinux.again", "vmlinux.new")
	}
}

// run runs a command and reports whether it succeeded.
func (w *workRun) run(command string, args ...string) bool {
	counters := filepath.Join(w.dir, "counters", command)
	if err := os.MkdirAll(counters, 0o777); err != nil {
		w.t.Fatal(err)
	}
	if command != "patch" {
		args = append([]string{command}, args...)
	}
	args = slices.DeleteFunc(args, func(a string) bool { return a == "" })
	cmd := exec.Command(w.counting, args...)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "GOCOVERDIR="+counters)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	code := cmd.ProcessState.ExitCode()
	if code < 0 || code >= cli.ExitIO {
		w.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	w.stdout = out
	good := code <= cli.ExitKept
	if good {
		w.good[command]++
	}
	return good
}

func (w *workRun) execute(args ...string) { execute(w.t, w.dir, args) }

func (w *workRun) write(name, text string) {
	clitest.WriteFile(w.t, filepath.Join(w.dir, name), []byte(text))
}

func (w *workRun) copy(from, to string) {
	to = filepath.Join(w.dir, to)
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		w.t.Fatal(err)
	}
	copyFile(w.t, filepath.Join(w.dir, from), to)
}

// archive makes an archive of n members.
func (w *workRun) archive(member, operation string, n int) string {
	args := []string{"powerpc64le-linux-gnu-ar", operation, "in.a"}
	for i := range n {
		name := fmt.Sprintf("m%d.o", i)
		w.copy(member, name)
		args = append(args, name)
	}
	w.execute(args...)
	return "in.a"
}

// counts returns how often each block has run in all runs of a command.
func (w *workRun) counts(command string) map[string]uint64 {
	text := filepath.Join(w.dir, "counts")
	execute(w.t, w.dir, []string{w.covdata, "textfmt", "-i=" + filepath.Join("counters", command), "-o=" + text})
	f, err := os.Open(text)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	counts := map[string]uint64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "slices/zsort") {
			continue // its sorting is n log n, and the comparison functions are counted
		}
		if block, rest, ok := strings.Cut(lines.Text(), " "); ok {
			if _, count, ok := strings.Cut(rest, " "); ok {
				counts[block] = must(strconv.ParseUint(count, 10, 64))
			}
		}
	}
	if len(counts) < 1000 {
		w.t.Fatalf("%s: only %d blocks are counted", command, len(counts))
	}
	return counts
}

// combinations chooses a value of each axis, again and again, until every two values
// of different axes (with a strength of 3, every three) have occurred together.
func combinations(axes [][]string, strength int) (all [][]string) {
	type value struct{ axis, n int }
	var tuples [][]value
	var extend func(from int, chosen []value)
	extend = func(from int, chosen []value) {
		if len(chosen) == strength {
			tuples = append(tuples, chosen)
			return
		}
		for a := from; a < len(axes); a++ {
			for n := range axes[a] {
				extend(a+1, append(slices.Clone(chosen), value{a, n}))
			}
		}
	}
	extend(0, nil)
	random := rand.New(rand.NewPCG(1, 1))
	for len(tuples) > 0 {
		choice := make([]int, len(axes))
		for i := range choice {
			choice[i] = random.IntN(len(axes[i]))
		}
		for _, v := range tuples[0] {
			choice[v.axis] = v.n
		}
		tuples = slices.DeleteFunc(tuples, func(tuple []value) bool {
			return !slices.ContainsFunc(tuple, func(v value) bool { return choice[v.axis] != v.n })
		})
		var options []string
		for i, n := range choice {
			options = append(options, axes[i][n])
		}
		all = append(all, options)
	}
	return all
}
