// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"fmt"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

const mayLeave = "the key may come to hold a function of another unit"

// checkTOC checks that the caller has its TOC pointer in r2 again after the
// call.
func (v *verifier) checkTOC(s *site, t *target, b branch, o outcome) {
	lost := v.lost(s, t, &o)
	if s.tail() {
		if lost != "" {
			v.fault(s, errkind.R2Lost.Errorf("a tail call, and nothing restores r2: %s", lost))
		}
		return
	}
	v.checkSlot(s, o, b, lost == "", lost)
}

// lost returns why r2 is not the caller's own when the call returns, before the
// slot. The reason is empty if r2 is the caller's own.
func (v *verifier) lost(s *site, t *target, o *outcome) string {
	kept := v.resolve(o.m.regs[ppc64.RegTOC]) == o.m.own
	changed := "r2 is changed on the way"
	switch o.ending {
	case elsewhere:
		if v.object && v.kernel() {
			return "" // the linker sees the symbol and does what is needed
		}
		return fmt.Sprintf("%s may be in another unit", v.name(o.at))
	case through:
		switch {
		case v.runtime(s) != None && !(v.kernel() && v.opts.Runtime == Inline):
			return mayLeave
		case v.otherUnit(t.content):
			return "the key holds a function that may be in another unit"
		case t.unknown != "" || !t.ours:
			if !kept {
				return changed
			}
			return ""
		}
	case arrived:
		if t.tramp != 0 {
			return "the trampoline may jump into another unit"
		}
	}
	f := &t.callee
	switch {
	case !f.known:
		return fmt.Sprintf("no symbol says whether %s preserves r2", v.name(f.global))
	case !f.entry.PreservesR2():
		return fmt.Sprintf("%s may change r2 (local entry 1)", v.name(f.global))
	case f.entry.UsesTOC():
		if numberOf(v.tocOf(f.global, f.local)) != o.m.own {
			return fmt.Sprintf("%s has another TOC pointer", v.name(f.global))
		}
	case !kept:
		return changed
	}
	return ""
}

// runtime returns what changes the key of a site, from the record if it says so.
func (v *verifier) runtime(s *site) Runtime {
	if s.rec != nil && s.rec.runtime <= None {
		return s.rec.runtime
	}
	return v.opts.Runtime
}

// mayRewrite reports whether a run time may write another branch at a site.
func (v *verifier) mayRewrite(s *site) bool {
	switch {
	case v.runtime(s) != Inline:
		return false
	case v.opts.User: // no run time reads the kernel's table
		return v.seen[place{s.at, true}] != 0
	}
	return s.entry != 0
}

// byLinker reports whether the linker, or the module loader, will make the call
// go through a stub that saves r2, and replace a nop after the call by the
// restore.
func (v *verifier) byLinker(b branch, o *outcome) bool {
	if b.notoc {
		return false
	}
	if b.ifunc || b.named && (v.foreign(b.to) || o.ending == arrived && o.at == b.to) {
		return true
	}
	if v.opts.Module {
		return false // the loader treats local entry 1 as 0
	}
	return b.clobbers
}

// checkSlot checks the word after a call.
func (v *verifier) checkSlot(s *site, o outcome, b branch, kept bool, lost string) {
	w, ok := v.slot(s)
	linker := v.byLinker(b, &o)
	switch {
	case ok && w == ppc64.RestoreTOC:
		if o.m.saved && !v.mayRewrite(s) {
			v.saves = append(v.saves, s.at)
		}
		v.awaitSaved(s, o.m.saved || linker)
	case ok && v.isPACA(w):
		v.restores = append(v.restores, s.at+ppc64.WordSize)
	case ok && w.IsNop():
		switch {
		case linker:
			v.awaitSaved(s, true)
		case !kept:
			v.fault(s, errkind.R2Lost.Errorf("r2 is not restored: %s", lost))
		}
	case !kept || linker:
		v.fault(s, errkind.R2Lost.Errorf("no slot follows the call, found %v, and r2 is not restored: %s", w, lost))
	case v.kernel() && v.opts.Runtime == Inline && s.entry != 0:
		v.fault(s, errkind.R2Lost.Errorf("no slot follows the call, found %v: a run time has no place for a restore", w))
	}
}

// checkRecordedSlot wants a slot where the record says that the word after the call is
// one. Even after a call that preserves r2 nothing else may be there.
func (v *verifier) checkRecordedSlot(s *site) {
	if s.rec == nil || s.rec.flags&layout.RecordSlot == 0 {
		return
	}
	w, ok := v.slot(s)
	if !ok || !w.IsNop() && w != ppc64.RestoreTOC && !v.isPACA(w) && !v.mayBePACA(w) {
		v.fault(s, errkind.BadRecord.Errorf("the record says that a slot follows the call, found %v", w))
	}
}

