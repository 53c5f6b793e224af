// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
	"github.com/scpatch/scpatch/sites/textmap"
)

// A decider holds what decisions share.
type decider struct {
	*Plan
	refs      *references
	open      []int           // sites whose form restore chooses
	code      *textmap.Map    // see text
	proofs    map[*Site]proof // of the sites with a slot
	paca      int64           // offset of the kernel's TOC pointer in the PACA, -1 if unknown
	slotless  map[int]bool    // see refuseLinker
	shortcuts map[int]bool    // keys whose stub belongs in the table, see addShortcuts
	near      surroundings    // of the last site
	callees   []callee        // by key, see target
	files     map[int]string  // see hasPACA
	said      *words          // see say
}

func newDecider(p *Plan) (*decider, error) {
	paca, err := p.pacaOffset()
	if err != nil {
		return nil, err
	}
	return &decider{Plan: p, paca: paca, callees: make([]callee, len(p.Object.Keys)), shortcuts: map[int]bool{}}, nil
}

// surroundings are what a site shares with those around it.
type surroundings struct {
	section     int32
	alternative bool   // see layout.IsAlternative
	comdat      bool   // see inComdat
	fn          int32  // the function,
	refused     Reason // and why r2 there cannot be taken for this unit's
}

// around looks at the surroundings of a site: sites come section by section,
// and function by function.
func (d *decider) around(s *Site) (*surroundings, error) {
	n, o := &d.near, d.Object
	if n.section != s.Section {
		sec := o.File.Section(int(s.Section))
		*n = surroundings{section: s.Section, alternative: layout.IsAlternative(sec), comdat: sec.Has(elf.SHF_GROUP), fn: -1}
	}
	if n.fn == s.Func && s.Func != 0 {
		return n, nil
	}
	uses, known := o.callerUsesTOC(int(s.Func))
	if s.Func == 0 && d.hasSlot(s) { // .eh_frame may know the function
		text, err := d.text()
		if err != nil {
			return n, err
		}
		uses, known = text.UsesTOC(int(s.Section), s.Off)
	}
	n.fn, n.refused = s.Func, NoReason
	switch {
	case !known:
		n.refused = CallerUnknown
	case !uses:
		n.refused = CallerNoTOC
	}
	return n, nil
}

// repatched reports whether the run time sets every site that the table names to
// what its key holds, before and whenever that changes, and restores r2 there by
// the PACA: the kernel image with an inline run time.
func (p *Plan) repatched() bool { return p.Runtime == Inline && p.Place == Kernel }

// decide chooses the form of a site as if it were on its trampoline. Where the
// key may change, or it is not known what it holds, the site is open: the
// decision is Keep, and restore looks for something better.
func (d *decider) decide(s *Site) (dec Decision, open bool, err error) {
	o := d.Object
	key := &o.Keys[s.Key]
	near, err := d.around(s)
	if err != nil {
		return dec, false, err
	}
	switch {
	case s.Decoded:
		return keep(s, NotAnnotated), false, nil
	case near.alternative:
		return keep(s, AlternativeCode), false, nil
	case key.Target.Why == KeyAmbiguous:
		return keep(s, KeyAmbiguous), false, nil
	case key.Sym == 0 && d.Object.localTramp(s):
		return keep(s, KeyMissing), false, nil
	case d.repatched() && near.comdat:
		return keep(s, SiteDiscardable), false, nil
	}
	if d.mixedPair(s) {
		return keep(s, TrampReplaceable), true, nil
	}
	if held := d.held(int(s.Key)); held.Kind == TargetUnknown {
		dec = keep(s, held.Why)
		dec.Listed = d.repatched() && hasPlace(s)
		return dec, !d.repatched(), nil
	}
	fixed, detail, err := d.fixed(int(s.Key))
	if err != nil {
		return dec, false, err
	}
	switch {
	case d.repatched():
		// The run time patches the branch, and once the key has left the
		// kernel the slot: there has to be one. (Of a site that is a constant
		// already nobody can tell whether it was called without TOC.)
		if !hasPlace(s) && s.Word.IsBranch() {
			return keep(s, NoSlot), false, nil
		}
		dec, err = d.fixedForm(s)
		dec.Listed = hasPlace(s)
		return dec, false, err
	case fixed:
		dec, err = d.fixedForm(s)
		dec.Listed = dec.Form != Keep && d.Runtime == Inline && d.Place == Module && hasPlace(s) && !near.comdat
		return dec, dec.Form == Keep, err
	}
	dec = keep(s, KeyMayChange)
	dec.words = d.say("", detail)
	return dec, true, nil
}

// hasPlace reports whether a run time that patches the branch has a place for
// the restore, or needs none.
func hasPlace(s *Site) bool { return s.Tail || s.NoTOC() || s.Slot != SlotNone }

// fixedForm is the form of a site whose key holds what it holds when the
// program starts.
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

// constantWord is the instruction that does what a call of the target would, if
// there is one.
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

