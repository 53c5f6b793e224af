// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// runJobs calls one for each number below n, several at a time, and returns a
// function that waits for all.
func runJobs(n int, one func(i int)) (wait func()) {
	if n == 1 {
		one(0)
		return func() {}
	}
	next := make(chan int)
	jobs := openJobserver(os.Getenv("MAKEFLAGS"))
	more := max(min(n, jobs.most())-1, 0)
	var workers sync.WaitGroup
	workers.Add(1 + more)
	go func() {
		defer workers.Done()
		for i := range next {
			one(i)
		}
	}()
	for range more {
		go func() {
			defer workers.Done()
			for left := true; left; {
				token, ok := jobs.acquire()
				if !ok {
					return
				}
				var i int
				if i, left = <-next; left {
					one(i)
				}
				jobs.release(token)
			}
		}()
	}
	go func() {
		for i := range n {
			next <- i
		}
		close(next)
		jobs.stop()
	}()
	return workers.Wait
}

// A jobserver is GNU make's (see its manual, "POSIX Jobserver Interaction"): a
// pipe or a FIFO that holds a byte for each further job that may run. The zero
// jobserver sets no limit.
type jobserver struct {
	r, w *os.File
	none bool // there is one, but this process may not take part: one job at a time
}

// openJobserver opens the jobserver that $MAKEFLAGS names. If the recipe does
// not mark the command as a make with +, make closes the pipe.
func openJobserver(makeflags string) *jobserver {
	auth := ""
	for _, flag := range strings.Fields(makeflags) {
		for _, name := range []string{"--jobserver-auth=", "--jobserver-fds="} { // the last one counts
			if v, ok := strings.CutPrefix(flag, name); ok {
				auth = v
			}
		}
	}
	if auth == "" {
		return &jobserver{}
	}
	var r, w int
	rpath, isFIFO := strings.CutPrefix(auth, "fifo:")
	wpath := rpath
	if !isFIFO {
		if _, err := fmt.Sscanf(auth, "%d,%d", &r, &w); err != nil || !isPipe(r) || !isPipe(w) {
			return &jobserver{none: true}
		}
		// Open it again as non-blocking, so that a read can be cancelled.
		rpath, wpath = fmt.Sprintf("/proc/self/fd/%d", r), fmt.Sprintf("/proc/self/fd/%d", w)
	}
	js := &jobserver{}
	var err error
	if js.r, err = os.OpenFile(rpath, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
		return &jobserver{none: true}
	}
	if js.w, err = os.OpenFile(wpath, os.O_WRONLY|unix.O_NONBLOCK, 0); err != nil {
		js.r.Close()
		return &jobserver{none: true}
	}
	return js
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	return fd >= 0 && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// most returns the largest number of jobs at the same time.
func (js *jobserver) most() int {
	if js.none {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// acquire waits until one more job may run. It returns false once stop has been
// called. The first job of a process needs no token.
func (js *jobserver) acquire() (token byte, ok bool) {
	if js.r == nil {
		return 0, true
	}
	var b [1]byte
	n, err := js.r.Read(b[:])
	return b[0], n == 1 && err == nil
}

// release returns the token of a job that has ended.
func (js *jobserver) release(token byte) {
	if js.w != nil {
		_, _ = js.w.Write([]byte{token})
	}
}

// stop ends all waiting.
func (js *jobserver) stop() {
	if js.r != nil {
		js.r.Close()
	}
}
