// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A Site is a branch that the table names.
type Site struct {
	Section  int    // section index
	Off      uint64 // bytes from the start of the section
	Function string // the function that contains it, empty if no symbol covers it
	FuncOff  uint64 // bytes from the start of the function
	Key      string // without __SCK__
	Target   string // what the key holds: a function, NULL, or ? if unknown
	Tail     bool
	Word     ppc64.Word // the present branch word
	Callee   string     // what the branch goes to; empty for a constant or a place without a name
	Becomes  string     // what the branch goes to afterwards

	at    uint64 // address
	entry uint64 // address of its entry
	out   uint64 // a stub of the linker to write to the entry, 0 for none
}

// A Plan says for each site of an image what will be done. Only branch words
// and the stub fields of entries change.
type Plan struct {
	File      *elfrw.File
	Sites     []Site // by address
	Decisions []sites.Decision
	Keys      int // number of keys in the image
	EntrySize int // size of an entry of the table in bytes

	memory *elfrw.Memory
}

// MakePlan decides what becomes of each site. An error means that the file is
// not a kernel image that can be patched, or that it contradicts itself; it
// names the place.
func MakePlan(f *elfrw.File, opts sites.Options) (*Plan, error) {
	if opts.Place != sites.Kernel {
		return nil, errkind.WrongOption.Errorf("the only linked file that can be patched is a kernel image: patch the objects of modules and programs")
	}
	if opts.Runtime != sites.Inline {
		return nil, errkind.WrongOption.Errorf("the table of sites is for a run time that patches sites (--runtime inline)")
	}
	if opts.TableOnly {
		return nil, errkind.WrongOption.Errorf("a linked image already has its table: only its sites are left to patch")
	}
	im, err := open(f)
	if err != nil {
		return nil, err
	}
	list, size, err := im.entries(opts.EntrySize)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	p := &Plan{File: f, Keys: len(im.keys), EntrySize: size, memory: im.memory}
	for i, e := range list {
		if i > 0 && list[i-1].at == e.at {
			return nil, errkind.BadTable.Errorf("two entries of the table name the site at 0x%x", e.at)
		}
		s, d, err := im.decide(e)
		if err != nil {
			return nil, err
		}
		if opts.Require != nil && !slices.Contains(opts.Require, d.Form) {
			return nil, im.bad(&s, errkind.RequiredForm, "the form is %s, and --require allows only %s", d.Form, sites.JoinForms(opts.Require))
		}
		p.Sites = append(p.Sites, s)
		p.Decisions = append(p.Decisions, d)
	}
	return p, nil
}

// decide decides what becomes of the site of an entry.
func (im *image) decide(e entry) (s Site, d sites.Decision, err error) {
	w, sec, off, err := im.word(e.at)
	if err != nil {
		return s, d, errkind.BadTable.Errorf("an entry of the table: %w", err)
	}
	s = Site{Section: sec.Index, Off: off, Key: im.keys[e.key], Target: "?", Tail: e.flags&layout.FlagTail != 0, Word: w, at: e.at, entry: e.entry}
	if f, ok := im.around(e.at); ok {
		s.Function, s.FuncOff = im.name(f), e.at-f.addr
	}
	f, t := im.target(e.key)
	switch t.Kind {
	case sites.TargetNull:
		s.Target = "NULL"
	case sites.TargetFunc, sites.TargetReturn0:
		s.Target = im.name(f)
	}
	d, err = im.choose(&s, f, t)
	if err != nil {
		return s, d, err
	}
	via, err := im.current(&s, &d, f)
	if err != nil {
		return s, d, err
	}
	return s, d, im.checkFallback(&s, e.out, via)
}

// choose chooses what the site should be, given what its key holds.
func (im *image) choose(s *Site, f function, t sites.Target) (sites.Decision, error) {
	keep := func(r sites.Reason) (sites.Decision, error) {
		return sites.Decision{Form: sites.Keep, Reason: r, Word: s.Word, Cost: -1, Listed: true}, nil
	}
	constant := func(w ppc64.Word) (sites.Decision, error) {
		return sites.Decision{Form: sites.Constant, Word: w, Listed: true}, nil
	}
	switch {
	case t.Why != sites.NoReason:
		return keep(t.Why)
	case t.Kind == sites.TargetNull && s.Tail:
		return constant(ppc64.Blr)
	case t.Kind == sites.TargetNull:
		return constant(ppc64.Nop)
	case t.Kind == sites.TargetReturn0 && !s.Tail:
		return constant(ppc64.Li3Zero)
	}
	// A caller without a symbol is assumed to keep the TOC pointer.
	caller, known := im.callerEntry(s.at)
	switch {
	case known && !caller.UsesTOC() && f.entry.UsesTOC():
		return keep(sites.CallerNoTOC)
	case !f.entry.PreservesR2() && (!known || caller.PreservesR2()):
		return keep(sites.ClobbersTOC)
	}
	w, err := ppc64.Branch(int64(f.local()-s.at), !s.Tail)
	if err != nil {
		return keep(sites.TargetFar)
	}
	s.Becomes = im.name(f)
	return sites.Decision{Form: sites.Direct, Target: int32(f.sym), Word: w, Listed: true}, nil
}

