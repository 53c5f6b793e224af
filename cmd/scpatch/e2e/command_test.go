// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
)

// TestMain makes the test binary usable as the program scpatch.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"scpatch": cli.Main})
}

// runCommand is cli.Run with its output in strings.
func runCommand(args ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	code = cli.Run(args, &out, &err)
	return out.String(), err.String(), code
}
