// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/verify"
	"github.com/sirupsen/logrus"
)

const listUsage = `Usage: scpatch list [options] FILE...

List the static-call sites of ppc64le (ELFv2) objects, of the members of archives,
and of kernel images: where each is, which key it calls and what that holds, what
scpatch would do with it and why. For linked programs and shared libraries (--user),
list the sites that their table and scpatch's record name, and what each calls.
Files are not changed.

The options --form, --reason, --key and --function select sites. An option that is
given several times takes a site that fits any of its values; of several options,
all have to fit.
`

const listStatus = `
Exit status:
  0  done, whatever becomes of the sites
  2  bad usage
  3  bad input
  4  a file could not be read
For several files, the status is that of the worst.
`

func runList(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch list", stderr)
	c.addPlanning()
	deciding := c.flagsSoFar()
	asJSON := c.flags.Bool("json", false, "print JSON Lines: one object per file")
	asSarif := c.flags.Bool("sarif", false, "print one SARIF log of the sites that stay")
	diff := c.flags.BoolP("diff", "d", false, "print every site that would change, before and after")
	var chosen choice
	deciding = append(deciding, chosen.add(c.flags)...)
	c.addRecursive()
	html := c.flags.String("html", "", "write all sites to `FILE`, a page for a browser; - is standard output")
	c.addLast()
	files, err := c.parse(args, listUsage, listStatus, stdout)
	if err == nil {
		err = checkListOutputs(*asJSON, *asSarif, *diff, c.flags.Changed("html"), *html)
	}
	if err == nil {
		err = chosen.parse()
	}
	if err != nil {
		return c.usageError(err, stderr)
	}
	how := origin(deciding)
	files = c.expand(files)
	var listed sync.Map             // by path: []report.File
	var totals *batch[report.Total] // of tables
	var log *sarif
	switch {
	case *asSarif:
		log = newSarif(files)
		c.atEnd = log.text
	case !*asJSON && !*diff && *html == "":
		if totals = newBatch[report.Total](files); totals != nil {
			c.atEnd = func() string { return listedInAll(totals, &chosen) }
		}
	}
	code := forEach(ctx, c, files, stdout, log.job(func(ctx context.Context, path string, out *bytes.Buffer, entry *logrus.Entry) (int, error) {
		var objects []report.File
		var total report.Total
		found := log.of(path)
		unlisted := func(name string, err error) {
			file := how.Failed(name, errkind.Of(err), withoutPath(err, path))
			switch {
			case errkind.Of(err) == errkind.Interrupted:
			case *html != "":
				objects = append(objects, file)
			case *asJSON:
				_ = report.WriteJSON(out, file) // cannot fail: strings and numbers, to a buffer
			}
		}
		badMember := func(name string, err error) {
			found.failed(name, err)
			unlisted(name, err)
		}
		code, err := withObjects(ctx, path, entry, badMember, func(name string, f *elfrw.File, _ *logrus.Entry) (int, error) {
			s, err := sitesToList(f, c.sites)
			if err != nil {
				return 0, err
			}
			s = chosen.Choose(s)
			if totals != nil {
				total.Add(report.NewTotal(name, s))
			}
			switch {
			case *asSarif:
				file := how.NewFile(name, s)
				found.add(func(l *report.Sarif) { l.AddSites(&file) })
			case *html != "":
				objects = append(objects, how.NewFile(name, s))
			case *asJSON:
				err = report.WriteJSON(out, how.NewFile(name, s))
			case *diff:
				report.WriteDiff(out, c.screen, name, s)
			case (len(files) > 1 || name != path) && !chosen.All() && len(s.Decided()) == 0:
			default:
				report.WriteTable(out, c.screen, name, s)
			}
			return ExitDone, err
		})
		if err != nil {
			unlisted(path, err)
		} else {
			total.Files = 1
			totals.add(path, total)
		}
		listed.Store(path, objects)
		return code, err
	}))
	if *html != "" && ctx.Err() == nil {
		var all []report.File
		for _, path := range files {
			if objects, ok := listed.Load(path); ok {
				all = append(all, objects.([]report.File)...)
			}
		}
		code = max(code, c.writeListPage(*html, stdout, how, all))
	}
	return code
}

// checkListOutputs rejects outputs that exclude each other. hasPage says whether --html
// is given, and page is its value.
func checkListOutputs(asJSON, asSarif, diff, hasPage bool, page string) error {
	switch {
	case asJSON && diff:
		return fmt.Errorf("--json and --diff cannot be combined")
	case asSarif && (asJSON || diff || hasPage):
		return fmt.Errorf("--sarif cannot be combined with --json, --html or --diff")
	case hasPage && (asJSON || diff):
		return fmt.Errorf("--html cannot be combined with --json or --diff")
	case hasPage && page == "":
		return fmt.Errorf("--html needs the name of a file")
	}
	return nil
}

// writeListPage writes the page of --html and returns the exit code.
func (c *common) writeListPage(page string, stdout io.Writer, how report.Origin, all []report.File) int {
	write := func() error { return report.WritePage(page, how, all) }
	if page == dash {
		write = func() error { return report.PrintPage(stdout, how, all) }
	}
	if err := write(); err != nil {
		fail(c.log.WithField("file", page), errkind.Of(err), withoutPath(err, page))
		return exitCode(err)
	}
	return ExitDone
}

// sitesToList returns the planned sites of an object, the existing sites of a linked
// program, or the planned sites of a kernel image and those that its table lacks.
func sitesToList(f *elfrw.File, opts sites.Options) (report.Sites, error) {
	if !isLinked(f) {
		return makePlan(f, opts)
	}
	l, err := verify.List(f, verify.Options{User: opts.Place == sites.User, Module: opts.Place == sites.Module, EntrySize: opts.EntrySize})
	if err != nil {
		return nil, err
	}
	if l.User {
		return report.LinkedSites(l), nil
	}
	p, err := makePlan(f, opts)
	if err != nil {
		return nil, err
	}
	return report.WithUnlisted(p, l), nil
}
