// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// symtab reads .symtab.
func (p *program) symtab() []symbol {
	f := p.file
	syms := make([]symbol, f.NumSymbols())
	for i := range syms {
		s := f.Symbol(i)
		syms[i] = symbol{
			name: string(f.SymbolName(s)), addr: s.Value, size: s.Size, typ: s.Type(), bind: s.Bind(),
			vis: s.Visibility(), other: s.Other, section: s.Section,
			foreign: i > 0 && (s.Undefined() || s.Shndx == elf.SHN_COMMON),
		}
		if p.isOurs(syms[i].name) {
			syms[i].name = plainVersion(syms[i].name)
		}
	}
	return syms
}

// dynsym reads an SHT_DYNSYM section, which package elfrw does not parse.
func dynsym(f *elfrw.File, t elfrw.Section) ([]symbol, error) {
	if t.Entsize != elfrw.SymSize || t.Size%elfrw.SymSize != 0 || int(t.Link) >= f.NumSections() {
		return nil, errkind.BadELF.Errorf("section %v: 0x%x bytes in entries of %d with string table %d are not symbols", t, t.Size, t.Entsize, t.Link)
	}
	strings := f.Section(int(t.Link)).Data()
	raw := t.Data()
	syms := make([]symbol, len(raw)/elfrw.SymSize)
	for i := range syms {
		b := raw[i*elfrw.SymSize:]
		name, shndx := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint16(b[6:]))
		s := symbol{
			addr: binary.LittleEndian.Uint64(b[8:]), size: binary.LittleEndian.Uint64(b[16:]),
			typ: elf.ST_TYPE(b[4]), bind: elf.ST_BIND(b[4]), vis: elf.ST_VISIBILITY(b[5]), other: b[5],
			foreign: i > 0 && shndx == int(elf.SHN_UNDEF),
		}
		if shndx < f.NumSections() {
			s.section = shndx
		}
		if uint64(name) < uint64(len(strings)) {
			s.name = cstring(strings[name:])
		}
		syms[i] = s
	}
	return syms, nil
}

func cstring(b []byte) string {
	s, _, ended := bytes.Cut(b, []byte{0})
	if !ended {
		return ""
	}
	return string(s)
}

// index finds the functions, and the names of keys, trampolines and stubs.
func (p *program) index() {
	var funcs []index.Extent
	for i := range p.symbols {
		s := &p.symbols[i]
		if s.typ == elf.STT_SECTION || s.name == "" {
			continue
		}
		p.locals = p.locals || s.bind == elf.STB_LOCAL
		if s.typ == elf.STT_FILE {
			continue
		}
		if p.isOurs(s.name) && (s.section != 0 || s.foreign) {
			p.addOurs(s)
		}
		if s.section != 0 && (s.typ == elf.STT_FUNC || s.typ == elf.STT_GNU_IFUNC) && p.file.Section(s.section).IsCode() {
			funcs = append(funcs, index.Extent{Start: s.addr, End: s.addr + s.size, ID: i})
		}
	}
	for i := range p.dynamic {
		if s := &p.dynamic[i]; s.foreign && p.isOurs(s.name) {
			p.traces++
		}
	}
	p.funcs = index.NewExtents(funcs, func(sym int) uint64 { // without a size: to the end of the section
		s := p.symbols[sym].section
		return p.address[s] + p.file.Section(s).Size
	})
}

// addOurs records a key, a trampoline or a stub.
func (p *program) addOurs(s *symbol) {
	p.names[s.addr] = s.name
	p.traces++
	switch {
	case strings.HasPrefix(s.name, layout.KeyPrefix):
		p.keys = p.keys || p.file.NumSymbols() > 0 // .dynsym has only some of them
	case strings.HasPrefix(s.name, layout.TrampPrefix):
		p.addEntry(s.addr, s.name)
		if l, err := ppc64.LocalEntryOf(s.other); err == nil {
			p.addEntry(s.addr+l.Offset(), s.name)
		}
		if s.section == 0 {
			return
		}
		if p.tramps++; p.tramps == 1 {
			p.first = s.name
		}
	}
}

// addEntry records an entry of a trampoline.
func (p *program) addEntry(at uint64, name string) {
	p.entries[at] = name
	p.enters[entrance{at, name}] = true
}

var ourPrefixes = []string{layout.KeyPrefix, layout.TrampPrefix, layout.SaveStubPrefix, layout.JumpStubPrefix, layout.NoTOCStubPrefix, layout.ShadowStubPrefix}

func (p *program) isOurs(name string) bool {
	if !strings.HasPrefix(name, "__SC") {
		return false
	}
	for _, prefix := range ourPrefixes {
		if len(name) > len(prefix) && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// around returns the innermost function around an address.
func (p *program) around(at uint64) (*symbol, bool) {
	f, ok := p.funcs.Around(at)
	if !ok {
		return nil, false
	}
	return &p.symbols[f.ID], true
}

// functionsAt returns the functions whose global entry is at an address. Linkers'
// stubs do not count, even if their symbols have the type of functions.
func (p *program) functionsAt(at uint64) []index.Extent {
	fns := p.funcs.At(at)
	if !p.object && slices.ContainsFunc(fns, func(f index.Extent) bool { return isLinkerStub(p.symbols[f.ID].name) }) {
		return nil
	}
	return fns
}

// function returns the first of functionsAt.
func (p *program) function(at uint64) (*symbol, bool) {
	if fns := p.functionsAt(at); len(fns) > 0 {
		return &p.symbols[fns[0].ID], true
	}
	return nil, false
}

// isLinkerStub recognizes the names of the stubs of ld.bfd (00000012.plt_call.f) and
// of lld (__plt_f, __long_branch_f).
func isLinkerStub(name string) bool {
	if len(name) > 9 && name[8] == '.' {
		if _, err := strconv.ParseUint(name[:8], 16, 32); err == nil {
			return true
		}
	}
	for _, prefix := range []string{"__plt_", "__long_branch_", "__toc_save_", "__gep_setup_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// name returns the name of an address in messages.
func (p *program) name(at uint64) string {
	if s := p.external(at); s != nil {
		return errkind.Printable(s.name)
	}
	if n, ok := p.names[at]; ok {
		return errkind.Printable(n)
	}
	if s, ok := p.around(at); ok {
		if at == s.addr {
			return errkind.Printable(s.name)
		}
		if l, err := ppc64.LocalEntryOf(s.other); err == nil && at == s.addr+l.Offset() {
			return errkind.Printable(s.name) + " (local entry)"
		}
		return fmt.Sprintf("%s+0x%x", errkind.Printable(s.name), at-s.addr)
	}
	if s, off, ok := p.locate(at); ok {
		return fmt.Sprintf("%s+0x%x", s, off)
	}
	return fmt.Sprintf("0x%x", at)
}

// externalAt returns the symbol of another unit that has this address. It returns nil for
// a place after the symbol.
func (p *program) externalAt(at uint64) *symbol {
	if s := p.external(at); s != nil && s.addr == at {
		return s
	}
	return nil
}

// external returns the symbol of another unit at an address, or the one before it in the
// region.
func (p *program) external(at uint64) *symbol {
	syms := p.dynamic
	if p.object {
		syms = p.symbols
	}
	if i := (at - p.ext) / extSize; i < uint64(len(syms)) && syms[i].foreign { // huge for an address before p.ext
		return &syms[i]
	}
	return nil
}
