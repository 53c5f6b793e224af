// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

// dash names standard input as an input and standard output as an output. A
// file of that name is ./-.
const dash = "-"

// checkDash returns an error if a command line reads standard input twice or
// from a terminal.
func checkDash(files []string) error {
	n := 0
	for _, path := range files {
		if path == dash {
			n++
		}
	}
	switch {
	case n > 1:
		return errors.New("standard input (-) can be read only once")
	case n == 1 && report.ScreenOf(os.Stdin).Terminal():
		return errors.New("standard input (-) is a terminal: redirect a file to it, or use a pipe")
	}
	return nil
}

// readStdin reads all of standard input, unless a signal arrives first: a pipe may
// never end.
func readStdin(ctx context.Context) ([]byte, error) {
	type input struct {
		data []byte
		err  error
	}
	all := make(chan input, 1)
	go func() {
		data, err := io.ReadAll(os.Stdin)
		all <- input{data, err}
	}()
	select {
	case in := <-all:
		return in.data, in.err
	case <-ctx.Done():
		return nil, interrupted(ctx)
	}
}

// printObject checks the output against the plan, as writeTemp does, and writes it to
// out.
func (p *patcher) printObject(out *bytes.Buffer, f *elfrw.File, image *elfrw.Image, plan filePlan) error {
	var object bytes.Buffer
	object.Grow(int(image.Size()))
	if _, err := image.WriteTo(&object); err != nil {
		return err
	}
	if err := f.Changed(); err != nil {
		return err
	}
	if !image.Unchanged() {
		written, err := elfrw.New(object.Bytes())
		if err == nil {
			err = plan.Check(written)
		}
		if err != nil {
			return &errkind.Error{Kind: errkind.NotAsPlanned, Err: err}
		}
	}
	_, _ = object.WriteTo(out)
	return nil
}
