// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A Decision is what a Plan says of one site.
type Decision struct {
	Target int32      // symbol that the branch names afterwards; 0 with a constant, a new stub, Keep
	Word   ppc64.Word // the branch word afterwards
	Slot   ppc64.Word // the slot afterwards, 0 if the site has none
	Form   Form
	Stub   StubEntry // the entry of its key's stub that it names
	Done   bool      // the site is so already, nothing changes
	Listed bool      // the site belongs in the table of sites
	Reason Reason    // why the site is neither direct nor a constant; with Keep, why it stays

	// Cost is how many instructions a call executes on its way to the target
	// and back, but for the branch itself; stubs that a linker makes do not
	// count. It is negative where the way is not in this object.
	Cost  int32
	words *words
}

// words are what a few decisions have to say besides.
type words struct {
	proof  string // what makes a restore sound
	detail string // what the reason found
}

// say returns the words of a decision, nil for none. Most of the decisions that
// have any say the same as the one before.
func (d *decider) say(proof, detail string) *words {
	if proof == "" && detail == "" {
		return nil
	}
	if d.said == nil || d.said.proof != proof || d.said.detail != detail {
		d.said = &words{proof, detail}
	}
	return d.said
}

// Proof is what makes a restore sound, in words.
func (d *Decision) Proof() string {
	if d.words == nil {
		return ""
	}
	return d.words.proof
}

// Detail is what the reason found, if there is more to say.
func (d *Decision) Detail() string {
	if d.words == nil {
		return ""
	}
	return d.words.detail
}

// A Plan says for each site of an object what will be done, and why or why not.
// The same object and options make the same plan.
type Plan struct {
	Object *Object
	Options
	Decisions []Decision // for Object.Sites, in their order
	EntrySize int        // of the table that is written, in bytes; in Options it is what was asked for
	Added     []int32    // the sites that are to be added to the table, in order
	Shortcuts []int      // the keys whose stub is to be added to the table
	Stubs     []Stub     // what is to be added for the sites, by key
	Record    []int32    // the sites that are to be recorded, in order

	marked    map[int]bool // trampolines, by symbol, that are to have local entry 1
	cellsNear bool         // see areCellsNear
}

// MakePlan decides. An error means that the object contradicts itself or the
// options.
func MakePlan(o *Object, opts Options) (*Plan, error) {
	if o.isModule {
		switch opts.Place {
		case Kernel:
			opts.Place = Module
		case User:
			return nil, kind.WrongOption.Errorf("a linked kernel module cannot run in user space")
		}
		opts.WholeProgram = true
	}
	if opts.TableOnly && (opts.Place != Kernel || opts.Runtime != Inline) {
		return nil, kind.WrongOption.Errorf("the table alone is of use in the kernel image only, with --runtime inline")
	}
	p := &Plan{Object: o, Options: opts, Decisions: make([]Decision, len(o.Sites)), marked: map[int]bool{}}
	if err := p.chooseEntrySize(); err != nil {
		return nil, err
	}
	p.cellsNear = p.hasCells() && p.areCellsNear()
	d, err := newDecider(p)
	if err != nil {
		return nil, err
	}
	for i := range o.Sites {
		dec, open, err := d.decide(&o.Sites[i])
		if err != nil {
			return nil, err
		}
		p.Decisions[i] = dec
		if open {
			d.open = append(d.open, i)
		}
	}
	if err := d.restore(); err != nil {
		return nil, err
	}
	d.leaveSites()
	for i := range o.Sites {
		if err := d.finish(i); err != nil {
			return nil, err
		}
	}
	d.addShortcuts()
	if o.fat && p.patched() {
		return nil, layout.FatLTO(o.ir)
	}
	if p.Record, err = p.toRecord(); err != nil {
		return nil, err
	}
	return p, d.required()
}

// leaveSites leaves what is on its trampoline there, if only the table is asked
// for.
func (d *decider) leaveSites() {
	for i := range d.Decisions {
		if dec := &d.Decisions[i]; d.TableOnly && d.Object.Sites[i].Tramp >= 0 && dec.Listed {
			*dec = keep(&d.Object.Sites[i], TableOnly)
			dec.Listed = true
		}
	}
}

// finish holds a decision against what the site does now, and enters it in the
// table.
func (d *decider) finish(i int) error {
	s, dec := &d.Object.Sites[i], &d.Decisions[i]
	now, err := d.Object.current(s)
	if err != nil {
		return kind.BadTable.Wrap(err)
	}
	if err := d.reconcile(s, now, dec); err != nil {
		return kind.AlreadyPatched.Wrap(err)
	}
	d.needStubs(s, dec)
	if dec.Form == Linker && !dec.Done {
		d.marked[int(dec.Target)] = true
	}
	if dec.Listed && d.entryOf(s) < 0 {
		d.Added = append(d.Added, int32(i))
	}
	return nil
}

