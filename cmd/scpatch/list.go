// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/scpatch/scpatch/sites"
	"github.com/sirupsen/logrus"
)

const listUsage = `Usage: scpatch list [options] FILE...

List the static-call sites of ppc64le (ELFv2) relocatable objects: where each
is, which key it calls and what that holds, what scpatch would do with it and
why. Nothing is changed.
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
	c.addLast()
	files, err := c.parse(args, listUsage, listStatus, stdout)
	if err == nil && *asJSON && *diff {
		err = fmt.Errorf("--json and --diff exclude each other")
	}
	if err != nil {
		return c.usageError(err, stderr)
	}
	return forEach(ctx, c, files, stdout, func(_ context.Context, path string, out *bytes.Buffer, _ *logrus.Entry) (int, error) {
		return exitDone, list(path, c.sites, func(p *sites.Plan) error {
			switch {
			case *asJSON:
				return json.NewEncoder(out).Encode(fileView{jsonVersion, path, len(p.Object.Keys), newView(p)})
			case *diff:
				writeDiff(out, path, newView(p))
			default:
				writeTable(out, path, p)
			}
			return nil
		})
	})
}

// list plans a file and gives the plan to show while the file is open.
func list(path string, opts sites.Options, show func(*sites.Plan) error) error {
	f, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Guard(func() error {
		o, err := sites.Find(f)
		if err != nil {
			return err
		}
		p, err := sites.MakePlan(o, opts)
		if err != nil {
			return err
		}
		return show(p)
	})
}

// writeTable prints a plan for people.
func writeTable(out io.Writer, path string, p *sites.Plan) {
	views := newView(p)
	fmt.Fprintf(out, "%s: %d sites, %d keys: %s\n", quoteOdd(path), len(views), len(p.Object.Keys), counts(p))
	if len(views) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SECTION\tFUNCTION\tKEY\tTARGET\tFORM\tCOST\tBECOMES\tBECAUSE")
	for i := range views {
		s := &views[i]
		becomes, because, cost := s.After[0], s.Proof, "-"
		switch {
		case s.Form == sites.Keep:
			because = string(s.Reason)
		case s.Done:
			becomes += " (is so already)"
		}
		if s.Cost >= 0 {
			cost = strconv.Itoa(s.Cost)
		}
		fmt.Fprintf(w, "%s+0x%x\t%s\t%s\t%s\t%s\t%s\t%s", quoteOdd(s.Section), s.Offset, s.where(),
			quoteOdd(s.Key), quoteOdd(s.Target), s.Form, cost, quoteOdd(becomes))
		if because != "" {
			fmt.Fprintf(w, "\t%s", because)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	for _, k := range keptByReason(p) {
		fmt.Fprintf(out, "%s: %s (%d)\n", k.reason, views[k.first].Why, k.count)
	}
}
