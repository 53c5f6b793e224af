// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/kind"
)

// ErrNotAsPlanned is wrapped by the errors of Check.
var ErrNotAsPlanned = kind.NotAsPlanned.Wrap(errors.New("the output is not as planned"))

// Check reads an output and holds it against the plan: the words of each site and
// its relocation; what the stubs do, their cells and what unwinders are told of
// them; the entries of the table; the record. All is judged from the words and
// relocations that are there. Nothing of it is done by what found the sites, or by
// what has applied the plan.
func (p *Plan) Check(out *elfrw.File) error {
	c := checker{Plan: p, out: out, same: newSymbolSet(p.Object.File.NumSymbols()), tables: map[int]int{}}
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

// A checker is what the steps of Check share.
type checker struct {
	*Plan
	out  *elfrw.File
	same symbolSet // symbols of the input that are so in the output, as far as was asked

	relas   []int32          // see relaOf
	tables  map[int]int      // section of code → relocations that tie tables to it
	entries map[int]stubName // symbols of the output that are entries of stubs that were added
}

// section checks the sites from lo to hi, which are those of a section.
func (c *checker) section(lo, hi int) error {
	sec := int(c.Object.Sites[lo].Section)
	code := c.out.Section(sec).Data()
	rela, err := c.relocations(sec)
	if err != nil {
		return err
	}
	was, _ := c.Object.table(sec) // Find has read it
	next, want := 0, was.Len()+c.tables[sec]
	for i := lo; i < hi; i++ {
		s, d := &c.Object.Sites[i], &c.Decisions[i]
		switch {
		case !d.changes():
		case s.Rela >= 0 && !d.Word.IsBranch():
			want--
		case s.Rela < 0 && c.retargets(s, d):
			want++
		}
		if w, err := ppc64.Load(code, s.Off); err != nil || w != d.Word {
			return c.differs(s, "branch is %v, planned was %v", w, d.Word)
		}
		if d.Slot != 0 {
			if slot, err := ppc64.Load(code, s.Off+ppc64.WordSize); err != nil || slot != d.Slot {
				return c.differs(s, "slot is %v, planned was %v", slot, d.Slot)
			}
		}
		call := false
		for next = rela.search(s.Off, next); next < rela.Len() && rela.place(next) < s.Off+ppc64.WordSize; next++ {
			r := rela.At(rela.entry(next))
			if r.Type() == uint32(elf.R_PPC64_NONE) {
				continue
			}
			call = true
			switch {
			case !d.Word.IsBranch():
				return c.differs(s, "%s is left on a constant", r.TypeName())
			case d.Form == Keep && d.Done:
			case !c.isCallee(r, s, d):
				return c.differs(s, "%s is against another symbol than planned", r.TypeName())
			case !c.isCall(r, s, d):
				return c.differs(s, "%s with addend 0x%x is another relocation than planned", r.TypeName(), r.Addend)
			}
		}
		if d.Word.IsBranch() && !call && (s.Rela >= 0 || c.retargets(s, d)) {
			return c.differs(s, "the call has no relocation")
		}
	}
	if n := rela.Len(); n != want {
		return fmt.Errorf("%w: section %v: %d relocations, planned were %d", ErrNotAsPlanned, c.out.Section(sec), n, want)
	}
	return nil
}

// relaOf returns the last section of the output that has relocations of section
// sec, 0 for none.
func (c *checker) relaOf(sec int) int {
	if c.relas == nil {
		c.relas = make([]int32, c.out.NumSections())
		for i := 1; i < c.out.NumSections(); i++ {
			if c.out.SectionType(i) != elf.SHT_RELA {
				continue
			}
			if of := int(c.out.Section(i).Info); of < len(c.relas) {
				c.relas[of] = int32(i)
			}
		}
	}
	return int(c.relas[sec])
}

// relocations returns the relocations of a section in the output, by place: of
// the section that had them in the input, or of one that was added.
func (c *checker) relocations(sec int) (placed, error) {
	rela := int(c.Object.relas[sec])
	if rela == 0 {
		rela = c.relaOf(sec)
	}
	if rela == 0 {
		return placed{}, nil
	}
	t, err := reloc.NewTable(c.out.Section(rela).Data())
	if err != nil {
		return placed{}, err
	}
	if c.Object.orders[sec] == ordered {
		return placed{t, nil}, nil // edits keep an order that there is; section counts them
	}
	return placed{t, byPlace(t)}, nil
}

// isCallee reports whether a relocation names what the plan says: what the site
// called before, the target, or the entry of a stub that was added.
func (c *checker) isCallee(r reloc.Rela, s *Site, d *Decision) bool {
	sym := int(r.Sym())
	switch {
	case d.Form == Keep, s.Tramp < 0 && d.Stub == noStub:
		return c.sameSymbol(sym, int(s.Sym))
	case d.Target == 0:
		return c.isNewStub(sym, stubName{int(s.Key), d.Stub})
	case c.sameSymbol(sym, int(d.Target)):
		return true
	}
	// A local trampoline that the assembler has named by its section.
	return d.Done && c.sameSymbol(sym, int(s.Sym))
}

// isCall reports whether a relocation is that of a call: where the plan retargets
// the branch, at the place of the branch, without an addend, and of the type that
// goes with what the caller knows of r2.
func (c *checker) isCall(r reloc.Rela, s *Site, d *Decision) bool {
	if !d.changes() || !c.retargets(s, d) {
		return s.Rela < 0 || r.Type() == s.Type
	}
	typ := elf.R_PPC64_REL24
	if s.NoTOC() {
		typ = elf.R_PPC64_REL24_NOTOC
	}
	return r.Off == s.Off && r.Addend == 0 && r.Type() == uint32(typ)
}

// sameSymbol reports whether symbol i of the output is symbol j of the input:
// symbols keep their order, and new local ones come before the global ones.
func (c *checker) sameSymbol(i, j int) bool {
	in, was := c.Object.File, j
	if j >= in.FirstGlobal() {
		was += c.out.FirstGlobal() - in.FirstGlobal()
	}
	if i != was || i <= 0 || i >= c.out.NumSymbols() {
		return false
	}
	if c.same.has(j) {
		return true
	}
	a, b := c.out.Symbol(i), in.Symbol(j)
	if c.marked[j] {
		b.Other = ppc64.LocalEntryClobbers.SetOther(b.Other)
	}
	if a.Info != b.Info || a.Other != b.Other || a.Section != b.Section || a.Value != b.Value ||
		!bytes.Equal(c.out.SymbolName(a), in.SymbolName(b)) {
		return false
	}
	c.same.add(j)
	return true
}

func (p *Plan) differs(s *Site, format string, a ...any) error {
	return p.Object.at(int(s.Section), s.Off, -1, "%w: %s", ErrNotAsPlanned, fmt.Sprintf(format, a...))
}

// isNewStub reports whether a symbol of the output is an entry of a stub that was
// added.
func (c *checker) isNewStub(sym int, n stubName) bool {
	is, ok := c.entries[sym]
	return ok && is == n
}
