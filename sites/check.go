// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// Check reads an output and compares it with the plan: the words and the
// relocation of each site; what the stubs do, their cells and their call-frame
// information; the entries of the table; and the record. It judges everything
// by the words and relocations in the output, and uses no code that found the
// sites or applied the plan. The error wraps [ErrNotAsPlanned].
func (p *Plan) Check(out *elfrw.File) error {
	relas, err := findRelas(out)
	if err != nil {
		return err
	}
	c := checker{Plan: p, out: out, relas: relas, same: index.NewSet(p.Object.File.NumSymbols()), tables: map[int]int{}, userCells: map[uint64]stubName{}}
	for _, part := range p.userParts() {
		if part.code != 0 {
			c.tables[part.code]++
		}
	}
	if err := c.stubs(); err != nil {
		return err
	}
	for lo, hi := range p.Object.bySection() {
		if err := c.section(lo, hi); err != nil {
			return err
		}
	}
	if err := c.table(); err != nil {
		return err
	}
	return c.record()
}

// section checks the sites [lo, hi), which are all in one section.
func (c *checker) section(lo, hi int) error {
	sec := int(c.Object.Sites[lo].Section)
	code := c.out.Section(sec).Data()
	rela, err := c.relocations(sec)
	if err != nil {
		return err
	}
	was, _ := c.Object.table(sec) // Find has read it
	next, more := 0, 0            // more: by how many the relocations before a site have grown
	for i := lo; i < hi; i++ {
		s, d := &c.Object.Sites[i], &c.Decisions[i]
		switch {
		case !d.changes():
		case s.Rela >= 0 && !d.Word.IsBranch():
			more--
		case s.Rela < 0 && c.retargets(s, d):
			more++
		}
		if err := c.words(s, d, code); err != nil {
			return err
		}
		if s.Rela >= 0 {
			next = int(s.Rela) + more
		}
		if next, err = c.call(s, d, was, rela, next); err != nil {
			return err
		}
	}
	if n, want := rela.Len(), was.Len()+c.tables[sec]+more; n != want {
		return fmt.Errorf("%w: section %v: %d relocations, not the planned %d", ErrNotAsPlanned, c.out.Section(sec), n, want)
	}
	return nil
}

// words checks the branch of a site and the word in its slot.
func (c *checker) words(s *Site, d *Decision, code []byte) error {
	if w, err := ppc64.Load(code, s.Off); err != nil || w != d.Word {
		return c.differs(s, "branch is %v, not the planned %v", w, d.Word)
	}
	if d.Slot != 0 {
		if slot, err := ppc64.Load(code, s.Off+ppc64.WordSize); err != nil || slot != d.Slot {
			return c.differs(s, "slot is %v, not the planned %v", slot, d.Slot)
		}
	}
	return nil
}

// call checks the relocations of a site's branch: a constant has none, a call has
// that of its callee. It searches from next on, and returns the first relocation
// after the branch. was is the table of the input.
func (c *checker) call(s *Site, d *Decision, was reloc.Table, rela reloc.Sorted, next int) (int, error) {
	call := false
	for next = rela.Search(s.Off, next); next < rela.Len() && rela.NthOff(next) < s.Off+ppc64.WordSize; next++ {
		r := rela.Nth(next)
		if r.Type() == uint32(elf.R_PPC64_NONE) {
			continue
		}
		call = true
		switch {
		case d.Form != Keep && !d.Word.IsBranch():
			return next, c.differs(s, "%s is left on a constant", r.TypeName())
		case !c.isCallee(r, s, d):
			return next, c.differs(s, "%s is against a symbol other than planned", r.TypeName())
		case !c.isCall(r, s, d, was):
			return next, c.differs(s, "%s with addend 0x%x is not the planned relocation", r.TypeName(), r.Addend)
		}
	}
	if (s.Odd || d.Word.IsBranch()) && !call && (s.Rela >= 0 || c.retargets(s, d)) {
		return next, c.differs(s, "the call has no relocation")
	}
	return next, nil
}
