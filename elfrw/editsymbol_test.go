// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"debug/elf"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestSetSymbolFile lists changes of symbols that a file allows, or does not. They are
// refused at once, not by Layout.
func TestSetSymbolFile(t *testing.T) {
	const four, main = 3, 4
	unknown := with(basic(), func(o *object) { o.add(sec{name: ".profile", typ: shtUnknown, link: linkSymtab}) }).build()
	set := func(i int, change func(*elfrw.NewSymbol)) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { s := e.Symbol(i); change(&s); return e.SetSymbol(i, s) }
	}
	for _, c := range []struct {
		name string
		data []byte
		edit func(*elfrw.Edit) error
		want string
	}{
		{"value, unknown references", unknown, set(four, func(s *elfrw.NewSymbol) { s.Value++ }), ""},
		{"weak, unknown references", unknown, set(main, func(s *elfrw.NewSymbol) { s.Bind = elf.STB_WEAK }), ""},
		{"local, unknown references", unknown, set(main, func(s *elfrw.NewSymbol) { s.Bind = elf.STB_LOCAL }), "may refer to symbols"},
		{"global, unknown references", unknown, set(four, func(s *elfrw.NewSymbol) { s.Bind = elf.STB_GLOBAL }), "may refer to symbols"},
		{"local with a bad name", basic().build(), set(main, func(s *elfrw.NewSymbol) { s.Bind, s.Name = elf.STB_LOCAL, "\x00" }), "NUL in the name"},
		{"no symbols", small["nosymbols"].build(), func(e *elfrw.Edit) error { return e.SetSymbolOther(0, 0x20) }, "symbol 0 of 0"},
	} {
		t.Run(c.name, func(t *testing.T) { refusedAtOnce(t, c.data, c.edit, c.want) })
	}
}

// TestSymbolReserved reads symbols with the ends of the reserved section indices.
func TestSymbolReserved(t *testing.T) {
	const symtab, main = 7, 4
	data := basic().build()
	in, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	at := in.Section(symtab).Off + main*elfrw.SymSize + 6
	for _, shndx := range []elf.SectionIndex{elf.SHN_LORESERVE, elf.SHN_XINDEX - 1} {
		copy(data[at:], u16(uint16(shndx)))
		f, err := elfrw.New(data)
		if err != nil {
			t.Fatal(err)
		}
		if s := f.Edit().Symbol(main); s.Shndx != shndx || s.Section != 0 {
			t.Errorf("st_shndx %v: section %d, %v", shndx, s.Section, s.Shndx)
		}
	}
}

// TestSetSymbolOther sets st_other of added symbols and of one of the file.
func TestSetSymbolOther(t *testing.T) {
	_, out := imageOf(t, basic().build(), func(e *elfrw.Edit) error {
		return inTurn(
			func(e *elfrw.Edit) error {
				return second(e.AddSymbol(elfrw.NewSymbol{Name: "a", Bind: elf.STB_GLOBAL, Section: 1}))
			},
			func(e *elfrw.Edit) error {
				return second(e.AddSymbol(elfrw.NewSymbol{Name: "b", Bind: elf.STB_GLOBAL, Section: 1}))
			},
			func(e *elfrw.Edit) error { return e.SetSymbolOther(6, 0x80) },
			func(e *elfrw.Edit) error { return e.SetSymbolOther(7, 0x20) },
			func(e *elfrw.Edit) error { return e.SetSymbolOther(8, 0x40) },
		)(e)
	})
	f, err := elfrw.New(out)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint8{"weak": 0x80, "a": 0x20, "b": 0x40} {
		if s, ok := f.SymbolByName(name); !ok || s.Other != want {
			t.Errorf("st_other of %s is 0x%x, want 0x%x", name, s.Other, want)
		}
	}
}
