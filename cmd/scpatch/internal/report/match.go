// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/sites"
)

// A Change says what became of a site from one listing to another.
type Change string

const (
	changeWorse   Change = "worse"   // its form costs more
	changeLost    Change = "lost"    // the site is gone, but its function still has sites
	changeGone    Change = "gone"    // the site is gone, and so are all sites of its function
	changeChanged Change = "changed" // another form, which costs the same
	changeGained  Change = "gained"
	changeBetter  Change = "better" // its form costs less
	changeSame    Change = "same"
)

var changes = []Change{changeWorse, changeLost, changeGone, changeChanged, changeGained, changeBetter, changeSame}

// Changes returns all changes, the worst first.
func Changes() []Change { return slices.Clone(changes) }

// A Pair is a site in the old listing and in the new one.
type Pair struct {
	Change Change `json:"change"`
	Old    *Site  `json:"old,omitempty"`
	New    *Site  `json:"new,omitempty"`
}

// site returns the new site, or the old one if the site is gone.
func (p *Pair) site() *Site {
	if p.New != nil {
		return p.New
	}
	return p.Old
}

// A filePair is a file in both listings, nil in one that does not have it.
type filePair struct{ old, new *File }

// matchFiles pairs the files of two listings by their names, in the order of
// the new one; files that only the old one has come last. If no name is in
// both, it compares the names below the directory or archive that all files of
// a listing share, and pairs two single files whatever their names.
func matchFiles(old, new []File) (pairs []filePair) {
	oldNames, newNames := fileNames(old), fileNames(new)
	at := numbered(oldNames)
	if !slices.ContainsFunc(newNames, func(n string) bool { _, ok := at[n]; return ok }) {
		oldNames, newNames = belowShared(oldNames), belowShared(newNames)
		if len(old) == 1 && len(new) == 1 {
			oldNames, newNames = []string{""}, []string{""}
		}
		at = numbered(oldNames)
	}
	used := make([]bool, len(old))
	for i := range new {
		p := filePair{new: &new[i]}
		if j, ok := at[newNames[i]]; ok {
			p.old, used[j] = &old[j], true
		}
		pairs = append(pairs, p)
	}
	for j := range old {
		if !used[j] {
			pairs = append(pairs, filePair{old: &old[j]})
		}
	}
	return pairs
}

// numbered returns the index of each name, the last one of equal names.
func numbered(names []string) map[string]int {
	at := make(map[string]int, len(names))
	for i, n := range names {
		at[n] = i
	}
	return at
}

func fileNames(files []File) []string {
	names := make([]string, len(files))
	for i := range files {
		names[i] = path.Clean(files[i].File)
	}
	return names
}

// belowShared removes from names the directory that all of them share, or the
// archive that all are members of.
func belowShared(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	shared := path.Dir(names[0]) + "/"
	if archive, _, ok := strings.Cut(names[0], "("); ok {
		shared = archive + "("
	}
	for _, n := range names {
		for !strings.HasPrefix(n, shared) && shared != "" {
			shared = shared[:strings.LastIndexByte(strings.TrimRight(shared, "/("), '/')+1]
		}
	}
	below := make([]string, len(names))
	for i, n := range names {
		below[i] = strings.TrimPrefix(n, shared)
	}
	return below
}

// A caller is what a site is matched by, besides its order: the function (the
// section if no symbol covers it) and the key.
type caller struct{ function, key string }

func callerOf(s *Site) caller { return caller{functionOf(s), s.Key} }

// functionOf returns the function of a site without the suffixes of parts and
// clones (.cold, .isra.0, .llvm.123), which differ between builds.
func functionOf(s *Site) string {
	if s.Symbol == "" {
		return s.Section
	}
	if i := strings.IndexByte(s.Symbol, '.'); i > 0 {
		return s.Symbol[:i]
	}
	return s.Symbol
}

// matchSites pairs the sites of a file in both listings: by function and key,
// and within these by their order. New ones come first, in their order.
func matchSites(p filePair) []Pair {
	old, new := p.sites()
	groups := map[caller][]*Site{}
	for i := range old {
		c := callerOf(&old[i])
		groups[c] = append(groups[c], &old[i])
	}
	byCaller := map[caller][]*Site{}
	still := map[string]bool{} // functions that have sites
	for i := range new {
		c := callerOf(&new[i])
		byCaller[c] = append(byCaller[c], &new[i])
		still[c.function] = true
	}
	was := map[*Site]*Site{}
	for c, now := range byCaller {
		align(groups[c], now, was)
	}
	var pairs []Pair
	for i := range new {
		o := was[&new[i]]
		pairs = append(pairs, Pair{changeOf(o, &new[i]), o, &new[i]})
	}
	matched := map[*Site]bool{}
	for _, o := range was {
		matched[o] = true
	}
	for i := range old {
		switch o := &old[i]; {
		case matched[o]:
		case still[functionOf(o)]:
			pairs = append(pairs, Pair{changeLost, o, nil})
		default:
			pairs = append(pairs, Pair{changeGone, o, nil})
		}
	}
	return pairs
}

func (p filePair) sites() (old, new []Site) {
	if p.old != nil {
		old = p.old.Sites
	}
	if p.new != nil {
		new = p.new.Sites
	}
	return old, new
}

// align pairs the calls that one function makes of one key. If their number has
// changed, calls of the same form at both ends belong together first, so that a
// call that was added or removed in the middle does not shift the rest.
func align(old, now []*Site, was map[*Site]*Site) {
	if len(old) != len(now) {
		for len(old) > 0 && len(now) > 0 && old[0].Form == now[0].Form {
			was[now[0]] = old[0]
			old, now = old[1:], now[1:]
		}
		for len(old) > 0 && len(now) > 0 && old[len(old)-1].Form == now[len(now)-1].Form {
			was[now[len(now)-1]] = old[len(old)-1]
			old, now = old[:len(old)-1], now[:len(now)-1]
		}
	}
	for i := range min(len(old), len(now)) {
		was[now[i]] = old[i]
	}
}

// changeOf returns what became of a site that is in the new listing.
func changeOf(old, now *Site) Change {
	if old == nil {
		return changeGained
	}
	switch c := cmp.Compare(costRank(now.Form), costRank(old.Form)); {
	case c > 0:
		return changeWorse
	case c < 0:
		return changeBetter
	case now.Form != old.Form:
		return changeChanged
	}
	return changeSame
}

// costRank orders forms by the cost of a call. A constant and a direct call are
// equal: which of them a site becomes depends on what the key holds.
func costRank(f sites.Form) sites.Form { return max(f, sites.Direct) }
