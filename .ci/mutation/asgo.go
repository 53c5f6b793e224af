// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What run passes to asGo.
const (
	envGo       = "SCPATCH_MUTATION_GO" // the true go
	envEvery    = "SCPATCH_MUTATION_EVERY"
	envOffset   = "SCPATCH_MUTATION_OFFSET"
	envCount    = "SCPATCH_MUTATION_COUNT"    // a file, one byte for each mutant so far
	envSource   = "SCPATCH_MUTATION_SOURCE"   // the directory of the unchanged package
	envVerdicts = "SCPATCH_MUTATION_VERDICTS" // a file, a line for each tested mutant: its key and go's exit code
	envCollect  = "SCPATCH_MUTATION_COLLECT"  // a directory: mutants are put there, and not tested
	envPlan     = "SCPATCH_MUTATION_PLAN"     // a file: how mutants are tested
)

// What asGo passes to a package's tests, if they have woven mutants.
const (
	envMutant = "SCPATCH_MUTANT"
	envTrace  = "SCPATCH_MUTANT_TRACE"
)

// Exit codes of go, as gremlins reads them.
const (
	killed    = 1
	notViable = 2
)

// maxMemory is how much memory a mutant gets, in bytes.
const maxMemory = 8 << 30

// asGo is what gremlins runs as go. Gremlins makes one mutant after another, in
// a copy of the module, and calls "go test" for each. It does so twice:
//
//   - First each mutant that is in the sample is collected, as one file.
//   - Then a plan says how each is tested.
//
// Before that, gremlins wants a coverage profile. It would not mutate what no
// test runs, nor the conditions of a switch and package variables, which are not
// in a profile: this one covers everything.
func asGo(args []string) int {
	if len(args) == 0 || args[0] != "test" {
		return exitCode(command(context.Background(), os.Getenv(envGo), args...).Run())
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: maxMemory, Max: maxMemory})
	if i := slices.Index(args, "-coverprofile"); i >= 0 {
		// Gremlins gives a mutant a multiple of the time that this takes. The
		// tests of a plan have their own limits.
		time.Sleep(time.Second)
		return complain(coverAll(args[i+1], os.Getenv(envSource)))
	}
	key := mutated(".", os.Getenv(envSource))
	if key == "" {
		return notViable
	}
	if dir := os.Getenv(envCollect); dir != "" {
		if inSample() {
			if code := complain(copyFile(fileOf(key), filepath.Join(dir, key))); code != 0 {
				return code
			}
		}
		return notViable
	}
	if wasKilled(os.Getenv(envVerdicts), key) {
		return killed
	}
	plan, err := readPlan(os.Getenv(envPlan))
	if err != nil {
		return complain(err)
	}
	code := plan.try(key)
	if code == 0 || code == killed {
		if err := noteVerdict(os.Getenv(envVerdicts), key, code); err != nil {
			return complain(err)
		}
	}
	return code
}

func complain(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "mutation:", err)
	return 127
}

// coverAll writes a profile in which all code of a package is covered. The
// module's root is the directory of the process.
func coverAll(profile, source string) error {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	names, err := sources(source)
	if err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	dir, err := filepath.Rel(root, source)
	if err != nil {
		return err
	}
	module := strings.TrimPrefix(strings.Split(string(mod), "\n")[0], "module ")
	return os.WriteFile(profile, []byte(allCovered(path.Join(module, filepath.ToSlash(dir)), names)), 0o666)
}

// allCovered returns a profile with all of a package's files covered.
func allCovered(pkg string, names []string) string {
	profile := "mode: set\n"
	for _, name := range names {
		profile += path.Join(pkg, filepath.Base(name)) + ":1.1,1000000.1 1 1\n"
	}
	return profile
}

// command returns a command that is killed with this program, which gremlins
// kills when its time is over.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
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

// mutated returns the key of the mutant in a directory: the file that differs
// from the source, and its hash. The key is empty if no file differs.
func mutated(dir, source string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return ""
		}
		base := filepath.Base(name)
		if was, err := os.ReadFile(filepath.Join(source, base)); err == nil && !bytes.Equal(b, was) {
			return fmt.Sprintf("%s:%x", base, sha256.Sum256(b))
		}
	}
	return ""
}

// fileOf returns the file in a mutant's key.
func fileOf(key string) string {
	file, _, _ := strings.Cut(key, ":")
	return file
}
