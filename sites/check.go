// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// ErrNotAsPlanned is wrapped by the errors of Check.
var ErrNotAsPlanned = errors.New("the output is not as planned")

// Check reads an output and holds it against the plan: the words of each site,
// its relocation, and the table. Find, which the plan came from, is not used on
// the sites; the table is read by the same code as any existing table.
func (p *Plan) Check(out *elfrw.File) error {
	o := p.Object
	for lo := 0; lo < len(o.Sites); {
		hi := lo
		var spots []spot
		for ; hi < len(o.Sites) && o.Sites[hi].Section == o.Sites[lo].Section; hi++ {
			spots = append(spots, spot{o.Sites[hi].Off, hi})
		}
		if err := p.checkSection(out, o.Sites[lo].Section, spots); err != nil {
			return err
		}
		lo = hi
	}
	return p.checkTable(out)
}

func (p *Plan) checkSection(out *elfrw.File, sec int, spots []spot) error {
	o := p.Object
	code := out.Section(sec).Data()
	for _, sp := range spots {
		s, d := &o.Sites[sp.id], &p.Decisions[sp.id]
		w, err := ppc64.Load(code, s.Off)
		if err != nil || w != d.Word {
			return p.differs(s, "branch is %v, planned was %v", w, d.Word)
		}
		if d.Slot == 0 {
			continue
		}
		if slot, err := ppc64.Load(code, s.Off+4); err != nil || slot != d.Slot {
			return p.differs(s, "slot is %v, planned was %v", slot, d.Slot)
		}
	}
	var t reloc.Table
	if rela, ok := relaSection(out, sec, o.relas[sec]); ok {
		var err error
		if t, err = reloc.NewTable(rela.Data()); err != nil {
			return err
		}
	}
	calls := make([]bool, len(spots))
	err := near(t, spots, ppc64.WordSize, func(sp spot, _ int, r reloc.Rela) error {
		s, d := &o.Sites[sp.id], &p.Decisions[sp.id]
		if r.Type() == uint32(elf.R_PPC64_NONE) {
			return nil
		}
		calls[sp.id-spots[0].id] = true
		switch {
		case !d.Word.IsBranch():
			return p.differs(s, "%s is left on a constant", r.TypeName())
		case d.Form == Keep && d.Done:
			return nil
		case !p.isCallee(out, r, s, d):
			return p.differs(s, "%s is against another symbol than planned", r.TypeName())
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, sp := range spots {
		s, d := &o.Sites[sp.id], &p.Decisions[sp.id]
		if d.Word.IsBranch() && !calls[i] && (s.Rela >= 0 || p.retargets(s, d)) {
			return p.differs(s, "the call has no relocation")
		}
	}
	return nil
}

// isCallee reports whether a relocation names what the plan says: what the site
// called before, the target, or the entry of a stub that was added.
func (p *Plan) isCallee(out *elfrw.File, r reloc.Rela, s *Site, d *Decision) bool {
	sym := int(r.Sym())
	switch {
	case d.Form == Keep, s.Tramp < 0 && d.Stub == noStub:
		return p.sameSymbol(out, sym, s.Sym)
	case d.Target == 0:
		return sym > 0 && sym < out.NumSymbols() && r.Addend == 0 && p.isNewStub(out, out.Symbol(sym), stubName{s.Key, d.Stub})
	case p.sameSymbol(out, sym, d.Target):
		return true
	}
	// A local trampoline that the assembler has named by its section.
	return d.Done && p.sameSymbol(out, sym, s.Sym)
}

// relaSection returns the relocations of a section in the output: the section
// that had them in the input, or one that was added.
func relaSection(out *elfrw.File, sec, was int) (elfrw.Section, bool) {
	if was != 0 {
		return out.Section(was), true
	}
	for i := out.NumSections() - 1; i > 0; i-- {
		if s := out.Section(i); s.Is(elf.SHT_RELA) && int(s.Info) == sec {
			return s, true
		}
	}
	return elfrw.Section{}, false
}

// sameSymbol reports whether symbol i of the output is symbol j of the input,
// whose indices may differ.
func (p *Plan) sameSymbol(out *elfrw.File, i, j int) bool {
	if i <= 0 || i >= out.NumSymbols() {
		return false
	}
	a, b := out.Symbol(i), p.Object.File.Symbol(j)
	other := b.Other
	if p.marked[j] {
		other = ppc64.LocalEntryClobbers.SetOther(other)
	}
	return a.Info == b.Info && a.Other == other && a.Section == b.Section && a.Value == b.Value &&
		bytes.Equal(out.SymbolName(a), p.Object.File.SymbolName(b))
}

func (p *Plan) differs(s *Site, format string, a ...any) error {
	return p.Object.at(s.Section, s.Off, -1, "%w: %s", ErrNotAsPlanned, fmt.Sprintf(format, a...))
}

// isNewStub reports whether a symbol of the output is the entry of a stub that
// the plan adds: by its name and kind, and by the code there, made once more.
func (p *Plan) isNewStub(out *elfrw.File, sym elfrw.Symbol, n stubName) bool {
	if stubOf(sym, out.SymbolName(sym)) != n.entry || string(out.SymbolName(sym)) != stubPrefixes[n.entry]+p.Object.Keys[n.key].Name ||
		out.Section(sym.Section).NameString() != stubSection {
		return false
	}
	var b codeBuffer
	key, _ := p.keyAccess(n.key, n.entry.stub())
	b.stub(n.entry.stub(), key, 0, 0)
	want := b.code
	if n.entry == StubJump {
		want = want[ppc64.WordSize:]
	}
	code := out.Section(sym.Section).Data()
	return sym.Size == uint64(len(want)) && sym.Value <= uint64(len(code)) && bytes.HasPrefix(code[sym.Value:], want)
}

// checkTable reads the output's table and compares it with the entries that
// were there and those that were added.
func (p *Plan) checkTable(out *elfrw.File) error {
	var want []Entry
	if t := p.table(); t != nil {
		want = slices.Clone(t.Entries)
	}
	want = append(want, p.Added...)
	o, err := newObject(out)
	if err != nil {
		return err
	}
	o.findNames()
	o.addSectionSymbols()
	if err := o.findStubKeys(); err != nil {
		return err
	}
	find := o.findTable
	if p.Place == User {
		find = o.findUserTable
	}
	if err := find(); err != nil {
		return err
	}
	var got []Entry
	if t := (&Plan{Object: o, Options: p.Options}).table(); t != nil {
		got = t.Entries
	}
	if len(got) != len(want) {
		return fmt.Errorf("%w: the table has %d entries, planned were %d", ErrNotAsPlanned, len(got), len(want))
	}
	for i, g := range got {
		w := want[i]
		if !g.Self && (g.Section != w.Section || g.Off != w.Off) || g.Self != w.Self || g.Flags != w.Flags || g.Stub != w.Stub ||
			o.Keys[g.Key].Name != p.Object.Keys[w.Key].Name {
			return fmt.Errorf("%w: entry %d of the table", ErrNotAsPlanned, i)
		}
	}
	return nil
}
