// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

const (
	relaSize = 24 // Elf64_Rela
	relSize  = 16 // Elf64_Rel
)

// LLVM's section types that are tied to the symbol table (LLVM Extensions,
// "ELF-Dependent").
const (
	shtLLVMAddrsig   = 0x6fff4c03 // refers to symbols by index
	shtLLVMCallGraph = 0x6fff4c09 // has relocations (SHT_REL) for that
)

// renumber gives every reference to a symbol its final index: those of the edit,
// and, because new local symbols move the global ones, those of the file.
func (l *layout) renumber() error {
	for i := range l.parts {
		for k := range l.parts[i].splices {
			if err := l.renumberSplice(&l.parts[i].splices[k]); err != nil {
				return fmt.Errorf("section %v: %w", l.f.Section(l.parts[i].sec), err)
			}
		}
	}
	if len(l.locals) == 0 {
		return nil
	}
	for i := 1; i < l.f.shnum; i++ {
		s := l.f.Section(i)
		if int(s.Link) != l.f.symtab.Index || s.Is(elf.SHT_NULL) {
			continue
		}
		switch elf.SectionType(s.Type) {
		case elf.SHT_RELA:
			if s.Size > 0 {
				l.partAt(s).renum = true
			}
		case elf.SHT_REL:
			if err := l.renumberRel(s); err != nil {
				return err
			}
		case elf.SHT_SYMTAB_SHNDX: // its entries were added together with the symbols
		case shtLLVMCallGraph:
		case elf.SHT_GROUP:
			le.PutUint32(l.header(i)[shInfo:], l.moved(s.Info))
		case shtLLVMAddrsig:
			if err := l.renumberAddrsig(s); err != nil {
				return err
			}
		default:
			return fmt.Errorf("section %v of type %v may refer to symbols by index: cannot add a local symbol", s, elf.SectionType(s.Type))
		}
	}
	return nil
}

// renumberRel rewrites relocations without addends. Nothing else is known about them,
// so they are not edited.
func (l *layout) renumberRel(s Section) error {
	out := bytes.Clone(s.Data())
	if len(out)%relSize != 0 {
		return s.bad(shSize, "sh_size", "is 0x%x, not a multiple of %d", s.Size, relSize)
	}
	for i := 12; i < len(out); i += relSize {
		sym := le.Uint32(out[i:])
		if sym >= uint32(l.f.NumSymbols()) {
			return s.badAt(s.Off+uint64(i), "r_info", fmt.Sprintf("is of symbol %d of %d", sym, l.f.NumSymbols()))
		}
		le.PutUint32(out[i:], l.moved(sym))
	}
	if len(out) > 0 {
		l.splice(s, s.Off, s.Size, out)
	}
	return nil
}

// renumberAddrsig rewrites a table of address-significant symbols: ULEB128 symbol
// indices, one after another.
func (l *layout) renumberAddrsig(s Section) error {
	d := s.Data()
	if len(d) == 0 {
		return nil
	}
	out := make([]byte, 0, len(d)+len(d)/8)
	for rest := d; len(rest) > 0; {
		v, n := binary.Uvarint(rest)
		if n <= 0 || v >= uint64(l.f.NumSymbols()) {
			return s.badAt(s.Off+uint64(len(d)-len(rest)), "symbol index", fmt.Sprintf("is %d of %d", v, l.f.NumSymbols()))
		}
		rest = rest[n:]
		out = binary.AppendUvarint(out, uint64(l.moved(uint32(v))))
	}
	l.splice(s, s.Off, s.Size, out)
	return nil
}

func (e *Edit) renumberSplice(s *splice) error {
	switch {
	case !s.sym:
		return nil
	case s.body:
		return e.finalSymbols(e.bodies[s.word].ins)
	}
	sym, err := e.finalSymbol(uint32(s.word >> 32))
	s.word = uint64(sym)<<32 | s.word&(1<<32-1)
	return err
}

// moved maps a symbol index of the input to the output's.
func (e *Edit) moved(i uint32) uint32 {
	if i >= e.f.symtab.Info {
		i += uint32(len(e.locals))
	}
	return i
}

// finalSymbols maps the symbols of raw RELA entries in place.
func (e *Edit) finalSymbols(rela []byte) error {
	for ; len(rela) >= relaSize; rela = rela[relaSize:] {
		sym, err := e.finalSymbol(le.Uint32(rela[12:]))
		if err != nil {
			return err
		}
		le.PutUint32(rela[12:], sym)
	}
	return nil
}

// finalSymbol maps a symbol index of the input, or a provisional one, to the
// output's.
func (e *Edit) finalSymbol(sym uint32) (uint32, error) {
	n := uint32(e.f.NumSymbols())
	switch {
	case sym < n:
		return e.moved(sym), nil
	case sym-n >= uint32(len(e.added)):
		return 0, fmt.Errorf("a relocation against symbol %d of %d", sym, int(n)+len(e.added))
	case e.added[sym-n].global:
		return n + uint32(len(e.locals)) + e.added[sym-n].n, nil
	}
	return e.f.symtab.Info + e.added[sym-n].n, nil
}
