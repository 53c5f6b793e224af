// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"debug/elf"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestOldNames renames the last of two symbols and checks which old names stay.
func TestOldNames(t *testing.T) {
	file := func(edit func(*object)) []byte {
		o := basic()
		o.sym(sym{name: "x", info: global(elf.STT_NOTYPE)})
		o.sym(sym{name: "x", info: global(elf.STT_NOTYPE)})
		return with(o, edit).build()
	}
	for _, c := range []struct {
		name    string
		data    []byte
		symbols []int // that are renamed to "y"
		first   string
		want    string // the end of the string table
	}{
		{"both", file(func(*object) {}), []int{7, 8}, "y", "weak\x00y\x00"},
		{"one of two", file(func(*object) {}), []int{8}, "x", "weak\x00x\x00y\x00"},
		{"others may use the strings", file(func(o *object) { o.add(sec{name: ".others", typ: shtUnknown, link: 9}) }), []int{7, 8}, "y", "weak\x00x\x00y\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, out := imageOf(t, c.data, func(e *elfrw.Edit) error {
				for _, i := range c.symbols {
					if err := e.RenameSymbol(i, "y"); err != nil {
						return err
					}
				}
				return nil
			})
			f, err := elfrw.New(out)
			if err != nil {
				t.Fatal(err)
			}
			if names := f.SymbolNames(); string(names[len(names)-len(c.want):]) != c.want {
				t.Errorf("the names are %q, want %q at the end", names, c.want)
			}
			if first, second := f.SymbolName(f.Symbol(7)), f.SymbolName(f.Symbol(8)); string(first) != c.first || string(second) != "y" {
				t.Errorf("the symbols are %q and %q, want %q and \"y\"", first, second, c.first)
			}
		})
	}
}
