// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// record checks that the added records say about each site what the plan says.
func (c *checker) record() error {
	left := make(map[int32][]int32, 1) // by section of code: the sites to be recorded
	for lo := 0; lo < len(c.Record); {
		sec, hi := c.Object.Sites[c.Record[lo]].Section, lo
		for hi < len(c.Record) && c.Object.Sites[c.Record[hi]].Section == sec {
			hi++
		}
		left[sec] = c.Record[lo:hi]
		lo = hi
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
// Reserved fields, and those that relocations fill in, must be 0.
func (c *checker) recordSection(sec int, left map[int32][]int32, groups map[int]int) error {
	data := c.out.SectionData(sec)
	relas, err := c.recordRelas(sec)
	if err != nil {
		return err
	}
	for at := uint64(0); at < uint64(len(data)); {
		r, ok, err := layout.NextRecord(data, at)
		if err != nil {
			return err
		}
		if !ok || r.At != at || !r.Exact() {
			return fmt.Errorf("section %d holds more than its records", sec)
		}
		if err := c.oneRecord(&r, relas, left, groups); err != nil {
			return err
		}
		at = r.End()
	}
	if relas.next != relas.Len() {
		return fmt.Errorf("section %d has %d relocations, not the planned %d", sec, relas.Len(), relas.next)
	}
	return nil
}

// recordRelas are the relocations of a section of records, which are in the order of
// its fields.
type recordRelas struct {
	reloc.Table
	sec  int
	next int
}

func (c *checker) recordRelas(sec int) (*recordRelas, error) {
	if sec+1 == c.out.NumSections() || int(c.out.Section(sec+1).Info) != sec || !c.out.Section(sec+1).Is(elf.SHT_RELA) {
		return nil, fmt.Errorf("section %d has no relocations", sec)
	}
	t, err := reloc.NewTable(c.out.Section(sec + 1).Data())
	return &recordRelas{Table: t, sec: sec}, err
}

// want takes the next relocation, which must write the field at an offset.
func (t *recordRelas) want(off uint64, what string) (reloc.Rela, error) {
	if t.next == t.Len() || t.Off(t.next) != off || t.At(t.next).Type() != uint32(elf.R_PPC64_ADDR64) || t.At(t.next).Addend != 0 {
		return reloc.Rela{}, fmt.Errorf("offset 0x%x of section %d: no R_PPC64_ADDR64 against %s", off, t.sec, what)
	}
	t.next++
	return t.At(t.next - 1), nil
}

// oneRecord checks the record of one section of code.
func (c *checker) oneRecord(r *layout.RawRecord, relas *recordRelas, left map[int32][]int32, groups map[int]int) error {
	if r.Base() != 0 {
		return fmt.Errorf("section %d holds an address", relas.sec)
	}
	rel, err := relas.want(r.At+layout.RecordBase, "a section of code")
	if err != nil {
		return err
	}
	s, _ := c.symbol(int(rel.Sym())) // if there is none, it is in no section
	sites, planned := left[int32(s.Section)]
	delete(left, int32(s.Section))
	if !planned || s.Value != 0 || len(sites) != r.Entries || r.Place() != uint8(c.Place) || r.Runtime() != c.Runtime {
		return fmt.Errorf("%d entries for section %d, not the planned %d", r.Entries, s.Section, len(sites))
	}
	if g := groups[s.Section]; g != 0 && !c.areMembers(g, relas.sec, relas.sec+1) {
		return fmt.Errorf("section %d is not in the group of its code", relas.sec)
	}
	keys, err := c.recordEntries(r, sites)
	if err != nil {
		return err
	}
	return c.recordKeys(r, relas, keys)
}

// A recordedKey is a key as the entries of a record use it.
type recordedKey struct {
	*Key
	target int32 // symbol of the function that direct calls go to, 0 if the record names none
}

// recordEntries checks the entries of a record, and returns its keys as they use them.
func (c *checker) recordEntries(r *layout.RawRecord, sites []int32) ([]recordedKey, error) {
	keys := make([]recordedKey, r.Keys)
	for k, i := range sites {
		site, dec := &c.Object.Sites[i], &c.Decisions[i]
		e, err := r.Entry(k)
		if err != nil {
			return nil, err
		}
		key, is := &keys[e.Key], &c.Object.Keys[site.Key]
		if key.Key == nil {
			if _, _, name, err := r.Key(int(e.Key)); err == nil && string(name) == is.Name {
				key.Key = is
			}
		}
		if uint64(e.Off) != site.Off || e.Form != c.recordForm(int(i)) || e.Flags != recordFlags(site, dec) || key.Key != is {
			return nil, c.differs(site, "the record has the wrong form, place or key")
		}
		if dec.Form == Direct && key.target != dec.Target && !c.Object.givesWay(c.Object.File.Symbol(int(dec.Target))) {
			key.target = dec.Target
		}
	}
	return keys, nil
}

// recordKeys checks the addresses of a record's keys and of their targets, which only
// relocations write.
func (c *checker) recordKeys(r *layout.RawRecord, relas *recordRelas, keys []recordedKey) error {
	for k, key := range keys {
		addr, target, _, err := r.Key(k)
		if err != nil {
			return err
		}
		if key.Key == nil || addr != 0 || target != 0 {
			return fmt.Errorf("key %d of section %d is of no site", k, relas.sec)
		}
		sym := int(key.Sym)
		if !c.Object.definesKey(key.Key) {
			sym = 0
		}
		if err := c.recordAddress(relas, r.At+layout.RecordKeyAddr(k), sym, "the key"); err != nil {
			return err
		}
		if err := c.recordAddress(relas, r.At+layout.RecordTargetAddr(k), int(key.target), "the target"); err != nil {
			return err
		}
	}
	return nil
}

// recordAddress checks that the field at an offset gets the address of a symbol of the
// input. 0 stands for no symbol and no relocation.
func (c *checker) recordAddress(relas *recordRelas, off uint64, sym int, what string) error {
	if sym == 0 {
		return nil
	}
	rel, err := relas.want(off, what)
	if err == nil && !c.sameSymbol(int(rel.Sym()), sym) {
		err = fmt.Errorf("offset 0x%x of section %d does not have the address of %s", off, relas.sec, what)
	}
	return err
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
