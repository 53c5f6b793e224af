// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// TestJobserver runs a batch under jobservers of both kinds. At most one more
// job than there are tokens may run at a time, and all tokens must be back
// afterwards.
func TestJobserver(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	for _, tokens := range []int{0, 1, 3, 20} {
		for _, kind := range []string{"pipe", "fds", "fifo"} {
			t.Run(fmt.Sprintf("%s/%d", kind, tokens), func(t *testing.T) {
				var r, w *os.File
				var flags string
				switch kind {
				case "fifo":
					path := filepath.Join(t.TempDir(), "jobs")
					if err := unix.Mkfifo(path, 0o600); err != nil {
						t.Fatal(err)
					}
					f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
					if err != nil {
						t.Fatal(err)
					}
					r, w, flags = f, f, "--jobserver-auth=fifo:"+path
				default:
					var err error
					if r, w, err = os.Pipe(); err != nil {
						t.Fatal(err)
					}
					defer w.Close()
					name := map[string]string{"pipe": "auth", "fds": "fds"}[kind]
					flags = fmt.Sprintf("--jobserver-%s=%d,%d", name, r.Fd(), w.Fd())
				}
				defer r.Close()
				given := strings.Repeat("+", tokens)
				if _, err := io.WriteString(w, given); err != nil {
					t.Fatal(err)
				}
				t.Setenv("MAKEFLAGS", "rR -j9 --jobserver-auth=98,99 "+flags+" -- X=1")
				if most := mostAtOnce(t, 60); most > min(tokens+1, 8) || tokens > 0 && most < 2 {
					t.Errorf("%d jobs at once, with %d tokens", most, tokens)
				}
				if left := readAll(t, r); left != given {
					t.Errorf("%q is left of the tokens, want %q", left, given)
				}
			})
		}
	}
}

// TestNoJobserver tests a make that does not share its jobserver, because the
// command is not marked as a make and the pipe is closed, and a make without a
// jobserver.
func TestNoJobserver(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for flags, want := range map[string]int{
		"": 4, "w": 4, "-j8 --jobserver-auth=-2,-2": 1, "-j8 --jobserver-auth=998,999": 1,
		"-j8 --jobserver-auth=fifo:/nonexistent": 1, "-j8 --jobserver-auth=0,": 1,
	} {
		t.Setenv("MAKEFLAGS", flags)
		if most := mostAtOnce(t, 40); most != want {
			t.Errorf("%q: %d jobs at once, want %d", flags, most, want)
		}
	}
}

// mostAtOnce runs a batch and returns the largest number of jobs that ran at
// the same time.
func mostAtOnce(t *testing.T, files int) int {
	t.Helper()
	var mu sync.Mutex
	running, most, done := 0, 0, 0
	step := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		running += by
		most = max(most, running)
	}
	job := func(context.Context, string, *bytes.Buffer, *logrus.Entry) (int, error) {
		step(1)
		time.Sleep(time.Millisecond)
		step(-1)
		mu.Lock()
		done++
		mu.Unlock()
		return ExitDone, nil
	}
	c := newCommon("scpatch", io.Discard)
	if code := forEach(t.Context(), c, make([]string, files), io.Discard, job); code != ExitDone || done != files {
		t.Errorf("exit code %d after %d of %d files", code, done, files)
	}
	return most
}

// readAll returns the current content of a pipe.
func readAll(t *testing.T, r *os.File) string {
	t.Helper()
	fd := int(r.Fd()) // this makes r blocking
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	var b [100]byte
	n, err := unix.Read(fd, b[:])
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	return string(b[:max(n, 0)])
}
