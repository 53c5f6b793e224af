// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// A patched is a correct output, whose bytes tests corrupt.
type patched struct {
	*mutableFile
	plan *Plan
}

func newPatched(t *testing.T, object string, opts Options) *patched {
	t.Helper()
	var in []byte
	if strings.Contains(object, "\n") {
		in = assemble(t, object)
	} else {
		in = memory(t, object)
	}
	gp, err := plan(in, opts)
	if err != nil {
		t.Fatal(err)
	}
	b := apply(t, gp)
	f, err := elfrw.New(bytes.Clone(b))
	if err != nil {
		t.Fatal(err)
	}
	return &patched{&mutableFile{t, b, f}, gp}
}

// spoiled expects Check to object to a change of n bytes.
func (p *patched) spoiled(what string, off uint64, n int, change func(b []byte)) {
	p.t.Helper()
	b := p.b[off : off+uint64(n)]
	was := bytes.Clone(b)
	defer copy(b, was)
	change(b)
	f, err := elfrw.New(p.b)
	if err != nil {
		return // not even an ELF file
	}
	p.rejected(what, f)
}

// rejected expects Check to object to an output.
func (p *patched) rejected(what string, out *elfrw.File) {
	p.t.Helper()
	if err := p.plan.Check(out); err == nil {
		p.t.Errorf("accepted: %s", what)
	} else if !errors.Is(err, ErrNotAsPlanned) && !strings.Contains(err.Error(), "whole entries") {
		p.t.Errorf("%s: %v", what, err)
	}
}

// bits flips each bit of a range of the file.
func (p *patched) bits(what string, off, n uint64) {
	p.t.Helper()
	for i := range 8 * n {
		p.spoiled(fmt.Sprintf("%s: bit %d of byte 0x%x", what, i%8, i/8), off+i/8, 1, func(b []byte) { b[0] ^= 1 << (i % 8) })
	}
}

func add(field, by uint64) func(b []byte) {
	return func(b []byte) {
		binary.LittleEndian.PutUint64(b[field:], binary.LittleEndian.Uint64(b[field:])+by)
	}
}

// relocation corrupts each field of a relocation of a section.
func (p *patched) relocation(sec, rela elfrw.Section, i uint64) {
	p.t.Helper()
	off, what := rela.Off+i*reloc.RelaSize, fmt.Sprintf("%v: relocation %d", sec, i)
	sym := func(by uint32) func(b []byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(b[rSym:], binary.LittleEndian.Uint32(b[rSym:])+by) }
	}
	if binary.LittleEndian.Uint32(p.b[off+rType:]) == uint32(elf.R_PPC64_NONE) { // it ties a table to the code; only its symbol matters
		p.spoiled(what+" of no symbol", off, reloc.RelaSize, func(b []byte) { binary.LittleEndian.PutUint32(b[rSym:], 0) })
		p.spoiled(what+" of the symbol before", off, reloc.RelaSize, sym(1<<32-1))
		p.spoiled(what+" of another type", off, reloc.RelaSize, add(rType, 1))
		return
	}
	p.spoiled(what+" moved", off, reloc.RelaSize, add(rOffset, 4))
	p.spoiled(what+" of another type", off, reloc.RelaSize, add(rType, 1))
	p.spoiled(what+" without effect", off, reloc.RelaSize, func(b []byte) { binary.LittleEndian.PutUint32(b[rType:], 0) })
	p.spoiled(what+" of no symbol", off, reloc.RelaSize, func(b []byte) { binary.LittleEndian.PutUint32(b[rSym:], 0) })
	for _, to := range []int{p.f.NumSymbols() - 1, p.f.NumSymbols(), p.f.FirstGlobal() - 1, 1 << 31} {
		if to := uint32(to); to != binary.LittleEndian.Uint32(p.b[off+rSym:]) {
			p.spoiled(fmt.Sprintf("%s of symbol %d", what, to), off, reloc.RelaSize, func(b []byte) { binary.LittleEndian.PutUint32(b[rSym:], to) })
		}
	}
	p.spoiled(what+" of the symbol before", off, reloc.RelaSize, sym(1<<32-1))
	p.spoiled(what+" of the symbol after", off, reloc.RelaSize, sym(1))
	p.spoiled(what+" with another addend", off, reloc.RelaSize, add(rAddend, 8))
}