// mayBePACA reports whether a word in code of the kernel image loads r2 from the PACA,
// if no option gives the offset.
func (v *verifier) mayBePACA(w ppc64.Word) bool {
	in := ppc64.Decode(w, 0)
	return v.kernel() && v.paca < 0 && in.Op == ppc64.OpLd && in.RT == ppc64.RegTOC && in.RA == ppc64.RegTLS
}

// awaitSaved leaves a site to the proof. If code on the way saves r2, none is
// needed in the kernel image, or for a kept site, which is as right as it was
// before.
func (v *verifier) awaitSaved(s *site, saved bool) {
	if !saved || !v.kept(s) && !v.kernel() {
		v.await(s, saved)
	}
}

// isPACA reports whether a word is the kernel image's ld r2,PACATOC(r13).
func (v *verifier) isPACA(w ppc64.Word) bool {
	return ppc64.Decode(w, 0) == ppc64.Inst{Op: ppc64.OpLd, RT: ppc64.RegTOC, RA: ppc64.RegTLS, Imm: v.paca}
}

// checkUserEntry checks what an entry of the user-space table promises. The run time may at
// any time write a call to the stub, or to any function of the unit, into the branch word.
// The rest of the site must be right for each of these.
func (v *verifier) checkUserEntry(s *site, t *target, c caller) bool {
	notoc := s.flags&layout.FlagNoTOC != 0
	if s.tail() && !notoc {
		v.fault(s, errkind.BadTable.Errorf("a tail call that needs a TOC pointer cannot be in this table"))
		return false
	}
	if err := v.checkStub(s, t, c); err != nil {
		v.fault(s, err)
		return false
	}
	if notoc {
		return true
	}
	if w, ok := v.slot(s); !ok || w != ppc64.RestoreTOC {
		v.fault(s, errkind.R2Lost.Errorf("expected ld r2,24(r1) after the call, found %v", w))
		return false
	}
	v.await(s, false)
	return true
}

// checkModuleEntry checks what an entry of a module's table promises. The run time keeps
// the cell of the stub equal to the key, and writes into the branch word a call to the
// stub or a branch over the slot. If the stub does not save r2, it may also write a
// call to a function of the module, or li r3,0; then the caller has to save r2. A
// caller without a TOC pointer has no slot, and its stub does not save r2.
func (v *verifier) checkModuleEntry(s *site, c caller) bool {
	if c.noTOC {
		_, err := v.checkCell(s, c)
		if err != nil {
			v.fault(s, err)
		}
		return err == nil
	}
	switch w, ok := v.slot(s); {
	case s.tail():
		v.fault(s, errkind.BadStub.Errorf("the entry of a tail call cannot have a stub"))
		return false
	case !ok || w != ppc64.RestoreTOC:
		v.fault(s, errkind.R2Lost.Errorf("expected ld r2,24(r1) after the call, found %v", w))
		return false
	}
	saves, err := v.checkCell(s, c)
	if err != nil {
		v.fault(s, err)
		return false
	}
	if saves { // the slot is reached after the stub's save, or not at all
		v.restores = append(v.restores, s.at+ppc64.WordSize)
	}
	v.await(s, saves)
	return true
}

// checkCell wants an entry's stub to jump to what its cell holds, which is the key's
// trampoline when the module is loaded. It reports whether the stub saves r2. Like the
// run time, it looks at the first instruction.
func (v *verifier) checkCell(s *site, c caller) (saves bool, err error) {
	w, ok := v.word(s.stub)
	if !ok || s.stub%ppc64.WordSize != 0 {
		return false, errkind.BadStub.Errorf("the entry's stub is %s, which is not code", v.name(s.stub))
	}
	saves = w == ppc64.SaveTOC
	field := s.stub - layout.CellBefore
	if !saves && !w.IsPrefix() {
		field -= ppc64.WordSize // the entry after the save
	}
	cell, ok := v.s32(field)
	if !ok || cell%8 != 0 {
		return false, errkind.BadStub.Errorf("no address of a cell comes before the entry's stub %s", v.name(s.stub))
	}
	m := v.start(c.toc)
	m.pc, m.lr = s.stub, value{kind: returnTo}
	switch o := v.run(m, goal{slot: cell}); {
	case o.ending != through:
		return false, errkind.BadStub.Errorf("the entry's stub %s does not go through its cell%s", v.name(s.stub), because(o.why))
	case !o.r12:
		return false, errkind.BadStub.Errorf("the entry's stub %s jumps without the target's address in r12", v.name(s.stub))
	case o.m.saved != saves:
		return false, errkind.BadStub.Errorf("the entry's stub %s saves something other than r2", v.name(s.stub))
	}
	if h := v.doubleword(cell); !h.known || !v.isTrampoline(h.addr) || v.keyName(h.addr) != v.keyName(s.key) {
		return false, errkind.BadStub.Errorf("the cell of the entry's stub %s holds %s, which is not the key's trampoline", v.name(s.stub), v.name(h.addr))
	}
	return saves, nil
}

