// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// A mutableFile is an object in memory whose fields corruptions change.
type mutableFile struct {
	t *testing.T
	b []byte
	f *elfrw.File
}

// newMutableFile returns a committed object, or one assembled from a source.
func newMutableFile(t *testing.T, name string) *mutableFile {
	var b []byte
	if strings.Contains(name, "\n") {
		b = assemble(t, name)
	} else {
		b = memory(t, name)
	}
	f, err := elfrw.New(bytes.Clone(b))
	if err != nil {
		t.Fatal(err)
	}
	return &mutableFile{t, b, f}
}

func (p *mutableFile) section(name string) elfrw.Section {
	s, ok := p.f.SectionByName(name)
	if !ok {
		p.t.Fatalf("no section %s", name)
	}
	return s
}

// rela returns the file offset of the relocation of section name at offset off
// whose type is typ.
func (p *mutableFile) rela(name string, off uint64, typ elf.R_PPC64) uint64 {
	sec := p.section(".rela" + name)
	t, err := reloc.NewTable(sec.Data())
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range t.Len() {
		if r := t.At(i); r.Off == off && r.Type() == uint32(typ) {
			return sec.Off + uint64(i)*reloc.RelaSize
		}
	}
	p.t.Fatalf("%s has no %v at 0x%x", sec, typ, off)
	return 0
}

// symbol returns the file offset of a symbol, and its index.
func (p *mutableFile) symbol(name string) (uint64, int) {
	for i := range p.f.NumSymbols() {
		if string(p.f.SymbolName(p.f.Symbol(i))) == name {
			return p.f.Symtab().Off + uint64(i)*elfrw.SymSize, i
		}
	}
	p.t.Fatalf("no symbol %s", name)
	return 0, 0
}

func (p *mutableFile) put32(off uint64, v uint32) { binary.LittleEndian.PutUint32(p.b[off:], v) }
func (p *mutableFile) put64(off uint64, v uint64) { binary.LittleEndian.PutUint64(p.b[off:], v) }

// Field offsets in Elf64_Rela, Elf64_Sym and Elf64_Shdr.
const (
	rOffset, rType, rSym, rAddend = 0, 8, 12, 16
	stInfo, stOther, stShndx      = 4, 5, 6
	stValue                       = 8
)

func (p *mutableFile) header(name string, field uint64) uint64 {
	return p.f.Header().Shoff + uint64(p.section(name).Index)*64 + field
}

// firstSite is a bl of gcc-p8-O2-sites.o with its relocation, and its key.
func (p *mutableFile) firstSite() *Site {
	o, err := Find(p.f)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range o.Sites {
		if s := &o.Sites[i]; s.Rela >= 0 && !s.Tail && o.SectionName(s) == ".text" && o.Keys[s.Key].Target.Kind == TargetFunc {
			return s
		}
	}
	p.t.Fatal("no site")
	return nil
}

func (p *mutableFile) siteRela() uint64 {
	s := p.firstSite()
	return p.rela(".text", s.Off, elf.R_PPC64(s.Type))
}

const (
	tableRela = ".static_call_sites"
	withTable = "asm-annot16.o"
	plainSite = "gcc-p8-O2-sites.o"
)

