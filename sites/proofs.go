// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/scpatch/scpatch/sites/textmap"
)

// A proof is what is known of r2 and the frame at a site with a slot.
type proof struct {
	proven  bool   // 24(r1) holds the caller's r2
	frame   bool   // r1 points to a frame of the caller's own
	entered bool   // something else than the call leads to the slot
	again   bool   // the call may return a second time, when 24(r1) has changed
	reason  string // the save, or why there is none, in words
}

// proof is what is known of a site.
func (d *decider) proof(s *Site) (proof, error) {
	err := d.prove()
	return d.proofs[s], err
}

// text reads the code around the sites that have a slot.
func (d *decider) text() (*textmap.Map, error) {
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
	text, err := textmap.Read(o.File, secs)
	if err != nil {
		return nil, kind.BadELF.Wrap(err)
	}
	d.code = text
	for i := range o.Sites {
		if s := &o.Sites[i]; s.Slot == SlotPACA && d.paca >= 0 && s.Behind == restorePACA(d.paca) {
			text.Restores(int(s.Section), s.Off+ppc64.WordSize)
		}
		// The slot behind a call of a stub that saves is reached through that save, or
		// not at all.
		if s := &o.Sites[i]; s.Slot == SlotRestore && d.savesNow(s) {
			text.Restores(int(s.Section), s.Off+ppc64.WordSize)
		}
	}
	return text, nil
}

// savesNow reports whether a site calls a stub that saves r2, or is one that the
// run time of a module makes call it.
func (d *decider) savesNow(s *Site) bool {
	if s.Tramp >= 0 && d.Object.Tramps[s.Tramp].Entry == StubSave {
		return true
	}
	return d.hasCells() && s.Entry >= 0 && d.Object.Table.Entries[s.Entry].Stub == StubSave
}

// hasSlot reports whether a site has a slot that a restore may come into.
func (d *decider) hasSlot(s *Site) bool {
	return !s.Tail && !s.NoTOC() && !s.Decoded && s.Slot != SlotNone
}

// prove answers for all sites that have a slot, function by function, when it is
// called first.
func (d *decider) prove() error {
	if d.proofs != nil {
		return nil
	}
	o := d.Object
	d.proofs = map[*Site]proof{}
	text, err := d.text()
	if err != nil {
		return err
	}
	var asked []*Site
	for i := range o.Sites {
		if s := &o.Sites[i]; d.hasSlot(s) {
			if near, err := d.around(s); err != nil {
				return err
			} else if near.refused == NoReason {
				asked = append(asked, s)
			}
		}
	}
	d.ask(text, asked)
	return nil
}

// saving tells the text which of the open sites will save r2, and asks once more.
// That one of them is then proven, and calls no stub that saves, takes nothing from
// the others: what it would have saved was saved before.
func (d *decider) saving() error {
	if err := d.prove(); err != nil {
		return err
	}
	var asked []*Site
	saves := false
	for _, i := range d.open {
		s := &d.Object.Sites[i]
		p, ok := d.proofs[s]
		if !ok {
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

// ask answers for the sites, which are in order of place.
func (d *decider) ask(text *textmap.Map, asked []*Site) {
	for len(asked) > 0 {
		sec, n := asked[0].Section, 0
		var calls []uint64
		for ; n < len(asked) && asked[n].Section == sec; n++ {
			calls = append(calls, asked[n].Off)
		}
		for j, v := range text.Prove(int(sec), calls) {
			p := proof{proven: v.Proven, frame: v.Frame, entered: v.Entered, again: v.Again, reason: v.Reason}
			if v.Proven {
				p.reason = fmt.Sprintf("r2 is saved at +%#x", d.inFunction(asked[j], v.At))
			}
			d.proofs[asked[j]] = p
		}
		asked = asked[n:]
	}
}

// willSave reports whether an open site that is not proven gets a save stub, or
// stays on the one that it has.
func (d *decider) willSave(s *Site, p proof) bool {
	if p.entered || d.hasCells() && s.Entry >= 0 {
		return false
	}
	if _, why := d.pacaForm(s, p); why == NoReason {
		return false
	}
	// One that the table of a module lists may come to make no call at all.
	dec, why := d.saveStubForm(s, p)
	if dec.Listed {
		return false
	}
	stays := s.Tramp >= 0 && d.Object.Tramps[s.Tramp].Entry == StubSave && !d.AllowShadow
	return why == NoReason || stays
}

// inFunction turns an offset in a site's section into one from its function.
func (d *decider) inFunction(s *Site, off uint64) uint64 {
	if s.Func != 0 {
		off -= d.Object.File.Symbol(int(s.Func)).Value
	}
	return off
}
