// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
)

// restore chooses a form for each open site: the first of Forms that is sound
// and allowed.
func (d *decider) restore() error {
	if len(d.open) == 0 {
		return nil
	}
	if err := d.saving(); err != nil {
		return err
	}
	for _, i := range d.open {
		s, dec := &d.Object.Sites[i], &d.Decisions[i]
		better, why, err := d.choose(s)
		if err != nil {
			return err
		}
		switch {
		case why == NoReason:
			better.Reason, better.words = dec.Reason, d.say(better.Proof(), dec.Detail())
			*dec = better
		case dec.Reason == KeyMayChange, dec.Reason == KeyUndefined, dec.Reason == KeyReplaceable && d.Object.Keys[s.Key].Target.Kind != TargetUnknown, dec.Reason == KeyMissing && d.env.loader:
			dec.Reason, dec.words = why, better.words
		}
		if dec.Form == Keep && s.Tramp >= 0 && d.Object.Tramps[s.Tramp].Entry == StubJump && !d.proofOf(s).proven {
			return errkind.AlreadyPatched.Wrap(d.Object.at(int(s.Section), s.Off, siteType(s), "the site restores r2, and what saved it before the call would be removed: %s", d.proofOf(s).reason))
		}
	}
	return nil
}

// saving tells the code which of the open sites will save r2, and proves the sites
// again. If one of them is then proven and calls no stub that saves, the others lose
// nothing: r2 was saved before it anyway.
func (d *decider) saving() error {
	if err := d.prove(); err != nil {
		return err
	}
	var asked []*Site
	saves := false
	for _, i := range d.open {
		s := &d.Object.Sites[i]
		p := *d.proofOf(s)
		if !p.asked {
			continue
		}
		asked = append(asked, s)
		if !p.proven && d.willSave(s, p) {
			d.code.Saves(int(s.Section), s.Off)
			saves = true
		}
	}
	if saves {
		d.ask(d.code, asked)
	}
	return nil
}

// willSave reports whether an open site that is not proven gets a save stub, or
// stays on the one that it has.
func (d *decider) willSave(s *Site, p proof) bool {
	if p.entered || d.env.cells && s.Entry >= 0 {
		return false
	}
	if _, why := d.pacaForm(s, p); why == NoReason {
		return false
	}
	// The run time of a module may turn a site in the table into one without a
	// call.
	dec, why := d.saveStubForm(s, p)
	if dec.Listed {
		return false
	}
	stays := s.Tramp >= 0 && d.Object.Tramps[s.Tramp].Entry == StubSave && !d.AllowShadow
	return why == NoReason || stays
}

// choose tries the forms on an open site. The reason says why none is possible.
func (d *decider) choose(s *Site) (dec Decision, why Reason, err error) {
	if s.Tramp >= 0 && d.mixed[s.Tramp] {
		dec, why = d.stay(s)
		return dec, why, nil
	}
	if s.NoTOC() {
		dec, why = d.noTOCForm(s)
		return dec, why, nil
	}
	near, err := d.around(s)
	if err != nil || near.refused != NoReason {
		return Decision{}, near.refused, err
	}
	dec, why = d.slotForm(s, *d.proofOf(s))
	if why != NoReason && d.AllowShadow {
		dec, why = d.shadowForm(s)
	}
	return dec, why, nil
}

// stay tries the one form that leaves the site on its trampoline.
func (d *decider) stay(s *Site) (dec Decision, why Reason) {
	p := *d.proofOf(s) // without a slot, or if r2 is not this unit's, frame is false
	if dec, why = d.linkerForm(s, p); why != NoReason || p.entered {
		return Decision{}, TrampReplaceable
	}
	return dec, NoReason
}

// slotForm tries the forms that put a restore into the slot.
func (d *decider) slotForm(s *Site, p proof) (Decision, Reason) {
	switch {
	case s.Tail:
		return Decision{}, TailOtherUnit
	case s.Slot == SlotNone:
		return Decision{}, NoSlot
	case p.entered:
		return Decision{}, SlotEntered
	}
	why := FormExcluded
	for _, try := range []func(*Site, proof) (Decision, Reason){d.stackForm, d.pacaForm, d.saveStubForm, d.linkerForm} {
		dec, r := try(s, p)
		if r == NoReason {
			return dec, NoReason
		}
		// Report the save stub's refusal: its preconditions are the weakest, so
		// it is the last obstacle.
		if why == FormExcluded || why == SaveNotProven && r != FormExcluded {
			why = r
		}
	}
	if why != SaveNotProven {
		p.reason = ""
	}
	return Decision{words: d.say("", p.reason)}, why
}

// mayRepatch reports whether the table may list a site, so that the run time may
// rewrite its branch at any time. The restore after it must then be right for every
// target. A site that may be discarded cannot be in a table.
func (d *decider) mayRepatch(s *Site) bool {
	near, _ := d.around(s) // decide has returned any error
	return d.env.mayRepatch && !near.comdat && !(d.env.userTable && d.isReadOnly(int(s.Key)))
}

