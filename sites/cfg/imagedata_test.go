// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// pointed returns the places that data point to.
func pointed(m *Map) string {
	var all []string
	for _, t := range m.sections() {
		for _, l := range t.labels {
			if l.kind == pointer {
				all = append(all, fmt.Sprintf("%x", t.base+l.off))
			}
		}
	}
	return strings.Join(all, " ")
}

// relocation returns a relocation of the dynamic linker.
func relocation(at uint64, typ elf.R_PPC64, sym uint32, addend uint64) []byte {
	return quads(at, elf.R_INFO(sym, uint32(typ)), addend)
}

// TestImageData checks which doublewords of data count as addresses of code.
func TestImageData(t *testing.T) {
	const a, b, c = textAt + 0x10, textAt + 0x18, secondAt + 0x10
	const rela, relr = "101010", "101018"
	section := func(name string, typ elf.SectionType, flags elf.SectionFlag, data []byte) func(*linked) {
		return func(l *linked) { l.add(name, typ, flags, tableAt, data) }
	}
	data := func(values ...uint64) func(*linked) { return func(l *linked) { l.put(dataAt, quads(values...)) } }
	at := func(at, value uint64) func(*linked) { return func(l *linked) { l.put(at, quads(value)) } }
	skipped := func(start, stop uint64) func(*linked) { return func(l *linked) { l.bound("mcount_loc", start, stop) } }
	relative := func(typ elf.R_PPC64) func(*linked) {
		return section(".rela.dyn", elf.SHT_RELA, elf.SHF_ALLOC, relocation(dataAt, typ, 0, a))
	}
	packed := func(flags elf.SectionFlag) func(*linked) {
		return section(".relr.dyn", elfrw.SHTRelr, flags, quads(dataAt+8))
	}
	write := elf.SHF_ALLOC | elf.SHF_WRITE
	for _, tt := range []struct {
		name string
		typ  elf.Type
		make []func(*linked)
		want string
	}{
		{"a number", elf.ET_EXEC, []func(*linked){data(a, 0, c)}, "101010 101050"},
		{"the start of a function", elf.ET_EXEC, []func(*linked){data(textAt)}, ""},
		{"not in a function", elf.ET_EXEC, []func(*linked){data(gapAt)}, ""},
		{"the last doubleword", elf.ET_EXEC, []func(*linked){at(dataAt+0x38, a)}, "101010"},
		{"a multiple of 4", elf.ET_EXEC, []func(*linked){at(dataAt+4, a)}, "101010"},
		{"not a multiple of 4", elf.ET_EXEC, []func(*linked){at(dataAt+2, a)}, ""},
		{"in code", elf.ET_EXEC, []func(*linked){at(otherAt+0x10, a)}, ""},
		{"in data after code", elf.ET_EXEC, []func(*linked){section(".rodata", elf.SHT_PROGBITS, elf.SHF_ALLOC, quads(c))}, "101050"},
		{"in constructors", elf.ET_EXEC, []func(*linked){section(".init_array", elf.SHT_INIT_ARRAY, write, quads(a))}, "101010"},
		{"in a note", elf.ET_EXEC, []func(*linked){section(".note", elf.SHT_NOTE, elf.SHF_ALLOC, quads(a))}, ""},
		{"after a note", elf.ET_EXEC, []func(*linked){
			section(".note", elf.SHT_NOTE, elf.SHF_ALLOC, quads(a)),
			func(l *linked) { l.add(".rodata", elf.SHT_PROGBITS, elf.SHF_ALLOC, tableAt+8, quads(c)) }}, "101050"},
		{"in a section of sites", elf.ET_EXEC, []func(*linked){section("__mcount_loc", elf.SHT_PROGBITS, write, quads(a, a))}, ""},
		{"in the unwinder's section", elf.ET_EXEC, []func(*linked){section(".eh_frame", elf.SHT_PROGBITS, elf.SHF_ALLOC, quads(0, a, a))}, ""},
		{"before, in and after a range of sites", elf.ET_EXEC, []func(*linked){data(a, b, b, c), skipped(dataAt+8, dataAt+24)}, "101010 101050"},

		// The dynamic linker relocates a shared object: an address has a relocation.
		{"a number in a shared object", elf.ET_DYN, []func(*linked){data(a, b, c), relative(elf.R_PPC64_RELATIVE)}, rela},
		{"packed relocations", elf.ET_DYN, []func(*linked){data(a, b, c), packed(elf.SHF_ALLOC)}, relr},
		{"packed relocations that are not loaded", elf.ET_DYN, []func(*linked){data(a, b, c), packed(0)}, "101010 101018 101050"},
		{"packed relocation of no doubleword", elf.ET_DYN, []func(*linked){section(".relr.dyn", elfrw.SHTRelr, elf.SHF_ALLOC, quads(dataAt+0x3c))}, ""},
		{"packed relocation of the last doubleword", elf.ET_DYN,
			[]func(*linked){at(dataAt+0x38, a), section(".relr.dyn", elfrw.SHTRelr, elf.SHF_ALLOC, quads(dataAt+0x38))}, "101010"},
		{"no relocations", elf.ET_DYN, []func(*linked){data(a, b, c)}, "101010 101018 101050"},
		{"a relocation in a program at a fixed address", elf.ET_EXEC, []func(*linked){data(0, b, c), relative(elf.R_PPC64_IRELATIVE)}, "101010 101018 101050"},
		{"a relocation in a range of sites", elf.ET_DYN,
			[]func(*linked){relative(elf.R_PPC64_RELATIVE), skipped(dataAt, dataAt+8)}, ""},
	} {
		l := newLinked()
		l.typ = tt.typ
		for _, change := range tt.make {
			change(l)
		}
		if got := pointed(l.read(t)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestDynamic checks which values the dynamic linker stores, and that those in
// functions are addresses of code.
func TestDynamic(t *testing.T) {
	const x, y = textAt + 0x10, secondAt + 0x10 // the values of symbols 1 and 2
	const symbols = 4                           // their section
	type stored = dynamicValue
	for _, tt := range []struct {
		name string
		rela []byte
		link uint32
		want []stored
	}{
		{"relative", relocation(dataAt, elf.R_PPC64_RELATIVE, 0, 8), symbols, []stored{{dataAt, 8}}},
		{"what a resolver returns", relocation(dataAt, elf.R_PPC64_IRELATIVE, 0, x), symbols, []stored{{dataAt, x}}},
		{"what a resolver returns, for a call", relocation(dataAt, elf.R_PPC64_JMP_IREL, 0, x), symbols, []stored{{dataAt, x}}},
		{"symbol", relocation(dataAt, elf.R_PPC64_ADDR64, 1, 0), symbols, []stored{{dataAt, x}}},
		{"symbol and addend", relocation(dataAt, elf.R_PPC64_ADDR64, 2, 4), symbols, []stored{{dataAt, y + 4}}},
		{"entry of the GOT", relocation(dataAt, elf.R_PPC64_GLOB_DAT, 2, 0), symbols, []stored{{dataAt, y}}},
		{"function", relocation(dataAt, elf.R_PPC64_JMP_SLOT, 1, 0), symbols, []stored{{dataAt, x}}},
		{"by address", slices.Concat(relocation(dataAt+8, elf.R_PPC64_RELATIVE, 0, 1), relocation(dataAt, elf.R_PPC64_RELATIVE, 0, 2)), symbols,
			[]stored{{dataAt, 2}, {dataAt + 8, 1}}},
		{"thread-local", relocation(dataAt, elf.R_PPC64_DTPMOD64, 1, 0), symbols, nil},
		{"symbol elsewhere", relocation(dataAt, elf.R_PPC64_ADDR64, 3, 4), symbols, nil},
		{"no symbol", relocation(dataAt, elf.R_PPC64_ADDR64, 0, x), symbols, nil},
		{"past the symbols", relocation(dataAt, elf.R_PPC64_ADDR64, 4, 0), symbols, nil},
		{"no symbols", relocation(dataAt, elf.R_PPC64_ADDR64, 1, 0), 0, nil},
	} {
		l := newLinked()
		l.add(".dynsym", elf.SHT_PROGBITS, elf.SHF_ALLOC, tableAt, // the type does not matter
			slices.Concat(quads(0, y, 0), quads(0, x, 0), quads(0, y, 0), quads(0, 0, 0)))
		l.add(".rela.dyn", elf.SHT_RELA, elf.SHF_ALLOC, tableAt+0x100, tt.rela).link = tt.link
		im := l.image(t)
		im.dynamic()
		if !slices.Equal(im.dyn, tt.want) {
			t.Errorf("%s: %#x, want %#x", tt.name, im.dyn, tt.want)
		}
		var code []string
		for _, d := range tt.want {
			if d.value >= textAt {
				code = append(code, fmt.Sprintf("%x", d.value))
			}
		}
		if got := pointed(im.Map); got != strings.Join(code, " ") {
			t.Errorf("%s: addresses of code: %s, want %s", tt.name, got, code)
		}
	}
}

// TestOtherRelocations checks which sections the dynamic linker's relocations are
// in, and whether others are refused.
func TestOtherRelocations(t *testing.T) {
	one := relocation(dataAt, elf.R_PPC64_RELATIVE, 0, 8)
	for _, tt := range []struct {
		name   string
		typ    elf.SectionType
		flags  elf.SectionFlag
		values int
		broken bool
	}{
		{"loaded", elf.SHT_RELA, elf.SHF_ALLOC, 2, false},
		{"what the static linker has used", elf.SHT_RELA, 0, 0, false},
		{"data", elf.SHT_PROGBITS, elf.SHF_ALLOC, 0, false},
		{"without addends", elf.SHT_REL, elf.SHF_ALLOC, 0, true},
		{"without addends, not loaded", elf.SHT_REL, 0, 0, false},
		{"packed", elfrw.SHTRelr, elf.SHF_ALLOC, 0, false},
	} {
		l := newLinked()
		l.add(".relocations", tt.typ, tt.flags, tableAt, slices.Concat(one, one))
		im := l.image(t)
		im.dynamic()
		if len(im.dyn) != tt.values || (im.broken != "") != tt.broken {
			t.Errorf("%s: %d values, %q", tt.name, len(im.dyn), im.broken)
		}
	}
}

// TestWord64 checks what a doubleword holds when the program runs.
func TestWord64(t *testing.T) {
	l := newLinked()
	l.put(dataAt+0x38, quads(5))
	l.add(".bss", elf.SHT_NOBITS, elf.SHF_ALLOC|elf.SHF_WRITE, tableAt, make([]byte, 0x20))
	im := l.image(t)
	im.dyn = []dynamicValue{{dataAt, 6}, {dataAt + 0x10, 7}, {tableAt, 8}}
	for _, tt := range []struct {
		at, want uint64
		ok       bool
	}{
		{dataAt - 8, 0, false}, {dataAt, 6, true}, {dataAt + 8, 0, true}, {dataAt + 0x10, 7, true},
		{dataAt + 0x38, 5, true}, {dataAt + 0x39, 0, false}, {dataAt + 0x40, 0, false}, {tableAt, 8, true}, {tableAt + 8, 0, false},
	} {
		if got, ok := im.word64(tt.at); got != tt.want || ok != tt.ok {
			t.Errorf("%#x: %d, %v; want %d, %v", tt.at, got, ok, tt.want, tt.ok)
		}
	}
}

// TestSkips checks which addresses are in ranges that are skipped.
func TestSkips(t *testing.T) {
	im := image{skipped: []span{{10, 20}, {30, 40}, {50, 60}}}
	for addr := range uint64(70) {
		if got, want := im.skips(addr), addr/10%2 == 1 && addr < 60; got != want {
			t.Errorf("%d: %v", addr, got)
		}
	}
}

// TestImagePoint resolves pointers of the unwinder's sections.
func TestImagePoint(t *testing.T) {
	const sec, off = 3, 8 // in .data
	const at = dataAt + off
	text := place{1, 0x10}
	for _, tt := range []struct {
		name string
		typ  elf.Type
		raw  uint64
		enc  byte
		want place
		ok   bool
	}{
		{"null", elf.ET_DYN, 0, 0, place{}, true},
		{"an address", elf.ET_EXEC, textAt + 0x10, 0, text, true},
		{"an address in a shared object", elf.ET_DYN, textAt + 0x10, 0, place{}, false},
		{"a distance", elf.ET_EXEC, textAt + 0x10 - at, encPCRel, text, true},
		{"a distance in a shared object", elf.ET_DYN, textAt + 0x10 - at, encPCRel, text, true},
		{"nowhere", elf.ET_EXEC, 0x900000, 0, place{sec: elsewhere}, true},
	} {
		l := newLinked()
		l.typ = tt.typ
		if got, err := l.image(t).point(sec, off, 8, tt.raw, tt.enc); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}
