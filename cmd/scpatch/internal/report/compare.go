// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// compareVersion is the version of the format that compare --json prints.
const compareVersion = 1

// A Comparison is one file of compare --json, which prints one object a line.
type Comparison struct {
	Version   int            `json:"version"`
	Old       string         `json:"old,omitempty"` // the name of the file in the listings
	New       string         `json:"new,omitempty"`
	OldListed *Origin        `json:"old_listed,omitempty"` // missing if the listing does not have it
	NewListed *Origin        `json:"new_listed,omitempty"`
	OldError  *FileError     `json:"old_error,omitempty"` // why the file could not be listed
	NewError  *FileError     `json:"new_error,omitempty"`
	Counts    map[Change]int `json:"counts"`
	Sites     []Pair         `json:"sites"` // those that changed
	all       []Pair
}

// Compare says what changed from one listing to another, by file.
func Compare(old, new []File) []Comparison {
	var views []Comparison
	for _, p := range matchFiles(old, new) {
		v := Comparison{Version: compareVersion, Counts: map[Change]int{}, Sites: []Pair{}, all: matchSites(p)}
		if p.old != nil {
			v.Old, v.OldListed, v.OldError = p.old.File, p.old.origin(), p.old.Error
		}
		if p.new != nil {
			v.New, v.NewListed, v.NewError = p.new.File, p.new.origin(), p.new.Error
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

// name returns the name of the file in the new listing or, if it is not there,
// in the old one.
func (v *Comparison) name() string {
	if v.New != "" {
		return v.New
	}
	return v.Old
}

// Worse reports whether a site got worse or was lost, or the file could be listed in the
// old listing only. With strict, sites that are gone with all sites of their function
// count too.
func (v *Comparison) Worse(strict bool) bool {
	return v.Counts[changeWorse]+v.Counts[changeLost] > 0 || strict && v.Counts[changeGone] > 0 ||
		v.NewError != nil && v.Old != "" && v.OldError == nil
}

// Differences says how two listings differ in their options and versions of
// scpatch, which may be the cause of other changes. It returns each sentence
// once.
func Differences(views []Comparison) (said []string) {
	for i := range views {
		old, new := views[i].OldListed, views[i].NewListed
		if old == nil || new == nil {
			continue
		}
		for _, s := range old.differences(new) {
			if !slices.Contains(said, s) {
				said = append(said, s)
			}
		}
	}
	return said
}

func (o *Origin) differences(new *Origin) (said []string) {
	var parts []string
	for _, side := range []struct {
		has, lacks *Origin
		name       string
	}{{o, new, "old"}, {new, o, "new"}} {
		var only []string
		for _, opt := range side.has.Options {
			if !slices.Contains(side.lacks.Options, opt) {
				only = append(only, errkind.Printable(opt))
			}
		}
		if len(only) > 0 {
			parts = append(parts, fmt.Sprintf("only the %s listing has %s", side.name, strings.Join(only, " ")))
		}
	}
	if len(parts) > 0 {
		said = append(said, "the options differ: "+strings.Join(parts, ", "))
	}
	if o.Scpatch != new.Scpatch {
		said = append(said, fmt.Sprintf("the versions differ: scpatch %s made the old listing, %s the new one", errkind.Printable(o.Scpatch), errkind.Printable(new.Scpatch)))
	}
	return said
}

// Write prints the changes for people.
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
	v.OldError.write(out, "old")
	v.NewError.write(out, "new")
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

// write says that a file could not be listed.
func (e *FileError) write(out io.Writer, listing string) {
	if e != nil {
		fmt.Fprintf(out, "it could not be listed in the %s listing: %s [%s]\n", listing, Plain(e.What), errkind.Printable(e.Kind))
	}
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
