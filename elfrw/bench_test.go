// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

func BenchmarkOpen(b *testing.B) {
	manySections := many(70_000).build()
	for name, data := range map[string][]byte{
		"basic":        basic().build(),
		"70k-sections": manySections,
	} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "a.o")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := elfrw.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}

// million has a relocation section of 24 MB.
func million() []byte {
	o := &object{}
	const n = 1_000_000
	text := o.add(sec{name: ".text", flags: ax, align: 16, data: make([]byte, 4*n)})
	for i := range 100 {
		o.sym(sym{name: fmt.Sprintf("f%d", i), info: global(elf.STT_FUNC)})
	}
	relas := make([]elf.Rela64, n)
	for i := range relas {
		relas[i] = rel(4*uint64(i), 1+i%100, elf.R_PPC64_REL24, 0)
	}
	o.rela(text, relas...)
	return o.build()
}

// setMany retargets each tenth relocation, and changes its instruction.
func setMany(b *testing.B, f *elfrw.File, replace bool) *elfrw.Edit {
	e := f.Edit()
	for i := range 100_000 {
		if err := e.SetRela(2, 10*i, asRela(rel(40*uint64(i), 7, elf.R_PPC64_REL24, 0))); err != nil {
			b.Fatal(err)
		}
		if !replace {
			continue
		}
		var was, is [4]byte
		is[3] = 0x48
		if err := e.ReplaceBytes(1, 40*uint64(i), was[:], is[:]); err != nil {
			b.Fatal(err)
		}
	}
	return e
}

func BenchmarkLayout(b *testing.B) {
	f, err := elfrw.New(million())
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		replace, grow bool
	}{{name: "100k-SetRela"}, {"100k-SetRela-Replace", true, false}, {"100k-SetRela-Replace-AddSymbol", true, true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e := setMany(b, f, c.replace)
				if c.grow {
					if _, err := e.AddSymbol(elfrw.NewSymbol{}); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := e.Layout(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWrite writes what BenchmarkLayout lays out, and checks it.
func BenchmarkWrite(b *testing.B) {
	data := million()
	path := filepath.Join(b.TempDir(), "a.o")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := elfrw.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	m, err := setMany(b, f, true).Layout()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("WriteTo", func(b *testing.B) {
		b.SetBytes(m.Size())
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("WriteTemp", func(b *testing.B) {
		b.SetBytes(m.Size())
		b.ReportAllocs()
		for b.Loop() {
			t, err := m.WriteTemp(path+".out", nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			t.Discard()
		}
	})
}

// BenchmarkSections edits an object with one section for each function: a fifth
// of the sections grow, all of them move, and a new local symbol touches every
// relocation.
func BenchmarkSections(b *testing.B) {
	for _, n := range []int{1_000, 35_000, 350_000} {
		o := &object{}
		for i := range n {
			o.add(sec{name: ".text.f", flags: ax, align: 4, data: code(2)})
			o.rela(2*i+1, rel(0, 1, elf.R_PPC64_REL24, 0), rel(4, 1, elf.R_PPC64_REL24, 0))
			o.order = append(o.order, 2*i+1)
		}
		o.sym(sym{name: "f", info: global(elf.STT_NOTYPE)})
		f, err := elfrw.New(o.build())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(f.NumSections()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e := f.Edit()
				for i := 0; i < n; i += 5 {
					if err := e.InsertRela(2*i+2, 1, asRela(rel(4, 0, elf.R_PPC64_NONE, 0))); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := e.AddSymbol(elfrw.NewSymbol{}); err != nil {
					b.Fatal(err)
				}
				if _, err := e.Layout(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
