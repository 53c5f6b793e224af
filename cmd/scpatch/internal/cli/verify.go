// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/verify"
	"github.com/sirupsen/logrus"
)

const verifyUsage = `Usage: scpatch verify [options] FILE...

Check the static-call sites of ppc64le (ELFv2) objects, archives, modules and
linked programs: every site that a table or scpatch's record names must call what its
key holds, or be the constant that replaces it. r2 must be restored exactly where
that is needed, and the matching save must be found. A call to a trampoline that
neither names is an error. Files are not changed.
`

const verifyStatus = `
Exit status:
  0  every site is correct
  2  bad usage
  3  something is wrong with a site, or the file cannot be checked
  4  a file could not be read
For several files, the status is that of the worst.
`

func runVerify(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch verify", stderr)
	c.addPlace()
	asJSON := c.flags.Bool("json", false, "print JSON Lines: one object per file")
	asSarif := c.flags.Bool("sarif", false, "print one SARIF log of what is wrong")
	c.addRecursive()
	paca := c.flags.String("paca-toc", "", "the PACA holds the kernel's TOC pointer at `OFFSET`(r13), and a slot may load r2 from there: a number, or a symbol of FILE that holds it")
	unpatched := c.flags.Bool("allow-unpatched", false, "accept calls to trampolines that neither a table nor scpatch's record names")
	c.addLast()
	files, err := c.parse(args, verifyUsage, verifyStatus, stdout)
	switch {
	case err != nil:
	case *paca != "" && (c.module || c.user):
		err = fmt.Errorf("--paca-toc is for the kernel image only")
	case *asJSON && *asSarif:
		err = fmt.Errorf("--json and --sarif cannot be combined")
	}
	if err != nil {
		return c.usageError(err, stderr)
	}
	opts := c.verifyOptions()
	opts.PACATOC, opts.AllowUnpatched = *paca, *unpatched
	files = c.expand(files)
	all := newBatch[verifiedFile](files)
	var log *sarif
	switch {
	case *asSarif:
		log = newSarif(files)
		c.atEnd = log.text
	case all != nil && !*asJSON && !c.quiet:
		c.atEnd = func() string { return verifiedInAll(all) }
	}
	return forEach(ctx, c, files, stdout, log.job(func(ctx context.Context, path string, out *bytes.Buffer, entry *logrus.Entry) (int, error) {
		var total verifiedFile
		found := log.of(path)
		code, err := withObjects(ctx, path, entry, found.failed, func(name string, f *elfrw.File, entry *logrus.Entry) (int, error) {
			r, err := verify.Verify(f, opts)
			if err != nil {
				return 0, err
			}
			total.sites += r.Sites
			total.faults += len(r.Faults)
			for i := range r.Faults {
				fail(entry, r.Faults[i].Kind, r.Faults[i].String())
			}
			switch {
			case *asSarif:
				found.add(func(l *report.Sarif) { l.AddFaults(name, r) })
			case *asJSON:
				err = report.WriteJSON(out, report.NewVerdict(name, r))
			case !c.quiet:
				report.WriteVerdict(out, name, r)
			}
			if err == nil && len(r.Faults) > 0 {
				return ExitInput, nil
			}
			return ExitDone, err
		})
		if err == nil {
			all.add(path, total)
		}
		return code, err
	}))
}

func (c *common) verifyOptions() verify.Options {
	return verify.Options{Runtime: c.sites.Runtime, Module: c.module, User: c.user, EntrySize: c.entrySize}
}
