// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites/errkind"
)

const compareUsage = `Usage: scpatch compare [options] OLD NEW

Compare two outputs of scpatch list --json, or two objects or kernel images:
which static-call sites were gained and lost, and whose form costs more or less
than before. Sites are matched by their function and key, not by their address.
Objects are listed first, with these options.
`

const compareStatus = `
Exit status:
  0  nothing got worse
  1  a site got worse or was lost, or a file can no longer be listed
  2  bad usage
  3  bad input
  4  a file could not be read or written
`

func runCompare(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch compare", stderr)
	c.addPlanning()
	planning := c.flagsSoFar() // only for what is no listing
	asJSON := c.flags.Bool("json", false, "print JSON Lines: one object per file")
	html := c.flags.String("html", "", "also write all sites to `FILE`, a page for a browser; with - only the page is printed")
	strict := c.flags.Bool("strict", false, "count a site as lost even if all sites of its function are gone")
	c.addLast()
	files, err := c.parse(args, compareUsage, compareStatus, stdout)
	switch {
	case err != nil:
	case len(files) != 2:
		err = fmt.Errorf("compare takes two files, not %d", len(files))
	case c.flags.Changed("html") && *html == "":
		err = fmt.Errorf("--html needs the name of a file")
	case *html == dash && *asJSON:
		err = fmt.Errorf("--json and --html - both write to standard output")
	}
	if err != nil {
		return c.usageError(err, stderr)
	}
	defer c.hint()
	var listings [2][]report.File
	var inputs [2]*comparand
	worst := ExitDone
	failed := func(path string, err error) {
		err = errkind.BadListing.Wrap(err)
		fail(c.log.WithField("file", path), errkind.Of(err), withoutPath(err, path))
		worst = max(worst, exitCode(err))
	}
	for i, path := range files {
		if inputs[i], err = openComparand(ctx, path); err != nil {
			failed(path, err)
			continue
		}
		defer inputs[i].Close()
	}
	if worst == ExitDone && !inputs[0].object && !inputs[1].object {
		for _, f := range planning {
			if f.Changed {
				return c.usageError(fmt.Errorf("--%s has no effect on listings: it is an option of the scpatch list that makes them", f.Name), stderr)
			}
		}
	}
	for i, in := range inputs {
		if in == nil {
			continue
		}
		if listings[i], err = in.read(ctx, c.sites, origin(planning), c.log.WithField("file", in.path)); err != nil {
			failed(in.path, err)
		}
	}
	if worst != ExitDone {
		return worst
	}
	views := report.Compare(listings[0], listings[1])
	var out bytes.Buffer
	print := !c.quiet && !*asJSON && *html != dash
	for _, text := range report.Differences(views) {
		if print {
			fmt.Fprintln(&out, text)
		}
	}
	for i := range views {
		v := &views[i]
		if v.Worse(*strict) {
			worst = ExitKept
		}
		if *asJSON {
			err = errors.Join(err, json.NewEncoder(&out).Encode(v))
		} else if print {
			v.Write(&out, c.screen)
		}
	}
	if _, writeErr := stdout.Write(out.Bytes()); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	if *html != "" {
		write := func() error { return report.WriteComparePage(*html, listings[0], listings[1], views) }
		if *html == dash {
			write = func() error { return report.PrintComparePage(stdout, listings[0], listings[1], views) }
		}
		if pageErr := write(); pageErr != nil {
			fail(c.log.WithField("file", *html), errkind.Of(pageErr), withoutPath(pageErr, *html))
			worst = ExitIO
		}
	}
	if err != nil {
		fail(c.log, errkind.Of(err), err.Error())
		return max(worst, exitCode(err))
	}
	return worst
}
