// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/sites"
)

// listed makes a file of sites written as FUNCTION:KEY:FORM, in order.
func listed(t *testing.T, name, text string) File {
	t.Helper()
	v := File{Version: 1, File: name}
	for i, s := range strings.Fields(text) {
		p := strings.Split(s, ":")
		var f sites.Form
		if err := f.UnmarshalText([]byte(p[2])); err != nil {
			t.Fatal(err)
		}
		v.Sites = append(v.Sites, Site{Section: ".text", Offset: uint64(4 * i), Symbol: p[0], Function: p[0], Key: p[1], Form: f})
	}
	return v
}

// TestMatchSites checks for each site of the new listing what it was, and then
// which are lost.
func TestMatchSites(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"the same", "f:a:direct g:b:keep", "f:a:direct g:b:keep", "same,same"},
		{"moved", "f:a:direct g:b:keep", "g:b:keep f:a:direct", "same,same"},
		{"worse and better", "f:a:direct g:b:keep h:c:stack", "f:a:save-stub g:b:shadow h:c:paca", "worse,better,worse"},
		{"no cost", "f:a:direct f:b:constant", "f:a:constant f:b:direct", "changed,changed"},
		{"worse than a constant", "f:a:constant", "f:a:stack", "worse"},
		{"gained", "f:a:direct", "f:a:direct f:b:keep g:a:keep", "same,gained,gained"},
		{"lost", "f:a:direct f:b:direct", "f:b:direct", "same,lost:a"},
		{"gone", "f:a:direct g:b:direct", "g:b:direct", "same,gone:a"},
		{"another key", "f:a:direct", "f:b:direct", "gained,lost:a"},
		{"order counts", "f:a:direct f:a:keep", "f:a:keep f:a:direct", "worse,better"},
		{"one less in front", "f:a:direct f:a:keep", "f:a:keep", "same,lost:a"},
		{"one more in the middle", "f:a:direct f:a:stack", "f:a:direct f:a:keep f:a:stack", "same,gained,same"},
		{"one less and one worse", "f:a:direct f:a:stack f:a:direct", "f:a:direct f:a:keep", "same,worse,lost:a"},
		{"a clone", "f.isra.0:a:direct f.cold:b:direct", "f.constprop.3:a:direct f.cold.7:b:keep", "same,worse"},
		{"a name that begins with a dot", ".f:a:direct", ".g:a:direct", "gained,gone:a"},
	} {
		old, new := listed(t, "x.o", c.old), listed(t, "x.o", c.new)
		pairs := matchSites(filePair{&old, &new})
		var got []string
		for _, p := range pairs {
			s := string(p.Change)
			if p.New == nil {
				s += ":" + p.Old.Key
			}
			got = append(got, s)
		}
		if diff := cmp.Diff(strings.Split(c.want, ","), got); diff != "" {
			t.Errorf("%s: want -, got +\n%s", c.name, diff)
		}
	}
}

// TestMatchNames pairs files.
func TestMatchNames(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"by name", "b.o a.o", "a.o b.o c.o", "a.o=a.o b.o=b.o =c.o"},
		{"lost", "a.o b.o", "b.o", "b.o=b.o a.o="},
		{"one of each", "old/vmlinux.o", "/elsewhere/new.o", "old/vmlinux.o=/elsewhere/new.o"},
		{"other directories", "old/fs/a.o old/mm/a.o", "build/new/fs/a.o build/new/mm/a.o", "old/fs/a.o=build/new/fs/a.o old/mm/a.o=build/new/mm/a.o"},
		{"a part of a name is no directory", "x/ab.o x/ac.o", "y/z/ab.o y/z/ac.o", "x/ab.o=y/z/ab.o x/ac.o=y/z/ac.o"},
		{"absolute", "/old/a.o /old/d/b.o", "a.o d/b.o", "/old/a.o=a.o /old/d/b.o=d/b.o"},
		{"some name is in both", "x/a.o b.o", "y/a.o b.o", "=y/a.o b.o=b.o x/a.o="},
		{"cleaned", "./a.o ./b.o", "a.o b.o", "./a.o=a.o ./b.o=b.o"},
	} {
		views := func(names string) (v []File) {
			for _, n := range strings.Fields(names) {
				v = append(v, File{File: n})
			}
			return v
		}
		var got []string
		for _, p := range matchFiles(views(c.old), views(c.new)) {
			old, new := "", ""
			if p.old != nil {
				old = p.old.File
			}
			if p.new != nil {
				new = p.new.File
			}
			got = append(got, old+"="+new)
		}
		if diff := cmp.Diff(strings.Fields(c.want), got); diff != "" {
			t.Errorf("%s: want -, got +\n%s", c.name, diff)
		}
	}
}

// TestMatchIsOneToOne matches random listings. Every site must be in one pair,
// and a listing must be the same as itself.
func TestMatchIsOneToOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() File {
		var all []string
		for range r.IntN(30) {
			all = append(all, fmt.Sprintf("f%d:k%d:%s", r.IntN(4), r.IntN(3), sites.Forms()[r.IntN(len(sites.Forms()))]))
		}
		return listed(t, "x.o", strings.Join(all, " "))
	}
	for range 500 {
		old, new := random(), random()
		seen := map[*Site]int{}
		counts := map[Change]int{}
		for _, p := range matchSites(filePair{&old, &new}) {
			counts[p.Change]++
			for _, s := range []*Site{p.Old, p.New} {
				if s != nil {
					seen[s]++
				}
			}
			if p.Old != nil && p.New != nil && callerOf(p.Old) != callerOf(p.New) {
				t.Fatalf("%+v is paired with %+v", p.Old, p.New)
			}
		}
		for _, v := range []*File{&old, &new} {
			for i := range v.Sites {
				if seen[&v.Sites[i]] != 1 {
					t.Fatalf("site %d of %v is in %d pairs", i, v.Sites, seen[&v.Sites[i]])
				}
			}
		}
		if n := len(new.Sites) + counts[changeLost] + counts[changeGone] - counts[changeGained]; n != len(old.Sites) {
			t.Fatalf("%v: %d old sites, want %d", counts, n, len(old.Sites))
		}
		again := matchSites(filePair{&old, &old})
		if slices.ContainsFunc(again, func(p Pair) bool { return p.Change != changeSame }) {
			t.Fatalf("%v is not the same as itself", old.Sites)
		}
	}
}
