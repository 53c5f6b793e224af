// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"fmt"
	"iter"
)

// SymSize is the size of an Elf64_Sym in bytes.
const SymSize = 24

// A Symbol is one entry of the symbol table, decoded.
type Symbol struct {
	Index   int              // number of the symbol; 0 is the null symbol
	NameOff uint32           // st_name
	Info    uint8            // st_info
	Other   uint8            // st_other
	Shndx   elf.SectionIndex // st_shndx
	// Section is the index of the section that defines the symbol, with
	// extended numbering resolved. It is 0 for undefined, absolute and common
	// symbols; Shndx distinguishes these.
	Section int
	Value   uint64 // bytes from the start of the section in a relocatable object
	Size    uint64 // st_size, in bytes
}

// Bind returns the symbol's binding.
func (s Symbol) Bind() elf.SymBind { return elf.ST_BIND(s.Info) }

// Type returns the symbol's type.
func (s Symbol) Type() elf.SymType { return elf.ST_TYPE(s.Info) }

// Visibility returns the symbol's visibility.
func (s Symbol) Visibility() elf.SymVis { return elf.ST_VISIBILITY(s.Other) }

// Undefined reports whether the symbol is defined elsewhere.
func (s Symbol) Undefined() bool { return s.Shndx == elf.SHN_UNDEF }

// NumSymbols returns the number of symbols, including the null symbol 0. It
// returns 0 if the file has no SHT_SYMTAB.
func (f *File) NumSymbols() int { return int(f.symtab.Size / SymSize) }

// FirstGlobal returns the index after the last local symbol (sh_info).
func (f *File) FirstGlobal() int { return int(f.symtab.Info) }

// Symtab returns the SHT_SYMTAB section, with Index 0 if there is none.
func (f *File) Symtab() Section { return f.symtab }

// SymbolNames returns the bytes of the symbols' string table. They must not be
// written to.
func (f *File) SymbolNames() []byte { return f.strtab.Data() }

// Symbol decodes symbol i, 0 <= i < NumSymbols. As in relocations, 0 is the
// null symbol.
func (f *File) Symbol(i int) Symbol {
	b := f.symbolBytes(i)
	s := Symbol{
		Index:   i,
		NameOff: le.Uint32(b[0:]),
		Info:    b[4],
		Other:   b[5],
		Shndx:   elf.SectionIndex(le.Uint16(b[6:])),
		Value:   le.Uint64(b[8:]),
		Size:    le.Uint64(b[16:]),
	}
	s.Section = f.sectionOf(i, s.Shndx)
	return s
}

// Symbols visits every symbol except the null one, in order of their numbers.
func (f *File) Symbols() iter.Seq[Symbol] {
	return func(yield func(Symbol) bool) {
		for i := 1; i < f.NumSymbols(); i++ {
			if !yield(f.Symbol(i)) {
				return
			}
		}
	}
}

// SymbolByName returns the symbol with that name: the global or weak one, or, if
// there is none, the first local one. It goes through all symbols; for many names,
// make one pass over [File.Symbols] instead.
func (f *File) SymbolByName(name string) (Symbol, bool) {
	first := f.FirstGlobal()
	if i := f.findSymbol(name, first, f.NumSymbols()); i != 0 {
		return f.Symbol(i), true
	}
	if i := f.findSymbol(name, 1, first); i != 0 {
		return f.Symbol(i), true
	}
	return Symbol{}, false
}

// findSymbol returns the first symbol in [from, to) with the name, 0 for none.
func (f *File) findSymbol(name string, from, to int) int {
	names := f.SymbolNames()
	for i := from; i < to; i++ {
		if isString(names[f.SymbolNameOff(i):], name) {
			return i
		}
	}
	return 0
}

func (f *File) sectionOf(i int, shndx elf.SectionIndex) int {
	switch {
	case shndx < elf.SHN_LORESERVE:
		return int(shndx)
	case shndx == elf.SHN_XINDEX:
		return int(le.Uint32(f.data[f.symShndx.Off+4*uint64(i):]))
	}
	return 0
}

// SymbolType returns Symbol(i).Type(), for code that asks for very many
// symbols.
func (f *File) SymbolType(i int) elf.SymType { return elf.ST_TYPE(f.symbolBytes(i)[4]) }

// SymbolNameOff returns Symbol(i).NameOff.
func (f *File) SymbolNameOff(i int) uint32 { return le.Uint32(f.symbolBytes(i)) }