// checkFallback wants a site of the kernel image to reach its trampoline, or the stub of
// its entry, which goes through the key.
func (v *verifier) checkFallback(s *site, c caller) error {
	tramp, known := v.trampolineOf(v.keyName(s.key))
	switch {
	case s.stub != 0:
		m := v.start(c.toc)
		m.pc, m.lr = s.stub, value{kind: returnTo}
		if o := v.run(m, goal{slot: s.key}); o.ending != through || !o.r12 {
			return errkind.BadStub.Errorf("the entry's stub %s does not go through the key%s", v.name(s.stub), because(o.why))
		}
		if !ppc64.Reaches(s.at, s.stub) {
			return errkind.BadStub.Errorf("the entry's stub %s is out of reach", v.name(s.stub))
		}
	case known && !ppc64.Reaches(s.at, tramp):
		return errkind.BadStub.Errorf("the trampoline %s is out of reach, and the entry has no stub that leads there", v.name(tramp))
	}
	return nil
}

// checkReach wants a site in user space that does not go through its key to reach the
// stub of its entry. Otherwise the run time cannot make it follow the key.
func (v *verifier) checkReach(s *site) error {
	if s.user && !v.object && !ppc64.Reaches(s.at, s.stub) {
		return errkind.BadStub.Errorf("the entry's stub %s is out of reach", v.name(s.stub))
	}
	return nil
}

// trampolineOf returns the local entry of a key's trampoline.
func (v *verifier) trampolineOf(key string) (uint64, bool) {
	if v.tramps == nil {
		v.tramps = map[string]uint64{}
		for i := range v.symbols {
			s := &v.symbols[i]
			if name, ok := strings.CutPrefix(s.name, layout.TrampPrefix); ok && s.section != 0 {
				v.tramps[name] = v.callee(s.addr).local
			}
		}
	}
	at, ok := v.tramps[key]
	return at, ok
}

// mayBecomeNull reports whether the key of a site may come to hold NULL. It may if its
// trampoline returns in that case, and then all code that goes through the key must
// return, too.
func (v *verifier) mayBecomeNull(s *site) bool {
	tramp, ok := v.trampolineOf(v.keyName(s.key))
	if !ok || v.runtime(s) == None {
		return false
	}
	m := v.start(v.ownTOC(tramp))
	m.pc, m.lr = tramp, value{kind: returnTo}
	o := v.run(m, goal{slot: s.key, null: true})
	return o.ending == returned && o.tests
}

// checkStub wants an entry's stub to jump through the entry's key.
func (v *verifier) checkStub(s *site, t *target, c caller) error {
	if _, ok := v.word(s.stub); !ok || s.stub%ppc64.WordSize != 0 {
		return errkind.BadStub.Errorf("the entry's stub is %s, which is not code", v.name(s.stub))
	}
	m := v.start(c.toc)
	m.pc, m.lr = s.stub, value{kind: returnTo}
	o := v.run(m, goal{slot: s.key})
	switch {
	case o.ending != through:
		return errkind.BadStub.Errorf("the entry's stub %s does not go through the key%s", v.name(s.stub), because(o.why))
	case o.via != 0: // that key may come to hold something else
		return errkind.BadStub.Errorf("the entry's stub %s goes through %s first", v.name(s.stub), v.name(o.via))
	case o.unfollowed != "":
		return errkind.BadStub.Errorf("the entry's stub %s does not go through the key%s", v.name(s.stub), because(o.unfollowed))
	case !o.r12:
		return errkind.BadStub.Errorf("the entry's stub %s jumps without the target's address in r12", v.name(s.stub))
	case !t.null && !o.tests && v.mayBecomeNull(s):
		return errkind.BadStub.Errorf("the entry's stub %s jumps to what the key holds without a test, and the trampoline returns for NULL", v.name(s.stub))
	case !t.null && !o.tests:
		return nil
	}
	switch o := v.run(m, goal{slot: s.key, null: true}); o.ending {
	case returned:
		return nil
	case through:
		return errkind.BadStub.Errorf("the entry's stub %s jumps to what the key holds without a test, and that is NULL", v.name(s.stub))
	default:
		return errkind.BadStub.Errorf("the entry's stub %s does not return where the key holds NULL%s", v.name(s.stub), because(o.why))
	}
}

// checkOwnStub wants a stub to jump through the key of the entry that describes
// the stub itself. The stub runs with the TOC pointer of its callers, and
// ld.bfd gives a large program several: one that fits is enough, because each
// caller is checked with its own.
func (v *verifier) checkOwnStub(s *site) error {
	t := v.target(s.key)
	err := v.checkStub(s, t, caller{toc: v.ownTOC(s.at)})
	if err == nil || v.object {
		return err
	}
	for _, toc := range v.allTOCs() {
		if v.checkStub(s, t, caller{toc: numberOf(toc)}) == nil {
			return nil
		}
	}
	return err
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
