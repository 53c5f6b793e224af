// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// What run passes to asGo.
const (
	envGo     = "SCPATCH_MUTATION_GO" // the true go
	envSkip   = "SCPATCH_MUTATION_SKIP"
	envEvery  = "SCPATCH_MUTATION_EVERY"
	envOffset = "SCPATCH_MUTATION_OFFSET"
	envCount  = "SCPATCH_MUTATION_COUNT"  // a file, one byte for each mutant so far
	envSource = "SCPATCH_MUTATION_SOURCE" // the directory of the unchanged package
	envKilled = "SCPATCH_MUTATION_KILLED" // a file, one line for each mutant that was killed
	envQuick  = "SCPATCH_MUTATION_QUICK"  // a file, the pattern of the quick tests
)

// Exit codes of go, as gremlins reads them.
const (
	killed    = 1
	notViable = 2
	maxMemory = 8 << 30
)

// asGo is what gremlins runs as go. It adds arguments to "go test", and
// corrects some results:
//
// - A mutant that does not compile is not viable. Go reports it like a failed
// test, which would kill it. - Mutants outside the sample are not viable,
// either. - A mutant that an earlier run killed counts as killed (-again). -
// The coverage profile has no conditions of a switch and no package variables,
// so gremlins would not mutate them: here it covers everything. - The quickest
// tests run first: they kill most mutants, and the first failure ends the run.
// - A mutant gets no more than 8 GB of memory.
func asGo(args []string) int {
	if len(args) == 0 || args[0] != "test" {
		return exitCode(command(os.Getenv(envGo), args...).Run())
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: maxMemory, Max: maxMemory})
	if i := slices.Index(args, "-coverprofile"); i >= 0 {
		args[len(args)-1] = strings.TrimSuffix(args[len(args)-1], "/...") // without the packages below it
		return testWhole(args[1:], args[i+1])
	}
	if !inSample() {
		return notViable
	}
	mutant := mutated(".", os.Getenv(envSource))
	if wasKilled(mutant) {
		return killed
	}
	code := testMutant()
	if code == killed && mutant != "" {
		noteKilled(mutant)
	}
	return code
}

// testWhole runs the tests of an unchanged package, writes their coverage
// profile, and notes the quickest tests.
func testWhole(args []string, profile string) int {
	more := []string{"test", "-short", "-count=1", "-vet=off", "-v"}
	if skip := os.Getenv(envSkip); skip != "" {
		more = append(more, "-skip", skip)
	}
	cmd := command(os.Getenv(envGo), append(more, args...)...)
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(os.Stdout, &out)
	if code := exitCode(cmd.Run()); code != 0 {
		return code
	}
	err := coverAll(profile)
	if err == nil {
		err = os.WriteFile(os.Getenv(envQuick), []byte(quickest(out.String())), 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	return 0
}

// quickest returns a pattern for the quickest tests in the output of go test
// -v, which together take a tenth of the time.
func quickest(verbose string) string {
	type test struct {
		name string
		took float64
	}
	var tests []test
	var all float64
	for _, m := range passed.FindAllStringSubmatch(verbose, -1) {
		took, _ := strconv.ParseFloat(m[2], 64)
		tests = append(tests, test{m[1], took})
		all += took
	}
	slices.SortFunc(tests, func(a, b test) int {
		return cmp.Or(cmp.Compare(a.took, b.took), cmp.Compare(a.name, b.name))
	})
	var names []string
	var sum float64
	for _, t := range tests {
		if sum += t.took; sum > all/10 {
			break
		}
		names = append(names, t.name)
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

var passed = regexp.MustCompile(`(?m)^--- PASS: (\w+) \((\d+\.\d+)s\)$`)

// testMutant builds the tests of the package in this directory, and runs the
// quick ones before the others.
func testMutant() int {
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return 127
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "test")
	// The compiler and the linker end before they need a garbage collection.
	build := command(os.Getenv(envGo), "test", "-c", "-o", bin, "-vet=off", "-gcflags=-N -l", "-ldflags=-s -w")
	build.Env = append(os.Environ(), "GOGC=off")
	if build.Run() != nil {
		return notViable
	}
	quick, err := os.ReadFile(os.Getenv(envQuick))
	if err != nil {
		return 127
	}
	rest := string(quick)
	if skip := os.Getenv(envSkip); skip != "" {
		rest += "|" + skip
	}
	for _, which := range []string{"-test.run=" + string(quick), "-test.skip=" + rest} {
		if exitCode(command(bin, "-test.short", "-test.failfast", which).Run()) != 0 {
			return killed
		}
	}
	return 0
}

// coverAll marks every file of a profile as covered.
func coverAll(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, allCovered(string(b))...), 0o666)
}

// allCovered returns the lines of a profile with all of its files covered.
func allCovered(profile string) (lines string) {
	seen := map[string]bool{}
	for _, l := range strings.Split(profile, "\n") {
		file, _, ok := strings.Cut(l, ".go:")
		if ok && !seen[file] {
			seen[file] = true
			lines += file + ".go:1.1,1000000.1 1 1\n"
		}
	}
	return lines
}

// command returns a command that is killed with this program, which gremlins
// kills when its time is over.
func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func exitCode(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return 127
	}
	return 0
}

// inSample counts this mutant, and reports whether it is in the sample.
func inSample() bool {
	every, err := strconv.Atoi(os.Getenv(envEvery))
	if err != nil || every <= 1 {
		return true
	}
	offset, _ := strconv.Atoi(os.Getenv(envOffset))
	f, err := os.OpenFile(os.Getenv(envCount), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return true
	}
	defer f.Close()
	n, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return true
	}
	_, _ = f.Write([]byte{'.'})
	return int(n)%every == offset%every
}

// mutated names the mutant in a directory by the file that differs from the
// source, and its hash. The name is empty if no file differs.
func mutated(dir, source string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return ""
		}
		base := filepath.Base(name)
		if was, err := os.ReadFile(filepath.Join(source, base)); err == nil && !bytes.Equal(b, was) {
			return fmt.Sprintf("%s %x", base, sha256.Sum256(b))
		}
	}
	return ""
}

func wasKilled(mutant string) bool {
	list, err := os.ReadFile(os.Getenv(envKilled))
	return err == nil && mutant != "" && slices.Contains(strings.Split(string(list), "\n"), mutant)
}

func noteKilled(mutant string) {
	if f, err := os.OpenFile(os.Getenv(envKilled), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666); err == nil {
		defer f.Close()
		fmt.Fprintln(f, mutant)
	}
}
