// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
)

// TestEnvironment patches with other environment variables, or none. The output
// must be the same.
func TestEnvironment(t *testing.T) {
	program, err := exec.LookPath("scpatch")
	if err != nil {
		t.Fatal(err)
	}
	b := newBatch(t, 4)
	b.patchOnce(t)
	for _, env := range [][]string{
		{}, {"LC_ALL=tr_TR.UTF-8", "LANG=C", "TZ=Pacific/Apia"}, {"HOME=/nonexistent", "TMPDIR=/nonexistent", "USER="},
		{"GOMAXPROCS=1", "GOGC=1", "GODEBUG=gctrace=0"}, {"SOURCE_DATE_EPOCH=1", "NO_COLOR=1", "TERM=xterm", "COLUMNS=20"},
		{"MAKEFLAGS= -j8 --jobserver-auth=fifo:/nonexistent", "SCPATCH_REQUIRE_TOOLS=1"},
	} {
		b.fill(t)
		cmd := exec.Command(program, b.args()...)
		cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
		if said, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != cli.ExitKept {
			t.Fatalf("%v: %v: %s", env, err, said)
		}
		if n, _ := b.look(t, fmt.Sprint(env)); n != len(b.names) {
			t.Errorf("%v: %d of %d files are as without", env, n, len(b.names))
		}
	}
}