// eachRelocation visits the relocations of a section with their file offsets.
func (p *patched) eachRelocation(sec elfrw.Section, visit func(off uint64, r reloc.Rela)) {
	for j := 1; j < p.f.NumSections(); j++ {
		if s := p.f.Section(j); s.Is(elf.SHT_RELA) && int(s.Info) == sec.Index {
			t, err := reloc.NewTable(s.Data())
			if err != nil {
				p.t.Fatal(err)
			}
			for i := range t.Len() {
				visit(s.Off+uint64(i)*reloc.RelaSize, t.At(i))
			}
		}
	}
}

// operands corrupts what the relocations of a section, from number from on, name: all
// of those against a symbol together get another symbol, or another addend.
func (p *patched) operands(sec elfrw.Section, from int) {
	p.t.Helper()
	symbols, places := map[uint32]bool{}, map[uint64]bool{}
	i := 0
	p.eachRelocation(sec, func(off uint64, r reloc.Rela) {
		if i++; i > from && r.Type() != uint32(elf.R_PPC64_NONE) {
			symbols[r.Sym()], places[off] = true, true
		}
	})
	for sym := range symbols {
		change := func(to uint32, by uint64) func(b []byte) {
			return func(b []byte) {
				p.eachRelocation(sec, func(off uint64, r reloc.Rela) {
					if r.Sym() == sym && places[off] {
						binary.LittleEndian.PutUint32(b[off+rSym:], to)
						binary.LittleEndian.PutUint64(b[off+rAddend:], uint64(r.Addend)+by)
					}
				})
			}
		}
		n := len(p.b)
		what := fmt.Sprintf("%v: all relocations of symbol %d", sec, sym)
		for _, to := range []uint32{0, sym - 1, sym + 1, uint32(p.f.NumSymbols()) - 1, uint32(p.f.NumSymbols()), 1 << 31} {
			if to != sym {
				p.spoiled(fmt.Sprintf("%s are of symbol %d", what, to), 0, n, change(to, 0))
			}
		}
		for _, by := range []uint64{1, 4, 8, layout.CellSize, 1 << 16, 1<<64 - 8} {
			p.spoiled(fmt.Sprintf("%s are 0x%x further", what, by), 0, n, change(sym, by))
		}
	}
}

// names corrupts the names and the fields of added global symbols.
func (p *patched) names() {
	p.t.Helper()
	in := p.plan.Object.File
	for i := p.f.FirstGlobal() + in.NumSymbols() - in.FirstGlobal(); i < p.f.NumSymbols(); i++ {
		at := p.f.Symtab().Off + uint64(i)*elfrw.SymSize
		p.spoiled(fmt.Sprintf("symbol %d, which was added, by another name", i), at, 4, func(b []byte) { b[0]++ })
	}
}

// symbol corrupts each field of a symbol that a call names.
func (p *patched) symbol(i uint32) {
	p.t.Helper()
	at, what := p.f.Symtab().Off+uint64(i)*elfrw.SymSize, fmt.Sprintf("symbol %d ", i)
	p.spoiled(what+"by another name", at, 4, func(b []byte) { b[0]++ })
	p.spoiled(what+"of another type", at+stInfo, 1, func(b []byte) { b[0] ^= 1 })
	if p.f.SymbolBind(int(i)) != elf.STB_LOCAL {
		p.spoiled(what+"with another visibility", at+stOther, 1, func(b []byte) { b[0] ^= 1 })
	}
	p.spoiled(what+"in another section", at+stShndx, 1, func(b []byte) { b[0] ^= 1 })
	p.spoiled(what+"in another place", at+stValue, 8, add(0, 4))
}

