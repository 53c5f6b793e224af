// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
)

const explainUsage = `Usage: scpatch explain [NAME...]

Explain the forms of a call, the reasons why a site stays on its trampoline, and
errors, by the names that are printed with them: what it means, when it is sound
or why it would be unsound to go on, and what to do. Without a name, list all of
them. The names forms, reasons and errors list those.
`

const explainStatus = `
Exit status:
  0  done
  2  bad usage
  4  the text could not be written
`

func runExplain(args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch explain", stderr)
	c.addHelp()
	names, err := c.parseFlags(args, explainUsage, explainStatus, stdout)
	if err != nil {
		return c.usageError(err, stderr)
	}
	all := report.Catalogue()
	switch {
	case len(names) == 0:
		return c.wrote(report.WriteEntries(stdout, all))
	case len(names) == 1 && slices.Contains(report.Groups(), report.Group(names[0])):
		of := func(e report.Entry) bool { return e.Group() != report.Group(names[0]) }
		return c.wrote(report.WriteEntries(stdout, slices.DeleteFunc(all, of)))
	}
	var chosen []report.Entry
	for _, name := range names {
		e, err := findEntry(all, name)
		if err != nil {
			return c.usageError(err, stderr)
		}
		chosen = append(chosen, e)
	}
	for i, e := range chosen {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if err := e.Write(stdout, c.screenOf(stdout)); err != nil {
			return c.wrote(err)
		}
	}
	return ExitDone
}

func findEntry(all []report.Entry, name string) (report.Entry, error) {
	var names []string
	for _, g := range report.Groups() {
		names = append(names, string(g)) // for suggestions
	}
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return report.Entry{}, unknownName("unknown name", name, names, "scpatch explain lists all")
}
