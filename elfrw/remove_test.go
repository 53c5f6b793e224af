// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestRemove adds sections and removes them again, which must restore the file.
func TestRemove(t *testing.T) {
	run := func(t *testing.T, data []byte) {
		if f, err := elfrw.New(data); err != nil || f.Header().Shstrndx == 0 || f.Signed() {
			return // nothing can be added to it
		}
		seed := fnv.New64a()
		seed.Write([]byte(t.Name()))
		r := rand.New(rand.NewPCG(seed.Sum64(), 2))
		rounds := fewer(10, 2)
		if len(data) > 1<<20 {
			rounds = 1
		}
		for range rounds {
			d := newEditor(t, data)
			n := 1 + r.IntN(3)
			for range n {
				sec := d.addSection(elfrw.NewSection{
					Name: ".dummy.section"[:r.IntN(15)], Type: elf.SHT_PROGBITS, Addralign: 1 << r.IntN(9),
					Data: bytes.Repeat([]byte{1}, r.IntN(40)),
				})
				if d.f.NumSymbols() > 1 && r.IntN(2) == 0 {
					d.addRela(sec, rel(0, 1, elf.R_PPC64_NONE, 0))
				}
			}
			out := d.layout()
			f, err := elfrw.New(out)
			if err != nil {
				t.Fatal(err)
			}
			e := f.Edit()
			for i := f.NumSections() - 1; i >= d.f.NumSections(); i-- {
				if err := e.RemoveSection(i); err != nil {
					t.Fatal(err)
				}
			}
			m, err := e.Layout()
			if err != nil {
				t.Fatal(err)
			}
			var back bytes.Buffer
			if _, err := m.WriteTo(&back); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(back.Bytes(), data) {
				t.Fatalf("%d bytes, with sections %d, without them again %d", len(data), len(out), back.Len())
			}
		}
	}
	eachSmall(t, run)
	eachObject(t, run)
	eachLarge(t, run)
}

// TestRemoveEmpty removes an empty section with the padding before it.
func TestRemoveEmpty(t *testing.T) {
	data := basic().build()
	inverse(t, data, func(e *elfrw.Edit, _ *elfrw.File) error {
		return second(e.AddSection(elfrw.NewSection{Name: ".empty", Type: elf.SHT_PROGBITS, Addralign: 4096}))
	}, func(e *elfrw.Edit, f *elfrw.File) error { return e.RemoveSection(f.NumSections() - 1) })
}

