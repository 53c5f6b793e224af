// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// A NewSymbol holds the fields of a symbol to add or to set.
type NewSymbol struct {
	Name    string
	Bind    elf.SymBind
	Type    elf.SymType
	Other   uint8 // st_other: visibility, and on Power the local entry point
	Section int   // index of the section that defines it; 0: none does, see Shndx
	// Shndx is 0 (SHN_UNDEF), or a reserved index such as SHN_ABS or SHN_COMMON if
	// Section is 0.
	Shndx elf.SectionIndex
	Value uint64 // bytes from the start of the section
	Size  uint64 // bytes
}

// A newSymbol is a symbol that was added.
type newSymbol struct {
	NewSymbol
	name  uint32 // st_name
	index uint32 // its final index
}

// A symbolChange is what a symbol of the input becomes.
type symbolChange struct {
	NewSymbol        // the name only if it is renamed
	renamed   bool   // otherwise name is the input's
	name      uint32 // st_name
}

// fields returns the fields of symbol i except its name.
func (f *File) fields(i int) NewSymbol {
	s := f.Symbol(i)
	n := NewSymbol{Bind: s.Bind(), Type: s.Type(), Other: s.Other, Section: s.Section, Value: s.Value, Size: s.Size}
	if s.Shndx >= elf.SHN_LORESERVE && s.Shndx != elf.SHN_XINDEX {
		n.Shndx = s.Shndx
	}
	return n
}

// numSymbols returns the number of symbols, those of the input and added ones.
func (e *Edit) numSymbols() int { return e.f.NumSymbols() + len(e.symbols) }

// symbol returns the fields of symbol i as this edit leaves them. A symbol of the
// input has its name only if it was renamed.
func (e *Edit) symbol(i int) NewSymbol {
	if n := e.f.NumSymbols(); i >= n {
		return e.symbols[i-n].NewSymbol
	}
	if c := e.changedSymbols[i]; c != nil {
		return c.NewSymbol
	}
	return e.f.fields(i)
}

// Symbol returns the fields of symbol i as this edit leaves them, to be changed
// and passed to [Edit.SetSymbol]. The index may be provisional.
func (e *Edit) Symbol(i int) NewSymbol {
	s := e.symbol(i)
	if c := e.changedSymbols[i]; i < e.f.NumSymbols() && (c == nil || !c.renamed) {
		s.Name = string(e.f.SymbolName(e.f.Symbol(i)))
	}
	return s
}

// symbolString returns the name of a symbol for messages.
func (e *Edit) symbolString(i int) string {
	if name := e.Symbol(i).Name; name != "" {
		return fmt.Sprintf("symbol %d %q", i, name)
	}
	return fmt.Sprintf("symbol %d", i)
}

// checkSymbol returns an error if symbol i cannot be edited.
func (e *Edit) checkSymbol(i int) error {
	switch n := e.numSymbols(); {
	case i == 0 && n > 0:
		return errors.New("symbol 0 is the null symbol, which cannot be edited")
	case i < 0 || i >= n:
		return fmt.Errorf("symbol %d of %d", i, n)
	case e.goneSymbols.has(i):
		return fmt.Errorf("%s was removed", e.symbolString(i))
	}
	return nil
}

// checkFields returns an error if no symbol can have these fields.
func (e *Edit) checkFields(s *NewSymbol) error {
	switch {
	case strings.IndexByte(s.Name, 0) >= 0:
		return errors.New("NUL in the name")
	case s.Section < 0 || s.Section >= e.numSections():
		return fmt.Errorf("section %d of %d", s.Section, e.numSections())
	case s.Section != 0 && e.goneSections.has(s.Section):
		return fmt.Errorf("section %s was removed", e.sectionString(s.Section))
	case s.Section != 0 && s.Shndx != 0:
		return fmt.Errorf("section %d and st_shndx %v", s.Section, s.Shndx)
	case s.Shndx != 0 && (s.Shndx < elf.SHN_LORESERVE || s.Shndx == elf.SHN_XINDEX):
		return fmt.Errorf("st_shndx %d is not reserved: the section belongs into Section", int(s.Shndx))
	}
	return nil
}

