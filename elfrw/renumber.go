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
		for k := range l.parts[i].splices {
			l.renumberSplice(&l.parts[i].splices[k])
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
	switch elf.SectionType(s.Type) {
	case elf.SHT_RELA:
		if s.Size > 0 {
			l.partAt(s).renum = true
		}
	case elf.SHT_REL, SHTLLVMCallGraph12:
		if err := s.checkSymbolWords(); err != nil {
			return err
		}
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

func (l *layout) renumberSplice(s *splice) {
	switch {
	case !s.sym:
	case s.body:
		l.finalRelas(l.bodies[s.word].ins)
	default:
		sym, typ := l.f.splitInfo(s.word)
		s.word = l.f.info(l.finalSymbol(sym), typ)
	}
}

// finalRelas maps the symbols of RELA entries in place.
func (e *Edit) finalRelas(rela []byte) {
	for at := e.f.symbolAt(); len(rela) >= relaSize; rela = rela[relaSize:] {
		le.PutUint32(rela[at:], e.finalSymbol(le.Uint32(rela[at:])))
	}
}

// moveRelas is finalRelas for entries of the input. There are many.
func (e *Edit) moveRelas(rela []byte) {
	at := e.f.symbolAt()
	if e.indices != nil {
		for ; len(rela) >= relaSize; rela = rela[relaSize:] {
			if sym := le.Uint32(rela[at:]); int64(sym) < int64(len(e.indices)) { // in an executable it need not exist
				le.PutUint32(rela[at:], e.indices[sym])
			}
		}
		return
	}
	for first, by := e.f.symtab.Info, e.locals; len(rela) >= relaSize; rela = rela[relaSize:] {
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
