// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
)

// TestKilled kills a run on many files at a random moment, 25 times or as often
// as SCPATCH_KILLS says. Every file must be the complete old or new one. Beside
// them there may be one new file that was about to be renamed, which the next
// run must remove.
func TestKilled(t *testing.T) {
	kills := 25
	if s := os.Getenv("SCPATCH_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	b := newBatch(t, 48)
	b.fill(t)
	start := time.Now()
	var said bytes.Buffer
	ended(t, b.start(t, &said), &said, cli.ExitDone, cli.ExitKept)
	whole := time.Since(start) * 5 / 4
	b.readPatched(t)

	r := rand.New(rand.NewPCG(1, 2))
	var untouched, between, finished, left int
	for try := range kills {
		b.fill(t)
		cmd := b.start(t, nil)
		time.Sleep(time.Duration(r.Int64N(int64(whole))))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed, or done
		switch n, strays := b.look(t, fmt.Sprintf("kill %d", try)); {
		case n == 0:
			untouched++
			left += strays
		case n == len(b.names):
			finished++
			left += strays
		default:
			between++
			left += strays
		}
		if code := cli.Run(b.args(), os.Stdout, os.Stderr); code > cli.ExitKept {
			t.Fatalf("kill %d: the next run exits with %d", try, code)
		}
		if n, strays := b.look(t, fmt.Sprintf("the run after kill %d", try)); n != len(b.names) || strays > 0 {
			t.Errorf("the run after kill %d: %d of %d files patched, %d left over", try, n, len(b.names), strays)
		}
	}
	t.Logf("%d kills of runs over %d files: %d before the first was patched, %d between, %d after the last; %d temporary files left, none after the next run",
		kills, len(b.names), untouched, between, finished, left)
	if between == 0 {
		t.Error("no run was killed in its middle")
	}
}

// A batch is a directory of objects that scpatch changes.
type batch struct {
	dir      string
	names    []string
	old, new [][]byte
}

func newBatch(t *testing.T, n int) *batch {
	b := &batch{dir: t.TempDir()}
	for i := range n {
		source := []string{"gcc-p8-O2-sites.o", "asm-annot16-partial.o", "clang-p8-O2-abi.o", "module.o"}[i%4]
		b.old = append(b.old, clitest.ReadFile(t, clitest.RepoPath("testdata", "obj", source)))
		b.names = append(b.names, filepath.Join(b.dir, fmt.Sprintf("%02d-%s", i, source)))
	}
	return b
}

func (b *batch) args() []string { return append([]string{"--quiet"}, b.names...) }

// fill writes the old files.
func (b *batch) fill(t *testing.T) {
	for i, name := range b.names {
		clitest.WriteFile(t, name, b.old[i])
	}
}

// readPatched records the patched files.
func (b *batch) readPatched(t *testing.T) {
	b.new = nil
	for i, name := range b.names {
		b.new = append(b.new, clitest.ReadFile(t, name))
		if bytes.Equal(b.new[i], b.old[i]) {
			t.Fatalf("%s: nothing to patch", name)
		}
	}
}

// look counts the new files and the leftovers beside them. All other files must
// be old.
func (b *batch) look(t *testing.T, when string) (patched, left int) {
	t.Helper()
	for i, name := range b.names {
		switch now := clitest.ReadFile(t, name); {
		case bytes.Equal(now, b.new[i]):
			patched++
		case !bytes.Equal(now, b.old[i]):
			t.Errorf("%s: %s is neither the old file nor the new one", when, name)
		}
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".scpatch-") {
			left++
		}
	}
	if len(entries) != len(b.names)+left {
		t.Errorf("%s: %d files, want %d and %d temporary ones", when, len(entries), len(b.names), left)
	}
	return patched, left
}