// AddSymbol appends a symbol and returns its provisional index. A local symbol goes
// after the last local one, any other after the last symbol (gABI, "Symbol Table":
// local symbols come first). It is an error if the file has no symbol table.
func (e *Edit) AddSymbol(s NewSymbol) (int, error) {
	if e.f.NumSymbols() == 0 {
		return 0, errors.New("the file has no symbol table to add to")
	}
	err := e.checkFields(&s)
	if err == nil {
		err = e.resizable()
	}
	if err != nil {
		return 0, fmt.Errorf("new symbol %q: %w", s.Name, err)
	}
	if s.Bind == elf.STB_LOCAL {
		if err := e.renumberable(); err != nil {
			return 0, fmt.Errorf("a new local symbol: %w", err)
		}
	}
	e.symbols = append(e.symbols, newSymbol{NewSymbol: s})
	i := e.numSymbols() - 1
	if e.refs != nil {
		e.refs.defined.add(s.Section, i)
	}
	return i, nil
}

// SetSymbol replaces all fields of symbol i. If the binding changes to or from local,
// the symbol goes to the end of its new kind. An old name stays in the string table
// unless it was at its end.
func (e *Edit) SetSymbol(i int, s NewSymbol) error {
	if err := e.checkSymbol(i); err != nil {
		return err
	}
	was := e.Symbol(i)
	if s == was {
		return nil
	}
	err := e.checkFields(&s)
	if err == nil && s.Name != was.Name {
		err = e.resizable()
	}
	if err == nil && (s.Bind == elf.STB_LOCAL) != (was.Bind == elf.STB_LOCAL) {
		err = e.renumberable()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.symbolString(i), err)
	}
	e.setSymbol(i, s)
	return nil
}

func (e *Edit) setSymbol(i int, s NewSymbol) {
	if e.refs != nil {
		e.refs.defined.add(s.Section, i)
	}
	n := e.f.NumSymbols()
	if i >= n {
		e.symbols[i-n].NewSymbol = s
		return
	}
	old := e.f.Symbol(i)
	renamed := string(e.f.SymbolName(old)) != s.Name
	if !renamed {
		s.Name = ""
	}
	e.changeSymbol(i, symbolChange{s, renamed, old.NameOff})
}

func (e *Edit) changeSymbol(i int, c symbolChange) {
	if !c.renamed && c.NewSymbol == e.f.fields(i) {
		delete(e.changedSymbols, i)
		return
	}
	if e.changedSymbols == nil {
		e.changedSymbols = map[int]*symbolChange{}
	}
	e.changedSymbols[i] = &c
}

// RenameSymbol renames symbol i. It is [Edit.SetSymbol] for the name alone.
func (e *Edit) RenameSymbol(i int, name string) error {
	if err := e.checkSymbol(i); err != nil {
		return err
	}
	s := e.Symbol(i)
	s.Name = name
	return e.SetSymbol(i, s)
}

// SetSymbolOther sets st_other of symbol i, the whole byte.
func (e *Edit) SetSymbolOther(i int, other uint8) error {
	if err := e.checkSymbol(i); err != nil {
		return err
	}
	n := e.f.NumSymbols()
	if i >= n {
		e.symbols[i-n].Other = other
		return nil
	}
	c := symbolChange{NewSymbol: e.symbol(i), name: e.f.SymbolNameOff(i)}
	if old := e.changedSymbols[i]; old != nil {
		c.renamed = old.renamed
	}
	c.Other = other
	e.changeSymbol(i, c)
	return nil
}

// RemoveSymbol removes symbol i. It is an error if a relocation, the signature of a
// section group or LLVM's call graph names it: drop or retarget those first, or remove
// their section. Its entry in the address-significance table goes with it, and its name
// if that is at the end of the string table.
func (e *Edit) RemoveSymbol(i int) error {
	if err := e.checkSymbol(i); err != nil {
		return err
	}
	err := e.resizable()
	if err == nil {
		err = e.renumberable()
	}
	if err != nil {
		return fmt.Errorf("%s cannot be removed: %w", e.symbolString(i), err)
	}
	r, err := e.references()
	if err != nil {
		return err
	}
	if err := e.unreferenced(&r.symbols, i); err != nil {
		return fmt.Errorf("%s cannot be removed: %w", e.symbolString(i), err)
	}
	e.goneSymbols.add(i)
	return nil
}
