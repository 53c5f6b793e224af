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
