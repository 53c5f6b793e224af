// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
)

// TestBatch patches 1,500 files, two of which are named twice. Each reason is
// reported once, followed by what became of the files.
func TestBatch(t *testing.T) {
	clitest.InObjects(t)
	args := []string{"--runtime", "inline"}
	for i := range 1498 {
		name := fmt.Sprintf("copy%d.o", i)
		if err := os.Link("asm-annot0.o", name); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	args = append(args, "copy1.o", "copy0.o")
	stdout, said, code := runCommand(args...)
	want := `scpatch: warning: 4500 of 9000 sites stay on their trampolines: not-annotated: found by decoding only: no relocation and no table entry proves that this is code (in 1500 files, first: copy0.o: an_one+0x14)
scpatch: warning: 1500 of 9000 sites stay on their trampolines: caller-no-toc: the calling function has one entry point: r2 may be its caller's (in 1500 files, first: copy0.o: an_leaf+0x0)
scpatch: note: 1500 files: 1498 patched, 2 unchanged; 9000 sites: 1500 direct, 1500 constant, 6000 kept in 1500 files
`
	if code != ExitKept || stdout != "" || said != want {
		t.Errorf("exit code %d, %q, said\n%s\nwant\n%s", code, stdout, said, want)
	}
}

// TestBatchInterrupted tests a run that a signal ends before it starts.
func TestBatchInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, said bytes.Buffer
	code := runPatch(ctx, []string{"-n", "a.o", "b.o"}, &out, &said)
	if want := "note: 2 files: 0 to patch, 2 not looked at; 0 sites: "; code != ExitIO || !strings.Contains(said.String(), want) {
		t.Errorf("exit code %d, %s; want %s", code, &said, want)
	}
}
