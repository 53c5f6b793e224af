// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites/kind"
)

const compareUsage = `Usage: scpatch compare [options] OLD NEW

Compare two outputs of scpatch list --json: which static-call sites were gained
and lost, and whose form costs more or less than before. Sites are matched by
their function and key, not by their address.
`

const compareStatus = `
Exit status:
  0  nothing got worse
  1  a site got worse or was lost
  2  bad usage
  3  bad input
  4  a file could not be read or written
`

func runCompare(args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch compare", stderr)
	asJSON := c.flags.Bool("json", false, "print JSON Lines: one object per file")
	html := c.flags.String("html", "", "besides, write all sites to `FILE`, a page for a browser")
	strict := c.flags.Bool("strict", false, "count a site as lost even if all sites of its function are gone")
	c.addLast()
	files, err := c.parse(args, compareUsage, compareStatus, stdout)
	switch {
	case err != nil:
	case len(files) != 2:
		err = fmt.Errorf("compare takes two files, not %d", len(files))
	case c.flags.Changed("html") && *html == "":
		err = fmt.Errorf("--html needs the name of a file")
	}
	if err != nil {
		return c.usageError(err, stderr)
	}
	defer c.hint()
	var listings [2][]report.File
	worst := ExitDone
	for i, path := range files {
		if listings[i], err = report.ReadListing(path); err != nil {
			err = kind.BadListing.Wrap(err)
			fail(c.log.WithField("file", path), kind.Of(err), withoutPath(err, path))
			worst = max(worst, exitCode(err))
		}
	}
	if worst != ExitDone {
		return worst
	}
	views := report.Compare(listings[0], listings[1])
	var out bytes.Buffer
	for i := range views {
		v := &views[i]
		if v.Worse(*strict) {
			worst = ExitKept
		}
		if *asJSON {
			err = errors.Join(err, json.NewEncoder(&out).Encode(v))
		} else if !c.quiet {
			v.Write(&out, c.screen)
		}
	}
	if _, writeErr := stdout.Write(out.Bytes()); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	if *html != "" {
		if pageErr := report.WriteComparePage(*html, views); pageErr != nil {
			fail(c.log.WithField("file", *html), kind.Of(pageErr), withoutPath(pageErr, *html))
			worst = ExitIO
		}
	}
	if err != nil {
		fail(c.log, kind.Of(err), err.Error())
		return max(worst, exitCode(err))
	}
	return worst
}
