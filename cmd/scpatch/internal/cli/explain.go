// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
)

const explainUsage = `Usage: scpatch explain [NAME...]

Explain the reasons why a site stays on its trampoline, and errors, by the names
that are printed with them: what it means, why it would be unsound to go on, and
what to do. Without a name, list all of them.
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
	all := catalogue()
	if len(names) == 0 {
		return c.wrote(listEntries(stdout, all))
	}
	var chosen []entry
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
		if _, err := fmt.Fprintf(stdout, "%s\n\n%s", screenOf(stdout).paint(bold, e.name), e.body()); err != nil {
			return c.wrote(err)
		}
	}
	return exitDone
}

func listEntries(out io.Writer, all []entry) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, e := range all {
		fmt.Fprintf(w, "%s\t%s\n", e.name, e.summary())
	}
	return w.Flush()
}

func findEntry(all []entry, name string) (entry, error) {
	var names []string
	for _, e := range all {
		if e.name == name {
			return e, nil
		}
		names = append(names, e.name)
	}
	if near := suggest(name, names); near != "" {
		return entry{}, fmt.Errorf("unknown name %q; did you mean %s?", name, near)
	}
	return entry{}, fmt.Errorf("unknown name %q: scpatch explain lists all", name)
}
