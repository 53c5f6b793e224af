// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// A linked is an image under construction. Symbols are in the section at their address,
// if there is one.
type linked struct {
	typ  elf.Type
	secs []linkedSection
	syms []linkedSymbol
}

type linkedSection struct {
	name  string
	typ   elf.SectionType
	flags elf.SectionFlag
	addr  uint64
	data  []byte
	link  uint32
}

type linkedSymbol struct {
	name     string
	at, size uint64
	typ      elf.SymType
	other    uint8
	gone     bool // undefined
}

// Addresses in a program. The functions of .text are first, second, and a part of
// second that begins at partAt; no function is at gapAt.
const (
	dataAt  = 0x1000
	otherAt = 0x2000 // code in another section: the function other
	tableAt = 0x4000

	textAt   = 0x101000
	secondAt = textAt + 0x40
	gapAt    = textAt + 0x80
	partAt   = textAt + 0xc0
	textSize = 0x100

	tocAt = 0x18000
)

const (
	codeFlags = elf.SHF_ALLOC | elf.SHF_EXECINSTR
	twoWays   = 3 << 5 // st_other of a function whose local entry is at 8
)

// newLinked returns a program whose code is all nops, with empty data.
func newLinked() *linked {
	nops := func(n int) (b []byte) {
		for range n {
			b = binary.LittleEndian.AppendUint32(b, uint32(ppc64.Nop))
		}
		return b
	}
	return &linked{
		typ: elf.ET_EXEC,
		secs: []linkedSection{
			{name: ".text", typ: elf.SHT_PROGBITS, flags: codeFlags, addr: textAt, data: nops(textSize / 4)},
			{name: ".text.other", typ: elf.SHT_PROGBITS, flags: codeFlags, addr: otherAt, data: nops(0x10)},
			{name: ".data", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, addr: dataAt, data: make([]byte, 0x40)},
		},
		syms: []linkedSymbol{
			{name: "first", at: textAt, size: 0x40, typ: elf.STT_FUNC},
			{name: "second", at: secondAt, size: 0x40, typ: elf.STT_FUNC},
			{name: "second.cold", at: partAt, size: 0x20, typ: elf.STT_FUNC},
			{name: "other", at: otherAt, size: 0x40, typ: elf.STT_FUNC},
		},
	}
}

// add adds a section.
func (l *linked) add(name string, typ elf.SectionType, flags elf.SectionFlag, addr uint64, data []byte) *linkedSection {
	l.secs = append(l.secs, linkedSection{name: name, typ: typ, flags: flags, addr: addr, data: data})
	return &l.secs[len(l.secs)-1]
}

// bound puts symbols without a type around a range.
func (l *linked) bound(name string, start, stop uint64) {
	l.syms = append(l.syms, linkedSymbol{name: "__start_" + name, at: start}, linkedSymbol{name: "__stop_" + name, at: stop})
}

// put writes to the section at an address.
func (l *linked) put(at uint64, b []byte) {
	for i := range l.secs {
		if s := &l.secs[i]; s.addr <= at && at+uint64(len(b)) <= s.addr+uint64(len(s.data)) {
			copy(s.data[at-s.addr:], b)
			return
		}
	}
	panic("no section")
}

var entrySize = map[elf.SectionType]uint64{elf.SHT_SYMTAB: elfrw.SymSize, elf.SHT_RELA: reloc.RelaSize, elf.SHT_REL: 16}

// file returns the file. All symbols are local.
func (l *linked) file(t *testing.T) *elfrw.File {
	t.Helper()
	names := []byte{0}
	name := func(s string) uint32 {
		defer func() { names = append(append(names, s...), 0) }()
		return uint32(len(names))
	}
	le := binary.LittleEndian
	syms := make([]byte, elfrw.SymSize)
	for _, s := range l.syms {
		sym := elf.Sym64{Name: name(s.name), Info: elf.ST_INFO(elf.STB_LOCAL, s.typ), Other: s.other, Value: s.at, Size: s.size}
		if !s.gone {
			sym.Shndx = uint16(elf.SHN_ABS)
		}
		for i, sec := range l.secs {
			if !s.gone && sec.flags&elf.SHF_ALLOC != 0 && sec.addr <= s.at && s.at <= sec.addr+uint64(len(sec.data)) {
				sym.Shndx = uint16(i + 1)
			}
		}
		syms, _ = binary.Append(syms, le, sym)
	}
	n := uint32(len(l.secs))
	secs := append(slices.Clone(l.secs),
		linkedSection{name: ".symtab", typ: elf.SHT_SYMTAB, data: syms, link: n + 2},
		linkedSection{name: ".strtab", typ: elf.SHT_STRTAB})
	heads := []elf.Section64{{}}
	for _, s := range secs {
		heads = append(heads, elf.Section64{Name: name(s.name), Type: uint32(s.typ), Flags: uint64(s.flags), Addr: s.addr, Link: s.link, Addralign: 1, Entsize: entrySize[s.typ]})
	}
	heads[n+1].Info = uint32(len(l.syms) + 1)
	secs[n+1].data = names
	out := make([]byte, 64)
	for i, s := range secs {
		heads[i+1].Off, heads[i+1].Size = uint64(len(out)), uint64(len(s.data))
		if s.typ != elf.SHT_NOBITS {
			out = append(out, s.data...)
		}
	}
	out = append(out, make([]byte, -len(out)&7)...)
	header := elf.Header64{
		Type: uint16(l.typ), Machine: uint16(elf.EM_PPC64), Version: 1, Flags: 2, Shoff: uint64(len(out)),
		Ehsize: 64, Shentsize: 64, Shnum: uint16(len(heads)), Shstrndx: uint16(n + 2),
	}
	copy(header.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	_, _ = binary.Encode(out, le, header)
	out, _ = binary.Append(out, le, heads)
	f, err := elfrw.New(out)
	if err != nil {
		t.Fatalf("no ELF file: %v", err)
	}
	return f
}

// read reads the program's image.
func (l *linked) read(t *testing.T) *Map {
	t.Helper()
	f := l.file(t)
	var secs []int
	for i := range l.secs {
		secs = append(secs, i+1)
	}
	m, err := ReadImage(f, secs, tocAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range m.secs {
		x.settle()
	}
	return m
}

// image returns a reader of the image that has read the symbols only.
func (l *linked) image(t *testing.T) *image {
	t.Helper()
	f := l.file(t)
	memory, err := f.Memory()
	if err != nil {
		t.Fatal(err)
	}
	im := &image{Map: newMap(f, []int{1, 2}), toc: tocAt, memory: memory}
	im.image = true
	for _, x := range im.secs {
		x.base = f.Section(x.sec).Addr
	}
	im.readSymbols()
	return im
}

// address returns the address of a place in a program's code.
func address(sec int, off uint64) uint64 { return []uint64{0, textAt, otherAt}[sec] + off }

// quads returns doublewords.
func quads(values ...uint64) (b []byte) {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// distances returns words that hold the distances to some places, each from its own
// field, for fields that begin at an address.
func distances(at uint64, to ...uint64) (b []byte) {
	for i, v := range to {
		b = binary.LittleEndian.AppendUint32(b, uint32(v-at-4*uint64(i)))
	}
	return b
}

// words returns instructions.
func words(code ...ppc64.Word) (b []byte) {
	for _, w := range code {
		b = binary.LittleEndian.AppendUint32(b, uint32(w))
	}
	return b
}
