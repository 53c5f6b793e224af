// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/kind"
)

const compareUsage = `Usage: scpatch compare [options] OLD NEW

Compare two outputs of scpatch list --json: which static-call sites were gained
and lost, and whose form costs more or less than before. Sites are matched by
their function and key, not by where they lie.
`

const compareStatus = `
Exit status:
  0  nothing got worse
  1  a site got worse or was lost
  2  bad usage
  3  bad input
  4  a file could not be read or written
`

// compareVersion is the version of the form that compare --json prints.
const compareVersion = 1

// A compareView is one file of compare --json, which prints one object a line.
type compareView struct {
	Version int            `json:"version"`
	Old     string         `json:"old,omitempty"` // the file as the listings name it
	New     string         `json:"new,omitempty"`
	Counts  map[change]int `json:"counts"`
	Sites   []pairView     `json:"sites"` // those that are not the same
	all     []pairView
}

func runCompare(args []string, stdout, stderr io.Writer) int {
	c := newCommon("scpatch compare", stderr)
	asJSON := c.flags.Bool("json", false, "one JSON object for each file, a line each")
	html := c.flags.String("html", "", "besides, write all sites to `FILE`, a page for a browser")
	strict := c.flags.Bool("strict", false, "a site that is gone with all sites of its function counts as lost, too")
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
	var listings [2][]fileView
	worst := exitDone
	for i, path := range files {
		if listings[i], err = readListing(path); err != nil {
			err = kind.BadListing.Wrap(err)
			fail(c.log.WithField("file", path), kind.Of(err), withoutPath(err, path))
			worst = max(worst, exitCode(err))
		}
	}
	if worst != exitDone {
		return worst
	}
	views := compareListings(listings[0], listings[1])
	var out bytes.Buffer
	for i := range views {
		v := &views[i]
		if v.Counts[changeWorse]+v.Counts[changeLost] > 0 || *strict && v.Counts[changeGone] > 0 {
			worst = exitKept
		}
		if *asJSON {
			err = errors.Join(err, json.NewEncoder(&out).Encode(v))
		} else if !c.quiet {
			writeCompared(&out, c.screen, v)
		}
	}
	if _, writeErr := stdout.Write(out.Bytes()); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	if *html != "" {
		if pageErr := writeComparePage(*html, views); pageErr != nil {
			fail(c.log.WithField("file", *html), kind.Of(pageErr), withoutPath(pageErr, *html))
			worst = exitIO
		}
	}
	if err != nil {
		fail(c.log, kind.Of(err), err.Error())
		return max(worst, exitCode(err))
	}
	return worst
}

func compareListings(old, new []fileView) []compareView {
	var views []compareView
	for _, p := range matchFiles(old, new) {
		v := compareView{Version: compareVersion, Counts: map[change]int{}, Sites: []pairView{}, all: matchSites(p)}
		if p.old != nil {
			v.Old = p.old.File
		}
		if p.new != nil {
			v.New = p.new.File
		}
		for _, c := range changes {
			v.Counts[c] = 0
		}
		for _, s := range v.all {
			v.Counts[s.Change]++
			if s.Change != changeSame {
				v.Sites = append(v.Sites, s)
			}
		}
		views = append(views, v)
	}
	return views
}

// name is the file in one of the listings, the new one if it is there.
func (v *compareView) name() string {
	if v.New != "" {
		return v.New
	}
	return v.Old
}

// writeCompared prints for people what changed.
func writeCompared(out io.Writer, to screen, v *compareView) {
	name := quoteOdd(v.name())
	if v.Old != "" && v.New != "" && v.Old != v.New {
		name = quoteOdd(v.Old) + " -> " + quoteOdd(v.New)
	}
	fmt.Fprintf(out, "%s: ", name)
	for i, c := range changes {
		if i > 0 {
			fmt.Fprint(out, ", ")
		}
		fmt.Fprintf(out, "%d %s", v.Counts[c], c)
	}
	fmt.Fprintln(out)
	if len(v.Sites) == 0 {
		return
	}
	rows := [][]string{{"CHANGE", "FUNCTION", "KEY", "WAS", "IS", "BECAUSE"}}
	for _, c := range changes {
		for i := range v.Sites {
			if p := &v.Sites[i]; p.Change == c {
				rows = append(rows, pairRow(p))
			}
		}
	}
	to.writeTable(out, rows, []int{1, 2}, "CHANGE", changeColour) // FUNCTION and KEY
}

func changeColour(name string) colour {
	switch change(name) {
	case changeWorse, changeLost:
		return red
	case changeBetter, changeGained:
		return green
	}
	return yellow
}

func pairRow(p *pairView) []string {
	s := p.site()
	was, is, because := "-", "-", ""
	if p.Old != nil {
		was = p.Old.Form.String()
	}
	if p.New != nil {
		is = p.New.Form.String()
		because = p.New.Proof
		if p.New.Form == sites.Keep {
			because = p.New.Reason.String()
		}
	}
	row := []string{string(p.Change), s.where(), quoteOdd(s.Key), was, is}
	if because != "" {
		row = append(row, quoteOdd(because))
	}
	return row
}
