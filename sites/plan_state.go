// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
)

// reconcile compares what a site does now with what it should do.
func (d *decider) reconcile(s *Site, now state, dec *Decision) error {
	o := d.Object
	if now.form == Keep {
		d.unchanged(s, dec)
		return nil
	}
	if dec.Form == Keep {
		switch dec.Reason {
		case KeyMissing, KeyUndefined, KeyWeak, KeyReplaceable, KeyAmbiguous:
			dec.Done = true // this object does not determine what the key holds
			return nil
		}
		return o.at(int(s.Section), s.Off, -1, "the site has left its trampoline already (%v), but %s", s.Word, dec.Reason.Text())
	}
	name := errkind.Printable(o.Keys[s.Key].Name)
	switch {
	case dec.Stub != noStub && (now.form == Direct || d.env.userTable):
		return nil // the stub goes through the key, and is right whatever the site did
	case (now.form == Constant) == dec.Word.IsBranch(), now.form == Constant && s.Word != dec.Word:
		return o.at(int(s.Section), s.Off, -1, "found %v, but with what key %s holds it would be %v", s.Word, name, dec.Word)
	case now.form == Direct && now.target != int(dec.Target) && (now.target != 0 || !o.enters(now.place, int(dec.Target))):
		return o.at(int(s.Section), s.Off, -1, "the site calls %s, but key %s holds %s", errkind.Printable(o.stateTarget(now)), name, errkind.Printable(o.name(int(dec.Target))))
	}
	dec.Word = s.Word
	dec.Done = s.SlotWord == dec.Slot
	return nil
}

// unchanged sets dec.Done if a site on its trampoline, or on a stub, already
// has its form: there is nothing to write.
func (d *decider) unchanged(s *Site, dec *Decision) {
	tramp := d.Object.Tramps[s.Tramp]
	if dec.Stub != noStub && dec.Target == 0 && tramp.Entry == dec.Stub {
		dec.Target = tramp.Sym
	}
	if dec.Form == Keep || dec.Target != tramp.Sym || !dec.Word.IsBranch() {
		return
	}
	dec.Word = s.Word // possibly with a displacement from the assembler
	dec.Done = s.SlotWord == dec.Slot
	if dec.Form == Linker {
		l, _ := ppc64.LocalEntryOf(d.Object.File.Symbol(int(tramp.Sym)).Other)
		dec.Done = dec.Done && l == ppc64.LocalEntryClobbers
	}
}
