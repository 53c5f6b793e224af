// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"slices"

	"github.com/ianlancetaylor/demangle"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/verify"
)

// seenSites are the sites of a linked program, which cannot be changed.
type seenSites struct {
	keys    int
	seen    []*verify.Seen
	decided []sites.Decision
}

// LinkedSites returns the sites of a linked program.
func LinkedSites(l *verify.Listing) Sites {
	s := &seenSites{keys: l.Keys}
	for i := range l.Sites {
		s.add(&l.Sites[i])
	}
	return s
}

func (s *seenSites) add(site *verify.Seen) {
	s.seen = append(s.seen, site)
	s.decided = append(s.decided, seenDecision(site))
}

// Keys implements [Sites].
func (s *seenSites) Keys() int { return s.keys }

// Decided implements [Sites].
func (s *seenSites) Decided() []sites.Decision { return s.decided }

// plannedAndSeen are the sites of a kernel image: those of the plan, then those that
// no table lists, which stay as they are.
type plannedAndSeen struct {
	Sites
	unlisted seenSites
	decided  []sites.Decision
}

// WithUnlisted adds the sites that no table lists to those of a plan.
func WithUnlisted(planned Sites, l *verify.Listing) Sites {
	p := &plannedAndSeen{Sites: planned}
	for i := range l.Sites {
		if s := &l.Sites[i]; !s.Listed {
			p.unlisted.add(s)
		}
	}
	p.decided = slices.Concat(planned.Decided(), p.unlisted.decided)
	return p
}

// Decided implements [Sites].
func (p *plannedAndSeen) Decided() []sites.Decision { return p.decided }

// Site implements [Sites].
func (p *plannedAndSeen) Site(i int) Site {
	if n := len(p.Sites.Decided()); i >= n {
		return p.unlisted.Site(i - n)
	}
	return p.Sites.Site(i)
}

// Outline implements [Sites].
func (p *plannedAndSeen) Outline(i int) Site {
	if n := len(p.Sites.Decided()); i >= n {
		return p.unlisted.Outline(i - n)
	}
	return p.Sites.Outline(i)
}

// seenDecision returns the decision that made a site of a linked file what it
// is.
func seenDecision(s *verify.Seen) sites.Decision {
	d := sites.Decision{Form: sites.Form(s.Form), Word: s.Word, Slot: s.Slot, Done: true, Listed: s.Listed, Cost: -1}
	switch {
	case d.Form == sites.Keep && s.Recorded:
		d.Reason, d.Done = sites.KeptBefore, false
	case d.Form == sites.Keep:
		d.Reason, d.Done = sites.NoRecord, false
	}
	return d
}

// Outline implements [Sites].
func (s *seenSites) Outline(i int) Site {
	seen, d := s.seen[i], &s.decided[i]
	return Site{
		Section: seen.Section, Offset: seen.Off, Function: demangle.Filter(seen.Symbol), Symbol: seen.Symbol, FuncOff: seen.FuncOff,
		Key: demangle.Filter(seen.Key), Target: demangle.Filter(seen.Target), Tail: seen.Tail, NoTOC: seen.NoTOC,
		Form: d.Form, Cost: int(d.Cost), Reason: d.Reason, Why: d.Why(), Done: d.Done, Listed: seen.Listed,
	}
}

// Site implements [Sites].
func (s *seenSites) Site(i int) Site {
	seen, v := s.seen[i], s.Outline(i)
	v.Before[0] = asm(seen.Word, notocText(seen.Callee, seen.NoTOC))
	if seen.HasSlot && (!seen.NoTOC || seen.Slot == ppc64.RestoreTOC) {
		v.Before[1] = asm(seen.Slot, "")
	}
	v.After = v.Before
	return v
}
