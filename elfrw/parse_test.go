// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/elfrw"
)

// TestParse compares section headers and symbols with those of debug/elf.
func TestParse(t *testing.T) {
	eachShape(t, testParse)
	eachObject(t, testParse)
}

func testParse(t *testing.T, data []byte) {
	f, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	e, err := f.ELF()
	if err != nil {
		t.Fatal(err)
	}
	if f.NumSections() != len(e.Sections) {
		t.Fatalf("%d sections, debug/elf has %d", f.NumSections(), len(e.Sections))
	}
	// For a compressed section, debug/elf returns uncompressed values.
	ignore := func(s *elf.SectionHeader) {
		if s.Flags&elf.SHF_COMPRESSED != 0 {
			s.Size, s.Addralign = s.FileSize, 0
		}
	}
	for i, s := range e.Sections {
		got := f.Section(i)
		g := elf.SectionHeader{
			Name: got.NameString(), Type: elf.SectionType(got.Type), Flags: elf.SectionFlag(got.Flags), Addr: got.Addr,
			Offset: got.Off, Size: got.Size, Link: got.Link, Info: got.Info, Addralign: got.Addralign, Entsize: got.Entsize, FileSize: got.Size,
		}
		w := s.SectionHeader
		ignore(&g)
		ignore(&w)
		if g != w {
			t.Fatalf("section %d (-debug/elf +elfrw):\n%s", i, cmp.Diff(w, g))
		}
		if i > 0 && i < 1000 && !got.Compressed() && !got.Is(elf.SHT_NOBITS) && !got.Is(elf.SHT_NULL) {
			d, err := s.Data()
			if err != nil || string(d) != string(got.Data()) {
				t.Fatalf("section %d: other data than debug/elf has (%v)", i, err)
			}
		}
	}
	syms, err := e.Symbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		if f.NumSymbols() != 0 {
			t.Fatalf("%d symbols, debug/elf has none", f.NumSymbols())
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if f.NumSymbols() != len(syms)+1 {
		t.Fatalf("%d symbols, debug/elf has %d without the first", f.NumSymbols(), len(syms))
	}
	for i, w := range syms {
		s := f.Symbol(i + 1)
		g := elf.Symbol{Name: string(f.SymbolName(s)), Info: s.Info, Other: s.Other, Section: s.Shndx, Value: s.Value, Size: s.Size}
		if g != w {
			t.Fatalf("symbol %d (-debug/elf +elfrw):\n%s", i+1, cmp.Diff(w, g))
		}
		if w.Section < elf.SHN_LORESERVE && s.Section != int(w.Section) {
			t.Fatalf("symbol %d: section %d, debug/elf has %v", i+1, s.Section, w.Section)
		}
	}
}

// TestXindex checks what debug/elf does not read.
func TestXindex(t *testing.T) {
	f, err := elfrw.New(large["xindex"]())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{1, 65_279, 65_280, 65_281, 65_300} {
		if s := f.Symbol(i); s.Section != i || s.Undefined() || string(f.SymbolName(s)) != f.Section(i).NameString()[len(".text."):] {
			t.Errorf("symbol %d is %q in section %d", i, f.SymbolName(s), s.Section)
		}
	}
	if s, ok := f.SectionByName(".text.f65299"); !ok || s.Index != 65_300 {
		t.Errorf("section .text.f65299 is %d", s.Index)
	}
}

// TestSame checks that no edit gives the same bytes.
func TestSame(t *testing.T) {
	same := func(t *testing.T, data []byte) {
		d := newEditor(t, data)
		d.layout()
	}
	eachShape(t, same)
	eachObject(t, same)
}

// TestRelasInOrder exchanges the first two relocations of each section, one at a time.
func TestRelasInOrder(t *testing.T) {
	data, err := os.ReadFile("../testdata/obj/gcc-p8-O2-sites.o")
	if err != nil {
		t.Fatal(err)
	}
	inOrder := func(data []byte, i int) bool {
		f, err := elfrw.New(data)
		if err != nil {
			t.Fatal(err)
		}
		return f.RelasInOrder(i)
	}
	whole, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	for s := range whole.Sections() {
		if !s.Is(elf.SHT_RELA) || s.Size < 48 {
			continue
		}
		swapped := bytes.Clone(data)
		copy(swapped[s.Off:], data[s.Off+24:s.Off+48])
		copy(swapped[s.Off+24:], data[s.Off:s.Off+24])
		same := bytes.Equal(data[s.Off:s.Off+8], data[s.Off+24:s.Off+32])
		if !inOrder(data, s.Index) || inOrder(swapped, s.Index) != same {
			t.Errorf("section %v is in order: %v; with the first two exchanged: %v", s, inOrder(data, s.Index), inOrder(swapped, s.Index))
		}
	}
	if inOrder(data, 0) || inOrder(data, 1) {
		t.Error("a section without relocations has some in order")
	}
}
