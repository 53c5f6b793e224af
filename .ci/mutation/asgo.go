// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	envCount  = "SCPATCH_MUTATION_COUNT"  // a file, one byte for each mutant so far
	envSource = "SCPATCH_MUTATION_SOURCE" // the directory of the package as it is
	envKilled = "SCPATCH_MUTATION_KILLED" // a file, one line for each mutant that was killed
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
//   - What an earlier run has killed (-again) is killed.
//   - The profile of coverage knows no conditions of a switch and no variables of
//     a package, so gremlins would not try them: here it covers everything.
//   - A mutant that asks for memory without end gets no more than 8 GB.
func asGo(args []string) int {
	if len(args) == 0 || args[0] != "test" {
		return exitCode(command(args).Run())
	}
	profile := slices.Index(args, "-coverprofile") + 1
	coverage := profile > 0
	var mutant string
	if !coverage {
		if !inSample() {
			return notViable
		}
		if mutant = mutated(".", os.Getenv(envSource)); wasKilled(mutant) {
			return killed
		}
	}
	// What the tests take is nothing beside what the compiler and the linker do.
	// Those are done before they need a collector; the tests may need theirs.
	more := []string{"test", "-short", "-count=1", "-vet=off", "-gcflags=-N -l", "-ldflags=-s -w", "-exec", "env GOGC=100"}
	if skip := os.Getenv(envSkip); skip != "" {
		more = append(more, "-skip", skip)
	}
	last := len(args) - 1
	if coverage {
		args[last] = strings.TrimSuffix(args[last], "/...") // the package, and not those below
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: maxMemory, Max: maxMemory})
	cmd := command(append(more, args[1:]...))
	cmd.Env = append(os.Environ(), "GOGC=off")
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
	if code == killed && mutant != "" {
		noteKilled(mutant)
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

// inSample counts the mutants, and reports whether this one is in the sample.
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

// mutated says which mutant lies in a directory: the file that is not as in the
// source, and the hash of it. It is empty if there is none.
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
