// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"math"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/scpatch/scpatch/sites/layout"
)

// A recorded site is what an earlier run has recorded of it.
type recorded struct {
	form layout.RecordForm
	key  string
}

// toRecord lists the sites of which the object's records do not say what the plan
// says.
func (p *Plan) toRecord() ([]int32, error) {
	if p.NoRecord {
		return nil, nil
	}
	was, err := p.Object.records()
	if err != nil {
		return nil, err
	}
	sites := make([]int32, 0, len(p.Decisions)-min(len(was), len(p.Decisions)))
	for i := range p.Decisions {
		s := &p.Object.Sites[i]
		if r, ok := was[addr{int(s.Section), s.Off}]; ok && r == p.recorded(i) {
			continue
		}
		if s.Off > math.MaxUint32 {
			return nil, kind.BadCall.Wrap(p.Object.at(int(s.Section), s.Off, -1, "the section is larger than 4 GiB"))
		}
		sites = append(sites, int32(i))
	}
	return sites, nil
}

func (p *Plan) recorded(i int) recorded {
	return recorded{p.recordForm(i), p.Object.Keys[p.Object.Sites[i].Key].Name}
}

// recordForm is the form of a site in a record. The numbers of forms are the same
// there. A site that stays on the stub which an earlier run gave it is not on its
// trampoline.
func (p *Plan) recordForm(i int) layout.RecordForm {
	s, d := &p.Object.Sites[i], &p.Decisions[i]
	if d.Form == Keep && s.Tramp >= 0 {
		switch p.Object.Tramps[s.Tramp].Entry {
		case StubSave, StubNoTOC:
			return layout.RecordSaveStub
		case StubJump:
			return layout.RecordStack
		case StubShadow:
			return layout.RecordShadow
		}
	}
	return layout.RecordForm(d.Form)
}

// records reads the records of the object: what earlier runs have decided, the
// last of them for each place.
func (o *Object) records() (map[addr]recorded, error) {
	var was map[addr]recorded
	for _, i := range o.tables.records {
		sec := o.File.Section(i)
		bad := func(err error) error {
			return kind.BadTable.Errorf("section %v: %w", sec, err)
		}
		data, err := sec.Uncompressed()
		if err != nil {
			return nil, bad(err)
		}
		all, err := layout.ReadRecords(data)
		if err != nil {
			return nil, bad(err)
		}
		t, err := o.placed(i)
		if err != nil {
			return nil, err
		}
		next := 0
		for _, r := range all {
			at := r.At + layout.RecordBase
			if next = t.search(at, next); next == t.Len() || t.place(next) != at {
				continue // of code that is not there any more
			}
			rel := t.At(t.entry(next))
			base, ok := o.resolve(rel.Sym(), rel.Addend)
			if !ok || rel.Type() != uint32(elf.R_PPC64_ADDR64) {
				continue
			}
			if was == nil {
				was = map[addr]recorded{}
			}
			for _, e := range r.Entries {
				was[addr{base.sec, base.off + uint64(e.Off)}] = recorded{e.Form, r.Keys[e.Key].Name}
			}
		}
	}
	return was, nil
}

// A recordData is what becomes a section of records.
type recordData struct {
	group       int // of which it becomes a member, 0 for none
	data, relas []byte
}

// record writes what the plan says of each site. The sections of code that are in
// no group share one section of records; each group has its own, which goes with
// the code if a linker drops it.
func (a *applier) record() error {
	if len(a.Record) == 0 {
		return nil
	}
	a.findSectionSymbols()
	groups := a.Object.groupsOfSites()
	var all []*recordData
	byGroup := map[int]*recordData{}
	for lo := 0; lo < len(a.Record); {
		sec, hi := a.Object.Sites[a.Record[lo]].Section, lo
		for hi < len(a.Record) && a.Object.Sites[a.Record[hi]].Section == sec {
			hi++
		}
		group := groups[int(sec)]
		d := byGroup[group]
		if d == nil {
			d = &recordData{group: group}
			byGroup[group] = d
			all = append(all, d)
		}
		if err := a.addRecord(d, int(sec), a.Record[lo:hi]); err != nil {
			return err
		}
		lo = hi
	}
	for _, d := range all {
		sec, err := a.edit.AddSection(elfrw.NewSection{
			Name: layout.RecordSection, Type: elf.SHT_PROGBITS, Addralign: 8, Data: d.data, Group: d.group,
		})
		if err != nil {
			return err
		}
		if err := a.addRela(layout.RecordSection, sec, d.group, d.relas); err != nil {
			return err
		}
	}
	return nil
}

// addRecord appends the record of sites of one section.
func (a *applier) addRecord(d *recordData, sec int, sites []int32) error {
	keys := a.recordKeys(sites)
	r := layout.Record{
		Place: uint8(a.Place), Runtime: uint8(a.Runtime),
		Keys: make([]layout.RecordKey, len(keys)), Entries: make([]layout.RecordEntry, len(sites)),
	}
	base := uint64(len(d.data))
	sym, err := a.sectionSymbol(sec)
	if err != nil {
		return err
	}
	d.relas = slices.Grow(d.relas, (1+len(keys))*reloc.RelaSize)
	d.relas = appendRela(d.relas, rela64(base+layout.RecordBase, sym, uint32(elf.R_PPC64_ADDR64), 0))
	for i, key := range keys {
		k := &a.Object.Keys[key]
		r.Keys[i].Name = k.Name
		if a.Object.definesKey(k) {
			d.relas = appendRela(d.relas, rela64(base+layout.RecordKeyAddr(i), int(k.Sym), uint32(elf.R_PPC64_ADDR64), 0))
		}
	}
	for i, site := range sites {
		s := &a.Object.Sites[site]
		n, _ := slices.BinarySearch(keys, s.Key)
		r.Entries[i] = layout.RecordEntry{Off: uint32(s.Off), Key: uint32(n), Form: a.recordForm(int(site)), Flags: recordFlags(s, &a.Decisions[site])}
	}
	d.data = r.Append(d.data)
	return nil
}

// recordKeys returns the keys of sites, each once, in order.
func (p *Plan) recordKeys(sites []int32) []int32 {
	keys := make([]int32, len(sites))
	for i, site := range sites {
		keys[i] = p.Object.Sites[site].Key
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func recordFlags(s *Site, d *Decision) (flags uint8) {
	if s.Tail {
		flags |= layout.RecordTail
	}
	if s.NoTOC() {
		flags |= layout.RecordNoTOC
	}
	if d.Listed {
		flags |= layout.RecordListed
	}
	return flags
}

// definesKey reports whether a key's address is known to be that of its symbol
// here. Others are known by their names: ld.bfd leaves the address of a symbol of
// a shared library 0 in a section that is not loaded.
func (o *Object) definesKey(k *Key) bool {
	if k.Sym == 0 {
		return false
	}
	s := o.File.Symbol(int(k.Sym))
	return s.Section != 0 && s.Bind() != elf.STB_WEAK && !o.inComdat(s.Section)
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
