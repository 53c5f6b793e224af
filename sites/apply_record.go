// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// A recordData is the content of a section of records.
type recordData struct {
	group       int // the group that the section joins, 0 for none
	data, relas []byte
}

// record writes what the plan says about each site. Sections of code outside
// groups share one section of records. Each group has its own, so that a linker
// that drops the group drops both.
func (a *applier) record() error {
	if len(a.Record) == 0 {
		return nil
	}
	a.findSectionSymbols()
	groups := a.Object.groupsOfSites()
	var all []*recordData
	numbers := make([]int32, len(a.Object.Keys)) // see recordKeys
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
		if err := a.addRecord(d, int(sec), a.Record[lo:hi], numbers); err != nil {
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

// addRecord appends the record of the sites of one section.
func (a *applier) addRecord(d *recordData, sec int, sites, numbers []int32) error {
	keys := a.recordKeys(sites, numbers)
	r := &a.written
	r.Place, r.Runtime = uint8(a.Place), a.Runtime
	r.Keys, r.Entries = r.Keys[:0], r.Entries[:0]
	base := uint64(len(d.data))
	sym, err := a.sectionSymbol(sec)
	if err != nil {
		return err
	}
	if n := (1 + 2*len(keys)) * reloc.RelaSize; n > cap(d.relas)-len(d.relas) {
		d.relas = slices.Grow(d.relas, max(n, len(d.relas))) // append's own growth copies more often
	}
	d.relas = appendRela(d.relas, rela64(base+layout.RecordBase, sym, uint32(elf.R_PPC64_ADDR64), 0))
	targets := a.recordTargets(len(keys), sites, numbers)
	r.Keys = slices.Grow(r.Keys, len(keys))
	for i, key := range keys {
		k := &a.Object.Keys[key]
		r.Keys = append(r.Keys, layout.RecordKey{Name: k.Name})
		if a.Object.definesKey(k) {
			d.relas = appendRela(d.relas, rela64(base+layout.RecordKeyAddr(i), int(k.Sym), uint32(elf.R_PPC64_ADDR64), 0))
		}
		if targets[i] != 0 {
			d.relas = appendRela(d.relas, rela64(base+layout.RecordTargetAddr(i), int(targets[i]), uint32(elf.R_PPC64_ADDR64), 0))
		}
	}
	r.Entries = slices.Grow(r.Entries, len(sites))
	for _, site := range sites {
		s := &a.Object.Sites[site]
		r.Entries = append(r.Entries, layout.RecordEntry{Off: uint32(s.Off), Key: uint32(numbers[s.Key]), Form: a.recordForm(int(site)), Flags: recordFlags(s, &a.Decisions[site])})
	}
	d.data = r.Append(d.data)
	return nil
}
