// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"io"

	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// compareVersion is the version of the form that compare --json prints.
const compareVersion = 1

// A Comparison is one file of compare --json, which prints one object a line.
type Comparison struct {
	Version int            `json:"version"`
	Old     string         `json:"old,omitempty"` // the file as the listings name it
	New     string         `json:"new,omitempty"`
	Counts  map[Change]int `json:"counts"`
	Sites   []Pair         `json:"sites"` // those that are not the same
	all     []Pair
}

// Compare says what changed from one listing to another, by file.
func Compare(old, new []File) []Comparison {
	var views []Comparison
	for _, p := range matchFiles(old, new) {
		v := Comparison{Version: compareVersion, Counts: map[Change]int{}, Sites: []Pair{}, all: matchSites(p)}
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
func (v *Comparison) name() string {
	if v.New != "" {
		return v.New
	}
	return v.Old
}

// Worse reports whether a site got worse or was lost; strict counts those, too,
// that are gone with all sites of their function.
func (v *Comparison) Worse(strict bool) bool {
	return v.Counts[changeWorse]+v.Counts[changeLost] > 0 || strict && v.Counts[changeGone] > 0
}

// Write prints what changed, for people.
func (v *Comparison) Write(out io.Writer, to Screen) {
	name := errkind.Printable(v.name())
	if v.Old != "" && v.New != "" && v.Old != v.New {
		name = errkind.Printable(v.Old) + " -> " + errkind.Printable(v.New)
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
	to.writeTable(out, rows, []int{1, 2}, 0, changeColour) // FUNCTION and KEY; CHANGE
}

func changeColour(name string) colour {
	switch Change(name) {
	case changeWorse, changeLost:
		return red
	case changeBetter, changeGained:
		return green
	}
	return yellow
}

func pairRow(p *Pair) []string {
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
	return []string{string(p.Change), s.where(), errkind.Printable(s.Key), was, is, errkind.Printable(because)}
}
