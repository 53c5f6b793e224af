// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A recorded is what an earlier run has recorded about a site.
type recorded struct {
	form    layout.RecordForm
	key     string
	place   Place
	runtime Runtime
}

// records reads the records of the object, which say what earlier runs have
// decided. If several are about one place, the last one counts.
func (o *Object) records() (map[addr]recorded, error) {
	var was map[addr]recorded
	for _, i := range o.tables.records {
		sec := o.File.Section(i)
		bad := func(err error) error {
			return errkind.BadTable.Errorf("section %v: %w", sec, err)
		}
		data, err := sec.Uncompressed()
		if err != nil {
			return nil, bad(err)
		}
		all, err := layout.ReadRecords(data)
		if err != nil {
			return nil, bad(err)
		}
		t, err := o.sorted(i)
		if err != nil {
			return nil, err
		}
		next := 0
		for _, r := range all {
			at := r.At + layout.RecordBase
			if next = t.Search(at, next); next == t.Len() || t.NthOff(next) != at {
				continue // its code no longer exists
			}
			rel := t.Nth(next)
			base, ok := o.resolve(rel.Sym(), rel.Addend)
			if !ok || rel.Type() != uint32(elf.R_PPC64_ADDR64) {
				continue
			}
			if was == nil {
				was = map[addr]recorded{}
			}
			for _, e := range r.Entries {
				was[addr{base.sec, base.off + uint64(e.Off)}] = recorded{e.Form, r.Keys[e.Key].Name, Place(r.Place), r.Runtime}
			}
		}
	}
	return was, nil
}

// definesKey reports whether a key's address is certainly that of its symbol here.
// Records identify other keys by name: in a section that is not loaded, ld.bfd leaves
// the address of a shared library's symbol 0.
func (o *Object) definesKey(k *Key) bool {
	s := o.File.Symbol(int(k.Sym))
	return s.Section != 0 && !o.givesWay(s)
}

// groupsOfSites maps the sections with sites to the SHT_GROUP sections that they
// are members of.
func (o *Object) groupsOfSites() map[int]int {
	groups := map[int]int{}
	for lo := range o.bySection() {
		if sec := int(o.Sites[lo].Section); o.inComdat(sec) {
			groups[sec] = 0
		}
	}
	if len(groups) == 0 {
		return groups
	}
	for i := 1; i < o.File.NumSections(); i++ {
		if o.File.SectionType(i) != elf.SHT_GROUP {
			continue
		}
		for m := range o.File.Section(i).Members() {
			if _, ok := groups[m]; ok {
				groups[m] = i
			}
		}
	}
	return groups
}
