// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// changeSection returns an edit that changes fields of a section.
func changeSection(i int, change func(*elfrw.NewSection)) func(*elfrw.Edit) error {
	return func(e *elfrw.Edit) error { s := e.Section(i); change(&s); return e.SetSection(i, s) }
}

// inTurn makes edits one after another, until one fails.
func inTurn(edits ...func(*elfrw.Edit) error) func(*elfrw.Edit) error {
	return func(e *elfrw.Edit) error {
		for _, edit := range edits {
			if err := edit(e); err != nil {
				return err
			}
		}
		return nil
	}
}

// nameless is the basic object without section names.
func nameless() []byte {
	data := basic().build()
	copy(data[62:], u16(0))
	for i := range uint64(10) {
		copy(data[shdr(i, shName)(data):], u32(0))
	}
	return data
}

// TestSetSectionFile lists changes of sections that a file allows, or does not.
func TestSetSectionFile(t *testing.T) {
	const text, data, note, added = 1, 3, 6, 10
	plain := basic().build()
	exec := with(basic(), func(o *object) { o.typ = elf.ET_EXEC }).build()
	// Where the file has addresses, the relocations are at these.
	addresses := with(basic(), func(o *object) { o.typ, o.secs[data].relas[1].Off = elf.ET_EXEC, 0x10000008 }).build()
	// The info of .note, as the number of a section and as any number.
	linked := with(basic(), func(o *object) { o.secs[note-1].flags, o.secs[note-1].info = elf.SHF_INFO_LINK, 99 }).build()
	info := with(basic(), func(o *object) { o.secs[note-1].info = 99 }).build()
	rename := func(i int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.RenameSection(i, ".other") }
	}
	flags := func(i int) func(*elfrw.Edit) error {
		return changeSection(i, func(s *elfrw.NewSection) { s.Flags ^= elf.SHF_WRITE })
	}
	content := func(i, n int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.SetData(i, make([]byte, n)) }
	}
	align := func(i int, n uint64) func(*elfrw.Edit) error {
		return changeSection(i, func(s *elfrw.NewSection) { s.Addralign = n })
	}
	add := func(s elfrw.NewSection) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return second(e.AddSection(s)) }
	}
	relocate := func(i int, off uint64) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.AddRelas(i, elfrw.Rela{Off: off, Symbol: 1, Type: 38}) }
	}
	for _, c := range []struct {
		name string
		data []byte
		edit func(*elfrw.Edit) error
		want string
	}{
		{"name without names", nameless(), rename(note), "no section name string table"},
		{"flags without names", nameless(), flags(note), ""},
		{"name of an executable's section", exec, rename(note), "only a relocatable object"},
		{"flags of an executable's section", exec, flags(note), ""},
		{"as many bytes in an executable", exec, content(note, 3), ""},
		{"more bytes in an executable", exec, content(note, 4), "only a relocatable object"},
		{"an alignment that an executable's section has", exec, align(text, 64), ""},
		{"an alignment that an executable's section does not have", exec, align(text, 128), "only a relocatable object"},
		{"a section number that never was one", linked, flags(note), ""},
		{"another that is none", linked, changeSection(note, func(s *elfrw.NewSection) { s.Info = 98 }), "sh_info is 98 of 10"},
		{"a section number by its flag", info, changeSection(note, func(s *elfrw.NewSection) { s.Flags |= elf.SHF_INFO_LINK }), "sh_info is 99 of 10"},
		{"no info any more", info, changeSection(note, func(s *elfrw.NewSection) { s.Info = 0 }), ""},
		{"addresses, the flags", addresses, flags(data), ""},
		{"addresses, as many bytes", addresses, content(data, 16), ""},
		{"relocations outside of fewer bytes", plain, content(data, 8), "has a relocation at 0x8"},
		{"the name after appended bytes", plain, inTurn(
			func(e *elfrw.Edit) error { return e.AppendData(data, make([]byte, 8)) }, relocate(data, 16), rename(data)), ""},
		{"content after room for bytes", plain, inTurn(func(e *elfrw.Edit) error {
			b, err := e.Bytes(data)
			b.Grow(1)
			return err
		}, content(data, 20)), ""},
		{"R_PPC64_NONE at the end of fewer bytes", plain, inTurn(
			func(e *elfrw.Edit) error { return e.SetRela(4, 1, elfrw.Rela{Off: 8}) }, content(data, 8)), ""},
		{"a relocation that was retargeted, outside of fewer bytes", plain, inTurn(func(e *elfrw.Edit) error {
			r, err := e.Relas(4)
			if err != nil {
				return err
			}
			return r.Retarget(1, 1, uint32(elf.R_PPC64_ADDR64))
		}, content(data, 8)), "has a relocation at 0x8"},
		{"a relocation outside of fewer bytes, afterwards", plain, inTurn(
			func(e *elfrw.Edit) error { return e.SetRela(4, 1, elfrw.Rela{Off: 8}) }, content(data, 8),
			func(e *elfrw.Edit) error { return e.SetRela(4, 0, elfrw.Rela{Off: 9, Type: 38}) }), "r_offset 0x9 passes the end of the section (0x8)"},
		{"R_PPC64_NONE past the end of fewer bytes", plain, inTurn(
			func(e *elfrw.Edit) error { return e.SetRela(4, 1, elfrw.Rela{Off: 8}) }, content(data, 7)), "has a relocation at 0x8"},
		{"size that is the content's", plain, changeSection(note, func(s *elfrw.NewSection) { s.Size = 3 }), ""},
		{"four bytes of symbols", plain, content(7, 4), "the content of a section of type SHT_SYMTAB cannot be set"},
		{"four bytes of relocations", plain, content(2, 4), "the content of a section of type SHT_RELA cannot be set"},
		{"eight bytes of a group", grouped().build(), content(9, 8), "the content of a section of type SHT_GROUP cannot be set"},
		{"relocation past the end of a new section", plain, inTurn(
			add(elfrw.NewSection{Name: ".n", Type: elf.SHT_PROGBITS, Data: make([]byte, 24)}), relocate(added, 24)), "r_offset 0x18 passes the end"},
		{"relocation past the end of a new compressed section", plain, inTurn(
			add(elfrw.NewSection{Name: ".n", Type: elf.SHT_PROGBITS, Flags: elf.SHF_COMPRESSED, Data: make([]byte, 24)}), relocate(added, 24)), ""},
		{"relocation of new relocations", plain, inTurn(
			add(elfrw.NewSection{Name: ".n", Type: elf.SHT_RELA, Info: note, Relas: make([]elfrw.Rela, 2)}), relocate(added, 47)), ""},
		{"relocation past the end of new relocations", plain, inTurn(
			add(elfrw.NewSection{Name: ".n", Type: elf.SHT_RELA, Info: note, Relas: make([]elfrw.Rela, 2)}), relocate(added, 48)), "r_offset 0x30 passes the end"},
	} {
		t.Run(c.name, func(t *testing.T) { refusedAtOnce(t, c.data, c.edit, c.want) })
	}
}

