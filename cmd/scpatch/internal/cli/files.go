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

// A job processes one file. It prints to out, sends messages to log, and
// returns an exit code.
type job func(ctx context.Context, path string, out *bytes.Buffer, log *logrus.Entry) (int, error)

// forEach runs the job on the files, as many at a time as a jobserver allows,
// prints output and messages in the order of the files, and returns the worst
// exit code.
func forEach(ctx context.Context, c *common, files []string, stdout io.Writer, do job) int {
	type result struct {
		out     bytes.Buffer
		said    bytes.Buffer
		log     *logrus.Entry
		code    int
		err     error
		skipped bool // a signal arrived first
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
		*r = result{} // free the memory; it adds up in a long run
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

// withoutPath returns the text of an error without the path, which the message
// already has.
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

// progressAfter is how long a run goes without showing progress.
const progressAfter = time.Second

// A progress is a line on a terminal that shows how far a long run has come.
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

// clear erases the line before other output.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

// An interruption is the error after a signal has ended a context.
type interruption struct{ err error }

func (interruption) Error() string { return "interrupted" }

func (i interruption) Unwrap() error { return i.err }

// interrupted returns an interruption if a signal has ended the context,
// otherwise nil.
func interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return interruption{err}
	}
	return nil
}
