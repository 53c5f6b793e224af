// SPDX-License-Identifier: BSD-3-Clause

package textmap

import (
	"os"
	"os/exec"
	"testing"
)

// tool returns the path of a program. Without it the test is skipped, or fails
// where SCPATCH_REQUIRE_TOOLS=1 says that every peer must be there.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("SCPATCH_REQUIRE_TOOLS") == "1":
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}
