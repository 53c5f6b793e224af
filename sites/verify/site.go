// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A caller describes r2 at a site.
type caller struct {
	toc   value // the TOC pointer in r2; unknown if the caller keeps none
	shaky bool  // the function has one entry, so r2 may be its caller's
	noTOC bool  // the caller keeps no TOC pointer (ELFv2 §2.2.1), so nothing has to be restored
}

// caller returns what r2 holds at a site. In an object that depends on the
// relocation of the call, in an image on the st_other of the calling function, in
// user space on the flags of the entry. The cold part of a function is like its
// function.
func (v *verifier) caller(s *site, b branch) caller {
	if s.user {
		if s.flags&layout.FlagNoTOC != 0 {
			return caller{noTOC: true}
		}
		return caller{toc: v.ownTOC(s.at)}
	}
	if s.rec != nil && s.rec.flags&layout.RecordNoTOC != 0 {
		return caller{noTOC: true}
	}
	switch {
	case b.notoc:
		return caller{noTOC: true}
	case b.linker:
		return caller{toc: v.ownTOC(s.at)}
	}
	f, ok := v.around(s.at)
	if !ok {
		return caller{toc: v.ownTOC(s.at)}
	}
	l, err := ppc64.LocalEntryOf(f.other)
	known := err == nil
	if parent, ok := layout.ColdParent(f.name); ok {
		l, known = v.parents().Entry(parent)
	}
	switch {
	case known && !l.PreservesR2():
		return caller{noTOC: true}
	case known && l.UsesTOC():
		return caller{toc: v.ownTOC(s.at)}
	}
	return caller{toc: v.ownTOC(s.at), shaky: true}
}

// ownTOC returns the TOC pointer of the code at an address.
func (v *verifier) ownTOC(at uint64) value {
	toc := v.toc
	if f, ok := v.around(at); ok && !v.object {
		if l, err := ppc64.LocalEntryOf(f.other); err == nil && l.UsesTOC() {
			toc = v.tocOf(f.addr, f.addr+l.Offset())
		}
	}
	if toc == 0 {
		return value{}
	}
	return numberOf(toc)
}

// parents returns the functions of the file by name.
func (v *verifier) parents() layout.Parents {
	if v.byName == nil {
		v.byName = layout.Parents{}
		for _, f := range v.funcs.All() {
			s := &v.symbols[f.ID]
			v.byName.Add(s.name, s.other)
		}
	}
	return v.byName
}

// checkSite compares a site with what its key holds, and its slot with the record.
func (v *verifier) checkSite(s *site) {
	n := len(v.faults)
	v.checkBranch(s)
	if len(v.faults) == n {
		v.checkRecordedSlot(s)
	}
}

// checkBranch compares the branch of a site, or the constant in its place, with what
// its key holds. It ends at the first fault.
func (v *verifier) checkBranch(s *site) {
	w, _ := v.word(s.at)
	if s.rec != nil {
		if err := v.checkRecord(s); err != nil {
			v.fault(s, err)
			return
		}
	}
	if v.staysOdd(s, w) {
		return
	}
	b, err := v.siteBranch(s, w)
	if err != nil {
		v.fault(s, err)
		return
	}
	c := v.caller(s, b)
	t := v.target(s.key)
	if s.key == 0 {
		t = v.goneTarget(s, c, w, b)
	}
	if !v.checkEntry(s, t, c) {
		return
	}
	if !w.IsBranch() {
		v.checkConstantSite(s, t, c, w)
		return
	}
	if err := checkKind(s, w); err != nil {
		v.fault(s, err)
		return
	}
	if s.rec != nil && s.rec.form == layout.RecordShadow {
		v.checkShadow(s, c, b)
		return
	}
	v.checkCall(s, t, c, b, w)
}

// staysOdd reports whether a kept site is a branch that no run time patches. Such a
// site is as right as it was before scpatch.
func (v *verifier) staysOdd(s *site, w ppc64.Word) bool {
	const lk ppc64.Word = 1
	return v.kept(s) && s.rec.flags&layout.RecordOther != 0 && (w.IsCondBranch() || w.AA() || w&^lk == ppc64.Bctr)
}

