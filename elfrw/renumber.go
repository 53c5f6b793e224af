// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// callGraphSize is the size of an entry of SHTLLVMCallGraph12: two symbol indices of 4
// bytes and a weight.
const callGraphSize = 16

// renumber gives every reference to a symbol its final index: references in the
// edit and, if symbols of the file move, those in the file.
func (l *layout) renumber() error {
	for i := range l.parts {
		p := &l.parts[i]
		for k := range p.splices {
			if s := &p.splices[k]; s.sym {
				l.renumberSplice(s, relocSize(l.f.SectionType(p.sec)))
			}
		}
	}
	if l.locals == 0 && l.indices == nil {
		return nil
	}
	for i := 1; i < l.f.shnum; i++ {
		s := l.f.Section(i)
		if int(s.Link) != l.f.symtab.Index || l.goneSections.has(i) {
			continue
		}
		if err := l.renumberSection(s); err != nil {
			return err
		}
	}
	return nil
}

// renumberSection renumbers a section that is linked to the symbol table.
func (l *layout) renumberSection(s Section) error {
	if err := s.checkSymbolWords(); err != nil {
		return err
	}
	switch elf.SectionType(s.Type) {
	case elf.SHT_RELA, elf.SHT_REL:
		if s.Size > 0 {
			l.partAt(s).renum = true
		}
	case SHTLLVMCallGraph12:
		out := bytes.Clone(s.Data())
		for at := range s.symbolWords() {
			b := out[at-s.Off:]
			le.PutUint32(b, l.finalSymbol(le.Uint32(b)))
		}
		if len(out) > 0 {
			l.replace(s, out)
		}
	case elf.SHT_GROUP:
		le.PutUint32(l.header(s.Index)[shInfo:], l.finalSymbol(s.Info))
	case SHTLLVMAddrsig:
		return l.renumberAddrsig(s)
	}
	return nil
}

// renumberAddrsig rewrites a table of address-significant symbols: ULEB128
// symbol indices, one after another. Removed symbols are left out.
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
		if !l.goneSymbols.has(int(v)) {
			out = binary.AppendUvarint(out, uint64(l.finalSymbol(uint32(v))))
		}
	}
	l.replace(s, out)
	return nil
}

// renumberSplice maps the symbols of a splice in relocations of size bytes.
func (l *layout) renumberSplice(s *splice, size int) {
	if s.body {
		l.finalRelas(l.bodies[s.word].ins, size)
		return
	}
	sym, typ := l.f.splitInfo(s.word)
	s.word = l.f.info(l.finalSymbol(sym), typ)
}

// finalRelas maps the symbols of relocations of size bytes in place.
func (e *Edit) finalRelas(rela []byte, size int) {
	for at := e.f.symbolAt(); len(rela) >= size; rela = rela[size:] {
		le.PutUint32(rela[at:], e.finalSymbol(le.Uint32(rela[at:])))
	}
}

// moveRelas is finalRelas for entries of the input. There are many.
func (e *Edit) moveRelas(rela []byte, size int) {
	at := e.f.symbolAt()
	if e.indices != nil {
		for ; len(rela) >= size; rela = rela[size:] {
			if sym := le.Uint32(rela[at:]); int64(sym) < int64(len(e.indices)) { // in an executable it need not exist
				le.PutUint32(rela[at:], e.indices[sym])
			}
		}
		return
	}
	for first, by := e.f.symtab.Info, e.locals; len(rela) >= size; rela = rela[size:] {
		if sym := le.Uint32(rela[at:]); sym >= first {
			le.PutUint32(rela[at:], sym+by)
		}
	}
}

// finalSymbol maps a symbol index of the input, or a provisional one, to its
// final index.
func (e *Edit) finalSymbol(sym uint32) uint32 {
	n := uint32(e.f.NumSymbols())
	switch {
	case sym >= n && sym-n < uint32(len(e.symbols)):
		return e.symbols[sym-n].index
	case sym >= n: // the file has no symbol table
		return sym
	case e.indices != nil:
		return e.indices[sym]
	case sym >= e.f.symtab.Info:
		return sym + e.locals
	}
	return sym
}