// TestRemoveRefused lists what cannot be removed, and what cannot be done to something
// removed.
func TestRemoveRefused(t *testing.T) {
	const text, relaText, data, symtab, shstrtab = 1, 2, 3, 7, 9
	const section, here, four, main, weak = 1, 2, 3, 4, 6
	file := func(edit func(o *object)) []byte { return with(basic(), edit).build() }
	removeSection := func(i int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.RemoveSection(i) }
	}
	removeSymbol := func(i int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.RemoveSymbol(i) }
	}
	then := func(steps ...func(*elfrw.Edit) error) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error {
			for _, s := range steps[:len(steps)-1] {
				if err := s(e); err != nil {
					t.Errorf("before: %v", err)
				}
			}
			return steps[len(steps)-1](e)
		}
	}
	drop := func(i int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.DropRela(relaText, i) }
	}
	retarget := func(i, sym int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.SetRela(relaText, i, elfrw.Rela{Symbol: sym}) }
	}
	retargetAt := func(i, sym int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error {
			t, err := e.Relas(relaText)
			if err != nil {
				return err
			}
			return t.Retarget(i, sym, uint32(elf.R_PPC64_REL24))
		}
	}
	insert := func(i, sym int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.InsertRela(relaText, i, elfrw.Rela{Symbol: sym}) }
	}
	// An object with LLVM's old call graph, which is linked to the symbols or to another section.
	graph := func(link int, data ...uint32) []byte {
		return file(func(o *object) {
			o.add(sec{name: ".graph", typ: shtCallGraph12, align: 8, entsize: 4, link: link, data: words(data...)})
		})
	}
	linked := file(func(o *object) {
		o.add(sec{name: ".order", flags: elf.SHF_ALLOC | elf.SHF_LINK_ORDER, align: 1, link: data, data: []byte{1}})
		o.add(sec{name: ".info", flags: elf.SHF_INFO_LINK, align: 1, info: 6, data: []byte{1}})
		o.add(sec{name: ".of.relocations", flags: elf.SHF_LINK_ORDER, align: 1, link: relaText, data: []byte{1}})
	})
	opaque := file(func(o *object) { o.add(sec{name: ".profile", typ: shtUnknown, link: linkSymtab}) })
	emptyAt0 := basic().build()
	copy(emptyAt0[shdr(6, shOff)(emptyAt0):], append(u64(0), u64(0)...))
	for _, c := range []struct {
		name string
		data []byte
		edit func(*elfrw.Edit) error
		want string
	}{
		{"no section", basic().build(), removeSection(10), "section 10 of 10"},
		{"section -1", basic().build(), removeSection(-1), "section -1 of 10"},
		{"the null section", basic().build(), removeSection(0), "section 0 is the null section"},
		{"section twice", basic().build(), then(removeSection(5), removeSection(5)), `section ".bss" was removed`},
		{"its relocations later", basic().build(), then(removeSection(relaText), removeSection(data), removeSection(4)), `section ".rela.data" was removed`},
		{"the symbol table", basic().build(), removeSection(symtab), `section ".symtab" cannot be removed: it is a table of the file`},
		{"names", basic().build(), removeSection(shstrtab), `section ".shstrtab" cannot be removed: it is a table of the file`},
		{"a symbol of it", basic().build(), removeSection(text), `section ".text" cannot be removed: its symbol 2 "here": section ".rela.data" refers to it`},
		{"each names the other", basic().build(), removeSection(data), `section ".data" cannot be removed: its symbol 6 "weak": section ".rela.text" refers to it`},
		{"relocations", basic().build(), then(removeSection(relaText), removeSection(data), removeSection(text)), ""},
		{"sh_link", linked, removeSection(data), `section ".data" cannot be removed: section ".order" refers to it`},
		{"sh_info", linked, removeSection(6), `section ".note" cannot be removed: section ".info" refers to it`},
		{"sh_link to its relocations", linked, then(removeSection(4), removeSection(text)), `section ".text" cannot be removed: its relocations ".rela.text": section ".of.relocations" refers to it`},
		{"a neighbour of relocations of no section", file(func(o *object) {
			o.add(sec{name: ".rel", typ: elf.SHT_REL, align: 8, entsize: 16, link: linkSymtab, info: 11})
		}), removeSection(6), ""},
		{"sh_info until it changes", linked, then(removeSymbol(four), changeSection(8, func(s *elfrw.NewSection) { s.Info = 5 }), removeSection(6)), ""},
		{"symbol 0", basic().build(), removeSymbol(0), "symbol 0 is the null symbol"},
		{"symbol 7", basic().build(), removeSymbol(7), "symbol 7 of 7"},
		{"symbol twice", basic().build(), then(removeSymbol(four), removeSymbol(four)), `symbol 3 "four" was removed`},
		{"a symbol that is relocated against", basic().build(), removeSymbol(weak), `symbol 6 "weak" cannot be removed: section ".rela.text" refers to it`},
		{"the relocation dropped", basic().build(), then(drop(4), removeSymbol(weak)), ""},
		{"the relocation dropped, after a count", basic().build(), then(removeSymbol(four), drop(4), removeSymbol(weak)), ""},
		{"the relocation retargeted", basic().build(), then(retarget(4, here), removeSymbol(weak)), ""},
		{"retargeted, after a count", basic().build(), then(removeSymbol(four), retarget(4, here), removeSymbol(weak)), ""},
		{"retargeted to it", basic().build(), then(retarget(4, four), removeSymbol(four)), `symbol 3 "four" cannot be removed: section ".rela.text" refers to it`},
		{"retargeted to it, after a count", basic().build(), then(removeSection(5), retarget(4, four), removeSymbol(four)), `symbol 3 "four" cannot be removed: section ".rela.text" refers to it`},
		{"retargeted in place", basic().build(), then(retargetAt(4, here), removeSymbol(weak)), ""},
		{"retargeted in place, after a count", basic().build(), then(removeSymbol(four), retargetAt(4, here), removeSymbol(weak)), ""},
		{"retargeted in place to it", basic().build(), then(retargetAt(4, four), removeSymbol(four)), `symbol 3 "four" cannot be removed: section ".rela.text" refers to it`},
		{"retargeted in place to it, after a count", basic().build(), then(removeSection(5), retargetAt(4, four), removeSymbol(four)), `symbol 3 "four" cannot be removed: section ".rela.text" refers to it`},
		{"retargeted in place to what was removed", basic().build(), then(removeSymbol(four), retargetAt(4, four)), `symbol 3 "four" was removed`},
		{"retargeted in place, no relocation", basic().build(), retargetAt(6, here), "relocation 6 of 6"},
		{"another one inserted before its relocation", basic().build(), then(insert(4, here), removeSymbol(weak)), `symbol 6 "weak" cannot be removed: section ".rela.text" refers to it`},
		{"a call graph", graph(linkSymtab, four, here, 1, 0), removeSymbol(four), `symbol 3 "four" cannot be removed: section ".graph" refers to it`},
		{"a call graph of no symbol", graph(linkSymtab, here, 7, 1, 0), removeSymbol(four), "symbol index at 0x214: is of symbol 7 of 7"},
		{"a call graph of odd size", graph(linkSymtab, here, 4, 1), removeSymbol(four), "not a multiple of 16"},
		{"a call graph of other symbols", graph(data, four, 77, 1, 0), removeSymbol(four), ""},
		{"one relocation of two dropped", basic().build(), then(func(e *elfrw.Edit) error { return e.DropRela(4, 0) }, removeSymbol(main)), `symbol 4 "main" cannot be removed: section ".rela.text" refers to it`},
		{"the same after a count", basic().build(), then(removeSymbol(four), func(e *elfrw.Edit) error { return e.DropRela(4, 0) }, removeSymbol(main)), `symbol 4 "main" cannot be removed: 1 references to it are left`},
		{"a relocation against it", basic().build(), then(removeSymbol(four), retarget(0, four)), `section ".rela.text": relocation 0: symbol 3 "four" was removed`},
		{"new relocations against it", basic().build(), then(removeSymbol(four), func(e *elfrw.Edit) error {
			return second(e.AddSection(elfrw.NewSection{Type: elf.SHT_RELA, Info: 6, Relas: []elfrw.Rela{{Symbol: four}}}))
		}), `relocation 0: symbol 3 "four" was removed`},
		{"its name", basic().build(), then(removeSymbol(four), func(e *elfrw.Edit) error { return e.RenameSymbol(four, "4") }), `symbol 3 "four" was removed`},
		{"bytes of a section", basic().build(), then(removeSection(6), func(e *elfrw.Edit) error { return e.AppendData(6, []byte{1}) }), `section ".note" was removed`},
		{"a symbol in a removed section", basic().build(), then(removeSection(6), func(e *elfrw.Edit) error {
			_, err := e.AddSymbol(elfrw.NewSymbol{Name: "late", Section: 6})
			return err
		}), `new symbol "late": section ".note" was removed`},
		{"a new symbol in it goes too", basic().build(), then(func(e *elfrw.Edit) error {
			_, err := e.AddSymbol(elfrw.NewSymbol{Name: "early", Section: 6})
			return err
		}, removeSection(6), func(e *elfrw.Edit) error { return e.RenameSymbol(7, "late") }), `symbol 7 "early" was removed`},
		{"an empty section in the ELF header", emptyAt0, removeSection(6), ""},
		{"a group's signature", grouped().build(), removeSymbol(main), `symbol 4 "main" cannot be removed: section ".group" refers to it`},
		{"a group's signature alone", grouped().build(), then(removeSection(4), removeSection(2), removeSymbol(main)), `symbol 4 "main" cannot be removed: section ".group" refers to it`},
		{"after the group", grouped().build(), then(removeSection(4), removeSection(2), removeSection(9), removeSymbol(main)), ""},
		{"unknown references", opaque, removeSymbol(four), `symbol 3 "four" cannot be removed: section ".profile" of type SHT_LOOS+268389442 may refer to symbols by index`},
		{"unknown references, of a section", opaque, removeSection(data), `section ".data" cannot be removed: section ".profile" of type SHT_LOOS+268389442 may refer to symbols`},
		{"unknown references to no symbols", opaque, removeSection(6), ""},
		{"after the unknown section", opaque, then(removeSection(7), removeSymbol(four)), ""},
		{"an executable", file(func(o *object) { o.typ = elf.ET_EXEC }), removeSection(6), `section ".note" cannot be removed: only a relocatable object`},
		{"a symbol of an executable", file(func(o *object) { o.typ = elf.ET_EXEC }), removeSymbol(four), `symbol 3 "four" cannot be removed: only a relocatable object`},
	} {
		t.Run(c.name, func(t *testing.T) { refusedAtOnce(t, c.data, c.edit, c.want) })
	}
}

