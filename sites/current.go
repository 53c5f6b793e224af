// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
)

// A state is what a site does as it stands.
type state struct {
	form   Form // Keep: it is on its trampoline
	target int  // with Direct: symbol, or 0 for a place without one
	place  addr // with Direct and without target
}

// current reads what a site does now. Sites that only the table names may have
// left their trampoline in an earlier run.
func (o *Object) current(s *Site) (state, error) {
	if s.Tramp >= 0 {
		return state{form: Keep}, nil
	}
	bad := func(format string, a ...any) error {
		typ := int64(-1)
		if s.Rela >= 0 {
			typ = int64(s.Type)
		}
		return o.at(s.Section, s.Off, typ, format, a...)
	}
	switch w := s.Word; {
	case w.IsBranch() && !w.AA():
		if w.LK() == s.Tail {
			return state{}, bad("the table says tail call %v, found %v", s.Tail, w)
		}
		if s.Rela < 0 {
			return state{form: Direct, place: addr{s.Section, s.Off + uint64(w.Displacement())}}, nil
		}
		sym := o.File.Symbol(s.Sym)
		if sym.Type() != elf.STT_SECTION {
			return state{form: Direct, target: s.Sym}, nil
		}
		t, err := o.table(s.Section)
		if err != nil {
			return state{}, err
		}
		return state{form: Direct, place: addr{sym.Section, sym.Value + uint64(t.At(s.Rela).Addend)}}, nil
	case s.Rela >= 0:
		return state{}, bad("expects b or bl, found %v", w)
	case !s.Tail && (w == ppc64.Nop || w == ppc64.Li3Zero), s.Tail && w == ppc64.Blr:
		return state{form: Constant}, nil
	}
	return state{}, bad("the table names a site that is no call and no constant: %v", s.Word)
}

// reconcile holds what a site does now against what it should do.
func (d *decider) reconcile(s *Site, now state, dec *Decision) error {
	if now.form == Keep {
		return nil
	}
	o := d.Object
	if dec.Form == Keep {
		switch dec.Reason {
		case KeyMissing, KeyUndefined, KeyReplaceable, KeyAmbiguous:
			dec.Done = true // what the key holds is not for this object to say
			return nil
		}
		return o.at(s.Section, s.Off, -1, "the site has left its trampoline already (%v), but %s", s.Word, dec.Reason.Text())
	}
	name := printable(o.Keys[s.Key].Name)
	switch {
	case now.form != dec.Form:
		return o.at(s.Section, s.Off, -1, "found %v, but with what key %s holds it would be %v", s.Word, name, dec.Word)
	case dec.Form == Constant && s.Word != dec.Word:
		return o.at(s.Section, s.Off, -1, "found %v, but with what key %s holds it would be %v", s.Word, name, dec.Word)
	case dec.Form == Direct && now.target != dec.Target && !o.enters(now, dec.Target):
		return o.at(s.Section, s.Off, -1, "the site calls %s, but key %s holds %s", printable(o.stateTarget(now)), name, printable(o.name(dec.Target)))
	}
	dec.Word = s.Word
	dec.Done = s.Slot != SlotCror && s.Slot != SlotRestore
	return nil
}

// enters reports whether a resolved branch goes to an entry of a function.
func (o *Object) enters(now state, target int) bool {
	s := o.File.Symbol(target)
	l, err := ppc64.LocalEntryOf(s.Other)
	if now.target != 0 || err != nil || s.Section == 0 || s.Section != now.place.sec {
		return false
	}
	return now.place.off == s.Value+l.Offset()
}

func (o *Object) stateTarget(now state) string {
	if now.target != 0 {
		return o.name(now.target)
	}
	if fn := o.funcs.find(now.place.sec, now.place.off); fn != 0 {
		return o.name(fn)
	}
	return o.File.Section(now.place.sec).String()
}
