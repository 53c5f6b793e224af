// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestSections asks sections what they are.
func TestSections(t *testing.T) {
	f, err := elfrw.New(with(compressed(), func(o *object) {
		o.add(sec{name: ".info", flags: elf.SHF_INFO_LINK, info: 5, data: []byte{1}})
		o.add(sec{name: ".code", typ: elf.SHT_NOBITS, flags: ax, size: 4})
		o.add(sec{name: ".not.loaded", flags: elf.SHF_EXECINSTR, data: code(1)})
	}).build())
	if err != nil {
		t.Fatal(err)
	}
	relas := map[string]string{".text": ".rela.text", ".data": ".rela.data"}
	for s := range f.Sections() {
		name := s.NameString()
		if !s.Named(name) || s.Named(name[1:]) || s.Named(name+"x") || s.Named(name[:len(name)-1]) {
			t.Errorf("%s: the name is not its own", name)
		}
		if s.IsCode() != (name == ".text") {
			t.Errorf("%s: code: %v", name, s.IsCode())
		}
		if r, ok := f.RelaSection(s.Index); ok != (relas[name] != "") || ok && !r.Named(relas[name]) {
			t.Errorf("%s: its relocations are %v", name, r)
		}
		want := s.Data()
		if d := f.SectionData(s.Index); !bytes.Equal(d, want) || cap(d) != len(d) {
			t.Errorf("%s: %d bytes with room for %d, want %d", name, len(d), cap(d), len(want))
		}
		if name == ".debug_str" {
			want = bytes.Repeat([]byte("debug"), 1000)
		}
		if got, err := s.Uncompressed(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	// The last name of the table, with the NUL that ends it.
	names := f.Section(int(f.Header().Shstrndx))
	for s := range f.Sections() {
		if end := int(s.Name) + len(s.NameString()) + 1; end == int(names.Size) {
			if s.Named(s.NameString() + "\x00") {
				t.Errorf("%v has a name with a NUL", s)
			}
			return
		}
	}
	t.Error("no section has the last name")
}

// TestUncompressedFails reads content that is not compressed data.
func TestUncompressedFails(t *testing.T) {
	f, err := elfrw.New(with(basic(), func(o *object) {
		o.add(sec{name: ".debug_str", flags: elf.SHF_COMPRESSED, align: 8, data: append(words(uint32(elf.COMPRESS_ZLIB), 0, 16, 0, 1, 0), make([]byte, 16)...)})
	}).build())
	if err != nil {
		t.Fatal(err)
	}
	s, _ := f.SectionByName(".debug_str")
	if _, err := s.Uncompressed(); err == nil {
		t.Error("zeros were uncompressed")
	}
}

// TestRetarget changes the symbols and the types of relocations. Room for more changes
// keeps those that were made, and a new local symbol moves the others.
func TestRetarget(t *testing.T) {
	const relaText, main = 2, 4
	f, err := elfrw.New(basic().build())
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Collect(relasOf(f, relaText))
	e := f.Edit()
	r, err := e.Relas(relaText)
	if err != nil {
		t.Fatal(err)
	}
	r.Grow(1)
	set := func(i, sym int, typ elf.R_PPC64) {
		if err := r.Retarget(i, sym, uint32(typ)); err != nil {
			t.Fatal(err)
		}
		want[i].Symbol, want[i].Type = sym, uint32(typ)
	}
	set(0, main, elf.R_PPC64_REL24_NOTOC)
	r.Grow(2)
	set(4, 1, elf.R_PPC64_ADDR64)
	sym, err := e.AddSymbol(elfrw.NewSymbol{Name: "new"})
	if err != nil {
		t.Fatal(err)
	}
	set(1, sym, elf.R_PPC64_REL24)
	out, err := elfrw.New(image(t, e))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		switch s := &want[i].Symbol; {
		case *s == sym:
			*s = f.FirstGlobal()
		case *s >= f.FirstGlobal():
			*s++
		}
	}
	if got := slices.Collect(relasOf(out, relaText)); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func relasOf(f *elfrw.File, i int) func(func(elfrw.Rela) bool) {
	return func(yield func(elfrw.Rela) bool) {
		for _, r := range f.Relas(i) {
			if !yield(r) {
				return
			}
		}
	}
}

// TestRelasMIPS reads r_info as MIPS has it: a symbol of four bytes, and four types of
// one byte, the first of which comes last.
func TestRelasMIPS(t *testing.T) {
	o := with(basic(), func(o *object) {
		o.secs[3].relas = []elf.Rela64{{Off: 8, Info: 4 | uint64(binary.BigEndian.Uint32([]byte{0x12, 0x05, 0, 0}))<<32, Addend: 3}}
	})
	data := o.build()
	copy(data[18:], u16(uint16(elf.EM_MIPS)))
	f, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Collect(relasOf(f, 4))
	if want := []elfrw.Rela{{Off: 8, Symbol: 4, Type: 0x0512, Addend: 3}}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
