// SPDX-License-Identifier: BSD-3-Clause

package textmap

import (
	"os"
	"os/exec"
	"testing"
)

// missing skips a test for something that is not there, or fails it where
// SCPATCH_REQUIRE_TOOLS=1 says that all must be.
func missing(t testing.TB, what any) {
	t.Helper()
	if os.Getenv("SCPATCH_REQUIRE_TOOLS") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// tool returns the path of a program.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, err)
	}
	return path
}