// current compares the decision with what the site does now: it calls its
// trampoline, or has been patched before. It may call the trampoline through a
// stub of the linker, whose address current returns.
func (im *image) current(s *Site, d *sites.Decision, f function) (via uint64, err error) {
	w := s.Word
	if !w.IsBranch() || w.AA() {
		if w != d.Word || d.Form == sites.Keep {
			return 0, im.bad(s, errkind.WrongCall, "found %v: not a call, and not what key %s makes of one", w, errkind.Printable(s.Key))
		}
		d.Done = true
		return 0, nil
	}
	if w.LK() == s.Tail {
		return 0, im.bad(s, errkind.BadTable, "the table says tail call %v, found %v", s.Tail, w)
	}
	to := s.at + uint64(w.Displacement())
	if g, ok := im.enters(to); ok {
		s.Callee = im.name(g)
	}
	tramp, known := im.tramps[s.Key]
	switch {
	case d.Form == sites.Direct && to == f.local():
		d.Done = true
	case known && to == tramp.local():
	case known && im.stubTarget(to) == tramp.local():
		via = to
		s.Callee = im.name(tramp)
	case s.Callee == "": // a linker's stub
		*d = sites.Decision{Form: sites.Keep, Reason: sites.TrampFar, Word: w, Cost: -1, Listed: true}
		s.Becomes = ""
	default:
		return 0, im.bad(s, errkind.WrongCall, "calls %s, but the key is %s", errkind.Printable(s.Callee), errkind.Printable(s.Key))
	}
	if d.Form == sites.Keep {
		s.Becomes = s.Callee
	}
	return via, nil
}

// checkFallback makes sure that the run time has something for the site to call
// if the key holds a function out of a branch's reach: the trampoline or, if
// that is too far, a stub of the linker that leads to it, which the entry must
// name. out is the stub that the entry names; via is the stub that the site
// calls now.
func (im *image) checkFallback(s *Site, out, via uint64) error {
	tramp, known := im.tramps[s.Key]
	switch {
	case out != 0:
		if !known || im.stubTarget(out) != tramp.local() || !ppc64.Reaches(s.at, out) {
			return im.bad(s, errkind.BadStub, "the stub 0x%x of its entry does not lead to the trampoline of %s", out, errkind.Printable(s.Key))
		}
	case !known || ppc64.Reaches(s.at, tramp.local()):
	case via != 0:
		s.out = via
	default:
		return im.bad(s, errkind.BadStub, "the trampoline of %s is out of a branch's reach, and the site has left the linker's stub: patch the objects with --table-only", errkind.Printable(s.Key))
	}
	return nil
}

// bad returns an error for a site.
func (im *image) bad(s *Site, k errkind.Kind, format string, a ...any) error {
	place := sites.PlaceError{
		Section: im.file.Section(s.Section).String(), Off: s.Off, Err: k.Errorf(format, a...),
	}
	if s.Function != "" {
		place.Symbol, place.Off = s.Function, s.FuncOff
	}
	return &place
}

// Changes reports whether the plan would change the image.
func (p *Plan) Changes() bool {
	return slices.ContainsFunc(p.Decisions, func(d sites.Decision) bool { return d.Form != sites.Keep && !d.Done }) ||
		slices.ContainsFunc(p.Sites, func(s Site) bool { return s.out != 0 })
}

// Apply turns the plan into an edit of the image. It fails if a word is no longer the
// one that the plan expects.
func (p *Plan) Apply() (*elfrw.Edit, error) {
	edit := p.File.Edit()
	for i := range p.Sites {
		s, d := &p.Sites[i], &p.Decisions[i]
		if s.out != 0 {
			if err := p.setStub(edit, s); err != nil {
				return nil, err
			}
		}
		if d.Form == sites.Keep || d.Done {
			continue
		}
		var want, is [ppc64.WordSize]byte
		s.Word.Put(want[:])
		d.Word.Put(is[:])
		if err := edit.ReplaceBytes(s.Section, s.Off, want[:], is[:]); err != nil {
			return nil, err
		}
	}
	return edit, nil
}

// Check reads an output and plans it again. There must be nothing left to do,
// and every site must be as planned; otherwise the error wraps
// [sites.ErrNotAsPlanned].
func (p *Plan) Check(out *elfrw.File) error {
	again, err := MakePlan(out, sites.Options{Place: sites.Kernel, Runtime: sites.Inline, EntrySize: p.EntrySize})
	if err != nil {
		return err
	}
	if len(again.Sites) != len(p.Sites) || again.Changes() {
		return fmt.Errorf("%w: the table, or what is left to do", sites.ErrNotAsPlanned)
	}
	for i := range p.Sites {
		if s, t := &p.Sites[i], &again.Sites[i]; s.at != t.at || t.Word != p.Decisions[i].Word {
			return fmt.Errorf("%w: the site at 0x%x", sites.ErrNotAsPlanned, s.at)
		}
	}
	return nil
}