// siteBranch returns where the branch of a site leads; a constant leads
// nowhere.
func (v *verifier) siteBranch(s *site, w ppc64.Word) (b branch, err error) {
	if w.IsBranch() {
		if b = v.branchAt(s.at, w); b.bad != "" {
			return b, errkind.WrongCall.Errorf("the branch %s", b.bad)
		}
	}
	if s.rec != nil && b.linker && b.notoc != (s.rec.flags&layout.RecordNoTOC != 0) {
		return b, errkind.BadRecord.Errorf("the relocation and the record disagree about whether the caller keeps a TOC pointer")
	}
	return b, nil
}

// checkEntry checks what the site's table entry allows the run time to do. It
// returns false if it found a fault.
func (v *verifier) checkEntry(s *site, t *target, c caller) bool {
	var err error
	switch {
	case s.user:
		return v.checkUserEntry(s, t, c)
	case v.opts.Module && s.stub != 0:
		return v.checkModuleEntry(s, c)
	case v.kernel() && !v.object && v.opts.Runtime == Inline && s.entry != 0:
		if err = v.checkTail(s, c); err == nil {
			err = v.checkFallback(s, c)
		}
	case s.stub != 0:
		err = errkind.BadStub.Errorf("the entry has a stub, %s: only those of modules and of the kernel image do", v.name(s.stub))
	}
	if err != nil {
		v.fault(s, err)
	}
	return err == nil
}

// checkTail wants no tail call with a TOC pointer in an image whose table the kernel
// reads. Every key may come to hold a function of a module there, and no word after the
// branch could restore r2.
func (v *verifier) checkTail(s *site, c caller) error {
	if v.bounded && s.tail() && c.toc.kind == number {
		return errkind.R2Lost.Errorf("a tail call, and nothing restores r2: %s", mayLeave)
	}
	return nil
}

// checkConstantSite checks a site that makes no call: its word, and what the run time
// and the record require.
func (v *verifier) checkConstantSite(s *site, t *target, c caller, w ppc64.Word) {
	if err := v.checkReach(s); err != nil {
		v.fault(s, err)
		return
	}
	n := len(v.faults)
	v.checkConstant(s, t, c, w)
	if err := v.checkForm(s, w, branch{}, nil); err != nil && len(v.faults) == n {
		v.fault(s, err)
	}
}

// checkKind checks that a branch is a call or a tail call, as its entry or record says.
func checkKind(s *site, w ppc64.Word) error {
	switch {
	case w.AA():
		return errkind.WrongCall.Errorf("expected b or bl, found %v", w)
	case w.LK() != s.tail():
		return nil
	case s.entry == 0:
		return errkind.BadRecord.Errorf("the record says tail call %v, found %v", s.tail(), w)
	}
	return errkind.BadTable.Errorf("the entry says tail call %v, found %v", s.tail(), w)
}

// checkCall follows the branch of a site to its destination, and checks the
// path and what becomes of r2.
func (v *verifier) checkCall(s *site, t *target, c caller, b branch, w ppc64.Word) {
	n := len(v.faults)
	o, err := v.follow(s, t, c, b)
	if err != nil && v.kept(s) {
		if x := v.toTrampoline(s, c, b); x.ending == arrived {
			o, err = x, nil
		}
	}
	if err == nil {
		err = v.checkForm(s, w, b, &o)
	}
	if err == nil && o.ending != through {
		err = v.checkReach(s)
	}
	if err != nil {
		v.fault(s, err)
		return
	}
	if o.m.stray && restores(v.slot(s)) {
		v.fault(s, errkind.R2NotSaved.Errorf("something other than r2 is written to the caller's frame on the way"))
	}
	if o.ending != through && !v.entersTrampoline(o.at) {
		v.direct++
	}
	// A site that was kept is as right as it was before: its trampoline is
	// responsible for r2.
	slot, _ := v.slot(s)
	if c.toc.kind == number && !(v.kept(s) && slot != ppc64.RestoreTOC) {
		v.checkTOC(s, t, b, o)
	}
	if o.ending == through && !o.tests && !o.tramp && len(v.faults) == n && v.mayBecomeNull(s) {
		v.fault(s, errkind.WrongCall.Errorf("%s jumps to what the key holds without a test, and the trampoline returns for NULL", v.name(b.to)))
	}
}

// restores reports whether a slot restores r2.
func restores(slot ppc64.Word, ok bool) bool { return ok && slot == ppc64.RestoreTOC }