// isReadOnly reports whether a key lies where a running user-space program cannot
// write: nothing updates it, and the run time must not store anything in it.
func (p *Plan) isReadOnly(key int) bool {
	sec := p.Object.File.SymbolSection(int(p.Object.Keys[key].Sym))
	if sec == 0 {
		return false
	}
	s := p.Object.File.Section(sec)
	return !s.Has(elf.SHF_WRITE) || s.Named(relroData) || s.NameHasPrefix(relroData+".")
}

// relroData is the section that the dynamic linker makes read-only after
// relocation (-z relro).
const relroData = ".data.rel.ro"

// listedAlone reports whether the table of a module has the site without a stub. Its
// run time then leaves the site as it is.
func (d *decider) listedAlone(s *Site) bool {
	return d.env.moduleTable && s.Entry >= 0 && d.Object.Table.Entries[s.Entry].Stub == noStub
}

// stackForm tries bl X; ld r2,24(r1) with 24(r1) proven. X goes through the
// key. In a module it is what the key holds, if the run time will change it
// with the key.
func (d *decider) stackForm(s *Site, p proof) (Decision, Reason) {
	switch {
	case !d.allows(Stack):
		return Decision{}, FormExcluded
	case !p.proven:
		return Decision{}, SaveNotProven
	case d.listedAlone(s):
		return Decision{}, SiteListed
	}
	dec := Decision{Form: Stack, Word: branchWord(s), Slot: ppc64.RestoreTOC, Cost: 1, words: d.say(p.reason, "")}
	key, reachable := d.keyAccess(int(s.Key), StubSave)
	if dec.Listed = d.mayRepatch(s) && reachable; dec.Listed && d.env.cells {
		target := d.held(int(s.Key))
		if w, ok := constantWord(s, target.Kind); ok {
			dec.Word = w
			return dec, NoReason
		}
		if target.Kind == TargetFunc {
			// If a stub may be needed, lld rejects a slot that is not a nop.
			if local, ours := d.target(int(s.Key)); ours && local.PreservesR2() || d.Linker == BFD {
				dec.Target = target.Sym
				return dec, NoReason
			}
		}
	}
	switch {
	case dec.Listed && d.env.stubField:
		// The table names the stub that the site falls back to, so the stub exists.
	case d.takesCallerTOC(s):
		dec.Target, dec.Cost = d.Object.Tramps[s.Tramp].Sym, 1+d.Object.readTramp(int(s.Tramp)).steps
		return dec, NoReason
	}
	if !reachable {
		return Decision{}, d.noKey()
	}
	dec.Stub = StubJump
	if !d.shortened(s, &dec) {
		dec.Cost += key.JumpSteps()
	}
	return dec, NoReason
}

// shortened reports whether the run time makes a site a direct call or a constant when
// it starts, as far as this object shows the key's value.
func (d *decider) shortened(s *Site, dec *Decision) bool {
	if !dec.Listed || !d.env.shortens {
		return false
	}
	target := d.held(int(s.Key))
	if _, ok := constantWord(s, target.Kind); ok {
		return true
	}
	local, ours := d.target(int(s.Key))
	return target.Kind == TargetFunc && (ours && local.PreservesR2() || d.Linker == BFD)
}

// takesCallerTOC reports whether a site's trampoline takes r2 from its caller and
// preserves it, so that no linker puts a stub before it.
func (d *decider) takesCallerTOC(s *Site) bool {
	if s.Tramp < 0 || d.Object.Tramps[s.Tramp].Entry != noStub {
		return false
	}
	sym := d.Object.File.Symbol(int(d.Object.Tramps[s.Tramp].Sym))
	local, err := ppc64.LocalEntryOf(sym.Other)
	return err == nil && local.PreservesR2() && sym.Bind() != elf.STB_WEAK &&
		d.Object.readTramp(int(s.Tramp)).callerTOC && d.Object.sameUnit(sym.Index, d.env)
}

// saveStubForm tries bl stub; ld r2,24(r1).
func (d *decider) saveStubForm(s *Site, p proof) (Decision, Reason) {
	key, reachable := d.keyAccess(int(s.Key), StubSave)
	switch {
	case !d.allows(SaveStub):
		return Decision{}, FormExcluded
	case !p.frame:
		return Decision{}, NoFrame
	case p.again && d.keepsR2(int(s.Key)):
		return Decision{}, SaveNotProven
	case !reachable:
		return Decision{}, d.noKey()
	case d.listedAlone(s):
		return Decision{}, SiteListed
	}
	return Decision{
		Form: SaveStub, Stub: StubSave, Word: branchWord(s), Slot: ppc64.RestoreTOC,
		Cost: 1 + key.SaveSteps(), words: d.say("the stub saves r2", ""),
		Listed: d.env.cells && d.mayRepatch(s),
	}, NoReason
}