// required returns an error if a site has a form that was not asked for.
func (p *Plan) required() error {
	if p.Require == nil {
		return nil
	}
	for i := range p.Decisions {
		s, d := &p.Object.Sites[i], &p.Decisions[i]
		if slices.Contains(p.Require, d.Form) {
			continue
		}
		why := ""
		if d.Reason != NoReason {
			why = ": " + d.Why()
		}
		return kind.RequiredForm.Wrap(p.Object.at(int(s.Section), s.Off, siteType(s), "the form is %s, required is %s%s", d.Form, JoinForms(p.Require), why))
	}
	return nil
}

// Why is the reason in words, with what it found; empty without one.
func (d *Decision) Why() string {
	if d.Detail() == "" {
		return d.Reason.Text()
	}
	return d.Reason.Text() + " (" + d.Detail() + ")"
}

func (p *Plan) chooseEntrySize() error {
	want, t := p.Options.EntrySize, p.Object.Table
	switch {
	case p.Place == User:
		p.EntrySize = userEntrySize
	case want != 0 && want != 8 && want != 16:
		return kind.WrongOption.Errorf("an entry of the site table has 8 or 16 bytes, not %d", want)
	case t != nil && want != 0 && want != t.EntrySize:
		return kind.WrongOption.Wrap(p.Object.at(t.Section, 0, -1, "entries have %d bytes, asked for were %d", t.EntrySize, want))
	case t != nil:
		p.EntrySize = t.EntrySize
	case want != 0:
		p.EntrySize = want
	default:
		p.EntrySize = 16
	}
	return nil
}

// table is the table that the run time reads, nil if the object has none.
func (p *Plan) table() *Table {
	if p.Place == User {
		return p.Object.User
	}
	return p.Object.Table
}

// entryOf is the index of a site's entry in that table, -1 without one.
func (p *Plan) entryOf(s *Site) int {
	if p.Place == User {
		return int(s.User)
	}
	return int(s.Entry)
}

// NumAdded is the number of entries that are to be added to the table.
func (p *Plan) NumAdded() int { return len(p.Added) + len(p.Shortcuts) }

// addedRelas is how many relocations these have: of the site, of the key, and of
// the way out in the tables that say it.
func (p *Plan) addedRelas() int {
	if p.Place == Kernel {
		return 2 * p.NumAdded()
	}
	return 3 * p.NumAdded()
}

// added is the i-th entry that is to be added to the table.
func (p *Plan) added(i int) Entry {
	if i >= len(p.Added) {
		key := p.Shortcuts[i-len(p.Added)]
		return Entry{Key: int32(key), KeySym: p.Object.Keys[key].Sym, Stub: StubJump, Self: true}
	}
	s, dec := &p.Object.Sites[p.Added[i]], &p.Decisions[p.Added[i]]
	e := Entry{Section: s.Section, Off: s.Off, Key: s.Key, KeySym: p.Object.Keys[s.Key].Sym}
	if s.Tail {
		e.Flags |= FlagTail
	}
	if p.Place == User && s.NoTOC() {
		e.Flags |= FlagNoTOC
	}
	e.Stub = p.wayOut(s, dec)
	return e
}

// retargets reports whether the branch of a site is to name another symbol than
// it does.
func (p *Plan) retargets(s *Site, d *Decision) bool {
	switch {
	case d.Form == Keep, !d.Word.IsBranch():
		return false
	case s.Tramp < 0 && d.Stub == noStub:
		return false // it calls its target, as reconcile has seen
	}
	return d.Target == 0 || int(d.Target) != p.Object.callee(s)
}

// CalleeName is the name of what the branch of site i goes to afterwards: a
// function, a trampoline, an entry of a stub. It is empty with a constant.
func (p *Plan) CalleeName(i int) string {
	s, d := &p.Object.Sites[i], &p.Decisions[i]
	switch {
	case !d.Word.IsBranch():
		return ""
	case d.Target != 0:
		return p.Object.name(int(d.Target))
	case d.Stub != noStub:
		return stubPrefixes[d.Stub] + p.Object.Keys[s.Key].Name
	}
	return p.Object.name(p.Object.callee(s))
}

// changes reports whether something of the site changes.
func (d *Decision) changes() bool { return d.Form != Keep && !d.Done }

// patched reports whether a site of the object is patched, or would be.
func (p *Plan) patched() bool {
	return p.NumAdded() > 0 || slices.ContainsFunc(p.Decisions, func(d Decision) bool { return d.Form != Keep || d.Listed })
}

// Changes reports whether the plan would change the object.
func (p *Plan) Changes() bool {
	if p.NumAdded() > 0 || len(p.Record) > 0 {
		return true
	}
	for i := range p.Decisions {
		if p.Decisions[i].changes() {
			return true
		}
	}
	return false
}

// siteType is the type of a site's relocation, negative without one.
func siteType(s *Site) int64 {
	if s.Rela < 0 {
		return -1
	}
	return int64(s.Type)
}
