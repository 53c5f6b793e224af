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
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// ErrNotAsPlanned is wrapped by the errors of [Plan.Check].
var ErrNotAsPlanned = errkind.NotAsPlanned.Wrap(errors.New("the output is not as planned"))

// A checker holds the state that the steps of Check share.
type checker struct {
	*Plan
	out  *elfrw.File
	same index.Set // symbols of the input that sameSymbol has found unchanged

	relas   relaTables       // of the output
	tables  map[int]int      // section of code → relocations that tie tables to it
	entries map[int]stubName // symbols of the output that are entries of added stubs

	lastSym   elfrw.Symbol        // of the output, see symbol
	newCells  *cellTable          // see cellTable
	userCells map[uint64]stubName // stubs by the offsets of their entries in layout.UserCells
}

// relocations returns the relocations of a section in the output, by place.
func (c *checker) relocations(sec int) (reloc.Sorted, error) {
	t, err := c.relas.table(sec)
	if err != nil {
		return reloc.Sorted{}, err
	}
	if c.Object.relas.inOrder(sec) && c.relas.all[sec] == nil {
		return reloc.Sorted{Table: t}, nil // edits preserve an existing order; section counts them
	}
	return reloc.Sort(t), nil
}

// addition returns the added section with a name, and its relocations in order of
// place. There must be exactly one of each.
func (c *checker) addition(name string) (sec elfrw.Section, relas reloc.Sorted, err error) {
	n, m := 0, 0
	for i := c.Object.File.NumSections(); i < c.out.NumSections(); i++ {
		switch s := c.out.Section(i); {
		case s.Named(name):
			sec, n = s, n+1
		case n > 0 && s.Is(elf.SHT_RELA) && int(s.Info) == sec.Index:
			t, err := reloc.NewTable(s.Data())
			if err != nil {
				return sec, relas, err
			}
			relas, m = reloc.Sort(t), m+1
		}
	}
	if n != 1 || m != 1 || !sec.Is(elf.SHT_PROGBITS) {
		return sec, relas, fmt.Errorf("%d sections %s with %d of relocations were added", n, name, m)
	}
	return sec, relas, nil
}

// symbol returns symbol i of the output. It remembers the last one, because all entries
// of a table may name sites by the same section symbol.
func (c *checker) symbol(i int) (elfrw.Symbol, bool) {
	if i <= 0 || i >= c.out.NumSymbols() {
		return elfrw.Symbol{}, false
	}
	if c.lastSym.Index != i {
		c.lastSym = c.out.Symbol(i)
	}
	return c.lastSym, true
}

// isCallee reports whether a relocation names the planned symbol: the one that
// it named before, the target, or the entry of an added stub.
func (c *checker) isCallee(r reloc.Rela, s *Site, d *Decision) bool {
	sym := int(r.Sym())
	switch {
	case !c.retargets(s, d): // for a local trampoline, it may be the section's symbol
		return c.sameSymbol(sym, int(s.Sym))
	case d.Target == 0:
		return c.isNewStub(sym, stubName{int(s.Key), d.Stub})
	}
	return c.sameSymbol(sym, int(d.Target))
}

// isCall reports whether a relocation is that of a call. If the plan retargets the
// branch, it must be at the branch, have no addend, and have the type that matches
// what the caller knows about r2; otherwise it must be the one that was there.
func (c *checker) isCall(r reloc.Rela, s *Site, d *Decision, was reloc.Table) bool {
	if !c.retargets(s, d) {
		return r.Type() == s.Type && r.Addend == was.At(int(s.Rela)).Addend
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
	if c.same.Has(j) {
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
	c.same.Add(j)
	return true
}

func (p *Plan) differs(s *Site, format string, a ...any) error {
	return p.Object.at(int(s.Section), s.Off, -1, "%w: %s", ErrNotAsPlanned, fmt.Sprintf(format, a...))
}

// isNewStub reports whether a symbol of the output is an entry of an added stub.
func (c *checker) isNewStub(sym int, n stubName) bool {
	is, ok := c.entries[sym]
	return ok && is == n
}

// isKeySymbol reports whether a symbol of the output is a key's: that of the
// input or, if the input has none, one with the key's name.
func (c *checker) isKeySymbol(sym, key int) bool {
	k := &c.Object.Keys[key]
	if k.Sym != 0 {
		return c.sameSymbol(sym, int(k.Sym))
	}
	return c.isNamed(operand{sym: sym}, KeyPrefix+k.Name)
}

// isTrampoline reports whether a symbol of the output is the trampoline by which entries
// and cells name a key that the input does not have.
func (c *checker) isTrampoline(sym, key int) bool {
	j := c.Object.trampoline(key)
	return j != 0 && c.sameSymbol(sym, j)
}

// isNamed reports whether an operand is an object with a given name.
func (c *checker) isNamed(o operand, name string) bool {
	if o.addend != 0 || o.sym >= c.out.NumSymbols() {
		return false
	}
	s := c.out.Symbol(o.sym) // number 0 is local, as elfrw has checked
	return s.Bind() != elf.STB_LOCAL && string(c.out.SymbolName(s)) == name
}

// An operand is a symbol of the output and an addend.
type operand struct {
	sym    int
	addend int64
}
