// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"

	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
)

// FormCounts holds the number of sites with each form.
type FormCounts [sites.Keep + 1]int

// CountForms counts the forms.
func CountForms(decided []sites.Decision) (n FormCounts) {
	for i := range decided {
		n[decided[i].Form]++
	}
	return n
}

// String lists the numbers, such as "3 direct, 0 constant, 2 stack, 1 kept". Forms that
// restore r2 are left out if no site has them.
func (n FormCounts) String() string {
	text := fmt.Sprintf("%d direct, %d constant", n[sites.Direct], n[sites.Constant])
	for _, f := range sites.RestoreForms() {
		if n[f] > 0 {
			text += fmt.Sprintf(", %d %s", n[f], f)
		}
	}
	return fmt.Sprintf("%s, %d kept", text, n[sites.Keep])
}

// A Total counts the sites of several files by their forms and reasons.
type Total struct {
	Files  int
	Sites  int // of the files
	Chosen int // those of them that are counted
	Forms  FormCounts
	Stays  []Stay // in the order of the first sites
}

// A Stay counts the sites that stay for one reason.
type Stay struct {
	Reason sites.Reason
	Sites  int
	Files  int
	why    string
	first  string
}

// NewTotal returns the total of one file.
func NewTotal(path string, file Sites) Total {
	t := Total{Files: 1, Sites: len(file.Decided()), Chosen: len(file.Decided()), Forms: CountForms(file.Decided())}
	if c, ok := file.(*chosenSites); ok {
		t.Sites = len(c.Sites.Decided())
	}
	for _, g := range Kept(file.Decided()) {
		first := file.Outline(g.first)
		t.Stays = append(t.Stays, Stay{g.Reason, g.Count, 1, first.Why, errkind.Printable(path) + ": " + first.where()})
	}
	return t
}

// Add adds the total of other files, which come after those of t.
func (t *Total) Add(more Total) {
	t.Files += more.Files
	t.Sites += more.Sites
	t.Chosen += more.Chosen
	for f, n := range more.Forms {
		t.Forms[f] += n
	}
next:
	for _, s := range more.Stays {
		for i := range t.Stays {
			if t.Stays[i].Reason == s.Reason {
				t.Stays[i].Sites += s.Sites
				t.Stays[i].Files += s.Files
				continue next
			}
		}
		t.Stays = append(t.Stays, s)
	}
}

// Warning says that the sites of one reason stay, and why.
func (t *Total) Warning(s Stay) string {
	return fmt.Sprintf("%s: %s: %s (in %s, first: %s)", staying(s.Sites, t.Sites), s.Reason, s.why, Number(s.Files, "file"), s.first)
}

func staying(n, all int) string {
	verb := "stay on their trampolines"
	if n == 1 {
		verb = "stays on its trampoline"
	}
	return fmt.Sprintf("%d of %s %s", n, Number(all, "site"), verb)
}
