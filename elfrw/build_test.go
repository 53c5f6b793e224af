// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
)

// An object describes a synthetic ELF file. Section and symbol 0 are implied.
type object struct {
	typ     elf.Type // ET_REL by default
	secs    []sec
	syms    []sym // local ones first
	order   []int // section indices in file order; those left out come last
	headers int   // the section header table lies before this place in the file order; 0: after everything
	first   bool  // it lies right after the ELF header
	odd     uint64
	merged  bool // section names and symbol names share a table
	bare    bool // no symbol table
	shndx   bool // with SHT_SYMTAB_SHNDX even if it is not needed
	trailer []byte
}

type sec struct {
	name    string
	typ     elf.SectionType // SHT_PROGBITS by default
	flags   elf.SectionFlag
	align   uint64
	entsize uint64
	link    int // or linkSymtab
	info    uint32
	data    []byte
	size    uint64 // of SHT_NOBITS
	gap     int    // bytes of filler before it
	relas   []elf.Rela64
}

type sym struct {
	name    string
	info    uint8
	other   uint8
	section int
	abs     bool
	value   uint64
	size    uint64
}

const (
	linkSymtab = -1
	filler     = 0xcc
)

func (o *object) add(s sec) int {
	if s.typ == 0 {
		s.typ = elf.SHT_PROGBITS
	}
	o.secs = append(o.secs, s)
	return len(o.secs)
}

func (o *object) sym(s sym) int {
	o.syms = append(o.syms, s)
	return len(o.syms)
}

func (o *object) rela(target int, relas ...elf.Rela64) int {
	return o.add(sec{
		name: ".rela" + o.secs[target-1].name, typ: elf.SHT_RELA, flags: elf.SHF_INFO_LINK, align: 8, entsize: 24,
		link: linkSymtab, info: uint32(target), relas: relas,
	})
}

func rel(off uint64, sym int, typ elf.R_PPC64, addend int64) elf.Rela64 {
	return elf.Rela64{Off: off, Info: uint64(sym)<<32 | uint64(typ), Addend: addend}
}

// asRela decodes r_info as on every machine except MIPS.
func asRela(r elf.Rela64) elfrw.Rela {
	return elfrw.Rela{Off: r.Off, Symbol: int(r.Info >> 32), Type: uint32(r.Info), Addend: r.Addend}
}

// A strtab collects strings.
type strtab struct {
	b    []byte
	seen map[string]uint32
}

func (t *strtab) put(s string) uint32 {
	if t.seen == nil {
		t.b, t.seen = []byte{0}, map[string]uint32{"": 0}
	}
	off, ok := t.seen[s]
	if !ok {
		off = uint32(len(t.b))
		t.b = append(append(t.b, s...), 0)
		t.seen[s] = off
	}
	return off
}

// build makes the file.
func (o *object) build() []byte {
	le := binary.LittleEndian
	var names, symNames strtab
	strs := &symNames
	if o.merged {
		strs = &names
	}
	secs := append([]sec(nil), o.secs...)
	symtab := 0
	push := func(s sec) int { secs = append(secs, s); return len(secs) }
	if !o.bare {
		var raw, ext bytes.Buffer
		raw.Write(make([]byte, 24))
		ext.Write(make([]byte, 4))
		locals, wide := 1, o.shndx
		for _, s := range o.syms {
			shndx, x := uint16(s.section), uint32(0)
			if s.section >= int(elf.SHN_LORESERVE) {
				shndx, x, wide = uint16(elf.SHN_XINDEX), uint32(s.section), true
			}
			if s.abs {
				shndx = uint16(elf.SHN_ABS)
			}
			binary.Write(&raw, le, elf.Sym64{Name: strs.put(s.name), Info: s.info, Other: s.other, Shndx: shndx, Value: s.value, Size: s.size})
			binary.Write(&ext, le, x)
			if elf.ST_BIND(s.info) == elf.STB_LOCAL {
				locals++
			}
		}
		symtab = push(sec{name: ".symtab", typ: elf.SHT_SYMTAB, align: 8, entsize: 24, info: uint32(locals), data: raw.Bytes()})
		if wide {
			push(sec{name: ".symtab_shndx", typ: elf.SHT_SYMTAB_SHNDX, align: 4, entsize: 4, link: linkSymtab, data: ext.Bytes()})
		}
		if !o.merged {
			secs[symtab-1].link = push(sec{name: ".strtab", typ: elf.SHT_STRTAB, align: 1, data: strs.b})
		}
	}
	shstr := push(sec{name: ".shstrtab", typ: elf.SHT_STRTAB, align: 1})
	if o.merged && !o.bare {
		secs[symtab-1].link = shstr
	}
	heads := make([]elf.Section64, len(secs)+1)
	for i, s := range secs {
		h := &heads[i+1]
		*h = elf.Section64{
			Name: names.put(s.name), Type: uint32(s.typ), Flags: uint64(s.flags), Size: uint64(len(s.data)), Link: uint32(s.link),
			Info: s.info, Addralign: s.align, Entsize: s.entsize,
		}
		if s.link == linkSymtab {
			h.Link = uint32(symtab)
		}
		if s.relas != nil {
			var raw bytes.Buffer
			binary.Write(&raw, le, s.relas)
			secs[i].data = raw.Bytes()
			h.Size = uint64(raw.Len())
		}
		if s.typ == elf.SHT_NOBITS {
			h.Size = s.size
		}
	}
	secs[shstr-1].data = names.b
	heads[shstr].Size = uint64(len(names.b))

	out := make([]byte, 64)
	shoff := uint64(0)
	pad := func(align uint64) {
		for align > 1 && uint64(len(out))%align != 0 {
			out = append(out, 0)
		}
	}
	table := func() {
		pad(8)
		out = append(out, make([]byte, o.odd)...)
		shoff = uint64(len(out))
		out = append(out, make([]byte, 64*len(heads))...)
	}
	if o.first {
		table()
	}
	for k, i := range o.fileOrder(len(secs)) {
		if o.headers > 0 && k == o.headers {
			table()
		}
		s := secs[i-1]
		out = append(out, bytes.Repeat([]byte{filler}, s.gap)...)
		pad(s.align)
		heads[i].Off = uint64(len(out))
		if s.typ != elf.SHT_NOBITS {
			out = append(out, s.data...)
		}
	}
	if shoff == 0 {
		table()
	}
	n, str := len(heads), shstr
	if n >= int(elf.SHN_LORESERVE) {
		heads[0].Size, n = uint64(n), 0
	}
	if str >= int(elf.SHN_LORESERVE) {
		heads[0].Link, str = uint32(str), int(elf.SHN_XINDEX)
	}
	typ := o.typ
	if typ == 0 {
		typ = elf.ET_REL
	}
	hdr := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(typ), Machine: uint16(elf.EM_PPC64), Version: 1, Flags: 2, Shoff: shoff,
		Ehsize: 64, Shentsize: 64, Shnum: uint16(n), Shstrndx: uint16(str),
	}
	put := func(off uint64, v any) {
		if _, err := binary.Encode(out[off:], le, v); err != nil {
			panic(fmt.Sprint("build: ", err))
		}
	}
	put(0, hdr)
	put(shoff, heads)
	return append(out, o.trailer...)
}

func (o *object) fileOrder(n int) []int {
	order := append([]int(nil), o.order...)
	seen := make([]bool, n+1)
	for _, i := range order {
		seen[i] = true
	}
	for i := 1; i <= n; i++ {
		if !seen[i] {
			order = append(order, i)
		}
	}
	return order
}
