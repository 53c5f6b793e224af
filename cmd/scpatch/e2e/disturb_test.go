// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"golang.org/x/sys/unix"
)

// start starts scpatch on the files of a batch, in a separate process.
func (b *batch) start(t *testing.T, stderr io.Writer) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("scpatch", b.args()...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// ended waits for a run. It must exit by itself with one of these codes.
func ended(t *testing.T, cmd *exec.Cmd, said *bytes.Buffer, codes ...int) {
	t.Helper()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); !slices.Contains(codes, code) {
		t.Errorf("%v: %s", cmd.ProcessState, said)
	}
	if strings.Contains(said.String(), "goroutine ") {
		t.Errorf("a crash: %s", said)
	}
}

// patchOnce records what scpatch makes of the files of a batch.
func (b *batch) patchOnce(t *testing.T) {
	b.fill(t)
	if code := cli.Run(b.args(), io.Discard, os.Stderr); code > cli.ExitKept {
		t.Fatalf("exit %d", code)
	}
	b.readPatched(t)
}

// TestTwoAtOnce runs scpatch three times concurrently on the same files. One
// run patches a file; the others find it patched, or report that it changed.
func TestTwoAtOnce(t *testing.T) {
	b := newBatch(t, 24)
	b.patchOnce(t)
	rounds := 10
	if tooltest.Brief() {
		rounds = 2
	}
	met := 0
	for range rounds {
		b.fill(t)
		var said [3]bytes.Buffer
		var runs [3]*exec.Cmd
		for i := range runs {
			runs[i] = b.start(t, &said[i])
		}
		for i, cmd := range runs {
			ended(t, cmd, &said[i], cli.ExitDone, cli.ExitKept, cli.ExitIO)
			if cmd.ProcessState.ExitCode() == cli.ExitIO {
				met++
				for line := range strings.Lines(said[i].String()) {
					if !strings.Contains(line, "the file was changed by another process") {
						t.Errorf("said %s", line)
					}
				}
			}
		}
		if n, left := b.look(t, "three runs"); n != len(b.names) || left > 0 {
			t.Errorf("%d of %d files patched, %d left over", n, len(b.names), left)
		}
	}
	t.Logf("%d runs of %d met another at a file", met, 3*rounds)
}

