// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// What run says to asGo.
const (
	envGo     = "SCPATCH_MUTATION_GO" // the true go
	envSkip   = "SCPATCH_MUTATION_SKIP"
	envEvery  = "SCPATCH_MUTATION_EVERY"
	envOffset = "SCPATCH_MUTATION_OFFSET"
	envMarks  = "SCPATCH_MUTATION_MARKS"  // a file, one byte for each mutant so far
	envBefore = "SCPATCH_MUTATION_BEFORE" // that of the run before, where it counts
)

// Exit codes of go as gremlins understands them.
const (
	killed    = 1
	notViable = 2
	maxMemory = 8 << 30
)

// asGo is what gremlins calls for go. It adds what "go test" has to know, and
// mends some things:
//
//   - A mutant that does not compile, which go reports like a test that failed,
//     is not viable, and not killed.
//   - Of a sample, the mutants that are not in it are not viable, either.
//   - What the run before has killed (-again) is killed.
//   - The profile of coverage knows no conditions of a switch and no variables of
//     a package, so gremlins would not try them: here it covers everything.
//   - A mutant that asks for memory without end gets no more than 8 GB.
func asGo(args []string) int {
	if len(args) == 0 || args[0] != "test" {
		return exitCode(command(args).Run())
	}
	profile := slices.Index(args, "-coverprofile") + 1
	coverage := profile > 0
	if !coverage {
		n := note(-1, markTested)
		if !inSample(n) {
			return notViable
		}
		switch before(n) {
		case markKilled:
			note(n, markKilled)
			return killed
		case markInvalid:
			note(n, markInvalid)
			return notViable
		}
		code := goTest(args, 0)
		switch code {
		case killed:
			note(n, markKilled)
		case notViable:
			note(n, markInvalid)
		}
		return code
	}
	return goTest(args, profile)
}

// goTest runs "go test". Of a run with a profile of coverage it has the index of
// the name in args, else 0.
func goTest(args []string, profile int) int {
	coverage := profile > 0
	more := []string{"test", "-count=1", "-vet=off", "-ldflags=-s -w"}
	if skip := os.Getenv(envSkip); skip != "" {
		more = append(more, "-skip", skip)
	}
	last := len(args) - 1
	if coverage {
		args[last] = strings.TrimSuffix(args[last], "/...") // the package, and not those below
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: maxMemory, Max: maxMemory})
	cmd := command(append(more, args[1:]...))
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(os.Stdout, &out)
	code := exitCode(cmd.Run())
	if code == 0 && coverage {
		if err := coverAll(args[profile]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 127
		}
	}
	if code == killed && (bytes.Contains(out.Bytes(), []byte("[build failed]")) || bytes.Contains(out.Bytes(), []byte("[setup failed]"))) {
		code = notViable
	}
	return code
}

// coverAll says in a profile that all of each file was run.
func coverAll(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, allCovered(string(b))...), 0o666)
}

// allCovered returns the lines that do.
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

func command(args []string) *exec.Cmd {
	cmd := exec.Command(os.Getenv(envGo), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
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

// inSample reports whether the mutant with a number is in the sample.
func inSample(n int) bool {
	every, err := strconv.Atoi(os.Getenv(envEvery))
	if err != nil || every <= 1 {
		return true
	}
	offset, _ := strconv.Atoi(os.Getenv(envOffset))
	return n%every == offset%every
}

// What the file of marks says of a mutant.
const (
	markTested  = '.' // it lived, or its time was up
	markKilled  = 'k'
	markInvalid = 'i'
)

// note says something of the mutant with a number, of -1 the next one. It returns
// the number.
func note(n int, what byte) int {
	f, err := os.OpenFile(os.Getenv(envMarks), os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return 0
	}
	defer f.Close()
	if n < 0 {
		end, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return 0
		}
		n = int(end)
	}
	_, _ = f.WriteAt([]byte{what}, int64(n))
	return n
}

// before is the mark of a mutant in the run before.
func before(n int) byte {
	marks, err := os.ReadFile(os.Getenv(envBefore))
	if err != nil || n >= len(marks) {
		return markTested
	}
	return marks[n]
}
