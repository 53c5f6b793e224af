// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/sirupsen/logrus"
)

const listUsage = `Usage: scpatch list [options] FILE...

List the static-call sites of ppc64le (ELFv2) objects and kernel images: where each
is, which key it calls and what that holds, what scpatch would do with it and
why. Of linked programs and shared libraries (--user) list the sites that their
table and scpatch's record name, and what each calls. Nothing is changed.
`

const listStatus = `
Exit status:
  0  done, whatever becomes of the sites
  2  bad usage
  3  bad input
  4  a file could not be read
Of several files the worst counts.
`

// jsonVersion is the version of the form that list --json prints.
const jsonVersion = 1

// A fileView is one file of list --json, which prints one object a line.
type fileView struct {
	Version int        `json:"version"`
	File    string     `json:"file"`
	Keys    int        `json:"keys"`
	Sites   []siteView `json:"sites"`
}

func runList(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch list", stderr)
	c.addPlanning()
	asJSON := c.flags.Bool("json", false, "one JSON object for each file, a line each")
	diff := c.flags.BoolP("diff", "d", false, "print every site that would change before and after")
	html := c.flags.String("html", "", "write all sites to `FILE`, a page for a browser")
	c.addLast()
	files, err := c.parse(args, listUsage, listStatus, stdout)
	switch {
	case err != nil:
	case *asJSON && *diff:
		err = fmt.Errorf("--json and --diff exclude each other")
	case c.flags.Changed("html") && (*asJSON || *diff):
		err = fmt.Errorf("--html excludes --json and --diff")
	case c.flags.Changed("html") && *html == "":
		err = fmt.Errorf("--html needs the name of a file")
	}
	if err != nil {
		return c.usageError(err, stderr)
	}
	var listing sync.Map // by path: fileView
	code := forEach(ctx, c, files, stdout, func(_ context.Context, path string, out *bytes.Buffer, _ *logrus.Entry) (int, error) {
		return exitDone, list(path, c.sites, func(s fileSites) error {
			switch {
			case *html != "":
				listing.Store(path, fileView{jsonVersion, path, s.Keys(), viewAll(s)})
			case *asJSON:
				return writeJSON(out, fileView{jsonVersion, path, s.Keys(), viewAll(s)})
			case *diff:
				writeDiff(out, c.screen, path, viewAll(s))
			default:
				writeTable(out, c.screen, path, s)
			}
			return nil
		})
	})
	if *html != "" && ctx.Err() == nil {
		if err := writeListPage(*html, files, &listing); err != nil {
			fail(c.log.WithField("file", *html), kind.Of(err), withoutPath(err, *html))
			return max(code, exitCode(err))
		}
	}
	return code
}

// list plans a file and gives the plan to show while the file is open.
func list(path string, opts sites.Options, show func(fileSites) error) error {
	f, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Guard(func() error {
		s, err := shown(f, opts)
		if err != nil {
			return err
		}
		return show(s)
	})
}

// writeTable prints a plan for people.
func writeTable(out io.Writer, to screen, path string, file fileSites) {
	views, decided := viewAll(file), file.Decided()
	_, program := file.(*seenSites)
	fmt.Fprintf(out, "%s: %d sites, %d keys: %s\n", quoteOdd(path), len(views), file.Keys(), counts(decided))
	if len(views) == 0 {
		return
	}
	rows := [][]string{{"SECTION", "FUNCTION", "KEY", "TARGET", "FORM", "COST", "BECOMES", "BECAUSE"}}
	for i := range views {
		s := &views[i]
		becomes, because, cost := s.After[0], s.Proof, "-"
		switch {
		case s.Form == sites.Keep:
			because = s.Reason.String()
		case program && s.Listed:
			because = "in the table"
		case program:
		case s.Done:
			becomes += " (is so already)"
		}
		if s.Cost >= 0 {
			cost = strconv.Itoa(s.Cost)
		}
		row := []string{
			fmt.Sprintf("%s+0x%x", quoteOdd(s.Section), s.Offset), s.where(),
			quoteOdd(s.Key), quoteOdd(s.Target), s.Form.String(), cost, quoteOdd(becomes),
		}
		if because != "" {
			row = append(row, because)
		}
		rows = append(rows, row)
	}
	to.writeTable(out, rows, []int{0, 1, 2, 3, 6}, "FORM", formColour) // SECTION to TARGET, BECOMES
	for _, k := range keptByReason(decided) {
		fmt.Fprintf(out, "%s: %s (%d)\n", k.reason, views[k.first].Why, k.count)
	}
}

func formColour(form string) colour {
	switch form {
	case sites.Keep.String():
		return red
	case sites.Direct.String(), sites.Constant.String():
		return green
	}
	return yellow
}