// TestSetSection checks what sections become.
func TestSetSection(t *testing.T) {
	const text, bss, added = 1, 5, 10
	zeros := make([]byte, 4096)
	prefixed := with(basic(), func(o *object) { o.secs[0].name, o.secs[1].name = "a.text", ".relaa.text" })
	for _, c := range []struct {
		name    string
		data    []byte
		edit    func(*elfrw.Edit) error
		sec     string
		want    elf.Section64 // type, flags, link, alignment and entry size
		content []byte        // nil: any
	}{
		{"zeros in the file", basic().build(), changeSection(bss, func(s *elfrw.NewSection) { s.Type = elf.SHT_PROGBITS }),
			".bss", elf.Section64{Type: uint32(elf.SHT_PROGBITS), Flags: uint64(wa), Addralign: 256}, zeros},
		{"bytes for zeros", basic().build(), changeSection(bss, func(s *elfrw.NewSection) { s.Type, s.Data, s.Size = elf.SHT_PROGBITS, []byte("abc"), 0 }),
			".bss", elf.Section64{Type: uint32(elf.SHT_PROGBITS), Flags: uint64(wa), Addralign: 256}, []byte("abc")},
		{"flags of a group", grouped().build(), changeSection(9, func(s *elfrw.NewSection) { s.Data = words(0) }),
			".group", elf.Section64{Type: uint32(elf.SHT_GROUP), Link: 13, Addralign: 4, Entsize: 4}, words(0, 7, 8)},
		{"a new group", basic().build(), func(e *elfrw.Edit) error {
			if err := second(e.AddSection(elfrw.NewSection{Name: ".group", Type: elf.SHT_GROUP, Data: words(1)})); err != nil {
				return err
			}
			return e.SetSection(added, elfrw.NewSection{Name: ".other", Type: elf.SHT_GROUP, Data: words(0)})
		}, ".other", elf.Section64{Type: uint32(elf.SHT_GROUP), Link: 7, Addralign: 4, Entsize: 4}, words(0)},
		{"the name of a relocation section", prefixed.build(), func(e *elfrw.Edit) error { return e.RenameSection(text, ".text") },
			".rela.text", elf.Section64{Type: uint32(elf.SHT_RELA), Flags: uint64(elf.SHF_INFO_LINK), Link: 7, Addralign: 8, Entsize: 24}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, out := imageOf(t, c.data, c.edit)
			f, err := elfrw.New(out)
			if err != nil {
				t.Fatal(err)
			}
			s, ok := f.SectionByName(c.sec)
			if got := (elf.Section64{Type: s.Type, Flags: s.Flags, Link: s.Link, Addralign: s.Addralign, Entsize: s.Entsize}); !ok || got != c.want {
				t.Errorf("section %s is %+v, want %+v", c.sec, got, c.want)
			}
			if c.content != nil && !bytes.Equal(s.Data(), c.content) {
				t.Errorf("the content is % x, want % x", s.Data(), c.content)
			}
		})
	}
}
