// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"cmp"
	"debug/elf"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A recorded is what scpatch recorded about one site.
type recorded struct {
	at      uint64
	key     uint64 // 0: the file does not contain it
	target  uint64 // of a direct call; 0 if not known
	name    string // of the key
	form    layout.RecordForm
	flags   uint8
	runtime Runtime
	clash   string // another key that a record has for this place
}

// records returns what scpatch recorded about the sites, in order of place.
// found reports whether there are records at all: a record of code that the
// linker dropped has no sites left.
func (p *program) records() (all []recorded, found bool, err error) {
	for i := 1; i < p.file.NumSections(); i++ {
		s := p.file.Section(i)
		if s.NameString() != layout.RecordSection {
			continue
		}
		bad := func(err error) error {
			k := errkind.Of(err)
			if k == errkind.None {
				k = errkind.BadRecord
			}
			return k.Errorf("section %v: %w", s, err)
		}
		data, err := s.Uncompressed()
		if err != nil {
			return nil, false, bad(err)
		}
		if p.object {
			data = slices.Clone(data)
			if !p.relocate(i, 0, data) {
				return nil, false, errkind.BadRecord.Errorf("section %v: a relocation of a record cannot be applied", s)
			}
		}
		list, err := layout.ReadRecords(data)
		if err != nil {
			return nil, false, bad(err)
		}
		for j := range list {
			found = true
			if all, err = p.addRecord(all, &list[j]); err != nil {
				return nil, false, bad(err)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b recorded) int { return cmp.Compare(a.at, b.at) })
	return merge(all), found, nil
}

// merge keeps the last record of each place.
func merge(all []recorded) []recorded {
	out := all[:0]
	for i := range all {
		if n := len(out); n > 0 && out[n-1].at == all[i].at {
			if out[n-1].name != all[i].name {
				all[i].clash = out[n-1].name
			}
			out[n-1] = all[i]
			continue
		}
		out = append(out, all[i])
	}
	return out
}

// dropped reports whether an address stands for code that the linker dropped, or
// folded into equal code elsewhere.
func dropped(base uint64) bool { return base+1 <= 2 }

// addRecord adds the sites of a record.
func (p *program) addRecord(all []recorded, r *layout.Record) ([]recorded, error) {
	if dropped(r.Base) {
		return all, nil
	}
	if err := p.adopt(r.Place); err != nil {
		return nil, err
	}
	keys := make([]uint64, len(r.Keys))
	for i := range r.Keys {
		if k := &r.Keys[i]; !dropped(k.Addr) {
			keys[i] = k.Addr
		} else {
			keys[i] = p.keyNamed(plainVersion(k.Name))
		}
	}
	for _, e := range r.Entries {
		at := r.Base + uint64(e.Off)
		if _, ok := p.word(at); !ok || at%ppc64.WordSize != 0 {
			if sec, _, located := p.locate(at); located && !sec.IsCode() && e.Form == layout.RecordKeep && (r.Place != placeUser || layout.IsAlternative(sec)) {
				continue // Linux has alternative code in data sections
			}
			return nil, errkind.BadRecord.Errorf("a site of key %s is at %s, which is not code", errkind.Printable(r.Keys[e.Key].Name), p.name(at))
		}
		all = append(all, recorded{
			at: at, key: keys[e.Key], target: r.Keys[e.Key].Target, name: plainVersion(r.Keys[e.Key].Name),
			form: e.Form, flags: e.Flags, runtime: r.Runtime,
		})
	}
	return all, nil
}

// Where code runs, as in a record; 0 is the kernel image.
const placeModule, placeUser = 1, 2

// adopt takes from a record where the code runs, unless an option does.
func (p *program) adopt(place uint8) error {
	switch {
	case place > placeUser:
		return errkind.BadRecord.Errorf("a record is for code that runs in place %d, which does not exist", place)
	case p.adopted && place != p.place:
		return errkind.BadRecord.Errorf("the records are for code that runs in different places, %d and %d", p.place, place)
	case !p.adopted && p.kernel():
		p.opts.Module, p.opts.User = place == placeModule, place == placeUser
	}
	p.adopted, p.place = true, place
	p.elsewhere = p.opts.Module != (place == placeModule) || p.opts.User != (place == placeUser)
	return nil
}

// keyNamed returns the address of the key with a name. If the file does not contain
// the key, its trampoline stands for it; if it has neither, the address is 0.
func (p *program) keyNamed(name string) uint64 {
	if p.byKey == nil {
		p.byKey, p.byBase = map[string]uint64{}, map[string]uint64{}
		p.nameKeys(p.symbols)
		if !p.object {
			p.nameKeys(p.dynamic)
		}
	}
	for _, prefix := range []string{layout.KeyPrefix, layout.TrampPrefix} {
		if at, ok := p.byKey[prefix+name]; ok {
			return at
		}
		if at, ok := p.byBase[prefix+name]; ok {
			return at
		}
	}
	return 0
}

// nameKeys notes keys and trampolines by their names: global symbols take precedence
// over local ones, and definitions over symbols of other units.
func (p *program) nameKeys(symbols []symbol) {
	for _, local := range []bool{false, true} {
		for i := range symbols {
			s := &symbols[i]
			if !p.isOurs(s.name) || (s.bind == elf.STB_LOCAL) != local || s.section == 0 && !s.foreign {
				continue
			}
			if old, ok := p.byKey[s.name]; !ok || p.foreign(old) && !s.foreign && !local {
				p.byKey[s.name] = s.addr
			}
			if base, _, has := strings.Cut(s.name, "@"); has && p.byBase[base] == 0 {
				p.byBase[base] = s.addr
			}
		}
	}
}

// record returns what is recorded about a place, or nil.
func (v *verifier) record(at uint64) *recorded {
	i, ok := slices.BinarySearchFunc(v.recorded, at, func(r recorded, at uint64) int { return cmp.Compare(r.at, at) })
	if !ok {
		return nil
	}
	return &v.recorded[i]
}

// recordedSites checks the sites that are in a record but in no table.
func (v *verifier) recordedSites() {
	for i := range v.recorded {
		r := &v.recorded[i]
		if v.listed(r.at) {
			continue
		}
		v.sites++
		s := site{at: r.at, key: v.versionOf(r), rec: r}
		if r.flags&layout.RecordTail != 0 {
			s.flags = layout.FlagTail
		}
		if r.flags&layout.RecordListed != 0 {
			v.fault(&s, errkind.NotListed.Errorf("the record says that a table lists the site, and none does"))
			continue
		}
		v.checkSite(&s)
	}
}

// versionOf returns the key of a recorded site. If the record's name has no version
// and the file uses several, the linker chose the one that the call goes through.
func (v *verifier) versionOf(r *recorded) uint64 {
	w, _ := v.word(r.at)
	if v.keyName(r.key) == r.name || !v.foreign(r.key) || !w.IsBranch() {
		return r.key
	}
	m := v.start(v.ownTOC(r.at))
	m.pc, m.lr = v.branchAt(r.at, w).to, value{kind: returnTo}
	if key := v.loadsFrom(m); key != 0 && sameKey(v.keyName(key), r.name) {
		return key
	}
	return r.key
}

// kept reports whether the plan left a site as it was. A plan for code that runs
// elsewhere does not count.
func (v *verifier) kept(s *site) bool {
	return s.rec != nil && s.rec.form == layout.RecordKeep && !v.elsewhere
}

// checkRecord compares the key and the flags of a site with its record.
func (v *verifier) checkRecord(s *site) error {
	r := s.rec
	switch {
	case r.clash != "":
		return errkind.BadRecord.Errorf("one record says that the key is %s, another %s", errkind.Printable(r.clash), errkind.Printable(r.name))
	case s.key != r.key && !sameKey(v.keyName(s.key), r.name) && (r.key != 0 || v.keyName(s.key) != ""):
		return errkind.BadTable.Errorf("the entry's key is %s, the record says %s", v.name(s.key), errkind.Printable(r.name))
	case s.entry != 0 && s.tail() != (r.flags&layout.RecordTail != 0):
		return errkind.BadTable.Errorf("the entry says tail call %v, the record says the opposite", s.tail())
	case s.user && (s.flags&layout.FlagNoTOC != 0) != (r.flags&layout.RecordNoTOC != 0):
		return errkind.BadTable.Errorf("the entry and the record disagree on whether the caller keeps a TOC pointer")
	}
	return nil
}

// checkForm compares what a site does with the recorded form, except for sites in the
// table of a kernel image, which may have been retargeted after the link.
func (v *verifier) checkForm(s *site, w ppc64.Word, b branch, o *outcome) error {
	if s.rec == nil || s.entry != 0 && v.needsTable() {
		return nil
	}
	if found := v.unlike(s, w, b, o); found != "" {
		return errkind.BadRecord.Errorf("the record says %v, found %s", s.rec.form, found)
	}
	return nil
}

// unlike returns what a site has instead of its recorded form, or empty. Without a
// branch there is no outcome.
func (v *verifier) unlike(s *site, w ppc64.Word, b branch, o *outcome) string {
	form := s.rec.form
	switch {
	case o == nil && (form == layout.RecordConstant || form == layout.RecordStack && s.entry != 0 && !s.user):
		return ""
	case o == nil, form == layout.RecordConstant:
		return w.String()
	}
	return cmp.Or(v.unlikeCall(s, b, o), v.unlikeSlot(s))
}

// unlikeCall returns what a site calls if that does not fit its recorded form.
func (v *verifier) unlikeCall(s *site, b branch, o *outcome) string {
	switch form := s.rec.form; form {
	case layout.RecordDirect:
		if o.tramp || o.ending == through {
			return "a call to " + v.name(o.at) + ", which goes through the key"
		}
	case layout.RecordKeep, layout.RecordLinker:
		// A trampoline without a name is not recognized.
		_, named := v.trampolineOf(s.rec.name)
		if !o.tramp && named && (form == layout.RecordLinker || s.entry == 0) {
			return "a call to something other than the trampoline"
		}
	case layout.RecordSaveStub:
		if v.callsTrampoline(s, b, o) || o.ending == arrived && !o.tramp {
			return "a call to " + v.name(o.at)
		}
	case layout.RecordStack:
		if s.user && o.ending != through { // a run time might not be able to write there
			return "a call to " + v.name(o.at)
		}
	}
	return ""
}

// unlikeSlot returns what is after a call if the recorded form has a restore there.
func (v *verifier) unlikeSlot(s *site) string {
	slot, ok := v.slot(s)
	switch s.rec.form {
	case layout.RecordSaveStub, layout.RecordStack:
		ok = restores(slot, ok) || s.rec.flags&(layout.RecordNoTOC|layout.RecordTail) != 0
	case layout.RecordPACA:
		ok = ok && slot.Opcode() == 58 && slot.RT() == 2 && slot.RA() == 13
	default:
		return ""
	}
	if !ok {
		return slot.String() + " after the call"
	}
	return ""
}

// callsTrampoline reports whether a call goes to a trampoline, perhaps through
// a linker's stub. Stubs do not count, although those of a module lead to a
// trampoline, as does every stub if a trampoline stands for the key.
func (v *verifier) callsTrampoline(s *site, b branch, o *outcome) bool {
	if v.opts.Module {
		return v.entersTrampoline(b.to)
	}
	return o.tramp && !v.isTrampoline(s.key)
}