// fixed reports whether a key provably never changes; if not, because of what.
func (d *decider) fixed(key int) (bool, string, error) {
	if d.Runtime == None {
		return true, "", nil
	}
	if d.repatched() {
		return false, "", nil // makes no difference
	}
	if d.refs == nil {
		r, err := d.Object.findReferences(d.Options)
		if err != nil {
			return false, "", err
		}
		d.refs = r
	}
	detail := d.refs.why[key]
	return detail == "", detail, nil
}

// refuseDirect says why a site may not branch to what its key holds.
//
// With a slot behind a bl the linker or the module loader sees to r2: a stub
// that saves it and the restore in the slot where they are needed, nothing
// where not (ELFv2 §3.6.4.1). Without one, the target must be of the same unit
// and leave r2 alone.
func (d *decider) refuseDirect(s *Site) (Reason, error) {
	if s.NoTOC() { // the caller keeps no TOC pointer, there is nothing to lose
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
	case s.Slot == SlotNone, !local.PreservesR2() && d.Place == Module: // the module loader takes local entry 1 for 0
		return ClobbersTOC, nil
	case d.Place == Kernel: // the restore is the PACA's, and right on every path
		return NoReason, nil
	}
	switch p, err := d.proof(s); {
	case err != nil:
		return NoReason, err
	case p.entered:
		return SlotEntered, nil
	case !p.frame: // where the linker's stub saves r2
		return NoFrame, nil
	}
	return NoReason, nil
}

// enteredLocally reports whether a caller without a TOC pointer might enter what a
// key holds at its local entry. A call of a function of default visibility in its
// own shared library goes through the PLT. The dynamic linker binds that to the
// local entry where both are of one unit, unless DT_PPC64_OPT says that r2 may be
// another there: ld.bfd says so, lld 14 does not.
func (d *decider) enteredLocally(key int) bool {
	sym := int(d.Object.Keys[key].Target.Sym)
	s := d.Object.File.Symbol(sym)
	if d.Place != User || d.Linker == BFD || !d.Object.preemptible(sym) {
		return false
	}
	entry, _ := d.target(key)
	return s.Section == 0 || entry > ppc64.LocalEntryClobbers
}

// A callee is what a key holds, as far as it matters to who calls it.
type callee struct {
	known bool
	ours  bool // it provably is of this unit
	entry ppc64.LocalEntry
}

// target is the local entry of the function that a key holds, and whether that
// provably is of this unit.
func (d *decider) target(key int) (ppc64.LocalEntry, bool) {
	c := &d.callees[key]
	if !c.known {
		sym := d.Object.Keys[key].Target.Sym
		entry, _ := ppc64.LocalEntryOf(d.Object.File.Symbol(int(sym)).Other) // findKeys refused the reserved value
		s := d.Object.File.Symbol(int(sym))
		// Another definition may have another entry.
		replaceable := d.Place == User && s.Bind() != elf.STB_LOCAL && (s.Bind() == elf.STB_WEAK || d.Object.inComdat(s.Section))
		*c = callee{true, d.Object.sameUnit(int(sym), d.Place) && !replaceable, entry}
	}
	return c.entry, c.ours
}

// sameUnit reports whether a symbol provably is, after the link, of the link
// unit of this object.
func (o *Object) sameUnit(sym int, place Place) bool {
	s := o.File.Symbol(sym)
	switch {
	case s.Type() == elf.STT_GNU_IFUNC:
		return false // called through the PLT
	case place == Kernel:
		return true
	case s.Section == 0:
		return false
	case place == Module || s.Bind() == elf.STB_LOCAL:
		return true
	}
	return s.Visibility() != elf.STV_DEFAULT
}

func keep(s *Site, r Reason) Decision {
	return Decision{Form: Keep, Reason: r, Word: s.Word, Slot: s.Behind, Cost: -1}
}

func direct(s *Site, target int) Decision {
	return Decision{Form: Direct, Target: int32(target), Word: branchWord(s), Slot: cleanSlot(s)}
}

func constant(s *Site, w ppc64.Word) Decision {
	return Decision{Form: Constant, Word: w, Slot: cleanSlot(s)}
}

// branchTo is `b`, without a displacement.
const branchTo ppc64.Word = 0x48000000

// branchWord is a site's branch as it goes with a relocation, which says where
// to; of a constant, the branch that it was.
func branchWord(s *Site) ppc64.Word {
	switch {
	case s.Word.IsBranch():
		w, _ := s.Word.WithDisplacement(0)
		return w
	case s.Tail:
		return branchTo
	}
	return branchTo | 1 // LK
}

// cleanSlot is the slot of a site that leaves its trampoline: nop, which is
// what both linkers and the module loader accept; the linker writes the
// restore where one is needed. What is behind a branch that has no slot stays.
func cleanSlot(s *Site) ppc64.Word {
	if s.Slot == SlotNone || s.NoTOC() || s.Tail {
		return s.Behind
	}
	return ppc64.Nop
}