// checkShadow checks a call to a stub that makes a call of its own. Such a stub is not
// followed: the branch must lead to the entry of a stub of the key, perhaps through a
// stub of the linker.
func (v *verifier) checkShadow(s *site, c caller, b branch) {
	want := layout.ShadowStubPrefix + s.rec.name
	if v.names[b.to] == want {
		return
	}
	if v.shadows == nil {
		v.shadows = map[string][]uint64{}
		for at, name := range v.names {
			if strings.HasPrefix(name, layout.ShadowStubPrefix) {
				v.shadows[name] = append(v.shadows[name], at)
			}
		}
	}
	if fn, ok := v.around(b.to); !ok || isLinkerStub(fn.name) {
		for _, at := range v.shadows[want] {
			m := v.start(c.toc)
			m.pc, m.lr = b.to, value{kind: returnTo}
			if v.run(m, goal{entries: [2]uint64{at, at}}).ending == arrived {
				return
			}
		}
	}
	if len(v.shadows) > 0 || v.ordinary(b.to) { // otherwise the names of stubs are gone
		v.fault(s, errkind.WrongCall.Errorf("calls %s, the record says %v", v.name(b.to), s.rec.form))
	}
}

// branchAt returns where the branch of a site leads.
func (v *verifier) branchAt(at uint64, w ppc64.Word) branch {
	if v.object {
		return v.objectBranch(at, w)
	}
	return branch{to: at + uint64(w.Displacement())}
}

// checkConstant checks a site that does not make a call.
func (v *verifier) checkConstant(s *site, t *target, c caller, w ppc64.Word) {
	if v.object {
		if sec, off, ok := v.code(s.at); ok && v.isRelocated(sec.Index, off, off+ppc64.WordSize) {
			v.fault(s, errkind.WrongCall.Errorf("a relocation is left on a constant, %v", w))
			return
		}
	}
	if !fitsConstant(s, t, w) {
		v.fault(s, errkind.WrongCall.Errorf("found %v, but the key holds %s", w, v.text(t)))
		return
	}
	if c.toc.kind == number && !c.shaky && !s.tail() && !s.user {
		o := outcome{ending: returned}
		o.m.own, o.m.regs[ppc64.RegTOC] = c.toc, c.toc
		v.checkSlot(s, o, branch{}, true, "")
	}
}

// fitsConstant reports whether a word does what the key's target would: nothing for
// NULL, and 0 for a function that returns 0. If the site's key is not known, either may
// be right.
func fitsConstant(s *site, t *target, w ppc64.Word) bool {
	unknown := s.key == 0
	if s.tail() {
		return (t.null || unknown) && w == ppc64.Blr
	}
	return (t.null || unknown) && w == ppc64.Nop || (t.ret0 || unknown) && w == ppc64.Li3Zero
}

// follow runs the code from the branch to its destination, which must be the one in
// the key.
func (v *verifier) follow(s *site, t *target, c caller, b branch) (outcome, error) {
	if b.weak {
		return outcome{}, errkind.WrongCall.Errorf("calls %s, a weak undefined symbol: it may be NULL after the link", v.name(b.to))
	}
	if !c.shaky {
		return v.followWith(s, t, c.toc, b)
	}
	// If a function has one entry, nothing tells whether r2 is this unit's. That is
	// right where it makes no difference; on the path through the key, compiler and
	// author are responsible for the code.
	if o, err := v.followWith(s, t, value{}, b); err == nil && o.ending != elsewhere {
		return o, nil
	}
	o, err := v.followWith(s, t, c.toc, b)
	if err == nil && o.ending == arrived && t.callee.entry.UsesTOC() && o.at == t.callee.local {
		err = errkind.WrongEntry.Errorf("enters %s at its local entry, but the caller has one entry: r2 may be its caller's", v.name(t.addr))
	}
	return o, err
}

func (v *verifier) followWith(s *site, t *target, toc value, b branch) (outcome, error) {
	m := v.start(toc)
	m.lr = value{kind: returnTo}
	g := v.goalOf(s.key, t)
	var first outcome
	first.branch(&m, b)
	if b.ifunc || b.named && v.foreign(b.to) {
		first.m, first.ending = m, elsewhere
		return first, v.reached(s, t, &first)
	}
	o := v.run(m, g)
	if t.null || o.tests && !v.kept(s) { // once more with NULL, which the key holds or may come to hold
		g.null = true
		switch n := v.run(m, g); {
		case n.ending == returned:
		case t.null:
			return n, v.wrong(t, &n, b)
		default:
			return n, errkind.WrongCall.Errorf("%s does not return where the key holds NULL%s", v.name(b.to), because(n.why))
		}
	}
	switch {
	case o.ending == stuck, o.ending == returned:
		return o, v.wrong(t, &o, b)
	case o.via != 0: // that key may come to hold something else
		return o, errkind.WrongCall.Errorf("goes through %s", v.name(o.via))
	case o.unfollowed != "":
		return o, errkind.WrongCall.Errorf("calls %s, but the key holds %s (%s)", v.name(b.to), v.text(t), o.unfollowed)
	}
	return o, v.reached(s, t, &o)
}