// SymbolBind returns Symbol(i).Bind().
func (f *File) SymbolBind(i int) elf.SymBind { return elf.ST_BIND(f.symbolBytes(i)[4]) }

// SymbolSection returns Symbol(i).Section.
func (f *File) SymbolSection(i int) int {
	return f.sectionOf(i, elf.SectionIndex(le.Uint16(f.symbolBytes(i)[6:])))
}

// SymbolValue returns Symbol(i).Value.
func (f *File) SymbolValue(i int) uint64 { return le.Uint64(f.symbolBytes(i)[8:]) }

// SymbolSize returns Symbol(i).Size in bytes.
func (f *File) SymbolSize(i int) uint64 { return le.Uint64(f.symbolBytes(i)[16:]) }

func (f *File) symbolBytes(i int) []byte {
	return f.data[f.symtab.Off+uint64(i)*SymSize:][:SymSize]
}

// SymbolName returns the name of symbol s as bytes of the file. The name of a
// symbol of type STT_SECTION is usually empty; it stands for its section.
func (f *File) SymbolName(s Symbol) []byte {
	if f.strtab.Index == 0 {
		return nil
	}
	return cstring(f.data[f.strtab.Off+uint64(s.NameOff) : f.strtab.Off+f.strtab.Size])
}

// checkSymtab checks the symbol table once, so that Symbol and SymbolName need no
// error: names are in the string table, and sections exist.
func (f *File) checkSymtab() error {
	t := f.symtab
	if t.Index == 0 {
		if x := f.symShndx; x.Index != 0 {
			return x.bad(shType, "sh_type", "is SHT_SYMTAB_SHNDX, but there is no symbol table")
		}
		return nil
	}
	n := t.Size / SymSize
	if t.Link == 0 {
		return t.bad(shLink, "sh_link", "names no string table")
	}
	strtab := f.Section(int(t.Link))
	if err := strtab.checkStrings(); err != nil {
		return err
	}
	f.strtab = strtab
	if uint64(t.Info) > n || t.Info == 0 && n > 0 {
		return t.bad(shInfo, "sh_info", "the first global symbol is %d of %d", t.Info, n)
	}
	if x := f.symShndx; x.Index != 0 {
		if int(x.Link) != t.Index {
			return x.bad(shLink, "sh_link", "is %d, the symbol table is section %d", x.Link, t.Index)
		}
		if x.Size/4 != n {
			return x.bad(shSize, "sh_size", "has %d entries for %d symbols", x.Size/4, n)
		}
	}
	return f.checkSymbols(t.Data())
}

// checkSymbols checks the entries of the symbol table.
func (f *File) checkSymbols(raw []byte) error {
	var ext []byte
	if f.symShndx.Index != 0 {
		ext = f.symShndx.Data()
	}
	names, first := f.strtab.Size, int(f.symtab.Info)
	for i := range len(raw) / SymSize {
		b := raw[i*SymSize:][:SymSize]
		if name := le.Uint32(b); uint64(name) >= names {
			return f.badSymbol(i, 0, "st_name", "is 0x%x, the string table has 0x%x bytes", name, names)
		}
		if local := elf.ST_BIND(b[4]) == elf.STB_LOCAL; local != (i < first) {
			return f.badSymbol(i, 4, "st_info", "is %v, but the first global symbol is %d", elf.ST_BIND(b[4]), first)
		}
		switch x := elf.SectionIndex(le.Uint16(b[6:])); {
		case x == elf.SHN_XINDEX && ext == nil:
			return f.badSymbol(i, 6, "st_shndx", "is SHN_XINDEX, but there is no SHT_SYMTAB_SHNDX")
		case x == elf.SHN_XINDEX:
			if s := le.Uint32(ext[4*i:]); s == 0 || s >= uint32(f.shnum) {
				return f.symShndx.badAt(f.symShndx.Off+4*uint64(i), fmt.Sprintf("entry %d", i), fmt.Sprintf("is %d of %d sections", s, f.shnum))
			}
		case x < elf.SHN_LORESERVE && int(x) >= f.shnum:
			return f.badSymbol(i, 6, "st_shndx", "is %d of %d sections", int(x), f.shnum)
		}
	}
	return nil
}

func (f *File) badSymbol(i int, fieldOff uint64, field, format string, a ...any) error {
	return f.symtab.badAt(f.symtab.Off+uint64(i)*SymSize+fieldOff, fmt.Sprintf("symbol %d: %s", i, field), fmt.Sprintf(format, a...))
}
