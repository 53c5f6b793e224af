// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"slices"

	"github.com/scpatch/scpatch/ppc64"
)

// A Decision is what a Plan says about one site.
type Decision struct {
	Target int32      // index of the symbol that the branch names afterwards; 0 for a constant, a new stub, or Keep
	Word   ppc64.Word // the branch word afterwards
	Slot   ppc64.Word // the word in the slot afterwards, 0 if the site has no slot
	Form   Form
	Stub   StubEntry // the entry of the key's stub that the branch names
	Done   bool      // already in this form; nothing to write
	Listed bool      // the site belongs in the table of sites
	Reason Reason    // why the site is neither direct nor a constant; with Keep, why it stays

	// Cost is the number of instructions that a call executes on its way to the
	// target and back, not counting the branch itself and stubs that a linker
	// makes. It is negative if the code on the way is not in this object.
	Cost  int32
	words *words
}

// words are the details of a decision. Only a few decisions have any.
type words struct {
	proof  string // what makes a restore sound
	detail string // what the reason found
}

// Proof says in words what makes a restore sound; it is empty if there is none.
func (d *Decision) Proof() string {
	if d.words == nil {
		return ""
	}
	return d.words.proof
}

// Detail says what the reason found; it is empty if there is nothing to add.
func (d *Decision) Detail() string {
	if d.words == nil {
		return ""
	}
	return d.words.detail
}

// Why returns the reason in words, with its detail; it is empty without a
// reason.
func (d *Decision) Why() string {
	if d.Detail() == "" {
		return d.Reason.Text()
	}
	return d.Reason.Text() + " (" + d.Detail() + ")"
}

// changes reports whether anything about the site changes.
func (d *Decision) changes() bool { return d.Form != Keep && !d.Done }

// A Plan says for each site of an object what will be done, and why or why not.
// The same object and options give the same plan. Several goroutines may read
// its fields; for its methods see [Object].
type Plan struct {
	Object *Object
	Options
	Decisions      []Decision // for Object.Sites, in their order
	Added          []int32    // the sites to add to the table: indices in Object.Sites, in order
	PatchableStubs []int      // the keys whose stub to add to the table: indices in Object.Keys
	Stubs          []Stub     // the stubs to add for the sites, by key
	Record         []int32    // the sites to record: indices in Object.Sites, in order

	env       environment
	marked    map[int]bool // trampolines, by symbol, that get local entry 1
	cellsNear bool         // see areCellsNear
}

// table returns the table that the run time reads, nil if the object has none.
func (p *Plan) table() *Table {
	if p.env.userTable {
		return p.Object.User
	}
	return p.Object.Table
}

// entryOf returns the index of a site's entry in that table, -1 for none.
func (p *Plan) entryOf(s *Site) int {
	if p.env.userTable {
		return int(s.User)
	}
	return int(s.Entry)
}

// NumAdded returns the number of entries that Apply adds to the table.
func (p *Plan) NumAdded() int { return len(p.Added) + len(p.PatchableStubs) }

// addedRelas returns the largest number of relocations that they have: for the
// site, for the key, and for the stub in tables with that field.
func (p *Plan) addedRelas() int {
	if p.env.stubField {
		return 3 * p.NumAdded()
	}
	return 2 * p.NumAdded()
}

// added returns the i-th entry to add to the table.
func (p *Plan) added(i int) Entry {
	if i >= len(p.Added) {
		key := p.PatchableStubs[i-len(p.Added)]
		return Entry{Key: int32(key), KeySym: p.Object.Keys[key].Sym, Stub: StubSave, OfStub: true}
	}
	s, dec := &p.Object.Sites[p.Added[i]], &p.Decisions[p.Added[i]]
	e := Entry{Section: s.Section, Off: s.Off, Key: s.Key, KeySym: p.Object.Keys[s.Key].Sym}
	if s.Tail {
		e.Flags |= FlagTail
	}
	if p.env.userTable && s.NoTOC() {
		e.Flags |= FlagNoTOC
	}
	e.Stub = p.fallbackStub(s, dec)
	return e
}

// retargets reports whether the branch of a site will name another symbol.
func (p *Plan) retargets(s *Site, d *Decision) bool {
	switch {
	case d.Form == Keep, !d.Word.IsBranch():
		return false
	case s.Tramp < 0 && d.Stub == noStub:
		return false // it already calls its target, as reconcile has found
	}
	return d.Target == 0 || int(d.Target) != p.Object.callee(s)
}

// CalleeName returns the name of what the branch of site i goes to afterwards:
// a function, a trampoline or an entry of a stub. It is empty for a constant.
func (p *Plan) CalleeName(i int) string {
	s, d := &p.Object.Sites[i], &p.Decisions[i]
	switch {
	case !d.Word.IsBranch() && !s.Odd:
		return ""
	case d.Target != 0:
		return p.Object.name(int(d.Target))
	case d.Stub != noStub:
		return stubPrefixes[d.Stub] + p.Object.Keys[s.Key].Name
	}
	return p.Object.name(p.Object.callee(s))
}

// patched reports whether any site of the object is patched, or would be.
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

// siteType returns the type of a site's relocation, negative for none.
func siteType(s *Site) int64 {
	if s.Rela < 0 {
		return -1
	}
	return int64(s.Type)
}

// fallbackStub returns the stub entry that is written to the table: where the run time sends
// the site when its branch cannot reach, or may not call, the key's target. It returns
// noStub if the table has none.
func (p *Plan) fallbackStub(s *Site, dec *Decision) StubEntry {
	switch {
	case !dec.Listed:
	case s.NoTOC() && (p.env.userTable || p.env.cells && dec.Form == SaveStub):
		return StubNoTOC
	case p.env.userTable, p.env.cells && dec.Form == Stack:
		return StubJump
	case p.env.cells && dec.Form == SaveStub:
		return StubSave
	}
	return noStub
}

// A Stub is a stub that a plan adds. It belongs to a key, and is for callers
// with a TOC pointer (StubSave, whose jump entry is StubJump), without one
// (StubNoTOC), or without a slot (StubShadow).
type Stub struct {
	Key  int       // index in Object.Keys
	Kind StubEntry // StubSave, StubNoTOC or StubShadow
}

// allows reports whether a form that restores r2 may be used.
func (p *Plan) allows(f Form) bool { return p.Restore == nil || slices.Contains(p.Restore, f) }
