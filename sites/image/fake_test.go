// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/layout"
)

// Addresses in a fake image.
const (
	textAt  = 0x8000000
	farAt   = textAt + 1<<26 // out of a branch's reach from either side
	dataAt  = 0x2000000
	bssAt   = 0x2100000
	tableAt = 0x2200000
	relaAt  = 0x2300000
	gotAt   = 0x2400000

	siteAt = textAt + 0x10 // the site, in caller
	keyAt  = dataAt + 0x10 // its key, a

	target   = textAt + 0x100 // local entry at 8
	clobbers = textAt + 0x140 // local entry 1
	plain    = textAt + 0x180 // one entry, leaves r2 alone
	return0  = textAt + 0x1c0
	trampA   = textAt + 0x200
	stubAt   = textAt + 0x300 // no symbol covers it
	textSize = 0x400
)

const (
	usesTOC = 3 << 5 // st_other: local entry at 8
	noTOC   = 1 << 5 // local entry 1
	bl      = ppc64.Word(0x48000001)
	b       = ppc64.Word(0x48000000)
)

// A fake is a kernel image under construction. A section contains the symbols
// and bytes at its addresses.
type fake struct {
	typ, machine uint16
	flags        uint32
	secs         []fakeSection
	syms         []fakeSymbol
}

type fakeSection struct {
	name  string
	typ   elf.SectionType
	flags elf.SectionFlag
	addr  uint64
	data  []byte
	size  uint64 // of what has no bytes
}

type fakeSymbol struct {
	name        string
	value, size uint64
	typ         elf.SymType
	other       uint8
}

// newFake returns an image with one site, in a function that uses the TOC
// pointer. It calls the trampoline of key a, which holds target. The table has
// entries of 16 bytes.
func newFake() *fake {
	f := &fake{typ: uint16(elf.ET_EXEC), machine: uint16(elf.EM_PPC64), flags: 2}
	f.secs = []fakeSection{
		{name: ".text", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, addr: textAt, data: make([]byte, textSize)},
		{name: ".text.far", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, addr: farAt, data: make([]byte, 0x40)},
		{name: ".data", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, addr: dataAt, data: make([]byte, 0x40)},
		{name: ".bss", typ: elf.SHT_NOBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, addr: bssAt, size: 0x20},
		{name: ".got", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, addr: gotAt, data: make([]byte, 0x20)},
		{name: layout.KernelTable, typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, addr: tableAt},
	}
	f.function("caller", textAt, 0x80, usesTOC)
	f.function("target", target, 0x20, usesTOC)
	f.function("clobbers", clobbers, 0x20, noTOC)
	f.function("plain", plain, 0x20, 0)
	f.function(layout.Return0Name, return0, 8, 0)
	f.function(layout.TrampPrefix+"a", trampA, 0x10, 0)
	f.object(layout.KeyPrefix+"a", keyAt)
	f.put64(keyAt, target)
	f.branch(siteAt, bl, trampA)
	f.entry(siteAt, keyAt, 0)
	return f
}

func (f *fake) function(name string, at, size uint64, other uint8) {
	f.syms = append(f.syms, fakeSymbol{name, at, size, elf.STT_FUNC, other})
}

func (f *fake) object(name string, at uint64) {
	f.syms = append(f.syms, fakeSymbol{name, at, 8, elf.STT_OBJECT, 0})
}

// symbol returns the symbol with a name, to be changed.
func (f *fake) symbol(name string) *fakeSymbol {
	for i := range f.syms {
		if f.syms[i].name == name {
			return &f.syms[i]
		}
	}
	panic("no symbol " + name)
}

func (f *fake) section(name string) *fakeSection {
	for i := range f.secs {
		if f.secs[i].name == name {
			return &f.secs[i]
		}
	}
	panic("no section " + name)
}

// at returns the bytes from an address to the end of its section.
func (f *fake) at(addr uint64) []byte {
	for i := range f.secs {
		if s := &f.secs[i]; addr >= s.addr && addr < s.addr+uint64(len(s.data)) {
			return s.data[addr-s.addr:]
		}
	}
	panic("no section")
}

func (f *fake) put64(addr, v uint64)               { binary.LittleEndian.PutUint64(f.at(addr), v) }
func (f *fake) words(addr uint64, w ...ppc64.Word) { putWords(f.at(addr), w) }

func putWords(b []byte, words []ppc64.Word) {
	for i, w := range words {
		w.Put(b[4*i:])
	}
}

// branch writes a branch to an address; w is b or bl.
func (f *fake) branch(at uint64, w ppc64.Word, to uint64) {
	w, err := w.WithDisplacement(int64(to - at))
	if err != nil {
		panic(err)
	}
	f.words(at, w)
}

// entry adds an entry of 16 bytes to the table.
func (f *fake) entry(site, key, flags uint64) {
	t := f.section(layout.KernelTable)
	at := t.addr + uint64(len(t.data))
	t.data = binary.LittleEndian.AppendUint32(t.data, uint32(site-at))
	t.data = binary.LittleEndian.AppendUint32(t.data, 0)
	t.data = binary.LittleEndian.AppendUint64(t.data, key-at-8+flags)
}

