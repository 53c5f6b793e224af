// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"github.com/scpatch/scpatch/ppc64"
)

// decide chooses the form of a site as if it were on its trampoline. If the key
// may change, or its value is unknown, the site is open: the decision is Keep,
// and restore looks for something better.
func (d *decider) decide(s *Site) (dec Decision, open bool, err error) {
	near, err := d.around(s)
	if err != nil {
		return dec, false, err
	}
	if why := d.untouchable(s, near); why != NoReason {
		return keep(s, why), false, nil
	}
	if s.Tramp >= 0 && d.mixed[s.Tramp] {
		return keep(s, TrampReplaceable), true, nil
	}
	if held := d.held(int(s.Key)); held.Kind == TargetUnknown {
		dec = keep(s, held.Why)
		dec.Listed = d.env.repatches && hasPlace(s)
		return dec, !d.env.repatches, nil
	}
	fixed, detail, err := d.fixed(int(s.Key))
	if err != nil {
		return dec, false, err
	}
	switch {
	case d.env.repatches:
		// The run time patches the branch and, once the key has left the kernel, the
		// slot, so there must be one. (If a site is already a constant, nothing shows
		// whether it was called without a TOC pointer.)
		if !hasPlace(s) && s.Word.IsBranch() {
			return keep(s, NoSlot), false, nil
		}
		dec, err = d.fixedForm(s)
		dec.Listed = hasPlace(s)
		return dec, false, err
	case fixed:
		dec, err = d.fixedForm(s)
		dec.Listed = dec.Form != Keep && d.env.moduleTable && hasPlace(s) && !near.comdat
		return dec, dec.Form == Keep, err
	}
	dec = keep(s, KeyMayChange)
	dec.words = d.say("", detail)
	return dec, true, nil
}

// untouchable returns the reason why a site stays whatever its key holds, if there is
// one.
func (d *decider) untouchable(s *Site, near *surroundings) Reason {
	o := d.Object
	key := &o.Keys[s.Key]
	switch {
	case s.Decoded:
		return NotAnnotated
	case s.Odd, s.Rela >= 0 && !o.relas.isEdited(int(s.Section), int(s.Rela)):
		return CallForm
	case near.alternative:
		return AlternativeCode
	case key.Target.Why == KeyAmbiguous, key.Target.Why == KeyWeak: // a run time reads every key that is listed
		return key.Target.Why
	case key.Sym == 0 && o.localTramp(s):
		return KeyMissing
	case d.env.repatches && near.comdat:
		return SiteDiscardable
	}
	return NoReason
}

// hasPlace reports whether a run time that patches the branch has a slot for
// the restore, or needs none.
func hasPlace(s *Site) bool { return s.Tail || s.NoTOC() || s.Slot != SlotNone }

// fixedForm chooses the form of a site on the assumption that its key keeps its
// initial value.
func (d *decider) fixedForm(s *Site) (Decision, error) {
	target := d.Object.Keys[s.Key].Target
	if w, ok := constantWord(s, target.Kind); ok {
		return constant(s, w), nil
	}
	if r, err := d.refuseDirect(s); r != NoReason || err != nil {
		return keep(s, r), err
	}
	return direct(s, int(target.Sym)), nil
}

// constantWord returns the instruction that replaces a call to the target, if there
// is one.
func constantWord(s *Site, kind TargetKind) (ppc64.Word, bool) {
	switch {
	case kind == TargetNull && s.Tail:
		return ppc64.Blr, true
	case kind == TargetNull:
		return ppc64.Nop, true
	case kind == TargetReturn0 && !s.Tail:
		return ppc64.Li3Zero, true
	}
	return 0, false
}

// refuseDirect says why a site must not branch to what its key holds. If a slot
// follows a bl, the linker or the module loader takes care of r2: a stub that saves it
// and the restore in the slot if they are needed, nothing otherwise (ELFv2 §3.6.4.1).
// Without a slot, the target must belong to the same unit and leave r2 alone.
func (d *decider) refuseDirect(s *Site) (Reason, error) {
	if s.NoTOC() { // the caller keeps no TOC pointer, so there is nothing to lose
		if d.enteredLocally(int(s.Key)) {
			return TargetPreemptible, nil
		}
		return NoReason, nil
	}
	if near, err := d.around(s); err != nil || near.refused != NoReason {
		return near.refused, err
	}
	local, ours := d.target(int(s.Key))
	switch {
	case ours && local.PreservesR2():
		return NoReason, nil
	case s.Tail && !ours:
		return TailOtherUnit, nil
	case s.Slot == SlotNone && !ours:
		return NoSlot, nil
	case s.Slot == SlotNone, !local.PreservesR2() && d.env.loader: // the module loader treats local entry 1 as 0
		return ClobbersTOC, nil
	case d.env.image: // the PACA restores r2, which is right on every path
		return NoReason, nil
	}
	switch p, err := d.proof(s); {
	case err != nil:
		return NoReason, err
	case p.entered:
		return SlotEntered, nil
	case !p.frame: // if the linker's stub saves r2
		return NoFrame, nil
	}
	return NoReason, nil
}

func keep(s *Site, r Reason) Decision {
	return Decision{Form: Keep, Reason: r, Word: s.Word, Slot: s.SlotWord, Cost: -1}
}

func direct(s *Site, target int) Decision {
	return Decision{Form: Direct, Target: int32(target), Word: branchWord(s), Slot: cleanSlot(s)}
}

func constant(s *Site, w ppc64.Word) Decision {
	return Decision{Form: Constant, Word: w, Slot: cleanSlot(s)}
}

// branchWord returns the branch to write at a site together with a relocation, which
// says where it goes. At a constant, it is the branch that the constant replaced.
func branchWord(s *Site) ppc64.Word {
	if s.Word.IsBranch() {
		w, _ := s.Word.WithDisplacement(0)
		return w
	}
	w, _ := ppc64.Branch(0, !s.Tail)
	return w
}

// cleanSlot returns the slot of a site that leaves its trampoline: nop, which both
// linkers and the module loader accept; the linker writes the restore if one is
// needed. If the branch has no slot, the word after it stays.
func cleanSlot(s *Site) ppc64.Word {
	if s.Slot == SlotNone || s.NoTOC() || s.Tail {
		return s.SlotWord
	}
	return ppc64.Nop
}
