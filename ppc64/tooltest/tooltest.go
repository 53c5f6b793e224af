// SPDX-License-Identifier: BSD-3-Clause

// Package tooltest is for tests that need something which a machine may lack: an
// assembler, a linker, an emulator. Such a test is skipped, or fails where
// SCPATCH_REQUIRE_TOOLS=1 says that everything must be there.
package tooltest

import (
	"os"
	"os/exec"
	"testing"
)

// Required reports whether everything must be there.
func Required() bool { return os.Getenv("SCPATCH_REQUIRE_TOOLS") == "1" }

// Missing ends a test for the lack of what.
func Missing(t testing.TB, what any) {
	t.Helper()
	if Required() {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Path is where a program lies.
func Path(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, program+" is missing; make test installs it")
	}
	return path
}

// Need wants all of the programs.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		Path(t, p)
	}
}
