// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// A Listing says what a linked file shows about its sites.
type Listing struct {
	Sites []Seen // sorted by address
	Keys  int    // number of keys that the sites call
	User  bool   // the code runs in user space
}

// A Seen is a site of a linked file.
type Seen struct {
	Section string // name
	Off     uint64 // bytes from the start of the section
	Symbol  string // the function that contains it, empty if unknown
	FuncOff uint64 // bytes from the function; from the section without one
	Key     string // without __SCK__
	Target  string // what the key holds when the program starts: a name, NULL, or ?
	Callee  string // where the branch leads; empty for a constant

	Tail, NoTOC bool
	Listed      bool              // in a table of sites
	Recorded    bool              // in a record
	Form        layout.RecordForm // the form in the record; without a record, the form that the code appears to have
	Word, Slot  ppc64.Word        // the branch, and the word after it if HasSlot
	HasSlot     bool
}

// List reads the sites of a linked file: those of its tables and its records,
// and calls to trampolines that neither names. It does not check them. An error means
// that the file contradicts itself, or is of a kind that is not read.
func List(f *elfrw.File, opts Options) (*Listing, error) {
	p, err := open(f, opts)
	if err != nil {
		return nil, err
	}
	records, _, err := p.records()
	if err != nil {
		return nil, err
	}
	v := &verifier{program: p, recorded: records, seen: map[place]uint64{}, targets: map[uint64]*target{}}
	tables, err := v.tables()
	if err != nil {
		return nil, err
	}
	var all []site
	for _, t := range tables {
		for at := t.from; at+t.size <= t.to; at += t.size {
			s, err := v.entry(t, at)
			if err == nil {
				err = v.checkPlace(&s)
			}
			if err != nil {
				return nil, err
			}
			if s.user && s.at == s.stub || v.listed(s.at) {
				continue // the entry of a stub; or a second entry for the same site
			}
			v.seen[place{s.at, s.user}] = at
			s.rec = v.record(s.at)
			all = append(all, s)
		}
	}
	for i := range v.recorded {
		if r := &v.recorded[i]; !v.listed(r.at) {
			s := site{at: r.at, key: r.key, rec: r}
			if r.flags&layout.RecordTail != 0 {
				s.flags = layout.FlagTail
			}
			all = append(all, s)
		}
	}
	v.trampolineCalls(func(at uint64, w ppc64.Word, tramp string, _ bool) {
		if v.record(at) == nil {
			s := site{at: at, key: v.keyNamed(strings.TrimPrefix(tramp, layout.TrampPrefix))}
			if !w.LK() {
				s.flags = layout.FlagTail
			}
			all = append(all, s)
		}
	})
	slices.SortStableFunc(all, func(a, b site) int { return cmp.Compare(a.at, b.at) })
	l := &Listing{Sites: make([]Seen, len(all)), User: p.opts.User}
	keys := map[string]bool{}
	for i := range all {
		l.Sites[i] = v.see(&all[i])
		keys[l.Sites[i].Key] = true
	}
	l.Keys = len(keys)
	return l, nil
}

// see describes a site.
func (v *verifier) see(s *site) Seen {
	w, _ := v.word(s.at)
	x := Seen{Word: w, Tail: s.tail(), Listed: s.entry != 0, Recorded: s.rec != nil, Target: "?"}
	if sec, off, ok := v.locate(s.at); ok {
		x.Section, x.Off, x.FuncOff = sec.NameString(), off, off
		if fn, ok := v.around(s.at); ok {
			x.Symbol, x.FuncOff = fn.name, s.at-fn.addr
		}
	}
	if s.key != 0 {
		x.Key = v.keyName(s.key)
		switch t := v.target(s.key); {
		case t.null:
			x.Target = "NULL"
		case t.unknown == "":
			x.Target = v.name(t.addr)
		}
	}
	if s.rec != nil {
		x.Key, x.Form = s.rec.name, s.rec.form
		x.NoTOC = s.rec.flags&layout.RecordNoTOC != 0
	} else {
		x.NoTOC = s.user && s.flags&layout.FlagNoTOC != 0
	}
	if !x.Tail {
		x.Slot, x.HasSlot = v.slot(s)
	}
	var o outcome
	if w.IsBranch() {
		x.Callee, o = v.leadsTo(s, w)
	}
	if s.rec == nil {
		x.Form = v.formOf(&x, &o)
	}
	return x
}

// leadsTo returns the name of the destination of a branch, past the linkers'
// stubs.
func (v *verifier) leadsTo(s *site, w ppc64.Word) (string, outcome) {
	b := v.branchAt(s.at, w)
	m := v.start(v.caller(s, b).toc)
	m.pc, m.lr = b.to, value{kind: returnTo}
	o := v.run(m, goal{any: true, slot: s.key, every: s.key == 0})
	switch name, ours := v.names[b.to]; {
	case ours:
		return name, o
	case o.ending == arrived:
		global, _ := v.functionEntered(o.at)
		return v.name(global), o
	case o.tramp && o.ending == through:
		return layout.TrampPrefix + v.keyName(o.m.ctr.n), o
	case o.ending == elsewhere:
		return v.name(o.at), o
	}
	return v.name(b.to), o
}

// formOf returns the form that an unrecorded site appears to have.
func (v *verifier) formOf(x *Seen, o *outcome) layout.RecordForm {
	switch {
	case !x.Word.IsBranch():
		return layout.RecordConstant
	case o.tramp:
		return layout.RecordKeep
	case o.ending == through && (o.m.saved || x.NoTOC):
		return layout.RecordSaveStub
	case x.HasSlot && x.Slot == ppc64.RestoreTOC && !o.m.saved:
		return layout.RecordStack
	}
	return layout.RecordDirect
}
