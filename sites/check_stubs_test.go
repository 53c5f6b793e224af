// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
	"github.com/scpatch/scpatch/sites/stub"
)

// cells moves the cells together with everything that names them.
func (p *patched) cells(toc elfrw.Section, before int) {
	p.t.Helper()
	stubs := p.newStubs()
	for _, by := range []uint64{4, 8, 1 << 16, 1<<64 - 4, 1<<64 - 8} {
		p.spoiled(fmt.Sprintf("cells 0x%x further", by), 0, len(p.b), func(b []byte) {
			i := 0
			p.eachRelocation(toc, func(off uint64, r reloc.Rela) {
				if i++; i > before {
					binary.LittleEndian.PutUint64(b[off+rOffset:], r.Off+by)
				}
			})
			p.eachRelocation(stubs, func(off uint64, r reloc.Rela) {
				binary.LittleEndian.PutUint64(b[off+rAddend:], uint64(r.Addend)+by)
			})
		})
	}
}

// newStubs returns the added section of stubs.
func (p *patched) newStubs() (sec elfrw.Section) {
	for i := p.plan.Object.File.NumSections(); i < p.f.NumSections(); i++ {
		if s := p.f.Section(i); s.Named(layout.StubSection) {
			sec = s
		}
	}
	return sec
}

// stubs corrupts the stubs and their symbols. There must be a stub with each of
// the entries in some.
func (p *patched) stubs(some []StubEntry) {
	p.t.Helper()
	there := map[StubEntry]bool{}
	sec := p.newStubs()
	header := p.f.Header().Shoff + uint64(sec.Index)*64
	for i := p.plan.Object.File.FirstGlobal(); i < p.f.FirstGlobal(); i++ {
		sym := p.f.Symbol(i)
		e := stubOf(sym, p.f.SymbolName(sym))
		if e == noStub {
			continue
		}
		there[e] = true
		at := p.f.Symtab().Off + uint64(i)*elfrw.SymSize
		name := string(p.f.SymbolName(sym))
		p.spoiled(name+" begins later", at, elfrw.SymSize, add(stValue, 4))
		p.spoiled(name+" ends later", at, elfrw.SymSize, add(16, 4))
		p.spoiled(name+" with another entry", at+stOther, 1, func(b []byte) { b[0] ^= 1 << 5 })
		p.spoiled(name+" in the section before", at+stShndx, 1, func(b []byte) { b[0]-- })
		p.spoiled(name+" in the section after", at+stShndx, 1, func(b []byte) { b[0]++ })
		p.spoiled(name+" of another key", at, 4, add32)
		p.spoiled(name+" global", at+stInfo, 1, func(b []byte) { b[0] |= 1 << 4 })
		if e == StubJump {
			continue
		}
		before := uint64(0)
		if p.plan.env.cells {
			before = layout.CellBefore
		}
		p.bits(name, sec.Off+sym.Value-before, sym.Size+before)
	}
	for _, e := range some {
		if !there[e] {
			p.t.Errorf("no stub %s", stubPrefixes[e])
		}
	}
	p.relocations(sec, 0)
	p.operands(sec, 0)
	p.spoiled("stubs of another type", header+4, 4, func(b []byte) { b[0] = byte(elf.SHT_NOTE) })
	p.spoiled("stubs in no code", header+8, 8, func(b []byte) { b[0] &^= byte(elf.SHF_EXECINSTR) })
	p.spoiled("stubs that may be written to", header+8, 8, func(b []byte) { b[0] |= byte(elf.SHF_WRITE) })
	p.spoiled("stubs without alignment", header+48, 8, func(b []byte) { b[0] = 4 })
}

