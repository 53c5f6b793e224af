// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"debug/elf"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// crowd has n functions in sections of their own, each with a group, relocations, and a
// symbol that nothing refers to.
func crowd(n int) []byte {
	o := &object{}
	for i := range n {
		text := o.add(sec{name: fmt.Sprintf(".text.f%d", i), flags: ax | elf.SHF_GROUP, align: 4, data: code(2)})
		o.sym(sym{name: fmt.Sprintf("f%d", i), info: global(elf.STT_FUNC), section: text, size: 8})
		o.sym(sym{name: fmt.Sprintf("unused%d", i), info: global(elf.STT_FUNC), section: text, size: 4})
		o.rela(text, rel(0, 2*i+1, elf.R_PPC64_REL24, 0), rel(4, 2*i+1, elf.R_PPC64_REL24, 0))
		o.add(sec{name: ".group", typ: elf.SHT_GROUP, align: 4, entsize: 4, link: linkSymtab, info: uint32(2*i + 1), data: words(1, uint32(text))})
	}
	return o.build()
}

// TestLinear checks that the memory for edits of everything is proportional to what is
// edited. With this many edits, a quadratic one would take hours.
func TestLinear(t *testing.T) {
	n := fewer(100_000, 5_000)
	// With the null section: symbols, their names, those of sections, and SHT_SYMTAB_SHNDX.
	tables := func(n int) int {
		if 3*n > 65_000 {
			return 5
		}
		return 4
	}
	f, err := elfrw.New(crowd(n))
	if err != nil {
		t.Fatal(err)
	}
	half, err := elfrw.New(crowd(n / 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		edit func(e *elfrw.Edit, n int) error
		left func(n int) (sections, symbols int)
	}{
		{"remove symbols", func(e *elfrw.Edit, n int) error {
			for i := range n {
				if e.RemoveSymbol(2*i+1) == nil {
					return fmt.Errorf("symbol %d was removed, it is in use", 2*i+1)
				}
				if err := e.RemoveSymbol(2*i + 2); err != nil {
					return err
				}
			}
			return nil
		}, func(n int) (int, int) { return 3*n + tables(n), n + 1 }},
		{"remove sections", func(e *elfrw.Edit, n int) error {
			for i := range n {
				if e.RemoveSection(3*i+1) == nil {
					return fmt.Errorf("section %d was removed, its symbol is a group's signature", 3*i+1)
				}
				if err := e.RemoveSection(3*i + 3); err != nil {
					return err
				}
				if err := e.RemoveSection(3*i + 1); err != nil {
					return err
				}
			}
			return nil
		}, func(n int) (int, int) { return tables(n), 1 }},
		{"rename symbols", func(e *elfrw.Edit, n int) error {
			for i := range n {
				if err := e.RenameSymbol(2*i+1, fmt.Sprintf("g%d", i)); err != nil {
					return err
				}
			}
			return nil
		}, func(n int) (int, int) { return 3*n + tables(n), 2*n + 1 }},
		{"rename sections", func(e *elfrw.Edit, n int) error {
			for i := range n {
				if err := e.RenameSection(3*i+1, ".text"); err != nil {
					return err
				}
			}
			return nil
		}, func(n int) (int, int) { return 3*n + tables(n), 2*n + 1 }},
		{"hide symbols", func(e *elfrw.Edit, n int) error {
			for i := range n {
				s := e.Symbol(2*i + 1)
				s.Bind = elf.STB_LOCAL
				if err := e.SetSymbol(2*i+1, s); err != nil {
					return err
				}
			}
			return nil
		}, func(n int) (int, int) { return 3*n + tables(n), 2*n + 1 }},
		{"add relocations", func(e *elfrw.Edit, n int) error {
			for i := range n {
				s, err := e.AddSymbol(elfrw.NewSymbol{Name: "s", Bind: elf.STB_GLOBAL, Section: 3*i + 1})
				if err != nil {
					return err
				}
				if err := e.AddRelas(3*i+1, elfrw.Rela{Symbol: s, Type: uint32(elf.R_PPC64_REL24)}); err != nil {
					return err
				}
			}
			return nil
		}, func(n int) (int, int) { return 3*n + tables(n), 3*n + 1 }},
		{"replace content", func(e *elfrw.Edit, n int) error {
			for i := range n {
				if err := e.SetData(3*i+1, make([]byte, 12)); err != nil {
					return err
				}
			}
			return nil
		}, func(n int) (int, int) { return 3*n + tables(n), 2*n + 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bytes := func(f *elfrw.File, n int) float64 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				e := f.Edit()
				if err := c.edit(e, n); err != nil {
					t.Fatal(err)
				}
				m, err := e.Layout()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := m.WriteTo(io.Discard); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return float64(after.TotalAlloc - before.TotalAlloc)
			}
			if few, many := bytes(half, n/2), bytes(f, n); many > 2.5*few {
				t.Errorf("%.0f bytes for %d edits, %.0f for twice as many", few, n/2, many)
			}
			e := half.Edit()
			if err := c.edit(e, n/2); err != nil {
				t.Fatal(err)
			}
			out, err := elfrw.New(image(t, e))
			if err != nil {
				t.Fatal(err)
			}
			if secs, syms := c.left(n / 2); out.NumSections() != secs || out.NumSymbols() != syms {
				t.Errorf("%d sections and %d symbols, want %d and %d", out.NumSections(), out.NumSymbols(), secs, syms)
			}
		})
	}
}
