// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/sirupsen/logrus"
)

// A job does one file: what it prints goes to out, what it has to say to log,
// and what it returns is an exit code.
type job func(ctx context.Context, path string, out *bytes.Buffer, log *logrus.Entry) (int, error)

// forEach runs the job over the files, several at a time as far as a jobserver
// lets it, prints the results and the messages in the order of the files, and
// returns the worst exit code.
func forEach(ctx context.Context, c *common, files []string, stdout io.Writer, do job) int {
	type result struct {
		out     bytes.Buffer
		said    bytes.Buffer
		log     *logrus.Entry
		code    int
		err     error
		skipped bool // an interruption came first
		done    chan struct{}
	}
	results := make([]result, len(files))
	for i := range results {
		r := &results[i]
		r.log = c.logTo(&r.said).WithField("file", files[i])
		r.done = make(chan struct{})
	}
	wait := runJobs(len(files), func(i int) {
		r := &results[i]
		if r.skipped = ctx.Err() != nil; !r.skipped {
			r.code, r.err = do(ctx, files[i], &r.out, r.log)
		}
		close(r.done)
	})
	progress := newProgress(c.log, len(files))
	worst, skipped := ExitDone, 0
	var printed error
	for i := range results {
		r := &results[i]
		<-r.done
		progress.clear()
		if r.skipped {
			skipped++
			continue
		}
		if printed == nil {
			if _, printed = stdout.Write(r.out.Bytes()); printed != nil {
				fail(c.log, errkind.Of(printed), printed.Error())
				worst = ExitIO
			}
		}
		if r.err != nil {
			fail(r.log, errkind.Of(r.err), withoutPath(r.err, files[i]))
			r.code = exitCode(r.err)
		}
		_, _ = c.log.Out.Write(r.said.Bytes())
		worst = max(worst, r.code)
		*r = result{} // the texts of a long run add up
		progress.step(i+1, files[i])
	}
	progress.clear()
	wait()
	if skipped > 0 {
		fail(c.log, errkind.Interrupted, fmt.Sprintf("interrupted: not looked at: %d of %s", skipped, report.Number(len(files), "file")))
		worst = ExitIO
	}
	if c.atEnd != nil {
		if _, err := io.WriteString(stdout, c.atEnd()); err != nil && printed == nil {
			fail(c.log, errkind.Of(err), err.Error())
			worst = ExitIO
		}
	}
	c.hint()
	return worst
}

// withoutPath keeps a message from naming the file twice.
func withoutPath(err error, path string) string {
	text := err.Error()
	var p *os.PathError
	if errors.As(err, &p) && p.Path == path {
		if more, ok := strings.CutPrefix(text, p.Error()); ok {
			return fmt.Sprintf("%s: %v%s", p.Op, p.Err, more)
		}
	}
	return text
}

// progressAfter is how long a run stays silent.
const progressAfter = time.Second

// A progress is a line on a terminal that says how far a long run has come.
type progress struct {
	out   *os.File // nil: none
	total int
	start time.Time
	shown bool
}

func newProgress(log *logrus.Logger, total int) *progress {
	p := &progress{total: total, start: time.Now()}
	if f, ok := log.Out.(*os.File); ok && total > 1 && log.IsLevelEnabled(logrus.WarnLevel) {
		if report.ScreenOf(f).Erases() {
			p.out = f
		}
	}
	return p
}

func (p *progress) step(done int, file string) {
	if p.out == nil || time.Since(p.start) < progressAfter {
		return
	}
	p.shown = true
	fmt.Fprintf(p.out, "[%d/%d] %q", done, p.total, file)
}

// clear makes room for whatever is written next.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

// An interruption is the error of a context that a signal has ended.
type interruption struct{ err error }

func (interruption) Error() string { return "interrupted" }

func (i interruption) Unwrap() error { return i.err }

// interrupted returns the error of what a signal has interrupted, or nil.
func interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return interruption{err}
	}
	return nil
}