// relocations does so with the relocations from number i on, and removes the
// last one.
func (p *patched) relocations(sec elfrw.Section, i int) {
	p.t.Helper()
	for j := 1; j < p.f.NumSections(); j++ {
		s := p.f.Section(j)
		if !s.Is(elf.SHT_RELA) || int(s.Info) != sec.Index {
			continue
		}
		for n := s.Size / reloc.RelaSize; uint64(i) < n; i++ {
			p.relocation(sec, s, uint64(i))
		}
		header := p.f.Header().Shoff + uint64(j)*64
		p.spoiled(fmt.Sprintf("%v without its last relocation", sec), header+32, 8, add(0, 1<<64-reloc.RelaSize))
		p.spoiled(fmt.Sprintf("%v with relocations that are none", sec), header+4, 4, func(b []byte) { b[0] = byte(elf.SHT_PROGBITS) })
	}
}

// sites corrupts the sites that the plan has changed: their words and, where
// they are still branches, their relocations, which are in order of place. Of
// those that stay it corrupts the relocations.
func (p *patched) sites() {
	p.t.Helper()
	in := p.plan.Object
	seen := map[uint32]bool{}
	for i := range in.Sites {
		s, d := &in.Sites[i], &p.plan.Decisions[i]
		sec := p.f.Section(int(s.Section))
		if !d.changes() {
			if s.Rela >= 0 && !d.Done {
				off := p.f.Section(int(in.relas.edited[sec.Index])).Off + uint64(s.Rela)*reloc.RelaSize
				p.spoiled(fmt.Sprintf("site %d, which stays, with another type", i), off, reloc.RelaSize, add(rType, 1))
				p.spoiled(fmt.Sprintf("site %d, which stays, without effect", i), off, reloc.RelaSize, func(b []byte) { binary.LittleEndian.PutUint32(b[rType:], 0) })
				p.spoiled(fmt.Sprintf("site %d, which stays, with another addend", i), off, reloc.RelaSize, add(rAddend, 4))
				p.spoiled(fmt.Sprintf("site %d, which stays, of no symbol", i), off, reloc.RelaSize, func(b []byte) { binary.LittleEndian.PutUint32(b[rSym:], 0) })
			}
			continue
		}
		n := uint64(4)
		if d.Slot != 0 {
			n += 4
		}
		p.bits(fmt.Sprintf("site %d", i), sec.Off+s.Off, n)
		if !d.Word.IsBranch() {
			p.eachRelocation(sec, func(off uint64, r reloc.Rela) {
				if r.Off > s.Off && r.Off < s.Off+32 {
					p.spoiled(fmt.Sprintf("site %d, a constant, with a relocation", i), off+rOffset, 8, func(b []byte) { binary.LittleEndian.PutUint64(b, s.Off) })
				}
			})
			continue
		}
		rela := p.f.Section(int(in.relas.edited[sec.Index]))
		r, err := reloc.NewTable(rela.Data())
		if err != nil {
			p.t.Fatal(err)
		}
		k := 0
		for r.Off(k) != s.Off || r.At(k).Type() == uint32(elf.R_PPC64_NONE) {
			k++
		}
		p.relocation(sec, rela, uint64(k))
		if sym := r.At(k).Sym(); !seen[sym] {
			seen[sym] = true
			p.symbol(sym)
		}
	}
}