// entries8 makes a table with entries of 8 bytes.
func (f *fake) entries8(pairs ...[3]uint64) {
	t := f.section(layout.KernelTable)
	t.data = nil
	for _, p := range pairs {
		at := t.addr + uint64(len(t.data))
		t.data = binary.LittleEndian.AppendUint32(t.data, uint32(p[0]-at))
		t.data = binary.LittleEndian.AppendUint32(t.data, uint32(p[1]-at-4+p[2]))
	}
}

// keyFlags sets the flags of the first entry.
func (f *fake) keyFlags(flags uint64) {
	t := f.section(layout.KernelTable).data
	binary.LittleEndian.PutUint64(t[8:], binary.LittleEndian.Uint64(t[8:])&^3|flags)
}

// stub makes the first entry name a stub.
func (f *fake) stub(at uint64) {
	binary.LittleEndian.PutUint32(f.section(layout.KernelTable).data[4:], uint32(at-tableAt-4))
}

// dynamic adds a dynamic relocation.
func (f *fake) dynamic(off uint64, typ elf.R_PPC64, addend uint64) {
	if n := len(f.secs); f.secs[n-1].name != ".rela.dyn" {
		f.secs = append(f.secs, fakeSection{name: ".rela.dyn", typ: elf.SHT_RELA, flags: elf.SHF_ALLOC, addr: relaAt})
	}
	s := f.section(".rela.dyn")
	s.data = binary.LittleEndian.AppendUint64(s.data, off)
	s.data = binary.LittleEndian.AppendUint64(s.data, uint64(typ))
	s.data = binary.LittleEndian.AppendUint64(s.data, addend)
}

// bytes returns the file.
func (f *fake) bytes() []byte {
	strtab, shstrtab := []byte{0}, []byte{0}
	str := func(to *[]byte, s string) uint32 {
		n := len(*to)
		*to = append(append(*to, s...), 0)
		return uint32(n)
	}
	symtab := make([]byte, elfrw.SymSize)
	for _, s := range f.syms {
		shndx := 0
		for i, sec := range f.secs {
			if sec.flags&elf.SHF_ALLOC != 0 && sec.flags&elf.SHF_TLS == 0 && s.value >= sec.addr && s.value < sec.addr+max(sec.size, uint64(len(sec.data))) {
				shndx = i + 1
			}
		}
		symtab = binary.LittleEndian.AppendUint32(symtab, str(&strtab, s.name))
		symtab = append(symtab, elf.ST_INFO(elf.STB_GLOBAL, s.typ), s.other)
		symtab = binary.LittleEndian.AppendUint16(symtab, uint16(shndx))
		symtab = binary.LittleEndian.AppendUint64(symtab, s.value)
		symtab = binary.LittleEndian.AppendUint64(symtab, s.size)
	}
	n := uint32(len(f.secs))
	secs := append(append([]fakeSection(nil), f.secs...),
		fakeSection{name: ".symtab", typ: elf.SHT_SYMTAB, data: symtab},
		fakeSection{name: ".strtab", typ: elf.SHT_STRTAB, data: strtab},
		fakeSection{name: ".shstrtab", typ: elf.SHT_STRTAB})
	headers := make([]elf.Section64, 1)
	for _, s := range secs {
		headers = append(headers, elf.Section64{
			Name: str(&shstrtab, s.name), Type: uint32(s.typ), Flags: uint64(s.flags), Addr: s.addr, Addralign: 8,
		})
	}
	secs[len(secs)-1].data = shstrtab
	file := make([]byte, 64)
	for i, s := range secs {
		for len(file)%8 != 0 {
			file = append(file, 0)
		}
		h := &headers[i+1]
		h.Off, h.Size = uint64(len(file)), max(s.size, uint64(len(s.data)))
		switch s.typ {
		case elf.SHT_SYMTAB:
			h.Link, h.Info, h.Entsize = n+2, 1, elfrw.SymSize
		case elf.SHT_RELA:
			h.Entsize = 24
		}
		file = append(file, s.data...)
	}
	for len(file)%8 != 0 {
		file = append(file, 0)
	}
	header := elf.Header64{
		Type: f.typ, Machine: f.machine, Version: 1, Shoff: uint64(len(file)), Flags: f.flags,
		Ehsize: 64, Shentsize: 64, Shnum: uint16(len(headers)), Shstrndx: uint16(len(headers) - 1),
	}
	copy(header.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, header)
	copy(file, b.Bytes())
	b.Reset()
	_ = binary.Write(&b, binary.LittleEndian, headers)
	return append(file, b.Bytes()...)
}

// plan plans the image.
func (f *fake) plan(t *testing.T, opts sites.Options) (*Plan, error) {
	t.Helper()
	file, err := elfrw.New(f.bytes())
	if err != nil {
		t.Fatalf("no ELF file: %v", err)
	}
	return MakePlan(file, opts)
}