// TestCorrupted corrupts one field of a good object at a time, and expects an
// error that names the place. Package elfrw checks the fields of ELF itself;
// these are the fields that make up a site, a key, a target and a table.
func TestCorrupted(t *testing.T) {
	userListed := strings.Replace(listedBefore, "SITE", "bl target", 1) + foreignKey + trampNull
	pairListed := caller + foreignKey + trampNull + "	.section .static_call_tramp_key,\"a\"\n	.long __SCT__op-.,__SCK__op-.\n"
	for _, c := range []struct {
		name, object string
		corrupt      func(p *mutableFile)
		want         string
	}{
		{"machine", plainSite, func(p *mutableFile) { p.b[18] = 62 }, "machine is EM_X86_64"},
		{"type executable", plainSite, func(p *mutableFile) { p.b[16] = 2 }, "file type is ET_EXEC"},
		{"type core", plainSite, func(p *mutableFile) { p.b[16] = 4 }, "file type is ET_CORE"},
		{"abi version 1", plainSite, func(p *mutableFile) { p.b[48] = 1 }, "ABI version 1"},
		{"abi version 3", plainSite, func(p *mutableFile) { p.b[48] = 3 }, "ABI version 3"},
		{"site symbol", plainSite, func(p *mutableFile) { p.put32(p.siteRela()+rSym, 1<<30) }, "symbol 1073741824 of"},
		{"site addend", plainSite, func(p *mutableFile) { p.put64(p.siteRela()+rAddend, 4) }, "R_PPC64_REL24: addend is 0x4"},
		{"site addend negative", plainSite, func(p *mutableFile) { p.put64(p.siteRela()+rAddend, 1<<63) }, "R_PPC64_REL24: addend is"},
		{"site offset past the end", plainSite, func(p *mutableFile) { p.put64(p.siteRela()+rOffset, 1<<40) }, "is 0x10000000000, the section \".text\" has"},
		{"site offset overflow", plainSite, func(p *mutableFile) { p.put64(p.siteRela()+rOffset, 1<<64-4) }, "is 0xfffffffffffffffc, the section \".text\" has"},
		{"site offset odd", plainSite, func(p *mutableFile) {
			p.put64(p.siteRela()+rOffset, p.firstSite().Off+2)
		}, "not a multiple of 4"},
		{"site offset moved", plainSite, func(p *mutableFile) {
			p.put64(p.siteRela()+rOffset, p.firstSite().Off+4)
		}, "expected b or bl, found nop"},
		{"site type REL14", plainSite, func(p *mutableFile) {
			p.put32(p.siteRela()+rType, uint32(elf.R_PPC64_REL14))
		}, "R_PPC64_REL14: expected a conditional branch, found bl"},
		{"site type ADDR24", plainSite, func(p *mutableFile) {
			p.put32(p.siteRela()+rType, uint32(elf.R_PPC64_ADDR24))
		}, "R_PPC64_ADDR24: expected ba or bla, found bl"},
		{"site type PLTCALL", plainSite, func(p *mutableFile) {
			p.put32(p.siteRela()+rType, uint32(elf.R_PPC64_PLTCALL))
		}, "R_PPC64_PLTCALL: expected bctr or bctrl, found bl"},
		{"a conditional branch", plainSite, func(p *mutableFile) {
			p.put32(p.section(".text").Off+p.firstSite().Off, 0x41820000)
		}, "expected b or bl, found .long 0x41820000"},
		{"site word", plainSite, func(p *mutableFile) {
			p.put32(p.section(".text").Off+p.firstSite().Off, 0x7c0802a6)
		}, "expected b or bl, found .long 0x7c0802a6"},
		{"site word absolute", plainSite, func(p *mutableFile) {
			p.put32(p.section(".text").Off+p.firstSite().Off, 0x48000003)
		}, "expected b or bl"},
		{"trampoline in no code", plainSite, func(p *mutableFile) {
			off, _ := p.symbol("__SCT__inc")
			binary.LittleEndian.PutUint16(p.b[off+stShndx:], uint16(p.section(".bss").Index))
		}, "__SCT__inc is in section \".bss\", which is not code"},
		{"target local entry reserved", plainSite, func(p *mutableFile) {
			off, _ := p.symbol("local_first")
			p.b[off+stOther] |= 0xe0
		}, "target local_first: "},
		{"key past its section", plainSite, func(p *mutableFile) {
			off, _ := p.symbol("__SCK__inc")
			p.put64(off+stValue, 1<<32)
		}, "passes the end of the section"},
		{"key in no data", plainSite, func(p *mutableFile) {
			off, _ := p.symbol("__SCK__inc")
			binary.LittleEndian.PutUint16(p.b[off+stShndx:], uint16(p.section(".rela.text").Index))
		}, "is not in data: the section's type is SHT_RELA"},
		{"key at the last byte", plainSite, func(p *mutableFile) {
			off, i := p.symbol("__SCK__inc")
			p.put64(off+stValue, p.f.Section(p.f.Symbol(i).Section).Size-1)
		}, "passes the end of the section"},
		{"key relocation symbol", plainSite, func(p *mutableFile) {
			p.put32(p.keyRela("__SCK__inc")+rSym, 1<<31)
		}, "symbol 2147483648 of"},
		{"two sites at one place", plainSite, func(p *mutableFile) {
			p.put64(p.secondSiteRela()+rOffset, p.firstSite().Off)
		}, "two relocations against trampolines at one call"},

		{"table type", withTable, func(p *mutableFile) {
			p.put32(p.header(tableRela, 4), uint32(elf.SHT_NOTE))
		}, "a site table has type SHT_PROGBITS"},
		{"table not loaded", withTable, func(p *mutableFile) { p.put64(p.header(tableRela, 8), 0) }, "SHF_ALLOC"},
		{"table size", withTable, func(p *mutableFile) {
			p.put64(p.header(tableRela, 32), p.section(tableRela).Size-4)
		}, "not a multiple of 16"},
		{"table entries without relocations", withTable, func(p *mutableFile) {
			p.put64(p.header(".rela"+tableRela, 32), p.section(".rela"+tableRela).Size-2*24)
		}, "entry 5 lacks a relocation of its site or its key"},
		{"table address type", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 0, elf.R_PPC64_REL32)+rType, uint32(elf.R_PPC64_ADDR32))
		}, "R_PPC64_ADDR32: want R_PPC64_REL32"},
		{"table key type", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rType, uint32(elf.R_PPC64_REL32))
		}, "R_PPC64_REL32: want R_PPC64_REL64"},
		{"table relocation offset", withTable, func(p *mutableFile) {
			p.put64(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rOffset, 24)
		}, "no field of entry 1 begins here"},
		{"table relocation past the end", withTable, func(p *mutableFile) {
			p.put64(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rOffset, 1<<20)
		}, "is 0x100000, the section \".static_call_sites\" has"},
		{"table relocation twice", withTable, func(p *mutableFile) {
			p.put64(p.rela(tableRela, 16, elf.R_PPC64_REL32)+rOffset, 0)
		}, "it has a relocation already"},
		{"table address elsewhere", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 0, elf.R_PPC64_REL32)+rSym, 0)
		}, "the site is not in this object"},
		{"table address symbol", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 0, elf.R_PPC64_REL32)+rSym, 1<<20)
		}, "is of symbol 1048576 of"},
		{"table address past the end", withTable, func(p *mutableFile) {
			p.put64(p.rela(tableRela, 0, elf.R_PPC64_REL32)+rAddend, 1<<30)
		}, "past the end of the code"},
		{"table address odd", withTable, func(p *mutableFile) {
			off := p.rela(tableRela, 0, elf.R_PPC64_REL32) + rAddend
			p.put64(off, binary.LittleEndian.Uint64(p.b[off:])+1)
		}, "not a multiple of 4"},
		{"table address of no call", withTable, func(p *mutableFile) {
			off := p.rela(tableRela, 0, elf.R_PPC64_REL32) + rAddend
			p.put64(off, binary.LittleEndian.Uint64(p.b[off:])+8)
		}, "the table names a site that is neither a call nor a constant"},
		{"table address in data", withTable, func(p *mutableFile) {
			_, key := p.symbol("__SCK__an_hidden")
			p.put32(p.rela(tableRela, 0, elf.R_PPC64_REL32)+rSym, uint32(key))
		}, "which is not code"},
		{"table key symbol", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rSym, 1<<20)
		}, "is of symbol 1048576 of"},
		{"table key null symbol", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rSym, 0)
		}, "R_PPC64_REL64: symbol 0 of"},
		{"table key is no key", withTable, func(p *mutableFile) {
			p.put64(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rAddend, 1<<10)
		}, "+0x400 is neither a key nor a trampoline"},
		{"table tail bit", withTable, func(p *mutableFile) {
			p.put64(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rAddend, 1)
		}, "says tail call true"},
		{"table names a branch into its own function", withTable, func(p *mutableFile) {
			p.put32(p.rela(".text", 0xdc, elf.R_PPC64_REL24)+rType, uint32(elf.R_PPC64_NONE))
		}, "branches to an_two+0x1c, where no function begins"},
		{"table names a branch to data", withTable, func(p *mutableFile) {
			p.put32(p.rela(".text", 0xdc, elf.R_PPC64_REL24)+rSym, 2)
		}, "R_PPC64_REL24: the site branches to .data, which is not code"},
		{"table relocation at the end", withTable, func(p *mutableFile) {
			p.put64(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rOffset, p.section(tableRela).Size)
		}, "is 0x60, the section"},
		{"table key symbol, the first that is not", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 8, elf.R_PPC64_REL64)+rSym, uint32(p.f.NumSymbols()))
		}, "is of symbol"},
		{"table address symbol, the first that is not", withTable, func(p *mutableFile) {
			p.put32(p.rela(tableRela, 0, elf.R_PPC64_REL32)+rSym, uint32(p.f.NumSymbols()))
		}, "is of symbol"},
		{"site symbol, the first that is not", plainSite, func(p *mutableFile) { p.put32(p.siteRela()+rSym, uint32(p.f.NumSymbols())) }, "is of symbol"},
		{"key relocation symbol, the first that is not", plainSite, func(p *mutableFile) {
			p.put32(p.keyRela("__SCK__inc")+rSym, uint32(p.f.NumSymbols()))
		}, "symbol "},
		{"user table stub symbol", userListed, func(p *mutableFile) {
			p.put32(p.rela(userTable, 4, elf.R_PPC64_REL32)+rSym, uint32(p.f.NumSymbols()))
		}, "is of symbol"},
		{"user table relocation at the end", userListed, func(p *mutableFile) {
			p.put64(p.rela(userTable, 0, elf.R_PPC64_REL32)+rOffset, 32)
		}, "is 0x20, the section"},
		{"stub symbol", userListed, func(p *mutableFile) {
			p.put32(p.rela(layout.StubSection, 8, elf.R_PPC64_GOT16_HA)+rSym, uint32(p.f.NumSymbols()))
		}, `section ".rela.text.unlikely.static_call": entry 0: r_info at `},
		{"a section .opd", caller + "	.section .opd,\"aw\"\n	.quad 0\n", func(p *mutableFile) { p.b[48] = 0 }, `section ".opd": function descriptors`},
		{"trampoline key symbol", pairListed, func(p *mutableFile) {
			p.put32(p.rela(trampKeyName, 4, elf.R_PPC64_REL32)+rSym, uint32(p.f.NumSymbols()))
		}, "is of symbol"},
		{"trampoline key without a symbol", pairListed, func(p *mutableFile) {
			p.put32(p.rela(trampKeyName, 4, elf.R_PPC64_REL32)+rSym, 0)
		}, "R_PPC64_REL32: symbol 0 of"},
		{"trampoline key at the end", pairListed, func(p *mutableFile) {
			p.put64(p.rela(trampKeyName, 4, elf.R_PPC64_REL32)+rOffset, 8)
		}, "is 0x8, the section"},
		{"reserved local entry of a target", plainSite, func(p *mutableFile) {
			_, i := p.symbol("__SCK__inc")
			s := p.f.Symbol(i)
			p.b[p.f.Symtab().Off+uint64(binary.LittleEndian.Uint32(p.b[p.rela(p.f.Section(s.Section).NameString(), s.Value, elf.R_PPC64_ADDR64)+rSym:]))*elfrw.SymSize+stOther] = 7 << 5
		}, "R_PPC64_ADDR64: target "},
		{"table entry size asked for", withTable, func(p *mutableFile) {
			p.put64(p.header(tableRela, 56), 8)
		}, "R_PPC64_REL64: want R_PPC64_REL32 for the address of a site"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newMutableFile(t, c.object)
			c.corrupt(p)
			_, err := plan(p.b, Options{})
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "ADDR32:") && !strings.Contains(c.want, "ADDR32:") {
				t.Errorf("error is\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func (p *mutableFile) keyRela(name string) uint64 {
	_, i := p.symbol(name)
	s := p.f.Symbol(i)
	return p.rela(p.f.Section(s.Section).NameString(), s.Value, elf.R_PPC64_ADDR64)
}

func (p *mutableFile) secondSiteRela() uint64 {
	o, err := Find(p.f)
	if err != nil {
		p.t.Fatal(err)
	}
	first := p.firstSite().Off
	for i := range o.Sites {
		if s := &o.Sites[i]; s.Rela >= 0 && s.Off > first && o.SectionName(s) == ".text" {
			return p.rela(".text", s.Off, elf.R_PPC64(s.Type))
		}
	}
	p.t.Fatal("no second site")
	return 0
}

// TestOdd checks what becomes of legal but odd objects.
func TestOdd(t *testing.T) {
	reverse := func(p *mutableFile) {
		s := p.section(".rela.text")
		d := p.b[s.Off : s.Off+s.Size]
		for i, j := 0, len(d)-24; i < j; i, j = i+24, j-24 {
			var x [24]byte
			copy(x[:], d[i:])
			copy(d[i:], d[j:j+24])
			copy(d[j:], x[:])
		}
	}
	for _, c := range []struct {
		name, object string
		change       func(p *mutableFile)
	}{
		{"abi unspecified", plainSite, func(p *mutableFile) { p.b[48] = 0 }},
		{"no SHF_INFO_LINK", plainSite, func(p *mutableFile) { p.put64(p.header(".rela.text", 8), 0) }},
		{"relocations in reverse", plainSite, reverse},
		{"relocations in reverse, and one of a slot", strings.Replace(caller, "nop", "	.reloc .,R_PPC64_ADDR32,caller\nnop", 1) + foreignKey, reverse},
		{"displacement in the branch", plainSite, func(p *mutableFile) {
			p.put32(p.section(".text").Off+p.firstSite().Off, 0x48001235)
		}},
		{"section has an address", plainSite, func(p *mutableFile) { p.put64(p.header(".text", 16), 0x10000) }},
		{"table without entry size", withTable, func(p *mutableFile) { p.put64(p.header(tableRela, 56), 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := newMutableFile(t, c.object)
			wp, err := plan(want.b, Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := newMutableFile(t, c.object)
			c.change(p)
			gp, err := plan(p.b, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := summary(gp, nil), summary(wp, nil); got != want {
				t.Errorf("planned %s, want %s", got, want)
			}
			again(t, c.name, gp, Options{})
		})
	}
}

// TestTruncated cuts a small object at every length. The rest must be rejected,
// because its section headers come last.
func TestTruncated(t *testing.T) {
	b := memory(t, withTable)
	for n := range b {
		if _, err := plan(b[:n:n], Options{}); err == nil {
			t.Errorf("accepted %d of %d bytes", n, len(b))
		}
	}
}

// FuzzPlan checks that nothing panics, and that the output of an accepted
// object is as planned and unchanged by a second run.
func FuzzPlan(f *testing.F) {
	for _, name := range []string{
		withTable, "asm-annot8-partial.o", "asm-tail.o", "asm-slots.o", "asm-trampkey.o", "gcc-p8-O2-update.o",
		"gcc-p8-O2-count.o", "clang-p8-O2-extkey.o", "gcc-p8-O2-weak.o", "bad-noslot.o",
	} {
		for i := range combinations {
			f.Add(memory(f, name), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		opts := combinations[int(which)%len(combinations)].opts
		p, err := plan(b, opts)
		if err != nil {
			return
		}
		e, err := p.Apply()
		if err != nil {
			return
		}
		if e.StripSignature(); e.Empty() {
			return
		}
		m, err := e.Layout()
		if err != nil {
			return
		}
		var out bytes.Buffer
		if _, err := m.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		g, err := elfrw.New(out.Bytes())
		if err != nil {
			t.Fatalf("the output cannot be read: %v", err)
		}
		if p.Check(g) != nil {
			return // rejected before the rename
		}
		second, err := plan(out.Bytes(), opts)
		if err != nil {
			t.Fatalf("the output is refused: %v", err)
		}
		if second.Changes() {
			t.Fatalf("the output is not left alone: %s", summary(second, nil))
		}
	})
}

// TestCorruptedUserTable corrupts a table written for user space.
func TestCorruptedUserTable(t *testing.T) {
	user := Options{Place: User}
	first, err := plan(memory(t, plainSite), user)
	if err != nil {
		t.Fatal(err)
	}
	b := apply(t, first)
	const rela = reloc.RelaSize
	for _, c := range []struct {
		name    string
		corrupt func(p *mutableFile, table elfrw.Section, header uint64) // of the relocations
		want    string
	}{
		{"none", func(*mutableFile, elfrw.Section, uint64) {}, ""},
		{"the last key", func(p *mutableFile, s elfrw.Section, header uint64) {
			p.put64(header+32, s.Size-rela)
		}, "lacks a relocation of its site or its key"},
		{"the last stub", func(p *mutableFile, s elfrw.Section, header uint64) {
			end := s.Off + s.Size
			copy(p.b[end-2*rela:], p.b[end-rela:end])
			p.put64(header+32, s.Size-rela)
		}, "+0x110: entry 17 lacks a relocation of its stub"},
		{"a stub twice", func(p *mutableFile, s elfrw.Section, _ uint64) {
			p.put64(s.Off+2*rela, layout.StubField)
		}, "no field of entry 0 begins here, or it has a relocation already"},
		{"another's stub", func(p *mutableFile, s elfrw.Section, _ uint64) {
			stub := p.b[s.Off+rela+rType : s.Off+rela+rAddend]
			for at := s.Off; at < s.Off+s.Size; at += 3 * rela {
				if other := p.b[at+rela+rType : at+rela+rAddend]; !bytes.Equal(stub, other) {
					copy(stub, other)
					return
				}
			}
			p.t.Fatal("all entries have one stub")
		}, "and the stub of"},
		{"a function as a stub", func(p *mutableFile, s elfrw.Section, _ uint64) {
			copy(p.b[s.Off+rela+8:s.Off+2*rela], p.b[s.Off+8:])
		}, "want R_PPC64_REL32 against a stub"},
	} {
		f, err := elfrw.New(bytes.Clone(b))
		if err != nil {
			t.Fatal(err)
		}
		p := &mutableFile{t, bytes.Clone(b), f}
		name := ".rela" + userTable
		c.corrupt(p, p.section(name), p.header(name, 0))
		_, err = plan(p.b, user)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error is\n%v\nwant\n%s", c.name, err, c.want)
		}
	}
}