// TestRemoveKeeps removes a section after bytes that are not padding.
func TestRemoveKeeps(t *testing.T) {
	const note = 6
	gap := bytes.Repeat([]byte{filler}, 5)
	_, out := imageOf(t, basic().build(), func(e *elfrw.Edit) error { return e.RemoveSection(note) })
	if !bytes.Contains(out, gap) {
		t.Errorf("the bytes % x are gone", gap)
	}
}

// TestReturn takes sections out of their group and puts them back, which changes nothing.
func TestReturn(t *testing.T) {
	data := grouped().build()
	_, out := imageOf(t, data, func(e *elfrw.Edit) error {
		for _, i := range []int{7, 8} {
			s := e.Section(i)
			out := s
			out.Group, out.Flags = 0, s.Flags&^elf.SHF_GROUP
			if err := inTurn(changeSection(i, func(s *elfrw.NewSection) { *s = out }), changeSection(i, func(n *elfrw.NewSection) { *n = s }))(e); err != nil {
				return err
			}
		}
		return nil
	})
	if !bytes.Equal(out, data) {
		t.Error("the file is not the same")
	}
}

// TestRemoveBesideOddLinks removes what nothing names in an object with a sh_link that
// names no section. It is neither counted for a section that is added later, nor does
// it take memory.
func TestRemoveBesideOddLinks(t *testing.T) {
	for _, link := range []uint32{10, 20_000_000} { // of 10 sections
		data := basic().build()
		copy(data[shdr(vData, shLink)(data):], u32(link))
		f, err := elfrw.New(data)
		if err != nil {
			t.Fatal(err)
		}
		e := f.Edit()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := e.RemoveSymbol(3); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("sh_link %d: removing a symbol takes %d bytes", link, n)
		}
		i, err := e.AddSection(elfrw.NewSection{Name: ".new", Type: elf.SHT_PROGBITS})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.RemoveSection(i); err != nil {
			t.Errorf("sh_link %d: %v", link, err)
		}
	}
}
