// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"errors"
	"maps"
	"slices"
)

// layoutSymbols assigns the final index of each symbol and writes the symbol table. If
// symbols are only added or changed in place, it inserts those; otherwise it rewrites
// the whole table.
func (l *layout) layoutSymbols() error {
	l.openStrings()
	l.firstGlobal = uint32(l.f.FirstGlobal())
	if len(l.symbols) == 0 && len(l.changedSymbols) == 0 && l.goneSymbols.n == 0 && l.final == nil {
		return nil
	}
	if l.f.NumSymbols() == 0 {
		return nil
	}
	changed := slices.Sorted(maps.Keys(l.changedSymbols))
	locals, globals := l.newSymbols()
	if err := l.nameSymbols(changed, locals, globals); err != nil {
		return err
	}
	wide := l.isWide(changed)
	if wide && l.f.symShndx.Index == 0 && l.f.shstr.Index == 0 {
		return errors.New("a new symbol needs a SHT_SYMTAB_SHNDX, and there is no table for its name")
	}
	if l.goneSymbols.n > 0 || l.final != nil || wide && l.f.symShndx.Index == 0 || l.rebinds(changed) {
		l.rebuildSymbols(l.orderSymbols(locals, globals), wide)
	} else {
		l.insertSymbols(changed, locals, globals)
	}
	if l.firstGlobal != l.f.symtab.Info {
		le.PutUint32(l.header(l.f.symtab.Index)[shInfo:], l.firstGlobal)
	}
	return nil
}

// newSymbols returns the provisional indices of the local and the global symbols that
// were added.
func (l *layout) newSymbols() (locals, globals []int) {
	n := l.f.NumSymbols()
	for k := range l.symbols {
		switch {
		case l.goneSymbols.has(n + k):
		case l.symbols[k].Bind == elf.STB_LOCAL:
			locals = append(locals, n+k)
		default:
			globals = append(globals, n+k)
		}
	}
	return locals, globals
}

