// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/sites"
)

// A Choice says which sites of a file are printed, and in which order. A site must
// match one element of each list that is not empty.
type Choice struct {
	Forms     []sites.Form
	Reasons   []sites.Reason
	Keys      []Glob
	Functions []Glob // for the name as printed, or the symbol
	Sort      string // one of SortKeys, or empty for the order of the file
}

// All reports whether every site is chosen.
func (c *Choice) All() bool {
	return len(c.Forms) == 0 && len(c.Reasons) == 0 && len(c.Keys) == 0 && len(c.Functions) == 0
}

// A Glob is a pattern for the name of a symbol: * stands for any characters, ? for
// one, [...] for one of several, and [!...] or [^...] for one of the others.
type Glob string

// Bad reports whether g is not a valid pattern.
func (g Glob) Bad() bool {
	_, err := path.Match(string(g), "")
	return err != nil
}

// matches reports whether g matches the whole name.
func (g Glob) matches(name string) bool {
	ok, err := path.Match(negation.Replace(noSlash.Replace(string(g))), noSlash.Replace(name))
	return ok && err == nil
}

// noSlash makes a slash an ordinary character for path.Match; names never
// contain NUL.
var noSlash = strings.NewReplacer("/", "\x00")

// negation turns the shell's negation into that of path.Match. In patterns for
// symbols, ! does not follow a bracket that is quoted or in a set.
var negation = strings.NewReplacer("[!", "[^")

func anyMatches(globs []Glob, names ...string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(g Glob) bool { return slices.ContainsFunc(names, g.matches) })
}

var sortKeys = []struct {
	name string
	by   func(a, b *Site) int
}{
	{"section", func(a, b *Site) int {
		return cmp.Or(cmp.Compare(a.Section, b.Section), cmp.Compare(a.Offset, b.Offset))
	}},
	{"function", func(a, b *Site) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.FuncOff, b.FuncOff))
	}},
	{"key", func(a, b *Site) int { return cmp.Compare(a.Key, b.Key) }},
	{"target", func(a, b *Site) int { return cmp.Compare(a.Target, b.Target) }},
	{"form", func(a, b *Site) int { return cmp.Compare(a.Form, b.Form) }},
	{"cost", func(a, b *Site) int { return cmp.Compare(uint(a.Cost), uint(b.Cost)) }}, // unknown costs last
	{"reason", func(a, b *Site) int {
		none := cmp.Compare(min(b.Reason, 1), min(a.Reason, 1)) // sites without a reason last
		return cmp.Or(none, cmp.Compare(a.Reason.String(), b.Reason.String()))
	}},
}

// SortKeys returns the names of the columns by which sites can be sorted.
func SortKeys() []string {
	var names []string
	for i := range sortKeys {
		names = append(names, sortKeys[i].name)
	}
	return names
}

// chosenSites are chosen sites of a file, possibly in another order.
type chosenSites struct {
	Sites   // all
	some    bool
	views   []Site
	decided []sites.Decision
}

// Choose returns the chosen sites of a file.
func (c *Choice) Choose(all Sites) Sites {
	if c.All() && c.Sort == "" {
		return all
	}
	chosen := &chosenSites{Sites: all, some: !c.All()}
	decided := all.Decided()
	var at []int // index in decided of each view
	for i := range decided {
		d := &decided[i]
		if len(c.Forms) > 0 && !slices.Contains(c.Forms, d.Form) || len(c.Reasons) > 0 && !slices.Contains(c.Reasons, d.Reason) {
			continue
		}
		s := all.Site(i)
		if !anyMatches(c.Keys, s.Key) || !anyMatches(c.Functions, s.Function, s.Symbol) {
			continue
		}
		chosen.views = append(chosen.views, s)
		at = append(at, i)
	}
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	for i := range sortKeys {
		if by := sortKeys[i].by; sortKeys[i].name == c.Sort {
			slices.SortStableFunc(order, func(a, b int) int { return by(&chosen.views[a], &chosen.views[b]) })
		}
	}
	views := make([]Site, len(order))
	for i, o := range order {
		views[i] = chosen.views[o]
		chosen.decided = append(chosen.decided, decided[at[o]])
	}
	chosen.views = views
	return chosen
}

// Decided implements [Sites].
func (c *chosenSites) Decided() []sites.Decision { return c.decided }

// Site implements [Sites].
func (c *chosenSites) Site(i int) Site { return c.views[i] }

// Outline implements [Sites].
func (c *chosenSites) Outline(i int) Site { return c.views[i] }

// heading says how many sites a file has, and how many have each form.
func heading(file Sites) string {
	n, counts := len(file.Decided()), CountForms(file.Decided())
	if c, ok := file.(*chosenSites); ok && c.some {
		return fmt.Sprintf("%d of %s: %s", n, Number(len(c.Sites.Decided()), "site"), counts)
	}
	return fmt.Sprintf("%s, %s: %s", Number(n, "site"), Number(file.Keys(), "key"), counts)
}
