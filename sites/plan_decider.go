// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/cfg"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A decider holds the state that decisions share.
type decider struct {
	*Plan
	refs           *references
	open           []int          // sites whose form is chosen by restore
	code           *cfg.Map       // see text
	proofs         []proof        // by site, see proofOf
	paca           int64          // offset of the kernel's TOC pointer in the PACA, -1 if unknown
	slotless       map[int]bool   // see refuseLinker
	stubs          []uint8        // by key: a bit for each kind of stub that it needs; see needStub
	patchableStubs map[int]bool   // keys whose stub belongs in the table, see listPatchableStubs
	hasExceptions  bool           // with AllowShadow: see hasExceptionTables
	near           surroundings   // of the last site
	callees        []callee       // by key, see target
	values         []value        // by key, see held
	mixed          []bool         // by trampoline, see mixedPairs
	files          map[int]string // see hasPACA
	said           *words         // see say
}

func newDecider(p *Plan) (*decider, error) {
	paca, err := p.pacaOffset()
	if err != nil {
		return nil, err
	}
	return &decider{
		Plan: p, paca: paca, callees: make([]callee, len(p.Object.Keys)), values: make([]value, len(p.Object.Keys)), mixed: p.mixedPairs(), patchableStubs: map[int]bool{},
		hasExceptions: p.AllowShadow && p.Object.hasExceptionTables(),
	}, nil
}

// surroundings hold what a site has in common with its neighbours.
type surroundings struct {
	section     int32
	alternative bool   // see layout.IsAlternative
	comdat      bool   // see inComdat
	fn          int32  // the function,
	refused     Reason // if not, why r2 there may not be this unit's
}

// around returns the surroundings of a site. It remembers the last answer,
// because sites come section by section and function by function.
func (d *decider) around(s *Site) (*surroundings, error) {
	n, o := &d.near, d.Object
	if n.section != s.Section {
		sec := o.File.Section(int(s.Section))
		*n = surroundings{section: s.Section, alternative: layout.IsAlternative(sec), comdat: d.Object.inComdat(int(s.Section)), fn: -1}
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

// text reads the code around the sites that have a slot.
func (d *decider) text() (*cfg.Map, error) {
	o := d.Object
	if d.code != nil {
		return d.code, nil
	}
	var secs []int
	for i := range o.Sites {
		s := &o.Sites[i]
		if n := len(secs); d.hasSlot(s) && (n == 0 || secs[n-1] != int(s.Section)) {
			secs = append(secs, int(s.Section))
		}
	}
	text, err := cfg.Read(o.File, secs)
	if err != nil {
		return nil, errkind.BadELF.Wrap(err)
	}
	d.code = text
	for i := range o.Sites {
		if s := &o.Sites[i]; d.paca >= 0 && s.SlotWord == restorePACA(d.paca) {
			text.Restores(int(s.Section), s.Off+ppc64.WordSize)
		}
		// The slot after a call to a stub that saves r2 is reached through that save,
		// or not at all.
		if s := &o.Sites[i]; s.Slot == SlotRestore && d.savesNow(s) {
			text.Restores(int(s.Section), s.Off+ppc64.WordSize)
		}
	}
	return text, nil
}

// hasSlot reports whether a site has a slot for a restore.
func (d *decider) hasSlot(s *Site) bool {
	return !s.Tail && !s.NoTOC() && !s.Decoded && s.Slot != SlotNone
}

// say returns the words of a decision, nil for none. It shares them with the last
// decision that had any, because they are usually the same.
func (d *decider) say(proof, detail string) *words {
	if proof == "" && detail == "" {
		return nil
	}
	if d.said == nil || d.said.proof != proof || d.said.detail != detail {
		d.said = &words{proof, detail}
	}
	return d.said
}

// savesNow reports whether a site calls a stub that saves r2, or the run time
// of a module may make it call one.
func (d *decider) savesNow(s *Site) bool {
	if s.Tramp >= 0 && d.Object.Tramps[s.Tramp].Entry == StubSave {
		return true
	}
	return d.env.cells && s.Entry >= 0 && d.Object.Table.Entries[s.Entry].Stub == StubSave
}

// pacaOffset returns the offset of the kernel's TOC pointer in the PACA, -1 if
// unknown. The option gives it, or names a symbol of the object that does. It depends
// on the kernel's configuration, so there is no default.
func (p *Plan) pacaOffset() (int64, error) {
	if p.PACATOC == "" {
		return -1, nil
	}
	if !p.env.image {
		return -1, errkind.WrongOption.Errorf("the PACA holds the TOC pointer of the kernel image, not of a %s", p.Place)
	}
	return layout.PACATOC(p.Object.File, p.PACATOC)
}

// A callee says what a caller needs to know about the function that a key
// holds.
type callee struct {
	known bool
	ours  bool // it provably belongs to this unit
	entry ppc64.LocalEntry
}

// A value is what a key holds.
type value struct {
	known bool
	Target
}

// A proof says what is known about r2 and the frame at a site with a slot.
type proof struct {
	asked   bool   // false for a site without a slot, or where r2 is not this unit's
	proven  bool   // 24(r1) holds the caller's r2
	frame   bool   // r1 points to a frame of the caller's own
	entered bool   // something other than the call leads to the slot
	again   bool   // the call may return a second time, when 24(r1) has changed
	reason  string // the save, or why there is none, in words
}
