// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
)

// A state says what a site does now.
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
		return o.at(int(s.Section), s.Off, typ, format, a...)
	}
	switch w := s.Word; {
	case w.IsBranch() && !w.AA():
		if w.LK() == s.Tail {
			return state{}, bad("the table says tail call %v, found %v", s.Tail, w)
		}
		if s.Rela < 0 {
			to := addr{int(s.Section), s.Off + uint64(w.Displacement())}
			if fn := o.funcs.find(to.sec, to.off); fn != 0 && fn == int(s.Func) && !o.enters(to, fn) {
				return state{}, bad("the site branches to %s+0x%x, where no function begins", errkind.Printable(o.name(fn)), to.off-o.File.Symbol(fn).Value)
			}
			return state{form: Direct, place: to}, nil
		}
		sym := o.File.Symbol(int(s.Sym))
		if sec := o.File.Section(sym.Section); sym.Section != 0 && !sec.IsCode() {
			return state{}, bad("the site branches to %s, which is not code", errkind.Printable(o.name(int(s.Sym))))
		}
		if sym.Type() != elf.STT_SECTION {
			return state{form: Direct, target: int(s.Sym)}, nil
		}
		t, err := o.table(int(s.Section))
		if err != nil {
			return state{}, err
		}
		return state{form: Direct, place: addr{sym.Section, sym.Value + uint64(t.At(int(s.Rela)).Addend)}}, nil
	case s.Rela >= 0:
		return state{}, bad("expected b or bl, found %v", w)
	case !s.Tail && (w == ppc64.Nop || w == ppc64.Li3Zero), s.Tail && w == ppc64.Blr:
		return state{form: Constant}, nil
	}
	return state{}, bad("the table names a site that is neither a call nor a constant: %v", s.Word)
}

// callee returns the symbol that a site's branch names now, 0 for none.
func (o *Object) callee(s *Site) int {
	switch {
	case s.Tramp >= 0:
		return int(o.Tramps[s.Tramp].Sym)
	case s.Rela >= 0:
		return int(s.Sym)
	}
	return 0
}

// enters reports whether a resolved branch goes to the entry of a function that
// calls within the unit use (ELFv2 §2.3.2.1).
func (o *Object) enters(to addr, fn int) bool {
	s := o.File.Symbol(fn)
	l, err := ppc64.LocalEntryOf(s.Other)
	return err == nil && to == addr{s.Section, s.Value + l.Offset()}
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