// nameSymbols determines the offsets of the names.
func (l *layout) nameSymbols(changed, locals, globals []int) (err error) {
	for _, i := range changed {
		c := l.changedSymbols[i]
		if c.renamed && !l.goneSymbols.has(i) {
			if c.name, err = l.symbolNames.put(l, c.Name); err != nil {
				return err
			}
		}
	}
	for _, list := range [][]int{locals, globals} {
		for _, i := range list {
			s := &l.symbols[i-l.f.NumSymbols()]
			if s.name, err = l.symbolNames.add(l, s.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// isWide reports whether the section number of an added or changed symbol does not fit
// into st_shndx.
func (l *layout) isWide(changed []int) bool {
	wide := func(s *NewSymbol) bool {
		return s.Section >= int(elf.SHN_LORESERVE) && l.finalSection(s.Section) >= int(elf.SHN_LORESERVE)
	}
	for _, i := range changed {
		if wide(&l.changedSymbols[i].NewSymbol) {
			return true
		}
	}
	for k := range l.symbols {
		if wide(&l.symbols[k].NewSymbol) {
			return true
		}
	}
	return false
}

// rebinds reports whether a changed symbol moves between the local and the
// global symbols.
func (l *layout) rebinds(changed []int) bool {
	return slices.ContainsFunc(changed, l.rebound)
}

func (l *layout) rebound(i int) bool {
	c := l.changedSymbols[i]
	return c != nil && (c.Bind == elf.STB_LOCAL) != (i < l.f.FirstGlobal())
}

// insertSymbols writes changed symbols in place and added ones after those of their
// kind. Global symbols move by the number of new local ones.
func (l *layout) insertSymbols(changed, locals, globals []int) {
	t, x := l.f.symtab, l.f.symShndx
	for _, i := range changed {
		l.splice(t, t.Off+uint64(i)*SymSize, SymSize, l.appendSymbol(nil, i))
		if x.Index != 0 {
			l.splice(x, x.Off+uint64(i)*4, 4, l.appendExtended(nil, i))
		}
	}
	first, n := l.f.FirstGlobal(), l.f.NumSymbols()
	for _, list := range []struct {
		at   int
		syms []int
	}{{first, locals}, {n, globals}} {
		raw := make([]byte, 0, len(list.syms)*SymSize)
		var ext []byte
		for _, i := range list.syms {
			raw = l.appendSymbol(raw, i)
			ext = l.appendExtended(ext, i)
		}
		if len(raw) > 0 {
			l.splice(t, t.Off+uint64(list.at)*SymSize, 0, raw)
		}
		if x.Index != 0 && len(ext) > 0 {
			l.splice(x, x.Off+uint64(list.at)*4, 0, ext)
		}
	}
	l.locals = uint32(len(locals))
	l.firstGlobal += l.locals
	for k, i := range locals {
		l.symbols[i-n].index = uint32(first + k)
	}
	for k, i := range globals {
		l.symbols[i-n].index = uint32(n + len(locals) + k)
	}
}

// orderSymbols returns the provisional indices in the order of the output: local symbols,
// those that become local, new local ones, and then the global symbols likewise.
func (l *layout) orderSymbols(locals, globals []int) []int {
	first, n := l.f.FirstGlobal(), l.f.NumSymbols()
	order := make([]int, 0, l.numSymbols())
	put := func(from, to int, rebound bool) {
		for i := from; i < to; i++ {
			if !l.goneSymbols.has(i) && l.rebound(i) == rebound {
				order = append(order, i)
			}
		}
	}
	put(0, first, false)
	put(first, n, true)
	order = append(order, locals...)
	l.firstGlobal = uint32(len(order))
	put(first, n, false)
	put(0, first, true)
	return append(order, globals...)
}

// rebuildSymbols writes the whole symbol table.
func (l *layout) rebuildSymbols(order []int, wide bool) {
	t, x, n := l.f.symtab, l.f.symShndx, l.f.NumSymbols()
	indices, moved := make([]uint32, n), len(order) < n
	raw := make([]byte, 0, len(order)*SymSize)
	var ext []byte
	if wide || x.Index != 0 {
		ext = make([]byte, 0, 4*len(order))
	}
	for to, i := range order {
		if i < n {
			indices[i] = uint32(to)
			moved = moved || to != i
		} else {
			l.symbols[i-n].index = uint32(to)
		}
		raw = l.appendSymbol(raw, i)
		if ext != nil {
			ext = l.appendExtended(ext, i)
		}
	}
	if moved {
		l.indices = indices
	}
	if !bytes.Equal(raw, t.Data()) {
		l.replace(t, raw)
	}
	switch {
	case x.Index != 0:
		if !bytes.Equal(ext, x.Data()) {
			l.replace(x, ext)
		}
	case wide:
		l.appendSection(NewSection{
			Name: ".symtab_shndx", Type: elf.SHT_SYMTAB_SHNDX, Addralign: 4, Entsize: 4, Link: t.Index, Data: ext,
		})
	}
}

// appendSymbol appends the output's entry for the symbol with provisional index
// i.
func (l *layout) appendSymbol(b []byte, i int) []byte {
	n := l.f.NumSymbols()
	if i < n && l.changedSymbols[i] == nil {
		raw := l.f.symbolBytes(i)
		b = append(b, raw...)
		if x := elf.SectionIndex(le.Uint16(raw[6:])); x != 0 && (x < elf.SHN_LORESERVE || x == elf.SHN_XINDEX) {
			le.PutUint16(b[len(b)-SymSize+6:], l.shndx(l.f.SymbolSection(i)))
		}
		return b
	}
	var s *NewSymbol
	var name uint32
	if i < n {
		c := l.changedSymbols[i]
		s, name = &c.NewSymbol, c.name
	} else {
		a := &l.symbols[i-n]
		s, name = &a.NewSymbol, a.name
	}
	shndx := uint16(s.Shndx)
	if s.Section != 0 {
		shndx = l.shndx(s.Section)
	}
	b = le.AppendUint32(b, name)
	b = append(b, elf.ST_INFO(s.Bind, s.Type), s.Other)
	b = le.AppendUint16(b, shndx)
	b = le.AppendUint64(b, s.Value)
	return le.AppendUint64(b, s.Size)
}

// shndx returns st_shndx for a section with a provisional index.
func (l *layout) shndx(sec int) uint16 {
	if n := l.finalSection(sec); n < int(elf.SHN_LORESERVE) {
		return uint16(n)
	}
	return uint16(elf.SHN_XINDEX)
}

// appendExtended appends the entry of symbol i in SHT_SYMTAB_SHNDX.
func (l *layout) appendExtended(b []byte, i int) []byte {
	x := 0
	if n := l.finalSection(l.symbol(i).Section); n >= int(elf.SHN_LORESERVE) {
		x = n
	}
	return le.AppendUint32(b, uint32(x))
}
