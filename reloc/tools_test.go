// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"os"
	"os/exec"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// cross is the path of a cross tool.
func cross(t *testing.T, tool string) string {
	t.Helper()
	return tooltest.Path(t, "powerpc64le-linux-gnu-"+tool)
}

// run runs a tool and returns what it printed, on both streams.
func run(t *testing.T, tool string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