// TestCheckSpoiled corrupts every bit of the sites, the stubs, their .eh_frame, the cells and the
// addresses of keys, and every field of the relocations of these and of the table. Check has to
// object each time: it must not accept something because Apply writes it that way.
func TestCheckSpoiled(t *testing.T) {
	shadow := Options{Place: User, Linker: BFD, AllowShadow: true, ShadowStack: "S"}
	second := strings.ReplaceAll(caller, "caller", "second")
	two := strings.NewReplacer("__op", "__two", "caller", "third").Replace(caller) + "key two, target\n"
	for _, c := range []struct {
		object string
		opts   Options
		stubs  []StubEntry // entries that must be among the stubs
	}{
		{"gcc-p8-O2-sites.o", Options{Place: User}, []StubEntry{StubSave, StubJump}},
		{"gcc-p8-O2-extkey.o", Options{Place: User}, []StubEntry{StubSave}},
		{"asm-annot16.o", Options{}, nil}, // branches that had no relocation
		{"asm-annot16.o", Options{Place: User}, []StubEntry{StubSave}},
		{"asm-tail.o", Options{Runtime: None, Place: User}, nil}, // some stay
		{"gcc-p8-O2-update.o", Options{Place: User, Restore: []Form{Linker}}, nil},
		{"asm-tail.o", shadow, []StubEntry{StubShadow}},
		{"gcc-p10-O2-sites.o", Options{Place: User}, []StubEntry{StubNoTOC}},
		{"gcc-p10-O2-sites-here.o", Options{Place: User, Runtime: Trampoline}, []StubEntry{StubNoTOC}},
		{"gcc-p8-O2-update.o", Options{Runtime: Trampoline}, []StubEntry{StubSave}},
		{"gcc-p8-O2-sites.o", Options{Place: Module}, []StubEntry{StubSave}},
		{"gcc-p8-O2-large-update.o", Options{Place: Module}, []StubEntry{StubSave}},
		{"gcc-p10-O2-abi.o", Options{Place: Module}, []StubEntry{StubNoTOC}},
		{"	.section .text.t,\"ax\"\nnop\nlocaltramp op\n.text\n" + savedFirst + "key op, target, local\n.quad __SCK__op\n", Options{Place: User, Runtime: Trampoline}, nil},
		{"asm-samename.o", Options{Place: User, Runtime: Trampoline, Restore: []Form{SaveStub}}, []StubEntry{StubSave}},
		{strings.Replace(listedBefore, "SITE", "bl target", 1) + second + two + foreignKey + trampNull, Options{Place: User}, []StubEntry{StubSave}},
		{strings.NewReplacer("SITE", "bl target", "	.long __SCJ__op-.,", "	.section static_call_sites,\"aw\",@progbits,unique,1\n	.long __SCJ__op-.,").Replace(listedBefore) + two + foreignKey + trampNull, Options{Place: User}, []StubEntry{StubSave}},
		{strings.NewReplacer("frame\nbl", "	.cfi_startproc\nframe\nbl", "endfunc", "	.cfi_endproc\nendfunc").Replace(caller) + two + foreignKey + trampNull, Options{Place: User}, nil},
		{"leaf caller\nb __SCT__op\nendfunc caller\n" + second + foreignKey + trampNull, Options{Place: User, Runtime: None}, nil},
		{strings.Replace(caller, "bl", ".Lsite: bl", 1) + second + foreignKey + trampNull + "	.section .static_call_sites,\"aw\"\n	.long .Lsite-.,0\n	.quad __SCK__op-.\n", Options{}, nil},
		{caller + two + foreignKey + trampNull + "	.section .eh_frame,\"a\",@progbits\n	.long 8,0,0\n	.section .eh_frame,\"a\",@progbits,unique,1\n	.long 8,0,0\n", Options{Place: User}, nil},
		{caller + strings.ReplaceAll(notocCaller, "caller", "second") + strings.ReplaceAll(tailCaller, "caller", "fourth") + two + foreignKey + trampNull, shadow, []StubEntry{StubSave, StubNoTOC, StubShadow}},
	} {
		name, _, _ := strings.Cut(c.object, "\n")
		t.Run(fmt.Sprintf("%s %v %v", name, c.opts.Runtime, c.opts.Place), func(t *testing.T) {
			p := newPatched(t, c.object, c.opts)
			p.sites()
			if len(p.plan.Stubs) > 0 {
				p.stubs(c.stubs)
			}
			if c.opts.Place == User && len(p.plan.Stubs) > 0 {
				p.frames()
			}
			if p.plan.env.cells {
				old, before := uint64(0), 0
				if s, ok := p.plan.Object.File.SectionByName(tocName); ok {
					r, _ := p.plan.Object.table(s.Index)
					old, before = s.Size, r.Len()
				}
				toc := p.section(tocName)
				p.bits("cells", toc.Off+old, toc.Size-old)
				p.relocations(toc, before)
				p.spoiled("cells that may not be written to", p.header(tocName, 8), 8, func(b []byte) { b[0] &^= byte(elf.SHF_WRITE) })
				p.spoiled("cells that are not loaded", p.header(tocName, 8), 8, func(b []byte) { b[0] &^= byte(elf.SHF_ALLOC) })
				p.spoiled("cells without alignment", p.header(tocName, 48), 8, func(b []byte) { b[0] = 4 })
				p.spoiled("cells in no .toc", p.header(tocName, 0), 4, add32)
				p.cells(toc, before)
			}
			if s, ok := p.f.SectionByName(layout.UserCells); ok {
				p.bits("cells of user space", s.Off, s.Size)
				p.relocations(s, 0)
				p.spoiled("cells that are not loaded", p.header(layout.UserCells, 8), 8, func(b []byte) { b[0] &^= byte(elf.SHF_ALLOC) })
				p.spoiled("cells that may not be written to", p.header(layout.UserCells, 8), 8, func(b []byte) { b[0] &^= byte(elf.SHF_WRITE) })
				p.spoiled("cells without alignment", p.header(layout.UserCells, 48), 8, func(b []byte) { b[0] = 4 })
				p.spoiled("cells by another name", p.header(layout.UserCells, 0), 4, add32)
				p.spoiled("a cell too few", p.header(layout.UserCells, 32), 8, func(b []byte) { b[0] -= layout.CellSize })
			}
			if s, ok := p.f.SectionByName(layout.PointerSection); ok {
				p.bits("addresses of keys", s.Off, s.Size)
				p.relocations(s, 0)
				p.spoiled("addresses that are not loaded", p.header(layout.PointerSection, 8), 8, func(b []byte) { b[0] &^= byte(elf.SHF_ALLOC) })
				p.spoiled("addresses that may not be filled in", p.header(layout.PointerSection, 8), 8, func(b []byte) { b[0] &^= byte(elf.SHF_WRITE) })
				p.spoiled("addresses without alignment", p.header(layout.PointerSection, 48), 8, func(b []byte) { b[0] = 4 })
				p.spoiled("addresses in another section", p.header(layout.PointerSection, 0), 4, add32)
				p.cells(s, 0)
			} else if slices.ContainsFunc(p.plan.Stubs, func(st Stub) bool {
				key, _ := p.plan.keyAccess(st.Key, st.Kind)
				return key.Indirect && st.Kind != StubNoTOC
			}) {
				t.Error("no address of a key")
			}
			name := tableName
			if c.opts.Place == User {
				name = userTable
			}
			for i := 1; i < p.f.NumSections(); i++ {
				if s := p.f.Section(i); s.Named(name) {
					header := p.f.Header().Shoff + uint64(i)*64
					p.relocations(s, 0)
					p.spoiled("a longer table", header+32, 8, add(0, uint64(p.plan.env.entrySize)))
					p.spoiled("a shorter table", header+32, 8, add(0, -uint64(p.plan.env.entrySize)))
					if p.plan.NumAdded() > 0 {
						p.spoiled("no table", header, 4, add32)
					}
				} else if s.Named(layout.UserMark) {
					header := p.f.Header().Shoff + uint64(i)*64
					p.spoiled("a longer mark", header+32, 8, add(0, 1))
					p.spoiled("no mark", header, 4, add32)
				} else if s.Named(layout.RecordSection) {
					p.spoiled("no record", p.f.Header().Shoff+uint64(i)*64, 4, add32)
				}
			}
			p.names()
		})
	}
}

func add32(b []byte) { binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)+1) }
