// SPDX-License-Identifier: BSD-3-Clause

// Package tooltest is for tests that need something that a machine may lack: an
// assembler, a linker, an emulator. Without it, such a test is skipped, or
// fails if SCPATCH_REQUIRE_TOOLS=1 is set.
package tooltest

import (
	"os"
	"os/exec"
	"testing"
)

// Required reports whether SCPATCH_REQUIRE_TOOLS=1 is set, so that no tool may
// be missing.
func Required() bool { return os.Getenv("SCPATCH_REQUIRE_TOOLS") == "1" }

// Missing skips a test because what is missing, or fails it if [Required].
func Missing(t testing.TB, what any) {
	t.Helper()
	if Required() {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Path returns the path of a program, or calls [Missing].
func Path(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, program+" is missing; make test installs it")
	}
	return path
}

// Need calls [Missing] unless all of the programs are there.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		Path(t, p)
	}
}

// Long skips a test that takes long, or needs input of its own, under go test
// -short, which make test uses. how is the command that runs it.
func Long(t testing.TB, how string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long, or needs input of its own: " + how + " runs it")
	}
}

// NoRace skips a test under the race detector. It is for slow tests that have
// only one goroutine.
func NoRace(t testing.TB) {
	t.Helper()
	if raceDetector {
		t.Skip("one goroutine races with nothing")
	}
}

// Brief reports whether a test should make fewer rounds: under the race detector,
// which slows it down, or for a mutant (SCPATCH_BRIEF=1).
func Brief() bool { return raceDetector || os.Getenv("SCPATCH_BRIEF") == "1" }
