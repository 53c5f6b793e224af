// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/scpatch/scpatch/sites/textmap"
)

// A proof is the answer whether 24(r1) holds the caller's r2 at a site.
type proof struct {
	proven bool
	reason string // the save, or why there is none, in words
}

// prove answers for all open sites that have a slot, function by function.
func (d *decider) prove() error {
	o := d.Object
	var secs, asked []int
	for _, i := range d.open {
		s := &o.Sites[i]
		if s.Tail || s.NoTOC() || s.Slot == SlotNone || d.around(s).refused != NoReason {
			continue
		}
		asked = append(asked, i)
		if n := len(secs); n == 0 || secs[n-1] != int(s.Section) {
			secs = append(secs, int(s.Section))
		}
	}
	d.proofs = make(map[int]proof, len(asked))
	if len(asked) == 0 {
		return nil
	}
	text, err := textmap.Read(o.File, secs)
	if err != nil {
		return kind.BadELF.Wrap(err)
	}
	for i := range o.Sites {
		if s := &o.Sites[i]; s.Slot == SlotPACA && d.paca >= 0 && s.Behind == restorePACA(d.paca) {
			text.Restores(int(s.Section), s.Off+ppc64.WordSize)
		}
		// The slot of a module's site is reached through the stub's save, or not
		// at all.
		if s := &o.Sites[i]; s.Slot == SlotRestore && d.hasCells() && s.Entry >= 0 && o.Table.Entries[s.Entry].Stub == StubSave {
			text.Restores(int(s.Section), s.Off+ppc64.WordSize)
		}
	}
	if !d.ask(text, asked) {
		return nil
	}
	// A site that is to call a stub saves r2 for those behind it. That one of
	// them is then proven, and calls no such stub, takes nothing from the others:
	// what it would have saved was saved before.
	d.ask(text, asked)
	return nil
}

// ask answers for the sites, which are in order of place, and tells the text
// which of the others will save r2; it reports whether there are any.
func (d *decider) ask(text *textmap.Map, asked []int) (saves bool) {
	o := d.Object
	for lo := 0; lo < len(asked); {
		sec, hi := o.Sites[asked[lo]].Section, lo
		var calls []uint64
		for ; hi < len(asked) && o.Sites[asked[hi]].Section == sec; hi++ {
			calls = append(calls, o.Sites[asked[hi]].Off)
		}
		for j, v := range text.Prove(int(sec), calls) {
			i := asked[lo+j]
			p := proof{proven: v.Proven, reason: v.Reason}
			if v.Proven {
				p.reason = fmt.Sprintf("r2 is saved at +%#x", d.inFunction(i, v.At))
			} else if d.willSave(&o.Sites[i]) {
				text.Saves(int(sec), o.Sites[i].Off)
				saves = true
			}
			d.proofs[i] = p
		}
		lo = hi
	}
	return saves
}

// willSave reports whether an open site that is not proven gets a save stub, or
// stays on the one that it has.
func (d *decider) willSave(s *Site) bool {
	if d.slotEntered(s) || d.hasCells() && s.Entry >= 0 {
		return false
	}
	if _, why := d.pacaForm(s, proof{}); why == NoReason {
		return false
	}
	// One that the table of a module lists may come to make no call at all.
	dec, why := d.saveStubForm(s, proof{})
	if dec.Listed {
		return false
	}
	stays := s.Tramp >= 0 && d.Object.Tramps[s.Tramp].Entry == StubSave && !d.AllowShadow
	return why == NoReason || stays
}

// inFunction turns an offset in a site's section into one from its function.
func (d *decider) inFunction(site int, off uint64) uint64 {
	if fn := d.Object.Sites[site].Func; fn != 0 {
		off -= d.Object.File.Symbol(int(fn)).Value
	}
	return off
}