// keepsR2 reports whether a key's trampoline is defined here and preserves r2. Its
// target may return twice, with the right r2 each time, but a restore would load
// whatever 24(r1) holds by then. After a call to a trampoline with local entry 1 the
// linker adds a restore anyway, so a function that returns twice has to cope with
// that. In a module it is the other way round: no target of a kernel's key returns
// twice, but the key may get a function of another unit, which does not preserve r2.
func (d *decider) keepsR2(key int) bool {
	if d.env.loader && !d.env.keysFixed {
		return false
	}
	sym := d.Object.trampoline(key)
	s := d.Object.File.Symbol(sym)
	l, err := ppc64.LocalEntryOf(s.Other)
	return s.Section != 0 && err == nil && l.PreservesR2()
}

// linkerForm tries to leave the site on its trampoline. Local entry 1 says that the
// trampoline may change r2, so the linker saves r2 before it and restores it in the
// slot.
func (d *decider) linkerForm(s *Site, p proof) (Decision, Reason) {
	switch {
	case !d.allows(Linker):
		return Decision{}, FormExcluded
	case !p.frame:
		return Decision{}, NoFrame
	case p.again && d.keepsR2(int(s.Key)):
		return Decision{}, SaveNotProven
	case d.env.loader: // the module loader treats local entry 1 as 0
		return Decision{}, TrampNeedsTOC
	case d.Linker == OtherLinker:
		return Decision{}, LinkerUnknown
	case s.Tramp < 0 || d.Object.Tramps[s.Tramp].Entry != noStub:
		return Decision{}, TrampUndefined
	}
	if r := d.refuseLinker(int(s.Tramp)); r != NoReason {
		return Decision{}, r
	}
	// The save and the jump of the linker's stub, the trampoline, and ld.
	return Decision{
		Form: Linker, Target: d.Object.Tramps[s.Tramp].Sym, Word: branchWord(s), Slot: ppc64.Nop,
		Cost: 3 + d.Object.readTramp(int(s.Tramp)).steps, words: d.say("the linker saves r2 (local entry 1)", ""),
	}, NoReason
}

// refuseLinker says why a trampoline must not get local entry 1. The bits have no
// effect on an undefined symbol; the entry must need neither r2 nor r12; and every
// call in the object must have a slot, because within one section ld.bfd accepts a
// branch without one, and then nothing restores r2.
func (d *decider) refuseLinker(t int) Reason {
	o := d.Object
	s := o.File.Symbol(int(o.Tramps[t].Sym))
	switch {
	case s.Section == 0:
		return TrampUndefined
	case s.Type() == elf.STT_GNU_IFUNC || s.Bind() == elf.STB_WEAK || !o.readTramp(t).ownTOC:
		return TrampNeedsTOC
	}
	if d.slotless == nil {
		d.slotless = map[int]bool{}
		for i := range o.Sites {
			if c := &o.Sites[i]; c.Tramp >= 0 && (c.Odd || !hasPlace(c)) || c.Tail && !c.NoTOC() {
				d.slotless[int(c.Tramp)] = true
			}
		}
	}
	if d.slotless[t] {
		return TrampSlotless
	}
	return NoReason
}

// noTOCForm chooses the form of an open site whose caller keeps no TOC pointer:
// there is nothing to restore, and no slot.
func (d *decider) noTOCForm(s *Site) (Decision, Reason) {
	key, reachable := d.keyAccess(int(s.Key), StubNoTOC)
	switch {
	case !reachable:
		return Decision{}, d.noKey()
	case !d.allows(SaveStub):
		return Decision{}, FormExcluded
	case d.listedAlone(s):
		return Decision{}, SiteListed
	}
	dec := Decision{
		Form: SaveStub, Stub: StubNoTOC, Word: branchWord(s), Slot: s.SlotWord,
		words: d.say("the caller keeps no TOC pointer", ""), Listed: d.mayRepatch(s),
	}
	if !d.shortened(s, &dec) {
		dec.Cost = key.NoTOCSteps()
	}
	return dec, NoReason
}

// shadowForm tries a stub that restores r2 itself, for sites without a slot.
// Nothing can unwind through that stub.
func (d *decider) shadowForm(s *Site) (Decision, Reason) {
	key, reachable := d.keyAccess(int(s.Key), StubShadow)
	switch {
	case !d.AllowShadow || !d.allows(Shadow):
		return Decision{}, FormExcluded
	case !d.env.shadow:
		return Decision{}, ShadowPlace
	case d.hasExceptions:
		return Decision{}, ShadowUnwinds
	case !reachable:
		return Decision{}, d.noKey()
	}
	return Decision{
		Form: Shadow, Stub: StubShadow, Word: branchWord(s), Slot: cleanSlot(s),
		Cost: key.ShadowSteps(), words: d.say("the stub restores r2", ""),
	}, NoReason
}

// hasExceptionTables reports whether any code of the object handles exceptions or
// has clean-ups for them.
func (o *Object) hasExceptionTables() bool {
	for i := 1; i < o.File.NumSections(); i++ {
		if o.File.Section(i).NameHasPrefix(".gcc_except_table") {
			return true
		}
	}
	return false
}