// TestStubPlaces reads a stub without a TOC pointer at each word: its prefixed
// instruction must not cross 64 bytes.
func TestStubPlaces(t *testing.T) {
	for words := range 8 {
		c := stub.Code{Bytes: bytes.Repeat([]byte{0, 0, 0, 0x60}, words)} // nop
		c.NoTOC(stub.Key{Sym: 1, Null: true})
		var relas []byte
		for _, r := range c.Relas {
			relas = appendRela(relas, r)
		}
		table, err := reloc.NewTable(relas)
		if err != nil {
			t.Fatal(err)
		}
		r := stubReader{code: c.Bytes, relas: reloc.Sort(table), used: index.NewSet(len(table) / reloc.RelaSize)}
		does, err := r.read(uint64(4*words), uint64(len(c.Bytes)))
		if crosses := words%4 == 3; (err != nil) != crosses || err != nil && !strings.Contains(err.Error(), "may cross 64 bytes") {
			t.Errorf("at word %d: %v", words, err)
		} else if err == nil && (does.way != wayPCRel || !does.null) {
			t.Errorf("at word %d: %+v", words, does)
		}
	}
}

// frames corrupts what .eh_frame says about the stubs: at the end of the
// input's section, or in a new one.
func (p *patched) frames() {
	sec, base, before := elfrw.Section{}, uint64(0), 0
	in := p.plan.Object
	for i := 1; i < p.f.NumSections(); i++ {
		if s := p.f.Section(i); s.Named(".eh_frame") {
			if i >= in.File.NumSections() {
				sec, base, before = s, 0, 0
			} else if was := in.File.Section(i); was.Size != s.Size {
				r, _ := in.table(i)
				sec, base, before = s, was.Size, r.Len()
			}
		}
	}
	unit := base + 13 // the unit of data in the CIE: nothing is stored, so it has no effect
	p.bits(".eh_frame", sec.Off+base, unit-base)
	p.spoiled("a longer unit of data", sec.Off+unit, 1, func(b []byte) { b[0] |= 0x80 })
	p.spoiled("a longer unit of data, which is 0", sec.Off+unit, 1, func(b []byte) { b[0] = 0x80 })
	p.bits(".eh_frame", sec.Off+unit+1, sec.Size-unit-1)
	p.relocations(sec, before)
	header := p.f.Header().Shoff + uint64(sec.Index)*64
	last := uint64(0) // of the last entry
	for off := uint64(0); off < sec.Size; off += last {
		last = 4 + uint64(binary.LittleEndian.Uint32(sec.Data()[off:]))
	}
	p.spoiled("no entry for the last stub", header+32, 8, add(0, -last))
	p.spoiled("no entry and no relocation for the last stub", 0, len(p.b), func(b []byte) {
		add(header+32, -last)(b)
		for j := 1; j < p.f.NumSections(); j++ {
			if s := p.f.Section(j); s.Is(elf.SHT_RELA) && int(s.Info) == sec.Index {
				add(p.f.Header().Shoff+uint64(j)*64+32, 1<<64-reloc.RelaSize)(b)
			}
		}
	})
	cie := 4 + uint64(binary.LittleEndian.Uint32(sec.Data()[base:]))
	p.spoiled("no CIE", 0, len(p.b), func(b []byte) {
		copy(b[sec.Off+base:sec.Off+sec.Size], b[sec.Off+base+cie:])
		add(header+32, -cie)(b)
		for off := base; off < sec.Size-cie; off += 4 + uint64(binary.LittleEndian.Uint32(b[sec.Off+off:])) {
			binary.LittleEndian.PutUint32(b[sec.Off+off+4:], uint32(off+4-1)) // the CIE that would be at 1
		}
		i := 0
		p.eachRelocation(sec, func(off uint64, _ reloc.Rela) {
			if i++; i > before {
				add(off+rOffset, -cie)(b)
			}
		})
	})
	p.operands(sec, before)
	for by := uint64(1); by < sec.Size; by += 3 {
		p.spoiled("less", header+32, 8, add(0, -by))
	}
	p.spoiled(".eh_frame that is not loaded", header+8, 8, func(b []byte) { b[0] &^= byte(elf.SHF_ALLOC) })
	for j := 1; j < p.f.NumSections(); j++ {
		if s := p.f.Section(j); s.Is(elf.SHT_RELA) && int(s.Info) == sec.Index {
			p.spoiled("no relocation of a frame", p.f.Header().Shoff+uint64(j)*64+32, 8, func(b []byte) { clear(b) })
		}
	}
	if base > 0 {
		p.spoiled("an end before the stubs", sec.Off, 4, func(b []byte) { clear(b) })
	}
}
