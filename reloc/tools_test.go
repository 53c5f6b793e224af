// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"os"
	"os/exec"
	"testing"
)

// cross returns the path of a cross tool. Without it the test is skipped, or
// fails where SCPATCH_REQUIRE_TOOLS=1 says that every peer must be there.
func cross(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath("powerpc64le-linux-gnu-" + tool)
	switch {
	case err == nil:
		return path
	case os.Getenv("SCPATCH_REQUIRE_TOOLS") == "1":
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// run runs a tool and returns what it printed, on both streams.
func run(t *testing.T, tool string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