// TestDisturbed changes files while scpatch works on them. In the end each must
// be the patched old file, its replacement, or the patched replacement, and
// scpatch must exit normally.
func TestDisturbed(t *testing.T) {
	b := newBatch(t, 24)
	b.patchOnce(t)
	other := b.old[1]
	rounds := 40
	if tooltest.Brief() {
		rounds = 5
	}
	r := rand.New(rand.NewPCG(3, 4))
	var changes [4]int
	for try := range rounds {
		b.fill(t)
		var said bytes.Buffer
		cmd := b.start(t, &said)
		done := make(chan struct{})
		go func() { defer close(done); ended(t, cmd, &said, cli.ExitDone, cli.ExitKept, cli.ExitInput, cli.ExitIO) }()
		time.Sleep(time.Duration(r.IntN(8)) * time.Millisecond)
		made := map[int][]byte{} // by file; nil: none
		for range 8 {
			i, how := r.IntN(len(b.names)), r.IntN(len(changes))
			if _, twice := made[i]; twice {
				continue
			}
			changes[how]++
			name := b.names[i]
			var err error
			switch how {
			case 0:
				var now []byte
				if now, err = os.ReadFile(name); err == nil {
					n := r.IntN(len(now))
					made[i] = now[:n]
					err = os.Truncate(name, int64(n))
					// The file that was cut may have been the new one.
					if now, err := os.ReadFile(name); err == nil {
						made[i] = now
					}
				}
			case 1:
				made[i] = other
				err = os.Rename(fresh(t, b.dir+".other", other), name)
			case 2:
				made[i] = nil
				err = os.Remove(name)
			case 3:
				made[i] = slices.Concat(b.old[i], []byte("more"))
				err = os.WriteFile(name, made[i], 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		<-done
		for i, name := range b.names {
			now, err := os.ReadFile(name)
			want, touched := made[i]
			switch {
			case err == nil && (bytes.Equal(now, b.new[i]) || bytes.Equal(now, b.new[1])):
			case touched && want == nil && os.IsNotExist(err):
			case touched && err == nil && (bytes.Equal(now, want) || isPatchOf(t, now, want)):
			case !touched && err == nil && bytes.Equal(now, b.old[i]): // the run ended early
				t.Errorf("round %d: %s was not patched: %s", try, name, &said)
			default:
				t.Errorf("round %d: %s has %d bytes, was made %d: %v", try, name, len(now), len(want), err)
			}
			_ = os.Remove(name)
		}
		if names, err := os.ReadDir(b.dir); err != nil || len(names) > 0 {
			t.Errorf("round %d: %q left over, %v", try, names, err)
		}
	}
	t.Logf("%d files truncated, %d replaced, %d removed, %d written to", changes[0], changes[1], changes[2], changes[3])
}

// fresh writes a file.
func fresh(t *testing.T, path string, b []byte) string {
	clitest.WriteFile(t, path, b)
	return path
}

// isPatchOf reports whether now is was as scpatch patches it.
func isPatchOf(t *testing.T, now, was []byte) bool {
	path := filepath.Join(t.TempDir(), "was.o")
	clitest.WriteFile(t, path, was)
	return cli.Run([]string{"--quiet", path}, io.Discard, io.Discard) <= cli.ExitKept && bytes.Equal(clitest.ReadFile(t, path), now)
}

// TestFullDisk leaves more and more room on a full file system until all files
// can be patched.
func TestFullDisk(t *testing.T) {
	b := newBatch(t, 8)
	b.patchOnce(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		tooltest.Missing(t, fmt.Sprintf("mounting a tmpfs: %v", err))
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	b.dir = dir
	for i := range b.names {
		b.names[i] = filepath.Join(dir, filepath.Base(b.names[i]))
	}
	refused, full := 0, false
	for room := 0; !full; room += 4 << 10 {
		b.fill(t)
		ballast := filepath.Join(dir, "ballast")
		fillDisk(t, ballast, room)
		var said bytes.Buffer
		code := cli.Run(b.args(), io.Discard, &said)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		n, left := b.look(t, fmt.Sprintf("%d bytes of room", room))
		full = n == len(b.names)
		switch {
		case left > 0:
			t.Errorf("%d bytes of room: %d files left over", room, left)
		case !full && (code != cli.ExitIO || !strings.Contains(said.String(), "no space left on device")):
			t.Errorf("%d bytes of room: exit %d, %s", room, code, &said)
		case full && code > cli.ExitKept:
			t.Errorf("%d bytes of room: exit %d, %s", room, code, &said)
		case !full:
			refused++
		}
		if room > 1<<20 {
			t.Fatal("never enough")
		}
	}
	if refused == 0 {
		t.Error("always enough")
	}
}

// fillDisk writes a file that leaves room bytes free.
func fillDisk(t *testing.T, path string, room int) {
	var s unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(path), &s); err != nil {
		t.Fatal(err)
	}
	clitest.WriteFile(t, path, make([]byte, max(0, int(s.Bavail)*int(s.Bsize)-room)))
}

// TestAttributes checks what the manual says about a patched file: its mode
// stays, its time is new, and it has no extended attributes.
func TestAttributes(t *testing.T) {
	b := newBatch(t, 1)
	b.patchOnce(t)
	b.fill(t)
	name := b.names[0]
	then := time.Unix(1_000_000_000, 0)
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, then, then); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(name, "user.scpatch", []byte("x"), 0); err != nil {
		tooltest.Missing(t, fmt.Sprintf("an extended attribute: %v", err))
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if code := cli.Run(b.args(), io.Discard, os.Stderr); code > cli.ExitKept {
		t.Fatalf("exit %d", code)
	}
	after, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if after.Mode() != before.Mode() || was.Uid != is.Uid || was.Gid != is.Gid || !after.ModTime().After(then) {
		t.Errorf("%v %v, was %v %v", after.Mode(), after.ModTime(), before.Mode(), before.ModTime())
	}
	if n, err := unix.Listxattr(name, nil); err != nil || n != 0 {
		t.Errorf("%d bytes of names of attributes, %v", n, err)
	}
}
