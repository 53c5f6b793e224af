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

// A lister is one run of scpatch list.
type lister struct {
	*common
	asJSON, asSarif, diff bool
	page                  string // the file of --html
	chosen                choice

	how    report.Origin
	files  []string
	sarif  *sarif
	totals *batch[report.Total] // of tables
	listed sync.Map             // by path: []report.File, for the page
}

func runList(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	l := lister{common: newCommon("scpatch list", stderr)}
	l.addPlanning()
	deciding := l.flagsSoFar()
	l.flags.BoolVar(&l.asJSON, "json", false, "print JSON Lines: one object per file")
	l.flags.BoolVar(&l.asSarif, "sarif", false, "print one SARIF log of the sites that stay")
	l.flags.BoolVarP(&l.diff, "diff", "d", false, "print every site that would change, before and after")
	deciding = append(deciding, l.chosen.add(l.flags)...)
	l.addRecursive()
	l.flags.StringVar(&l.page, "html", "", "write all sites to `FILE`, a page for a browser; - is standard output")
	l.addLast()
	files, err := l.parse(args, listUsage, listStatus, stdout)
	if err == nil {
		err = checkListOutputs(l.asJSON, l.asSarif, l.diff, l.flags.Changed("html"), l.page)
	}
	if err == nil {
		err = l.chosen.parse()
	}
	if err != nil {
		return l.usageError(err, stderr)
	}
	l.how = origin(deciding)
	l.files = l.expand(files)
	switch {
	case l.asSarif:
		l.sarif = newSarif(l.files)
		l.atEnd = l.sarif.text
	case !l.asJSON && !l.diff && l.page == "":
		if l.totals = newBatch[report.Total](l.files); l.totals != nil {
			l.atEnd = func() string { return listedInAll(l.totals, &l.chosen) }
		}
	}
	code := forEach(ctx, l.common, l.files, stdout, l.sarif.job(l.listFile))
	if l.page != "" && ctx.Err() == nil {
		var all []report.File
		for _, path := range l.files {
			if objects, ok := l.listed.Load(path); ok {
				all = append(all, objects.([]report.File)...)
			}
		}
		code = max(code, l.writeListPage(l.page, stdout, l.how, all))
	}
	return code
}

// listFile lists the sites of one file, or of the members of an archive.
func (l *lister) listFile(ctx context.Context, path string, out *bytes.Buffer, entry *logrus.Entry) (int, error) {
	x := fileList{lister: l, path: path, out: out, found: l.sarif.of(path)}
	badMember := func(name string, err error) {
		x.found.failed(name, err)
		x.unlisted(name, err)
	}
	code, err := withObjects(ctx, path, entry, badMember, x.object)
	if err != nil {
		x.unlisted(path, err)
	} else {
		x.total.Files = 1
		l.totals.add(path, x.total)
	}
	l.listed.Store(path, x.objects)
	return code, err
}

// A fileList is the list of one file.
type fileList struct {
	*lister
	path    string
	out     *bytes.Buffer
	found   fileSarif
	objects []report.File
	total   report.Total
}

// unlisted puts an object that could not be read into the output.
func (x *fileList) unlisted(name string, err error) {
	file := x.how.Failed(name, errkind.Of(err), withoutPath(err, x.path))
	switch {
	case errkind.Of(err) == errkind.Interrupted:
	case x.page != "":
		x.objects = append(x.objects, file)
	case x.asJSON:
		_ = report.WriteJSON(x.out, file) // cannot fail: strings and numbers, to a buffer
	}
}

// object lists the sites of an object or an image.
func (x *fileList) object(name string, f *elfrw.File, _ *logrus.Entry) (int, error) {
	s, err := sitesToList(f, x.sites)
	if err != nil {
		return 0, err
	}
	s = x.chosen.Choose(s)
	if x.totals != nil {
		x.total.Add(report.NewTotal(name, s))
	}
	switch {
	case x.asSarif:
		file := x.how.NewFile(name, s)
		x.found.add(func(l *report.Sarif) { l.AddSites(&file) })
	case x.page != "":
		x.objects = append(x.objects, x.how.NewFile(name, s))
	case x.asJSON:
		err = report.WriteJSON(x.out, x.how.NewFile(name, s))
	case x.diff:
		report.WriteDiff(x.out, x.screen, name, s)
	case (len(x.files) > 1 || name != x.path) && !x.chosen.All() && len(s.Decided()) == 0:
	default:
		report.WriteTable(x.out, x.screen, name, s)
	}
	return ExitDone, err
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
