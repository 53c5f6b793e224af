// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"strings"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/report"
	"github.com/scpatch/scpatch/sites"
	"github.com/spf13/pflag"
)

// A choice holds the options that select the sites to list.
type choice struct {
	report.Choice
	forms, reasons  []string // lists separated by commas
	keys, functions []string
}

// add adds the options and returns those that decide which sites are listed.
func (c *choice) add(f *pflag.FlagSet) []*pflag.Flag {
	f.StringArrayVar(&c.forms, "form", nil, "only sites with one of these `FORMS`, separated by commas")
	f.StringArrayVar(&c.reasons, "reason", nil, "only sites that have their form for one of these `REASONS`, separated by commas")
	f.StringArrayVar(&c.keys, "key", nil, "only sites whose key matches `GLOB`, such as 'tp_*'")
	f.StringArrayVar(&c.functions, "function", nil, "only sites in functions that match `GLOB`")
	f.StringVar(&c.Sort, "sort", "", "sort the sites of a file by `COLUMN`: "+strings.Join(report.SortKeys(), ", ")+" (default: as they lie in the file)")
	return []*pflag.Flag{f.Lookup("form"), f.Lookup("reason"), f.Lookup("key"), f.Lookup("function")}
}

// parse parses the values of the options.
func (c *choice) parse() (err error) {
	if c.Forms, err = parseNames("form", c.forms, sites.Forms(), sites.JoinForms(sites.Forms())); err != nil {
		return err
	}
	if c.Reasons, err = parseNames("reason", c.reasons, sites.Reasons(), "what scpatch explain reasons lists"); err != nil {
		return err
	}
	if c.Keys, err = parseGlobs("key", c.keys); err != nil {
		return err
	}
	if c.Functions, err = parseGlobs("function", c.functions); err != nil {
		return err
	}
	for _, name := range report.SortKeys() {
		if c.Sort == name || c.Sort == "" {
			return nil
		}
	}
	return unknownName("--sort: unknown column", c.Sort, report.SortKeys(), "want "+strings.Join(report.SortKeys(), ", "))
}

// parseNames parses the values of an option that takes names.
func parseNames[T fmt.Stringer](option string, lists []string, known []T, want string) (chosen []T, err error) {
	var names []string
	byName := map[string]T{}
	for _, k := range known {
		names = append(names, k.String())
		byName[k.String()] = k
	}
	for _, list := range lists {
		for _, name := range strings.Split(list, ",") {
			k, ok := byName[name]
			if !ok {
				return nil, unknownName("--"+option+": unknown "+option, name, names, "want some of "+want)
			}
			chosen = append(chosen, k)
		}
	}
	return chosen, nil
}

func parseGlobs(option string, values []string) (globs []report.Glob, err error) {
	for _, v := range values {
		g := report.Glob(v)
		switch {
		case v == "":
			return nil, fmt.Errorf("--%s needs a pattern", option)
		case g.Bad():
			return nil, fmt.Errorf("--%s: %q is not a pattern: a bracket is not closed, or a backslash is last", option, v)
		}
		globs = append(globs, g)
	}
	return globs, nil
}
