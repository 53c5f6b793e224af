// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/spf13/pflag"
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
	planning := c.flagsSoFar() // without effect on listings
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
	x := comparison{c: c, json: *asJSON, strict: *strict, html: *html}
	listings, err := x.read(ctx, files, planning)
	switch {
	case err != nil:
		return c.usageError(err, stderr)
	case x.worst == ExitDone:
		x.print(listings, stdout)
	}
	return x.worst
}

// A comparison is one run of scpatch compare.
type comparison struct {
	c      *common
	json   bool
	strict bool
	html   string // the page's file
	worst  int    // exit code so far
}

// fail reports an error about a file.
func (x *comparison) fail(path string, err error) {
	fail(x.c.log.WithField("file", path), errkind.Of(err), withoutPath(err, path))
	x.worst = max(x.worst, exitCode(err))
}

// read reads or makes the two listings. It returns an error if the options do not fit
// the files, and reports any other.
func (x *comparison) read(ctx context.Context, files []string, planning []*pflag.Flag) (listings [2][]report.File, err error) {
	var inputs [2]*comparand
	for i, path := range files {
		if inputs[i], err = openComparand(ctx, path); err != nil {
			x.fail(path, errkind.BadListing.Wrap(err))
			continue
		}
		defer inputs[i].Close()
	}
	if x.worst == ExitDone && !inputs[0].object && !inputs[1].object {
		for _, f := range planning {
			if f.Changed {
				return listings, fmt.Errorf("--%s has no effect on listings: it is an option of the scpatch list that makes them", f.Name)
			}
		}
	}
	for i, in := range inputs {
		if in == nil {
			continue
		}
		if listings[i], err = in.read(ctx, x.c.sites, origin(planning), x.c.log.WithField("file", in.path)); err != nil {
			x.fail(in.path, errkind.BadListing.Wrap(err))
		}
	}
	return listings, nil
}

// print compares the listings and prints the result, as text or JSON and as a page.
func (x *comparison) print(listings [2][]report.File, stdout io.Writer) {
	views := report.Compare(listings[0], listings[1])
	for i := range views {
		if views[i].Worse(x.strict) {
			x.worst = ExitKept
		}
	}
	var out bytes.Buffer
	var err error
	switch {
	case x.json:
		for i := range views {
			err = errors.Join(err, report.WriteJSON(&out, &views[i]))
		}
	case !x.c.quiet && x.html != dash:
		for _, text := range report.Differences(views) {
			fmt.Fprintln(&out, text)
		}
		for i := range views {
			views[i].Write(&out, x.c.screen)
		}
	}
	_, writeErr := stdout.Write(out.Bytes())
	if err = errors.Join(err, writeErr); err != nil {
		fail(x.c.log, errkind.Of(err), err.Error())
		x.worst = max(x.worst, exitCode(err))
	}
	if err := x.page(listings, views, stdout); err != nil {
		x.fail(x.html, err)
		x.worst = ExitIO
	}
}

// page writes the page of --html, if given.
func (x *comparison) page(listings [2][]report.File, views []report.Comparison, stdout io.Writer) error {
	switch x.html {
	case "":
		return nil
	case dash:
		return report.PrintComparePage(stdout, listings[0], listings[1], views)
	}
	return report.WriteComparePage(x.html, listings[0], listings[1], views)
}