// toTrampoline runs the code from a branch to the entry of the trampoline of the
// recorded key. It does not look at the trampoline, which may be compiled code, or
// may go through the key of another object.
func (v *verifier) toTrampoline(s *site, c caller, b branch) outcome {
	m := v.start(c.toc)
	m.lr = value{kind: returnTo}
	var first outcome
	first.branch(&m, b)
	return v.run(m, goal{tramp: layout.TrampPrefix + s.rec.name})
}

// start returns the state of a caller with a TOC pointer.
func (v *verifier) start(toc value) machine {
	if toc.kind == unknown {
		toc.kind = heldR2
	}
	m := machine{own: toc}
	m.regs[ppc64.RegTOC] = toc
	return m
}

func (v *verifier) goalOf(key uint64, t *target) goal {
	g := goal{slot: key}
	switch {
	case t.tramp != 0:
		g.entries[0] = t.tramp
	case t.ours:
		g.entries = [2]uint64{t.callee.global, t.callee.local}
	}
	return g
}

// wrong is the error for a run that did not end at the target in the key.
func (v *verifier) wrong(t *target, o *outcome, b branch) error {
	if o.ending == through {
		return errkind.WrongCall.Errorf("%s jumps to what the key holds without a test, and that is %s", v.name(b.to), v.text(t))
	}
	if t.null || o.why == "" {
		return errkind.WrongCall.Errorf("calls %s, but the key holds %s", v.name(o.at), v.text(t))
	}
	return errkind.WrongCall.Errorf("calls %s, but the key holds %s (%s)", v.name(o.at), v.text(t), o.why)
}

// reached compares the end of a run with the target.
func (v *verifier) reached(s *site, t *target, o *outcome) error {
	switch o.ending {
	case through:
		if !o.r12 {
			return errkind.WrongEntry.Errorf("jumps through the key without the target's address in r12")
		}
		return nil
	case arrived:
		return v.entered(t, o)
	}
	// Elsewhere: at a symbol of another unit, a function that the dynamic linker may
	// find elsewhere, or what a resolver returns.
	if v.isTrampoline(o.at) && sameKey(v.keyName(o.at), v.keyName(s.key)) {
		return nil
	}
	for _, c := range []content{t.content, t.viaStub} {
		if c.known && c.addr == o.at && c.ifunc == o.ifunc && t.unknown == "" {
			if !o.r12 && !v.object {
				return errkind.WrongEntry.Errorf("enters %s without its address in r12", v.name(o.at))
			}
			return nil
		}
	}
	return errkind.WrongCall.Errorf("calls %s, but the key holds %s", v.name(o.at), v.text(t))
}

// isTrampoline reports whether the name of an address is that of a trampoline.
func (p *program) isTrampoline(at uint64) bool {
	if x := p.externalAt(at); x != nil {
		return strings.HasPrefix(x.name, layout.TrampPrefix)
	}
	return strings.HasPrefix(p.names[at], layout.TrampPrefix)
}

// entered checks how a function of this unit is entered (ELFv2 §2.2.1): at its global
// entry with its address in r12, or at its local one with its TOC pointer in r2. A
// trampoline that stands for the key needs neither.
func (v *verifier) entered(t *target, o *outcome) error {
	f := &t.callee
	if !f.entry.UsesTOC() { // also for a trampoline that stands for the key
		return nil
	}
	switch {
	case o.at == f.global && v.resolve(o.m.regs[ppc64.RegEntry]) == numberOf(f.global):
		return nil
	case o.at == f.global:
		return errkind.WrongEntry.Errorf("enters %s at its global entry without its address in r12", v.name(o.at))
	case v.resolve(o.m.regs[ppc64.RegTOC]) != numberOf(v.tocOf(f.global, f.local)):
		return errkind.WrongEntry.Errorf("enters %s without its TOC pointer in r2", v.name(o.at))
	}
	return nil
}
