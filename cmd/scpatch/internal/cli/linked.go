// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"slices"

	"github.com/ianlancetaylor/demangle"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/verify"
)

// shown is what list shows of a file: the plan of an object; of a linked program the
// sites that are there, and of a kernel image the plan and what its table lacks.
func shown(f *elfrw.File, opts sites.Options) (fileSites, error) {
	if !isLinked(f) {
		return makePlan(f, opts)
	}
	l, err := verify.List(f, verify.Options{User: opts.Place == sites.User, Module: opts.Place == sites.Module, EntrySize: opts.EntrySize})
	if err != nil {
		return nil, err
	}
	if l.User {
		return newSeenSites(l), nil
	}
	p, err := makePlan(f, opts)
	if err != nil {
		return nil, err
	}
	return addUnlisted(p, l), nil
}

// seenSites are those of a linked program, of which nothing can be changed.
type seenSites struct {
	keys    int
	seen    []*verify.Seen
	decided []sites.Decision
}

func newSeenSites(l *verify.Listing) *seenSites {
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

// Keys implements [fileSites].
func (s *seenSites) Keys() int { return s.keys }

// Decided implements [fileSites].
func (s *seenSites) Decided() []sites.Decision { return s.decided }

// plannedAndSeen are the sites of a kernel image: behind those of the plan come
// those that no table lists, which stay as they are.
type plannedAndSeen struct {
	fileSites
	unlisted seenSites
	decided  []sites.Decision
}

// addUnlisted adds to a plan the sites that no table lists.
func addUnlisted(planned fileSites, l *verify.Listing) *plannedAndSeen {
	p := &plannedAndSeen{fileSites: planned}
	for i := range l.Sites {
		if s := &l.Sites[i]; !s.Listed {
			p.unlisted.add(s)
		}
	}
	p.decided = slices.Concat(planned.Decided(), p.unlisted.decided)
	return p
}

// Decided implements [fileSites].
func (p *plannedAndSeen) Decided() []sites.Decision { return p.decided }

// Site implements [fileSites].
func (p *plannedAndSeen) Site(i int) siteView {
	if n := len(p.fileSites.Decided()); i >= n {
		return p.unlisted.Site(i - n)
	}
	return p.fileSites.Site(i)
}

// seenDecision is the decision of which a site of a linked file is the outcome.
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

// Site implements [fileSites].
func (s *seenSites) Site(i int) siteView {
	seen, d := s.seen[i], &s.decided[i]
	v := siteView{
		Section: seen.Section, Offset: seen.Off, Function: demangle.Filter(seen.Symbol), Symbol: seen.Symbol, FuncOff: seen.FuncOff,
		Key: demangle.Filter(seen.Key), Target: demangle.Filter(seen.Target), Tail: seen.Tail, NoTOC: seen.NoTOC,
		Form: d.Form, Cost: int(d.Cost), Reason: d.Reason, Why: d.Why(), Done: d.Done, Listed: seen.Listed,
	}
	v.Before[0] = asm(seen.Word, notocText(seen.Callee, seen.NoTOC))
	if seen.HasSlot && (!seen.NoTOC || seen.Slot == ppc64.RestoreTOC) {
		v.Before[1] = asm(seen.Slot, "")
	}
	v.After = v.Before
	return v
}
