// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"debug/elf"

	"github.com/ianlancetaylor/demangle"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/verify"
)

// shown is what list shows of a file: the plan of an object; of a linked program the
// sites that are there, and of a kernel image the plan and what its table lacks.
func shown(f *elfrw.File, opts sites.Options) (*work, error) {
	switch elf.Type(f.Header().Type) {
	case elf.ET_EXEC, elf.ET_DYN:
	default:
		return plan(f, opts)
	}
	l, err := verify.List(f, verify.Options{User: opts.Place == sites.User, Module: opts.Place == sites.Module, EntrySize: opts.EntrySize})
	if err != nil {
		return nil, err
	}
	if l.User {
		return linkedWork(l), nil
	}
	w, err := plan(f, opts)
	if err != nil {
		return nil, err
	}
	w.addSeen(l)
	return w, nil
}

// linkedWork shows the sites of a linked program, of which nothing can be changed.
func linkedWork(l *verify.Listing) *work {
	w := &work{keys: l.Keys, linked: true}
	for i := range l.Sites {
		w.decisions = append(w.decisions, seenDecision(&l.Sites[i]))
	}
	w.view = func(i int) siteView { return newSeenView(&l.Sites[i]) }
	return w
}

// addSeen adds the sites that no table lists, which stay as they are.
func (w *work) addSeen(l *verify.Listing) {
	var more []*verify.Seen
	for i := range l.Sites {
		if s := &l.Sites[i]; !s.Listed {
			more = append(more, s)
			w.decisions = append(w.decisions, seenDecision(s))
		}
	}
	planned, n := w.view, len(w.decisions)-len(more)
	w.view = func(i int) siteView {
		if i < n {
			return planned(i)
		}
		return newSeenView(more[i-n])
	}
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

func newSeenView(s *verify.Seen) siteView {
	d := seenDecision(s)
	v := siteView{
		Section: s.Section, Offset: s.Off, Function: demangle.Filter(s.Symbol), Symbol: s.Symbol, FuncOff: s.FuncOff,
		Key: demangle.Filter(s.Key), Target: demangle.Filter(s.Target), Tail: s.Tail, NoTOC: s.NoTOC,
		Form: d.Form, Cost: int(d.Cost), Reason: d.Reason, Why: d.Why(), Done: d.Done, Listed: s.Listed,
	}
	v.Before[0] = asm(s.Word, notocText(s.Callee, s.NoTOC))
	if s.HasSlot && (!s.NoTOC || s.Slot == ppc64.RestoreTOC) {
		v.Before[1] = asm(s.Slot, "")
	}
	v.After = v.Before
	return v
}
