// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// record checks that the added records say about each site what the plan says.
func (c *checker) record() error {
	left := make(map[int32][]int32, 1) // by section of code: the sites that are to be recorded
	for _, i := range c.Record {
		sec := c.Object.Sites[i].Section
		left[sec] = append(left[sec], i)
	}
	groups := c.Object.groupsOfSites()
	for i := c.Object.File.NumSections(); i < c.out.NumSections(); i++ {
		if sec := c.out.Section(i); sec.Named(layout.RecordSection) {
			if err := c.recordSection(i, left, groups); err != nil {
				return fmt.Errorf("%w: the record of sites: %w", ErrNotAsPlanned, err)
			}
		}
	}
	for sec := range left {
		return fmt.Errorf("%w: no record of the sites of section %v", ErrNotAsPlanned, c.out.Section(int(sec)))
	}
	return nil
}

// recordSection checks one added section of records, whose relocations are in the
// section after it, and removes the records that it finds from those that are left.
func (c *checker) recordSection(sec int, left map[int32][]int32, groups map[int]int) error {
	data := c.out.Section(sec).Data()
	all, err := layout.ReadRecords(data)
	if err != nil {
		return err
	}
	var again []byte
	for i := range all {
		again = all[i].Append(again)
	}
	if !bytes.Equal(again, data) { // a reserved field, or one that only a relocation writes
		return fmt.Errorf("section %d holds more than its records", sec)
	}
	if sec+1 == c.out.NumSections() || int(c.out.Section(sec+1).Info) != sec || !c.out.Section(sec+1).Is(elf.SHT_RELA) {
		return fmt.Errorf("section %d has no relocations", sec)
	}
	t, err := reloc.NewTable(c.out.Section(sec + 1).Data())
	if err != nil {
		return err
	}
	next := 0
	for i := range all {
		r, at := &all[i], all[i].At
		if r.Base != 0 {
			return fmt.Errorf("section %d holds an address", sec)
		}
		want := func(off uint64, what string) (reloc.Rela, error) {
			if next == t.Len() || t.Off(next) != at+off || t.At(next).Type() != uint32(elf.R_PPC64_ADDR64) || t.At(next).Addend != 0 {
				return reloc.Rela{}, fmt.Errorf("offset 0x%x of section %d: no R_PPC64_ADDR64 against %s", at+off, sec, what)
			}
			next++
			return t.At(next - 1), nil
		}
		names := func(off uint64, sym int, what string) error {
			if sym == 0 {
				return nil
			}
			rel, err := want(off, what)
			if err == nil && !c.sameSymbol(int(rel.Sym()), sym) {
				err = fmt.Errorf("offset 0x%x of section %d has not the address of %s", at+off, sec, what)
			}
			return err
		}
		rel, err := want(layout.RecordBase, "a section of code")
		if err != nil {
			return err
		}
		s, ok := c.symbol(int(rel.Sym()))
		sites := left[int32(s.Section)]
		delete(left, int32(s.Section))
		if !ok || s.Value != 0 || len(sites) != len(r.Entries) || r.Place != uint8(c.Place) || r.Runtime != uint8(c.Runtime) {
			return fmt.Errorf("%d entries for section %d, not the planned %d", len(r.Entries), s.Section, len(sites))
		}
		if g := groups[s.Section]; g != 0 && !c.areMembers(g, sec, sec+1) {
			return fmt.Errorf("section %d is not in the group of its code", sec)
		}
		keys := make([]*Key, len(r.Keys)) // as the entries use them
		targets := make([]int32, len(r.Keys))
		for k, e := range r.Entries {
			site, dec := &c.Object.Sites[sites[k]], &c.Decisions[sites[k]]
			key := &c.Object.Keys[site.Key]
			if keys[e.Key] == nil {
				keys[e.Key] = key
			}
			if uint64(e.Off) != site.Off || e.Form != c.recordForm(int(sites[k])) || e.Flags != recordFlags(site, dec) ||
				keys[e.Key] != key || r.Keys[e.Key].Name != key.Name {
				return c.differs(site, "the record has the wrong form, place or key")
			}
			if dec.Form == Direct && c.mayName(int(dec.Target)) {
				targets[e.Key] = dec.Target
			}
		}
		for k, key := range keys {
			if key == nil || r.Keys[k].Addr != 0 || r.Keys[k].Target != 0 {
				return fmt.Errorf("key %d of section %d is of no site", k, sec)
			}
			sym := int(key.Sym)
			if !c.Object.definesKey(key) {
				sym = 0
			}
			if err := names(layout.RecordKeyAddr(k), sym, "the key"); err != nil {
				return err
			}
			if err := names(layout.RecordTargetAddr(k), int(targets[k]), "the target"); err != nil {
				return err
			}
		}
	}
	if next != t.Len() {
		return fmt.Errorf("section %d has %d relocations, not the planned %d", sec, t.Len(), next)
	}
	return nil
}

// mayName reports whether a record may name a function that direct calls go to: a linker
// must not drop its definition for one of another object.
func (c *checker) mayName(sym int) bool {
	s := c.Object.File.Symbol(sym)
	return s.Bind() != elf.STB_WEAK && !c.Object.inComdat(s.Section)
}

// areMembers reports whether sections are members of a group of the output.
func (c *checker) areMembers(group int, secs ...int) bool {
	in := map[int]bool{}
	for m := range c.out.Section(group).Members() {
		in[m] = true
	}
	for _, s := range secs {
		if !in[s] {
			return false
		}
	}
	return true
}
