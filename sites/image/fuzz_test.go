// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"bytes"
	"debug/elf"
	"os"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites"
)

// seed turns a patched object into an image: it gives addresses to sections and
// symbols, and applies the relocations of sites, keys and tables.
func seed(tb testing.TB, name string) []byte {
	b, err := os.ReadFile("../../testdata/obj/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := elfrw.New(b)
	if err != nil {
		tb.Fatal(err)
	}
	const eType, shAddr, stValue = 16, 16, 8
	b = bytes.Clone(b)
	b[eType] = byte(elf.ET_DYN)
	put := func(off, v uint64) {
		for i := range 8 {
			b[off+uint64(i)] = byte(v >> (8 * i))
		}
	}
	for i := 1; i < f.NumSections(); i++ {
		put(f.Header().Shoff+uint64(i)*64+shAddr, uint64(i)<<16)
	}
	for i := 1; i < f.NumSymbols(); i++ {
		if s := f.Symbol(i); s.Section != 0 {
			put(f.Symtab().Off+uint64(i)*elfrw.SymSize+stValue, uint64(s.Section)<<16+s.Value)
		}
	}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		if !s.Is(elf.SHT_RELA) {
			continue
		}
		in := f.Section(int(s.Info))
		t, err := reloc.NewTable(s.Data())
		if err != nil {
			tb.Fatal(err)
		}
		for j := range t.Len() {
			r := t.At(j)
			sym := f.Symbol(int(r.Sym()))
			if sym.Section == 0 {
				continue
			}
			value := uint64(sym.Section)<<16 + sym.Value + uint64(r.Addend)
			switch elf.R_PPC64(r.Type()) {
			case elf.R_PPC64_ADDR64:
			case elf.R_PPC64_REL24:
				l, err := ppc64.LocalEntryOf(sym.Other)
				if err != nil {
					tb.Fatal(err)
				}
				value += l.Offset()
				fallthrough
			case elf.R_PPC64_REL64, elf.R_PPC64_REL32:
				value -= uint64(in.Index)<<16 + r.Off
			default:
				continue
			}
			if err := reloc.Insert(b[in.Off:in.Off+in.Size], r.Off, r.Type(), int64(value)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return b
}

// FuzzImage plans any bytes as an image. It must not panic, and the output of
// an accepted image must be as planned, with nothing left to do.
func FuzzImage(f *testing.F) {
	for _, name := range []string{"asm-annot16.o", "asm-annot8.o"} {
		b := seed(f, name)
		if file, err := elfrw.New(b); err != nil {
			f.Fatal(err)
		} else if p, err := MakePlan(file, sites.Options{}); err != nil || !p.Changes() {
			f.Fatalf("%s is no image with work to do: %v", name, err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := elfrw.New(b)
		if err != nil {
			return
		}
		p, err := MakePlan(file, sites.Options{})
		if err != nil || !p.Changes() {
			return
		}
		edit, err := p.Apply()
		if err != nil {
			return // sections that share bytes
		}
		m, err := edit.Layout()
		if err != nil {
			return
		}
		var out bytes.Buffer
		if _, err := m.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		again, err := elfrw.New(out.Bytes())
		if err != nil {
			t.Fatalf("the output cannot be read: %v", err)
		}
		if err := p.Check(again); err != nil {
			t.Fatal(err)
		}
	})
}
