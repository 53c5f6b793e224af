// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestRefuse lists edits that are an error, at once or in Layout.
func TestRefuse(t *testing.T) {
	const text, rela, data, bss = 1, 2, 3, 5
	symtab, strtab := 7, 8
	one := []byte{0}
	r := rel(0, 1, elf.R_PPC64_REL24, 0)
	add := func(s elfrw.NewSection) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { _, err := e.AddSection(s); return err }
	}
	symbol := func(s elfrw.NewSymbol) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { _, err := e.AddSymbol(s); return err }
	}
	both := func(first, second func(*elfrw.Edit) error) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error {
			if err := first(e); err != nil {
				t.Errorf("the first edit: %v", err)
			}
			return second(e)
		}
	}
	replace := func(sec int, off uint64, want, new []byte) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.ReplaceBytes(sec, off, want, new) }
	}
	word, nop := code(1), []byte{0, 0, 0, 0x60}
	set := func(sec, i int, r elf.Rela64) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.SetRela(sec, i, asRela(r)) }
	}
	drop := func(e *elfrw.Edit) error { return e.DropRela(rela, 2) }
	other := func(i int) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.SetSymbolOther(i, 0x20) }
	}
	appendTo := func(sec int, b []byte) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error { return e.AppendData(sec, b) }
	}
	header := func(change func(*elf.Header64)) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error {
			f, err := elfrw.New(basic().build())
			if err != nil {
				return err
			}
			h := f.Header()
			change(&h)
			return e.SetHeader(h)
		}
	}
	for _, c := range []struct {
		name string
		edit func(*elfrw.Edit) error
		want string
	}{
		{"section 0", replace(0, 0, one, one), "section 0 is the null section"},
		{"no such section", replace(10, 0, one, one), "section 10 of 10"},
		{"negative section", appendTo(-1, one), "section -1 of 10"},
		{"other length", replace(text, 0, word, one), "replacing 4 bytes by 1"},
		{"unexpected bytes", replace(text, 4, word, nop), `".text"+0x4: expected 00 00 60 38, found 01 00 60 38`},
		{"past the end", replace(text, 62, word, nop), `".text"+0x3e: 4 bytes pass the end`},
		{"nothing at the end", replace(text, 64, nil, nil), ""},
		{"far past the end", replace(text, 1<<63, word, nop), "pass the end"},
		{"bytes of relocations", replace(rela, 0, one, one), "cannot be edited"},
		{"bytes of symbols", replace(symtab, 0, one, one), "cannot be edited"},
		{"bytes of strings", replace(strtab, 0, one, one), "added, not replaced"},
		{"bytes of .bss", replace(bss, 0, one, one), "has no bytes"},
		{"append to .bss", appendTo(bss, one), "has no bytes"},
		{"append to relocations", appendTo(rela, make([]byte, 24)), "cannot be edited"},
		{"append to symbols", appendTo(symtab, make([]byte, 24)), "cannot be edited"},
		{"string without NUL", appendTo(strtab, []byte("x")), "must end in a NUL byte"},
		{"relocation of no RELA", set(text, 0, r), "is SHT_PROGBITS, want SHT_RELA"},
		{"relocation -1", set(rela, -1, r), "relocation -1 of 6"},
		{"relocation 6", set(rela, 6, r), "relocation 6 of 6"},
		{"insert at 7", func(e *elfrw.Edit) error { return e.InsertRela(rela, 7, asRela(r)) }, "relocation 7 of 6"},
		{"relocation against no symbol", set(rela, 0, rel(0, 7, 1, 0)), "symbol 7 of 7"},
		{"symbol 0", other(0), "symbol 0 is the null symbol"},
		{"symbol 7", other(7), "symbol 7 of 7"},
		{"symbol in no section", symbol(elfrw.NewSymbol{Section: 10}), "section 10 of 10"},
		{"symbol in section -1", symbol(elfrw.NewSymbol{Section: -1}), "section -1 of 10"},
		{"symbol name with NUL", symbol(elfrw.NewSymbol{Name: "a\x00b"}), "NUL in the name"},
		{"section name with NUL", add(elfrw.NewSection{Name: "a\x00b", Type: 1}), "NUL in the name"},
		{"section name that begins with NUL", add(elfrw.NewSection{Name: "\x00b", Type: 1}), "NUL in the name"},
		{"new section with its size", add(elfrw.NewSection{Type: 1, Data: one, Size: 1}), ""},
		{"new section with another size", add(elfrw.NewSection{Type: 1, Data: one, Size: 2}), "the size is 0x2, the content has 0x1 bytes"},
		{"new SHT_NULL", add(elfrw.NewSection{}), "of type SHT_NULL"},
		{"new SHT_NOBITS with content", add(elfrw.NewSection{Type: elf.SHT_NOBITS, Data: one}), "has a size and no content"},
		{"new SHT_NOBITS", add(elfrw.NewSection{Type: elf.SHT_NOBITS, Size: 1 << 40}), ""},
		{"new SHT_REL", add(elfrw.NewSection{Type: elf.SHT_REL, Info: text, Relas: []elfrw.Rela{{}, {Symbol: 1}}}), ""},
		{"new SHT_REL of no section", add(elfrw.NewSection{Type: elf.SHT_REL}), "sh_info is 0 of 10 sections"},
		{"new SHT_REL with entries of 24 bytes", add(elfrw.NewSection{Type: elf.SHT_REL, Info: text, Link: 8, Entsize: 24, Data: make([]byte, 48)}), "0x30 bytes in entries of 24 are not relocations"},
		{"new SHT_REL with an addend", add(elfrw.NewSection{Type: elf.SHT_REL, Info: text, Relas: []elfrw.Rela{{}, {Addend: -4}}}), "relocation 1: an addend of -4: in SHT_REL it is in the place to relocate"},
		{"new SHT_SYMTAB", add(elfrw.NewSection{Type: elf.SHT_SYMTAB}), "of type SHT_SYMTAB"},
		{"new SHT_GROUP without flags", add(elfrw.NewSection{Type: elf.SHT_GROUP}), "the content of a group is its flag word, not 0x0 bytes"},
		{"new SHT_GROUP without a signature", add(elfrw.NewSection{Type: elf.SHT_GROUP, Info: 7, Data: words(1)}), "the signature: symbol 7 of 7"},
		{"new member of a group", add(elfrw.NewSection{Type: 1, Flags: elf.SHF_GROUP}), "names the group"},
		{"member of what is no group", add(elfrw.NewSection{Type: 1, Group: text}), "section 1 is not a group"},
		{"member of a group that is not there", add(elfrw.NewSection{Type: 1, Group: 10}), "section 10 is not a group"},
		{"alignment 3", add(elfrw.NewSection{Type: 1, Addralign: 3}), "alignment 0x3"},
		{"largest alignment", add(elfrw.NewSection{Type: 1, Addralign: 1 << 24}), ""},
		{"larger alignment", add(elfrw.NewSection{Type: 1, Addralign: 1 << 25}), "alignment 0x2000000"},
		{"huge alignment", add(elfrw.NewSection{Type: 1, Addralign: 1 << 40}), "alignment 0x10000000000"},
		{"link to nothing", add(elfrw.NewSection{Type: 1, Link: 10}), "sh_link is 10 of 10"},
		{"link to symbols", add(elfrw.NewSection{Type: 0x6fff4cff, Link: symtab}), "may refer to symbols by index"},
		{"relocations of odd size", add(elfrw.NewSection{Type: elf.SHT_RELA, Link: symtab, Info: 1, Entsize: 24, Data: one}), "not relocations"},
		{"relocations of symbol -1", add(elfrw.NewSection{Type: elf.SHT_RELA, Info: text, Relas: []elfrw.Rela{{Symbol: -1}}}), "relocation 0: symbol -1 of 7"},
		{"relocations without symbols", add(elfrw.NewSection{Type: elf.SHT_RELA, Info: 1, Entsize: 24, Data: make([]byte, 24)}), "sh_link is 0"},
		{"relocations of nothing", add(elfrw.NewSection{Type: elf.SHT_RELA, Link: symtab, Info: 10, Entsize: 24}), "sh_info is 10 of 10"},
		{"new relocation against no symbol", add(elfrw.NewSection{Type: elf.SHT_RELA, Link: symtab, Info: 1, Entsize: 24, Data: bytes.Repeat([]byte{9}, 24)}), "relocation 0: symbol 151587081 of 7"},
		{"second new relocation against no symbol", add(elfrw.NewSection{Type: elf.SHT_RELA, Link: symtab, Info: 1, Entsize: 24,
			Data: append(make([]byte, 24), bytes.Repeat([]byte{9}, 24)...)}), "relocation 1: symbol 151587081 of 7"},
		{"the same bytes", both(replace(text, 0, word, nop), replace(text, 0, word, nop)), "two edits of the bytes at file offset 0x40"},
		{"overlapping bytes", both(replace(text, 0, code(2), make([]byte, 8)), replace(text, 4, code(2)[4:], nop)), "two edits of the bytes at file offset 0x44"},
		{"overlapping bytes, the later first", both(replace(text, 4, code(2)[4:], nop), replace(text, 0, code(2), make([]byte, 8))), "two edits of the bytes at file offset 0x44"},
		{"the same relocation", both(set(rela, 2, r), set(rela, 2, r)), "two edits"},
		{"dropped and set", both(drop, set(rela, 2, r)), "two edits"},
		{"dropped twice", both(drop, drop), "two edits"},
		{"the same symbol", both(other(3), other(3)), ""},
		{"removed data", both(drop, appendTo(data, one)), ""},
		{"relocation past the end", set(rela, 0, rel(64, 1, elf.R_PPC64_REL24, 0)), `".rela.text": relocation 0: r_offset 0x40 passes the end of the section (0x40)`},
		{"R_PPC64_NONE at the end", set(rela, 0, rel(64, 1, elf.R_PPC64_NONE, 0)), ""},
		{"relocation of appended data", both(appendTo(text, word), set(rela, 0, rel(64, 1, elf.R_PPC64_REL24, 0))), ""},
		{"new relocation past the end", func(e *elfrw.Edit) error { return e.AddRelas(data, elfrw.Rela{Off: 16, Symbol: 1, Type: 38}) }, `".rela.data": a new relocation: r_offset 0x10 passes the end of the section (0x10)`},
		{"new relocation of no symbol", func(e *elfrw.Edit) error { return e.AddRelas(6, elfrw.Rela{Symbol: 7, Type: 38}) }, `".rela.note": relocation 0: symbol 7 of 7`},
		{"relocations of section 0", func(e *elfrw.Edit) error { return e.AddRelas(0) }, "section 0 is the null section"},
		{"symbol with a section and SHN_ABS", symbol(elfrw.NewSymbol{Section: 1, Shndx: elf.SHN_ABS}), "section 1 and st_shndx SHN_ABS"},
		{"symbol with a section in Shndx", symbol(elfrw.NewSymbol{Shndx: 1}), "belongs into Section"},
		{"symbol with SHN_XINDEX", symbol(elfrw.NewSymbol{Shndx: elf.SHN_XINDEX}), "is not reserved"},
		{"rename symbol 0", func(e *elfrw.Edit) error { return e.RenameSymbol(0, "x") }, "symbol 0 is the null symbol"},
		{"rename to NUL", func(e *elfrw.Edit) error { return e.RenameSymbol(3, "a\x00b") }, `symbol 3 "four": NUL in the name`},
		{"rename section 0", func(e *elfrw.Edit) error { return e.RenameSection(0, "x") }, "section 0 is the null section"},
		{"rename a section to NUL", func(e *elfrw.Edit) error { return e.RenameSection(1, "a\x00b") }, `section ".text": NUL in the name`},
		{"the names' name", func(e *elfrw.Edit) error { return e.RenameSection(9, ".names") }, ""},
		{"content of symbols", func(e *elfrw.Edit) error { return e.SetData(symtab, one) }, `section ".symtab": the content of a section of type SHT_SYMTAB cannot be set`},
		{"content of names", func(e *elfrw.Edit) error { return e.SetData(9, one) }, `section ".shstrtab": the content of a section of type SHT_STRTAB cannot be set`},
		{"content of relocations", func(e *elfrw.Edit) error { return e.SetData(rela, one) }, `section ".rela.text": the content of a section of type SHT_RELA cannot be set`},
		{"content of .bss", func(e *elfrw.Edit) error { return e.SetData(bss, one) }, "has a size and no content"},
		{"content shorter than its relocations", func(e *elfrw.Edit) error { return e.SetData(data, make([]byte, 8)) }, `section ".data": ".rela.data" has a relocation at 0x8, and ".data" 0x8 bytes`},
		{"shorter without the relocation", both(func(e *elfrw.Edit) error { return e.DropRela(4, 1) }, func(e *elfrw.Edit) error { return e.SetData(data, make([]byte, 8)) }), ""},
		{"content of edited bytes", both(appendTo(data, one), func(e *elfrw.Edit) error { return e.SetData(data, make([]byte, 99)) }), "this edit has changed bytes of its content"},
		{"bytes of replaced content", both(func(e *elfrw.Edit) error { return e.SetData(data, make([]byte, 99)) }, appendTo(data, one)), `section ".data": this edit has replaced its content`},
		{"bytes of a new section", both(add(elfrw.NewSection{Name: ".n", Type: 1}), appendTo(10, one)), `section ".n" is new`},
		{"type of relocations", changeSection(rela, func(s *elfrw.NewSection) { s.Type = elf.SHT_PROGBITS }), "of a section of type SHT_RELA only the name, the flags, the target and the group can be set"},
		{"alignment of relocations", changeSection(rela, func(s *elfrw.NewSection) { s.Addralign = 16 }), "of a section of type SHT_RELA only"},
		{"group of symbols", changeSection(symtab, func(s *elfrw.NewSection) { s.Info = 1 }), "of a section of type SHT_SYMTAB only"},
		{"target of relocations", changeSection(rela, func(s *elfrw.NewSection) { s.Info = 3 }), `section ".rela.text": ".rela.text" has a relocation at 0x28, and ".data" 0x10 bytes`},
		{"no target of relocations", changeSection(rela, func(s *elfrw.NewSection) { s.Info = 0 }), "the relocations belong to no section"},
		{"code becomes relocations", changeSection(text, func(s *elfrw.NewSection) { s.Type = elf.SHT_RELA }), "a section of type SHT_PROGBITS cannot become SHT_RELA"},
		{"code becomes nothing", changeSection(text, func(s *elfrw.NewSection) { s.Type = elf.SHT_NULL }), "a section of type SHT_PROGBITS cannot become SHT_NULL"},
		{"code with relocations inside", changeSection(text, func(s *elfrw.NewSection) { s.Relas = []elfrw.Rela{{}} }), "they belong in a section of type SHT_RELA"},
		{"code becomes zeros", changeSection(6, func(s *elfrw.NewSection) { s.Type = elf.SHT_NOBITS }), ""},
		{"code becomes fewer zeros than it has relocations", changeSection(text, func(s *elfrw.NewSection) { s.Type, s.Data, s.Size = elf.SHT_NOBITS, nil, 4 }), `".rela.text" has a relocation at 0x28, and ".text" 0x4 bytes`},
		{"link to no section", changeSection(text, func(s *elfrw.NewSection) { s.Link = 10 }), "sh_link is 10 of 10"},
		{"info to no section", changeSection(text, func(s *elfrw.NewSection) { s.Flags, s.Info = s.Flags|elf.SHF_INFO_LINK, 10 }), "sh_info is 10 of 10"},
		{"alignment 5", changeSection(text, func(s *elfrw.NewSection) { s.Addralign = 5 }), "alignment 0x5 is not a power of two"},
		{"no group", changeSection(text, func(s *elfrw.NewSection) { s.Group = 3 }), "section 3 is not a group"},
		{"size and content", changeSection(text, func(s *elfrw.NewSection) { s.Size = 3 }), "the size is 0x3, the content has 0x40 bytes"},
		{"machine", header(func(h *elf.Header64) { h.Machine = uint16(elf.EM_X86_64) }), "only EI_OSABI, EI_ABIVERSION, e_entry and e_flags can be set"},
		{"flags", header(func(h *elf.Header64) { h.Flags = 1 }), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.want, "two edits") { // the only thing that Layout has to find
				refused(t, basic().build(), c.edit, c.want)
			} else {
				refusedAtOnce(t, basic().build(), c.edit, c.want)
			}
		})
	}
}

// refusedAtOnce checks that an edit is an error that contains want, and that the
// method returns it, not Layout.
func refusedAtOnce(t *testing.T, data []byte, edit func(*elfrw.Edit) error, want string) {
	t.Helper()
	f, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	e := f.Edit()
	err = edit(e)
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("error is %q, want %q", err, want)
	}
	if want == "" {
		image(t, e)
	}
}

// refused checks that an edit is an error that contains want.
func refused(t *testing.T, data []byte, edit func(*elfrw.Edit) error, want string) {
	t.Helper()
	f, err := elfrw.New(data)
	if err != nil {
		t.Fatal(err)
	}
	e := f.Edit()
	if err = edit(e); err == nil {
		_, err = e.Layout()
	}
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("error is %q, want %q", err, want)
	}
}

// TestRefuseFile lists edits that the file does not allow.
func TestRefuseFile(t *testing.T) {
	grow := func(e *elfrw.Edit) error { return e.AppendData(1, []byte{1}) }
	touch := func(e *elfrw.Edit) error { return e.ReplaceBytes(1, 0, code(1), []byte{0, 0, 0, 0x60}) }
	drop := func(e *elfrw.Edit) error { return e.DropRela(2, 0) }
	localSym := func(e *elfrw.Edit) error { _, err := e.AddSymbol(elfrw.NewSymbol{}); return err }
	globalSym := func(e *elfrw.Edit) error {
		_, err := e.AddSymbol(elfrw.NewSymbol{Bind: elf.STB_GLOBAL})
		return err
	}
	section := func(e *elfrw.Edit) error {
		_, err := e.AddSection(elfrw.NewSection{Name: ".new", Type: elf.SHT_PROGBITS})
		return err
	}
	patch := func(o *object, off int, b ...byte) []byte {
		data := o.build()
		copy(data[off:], b)
		return data
	}
	exec := with(basic(), func(o *object) { o.typ = elf.ET_EXEC })
	unknown := with(basic(), func(o *object) { o.add(sec{name: ".profile", typ: shtUnknown, link: linkSymtab}) })
	overlap := func(sec, off, size uint64) []byte {
		data := basic().build()
		copy(data[shdr(sec, shOff)(data):], append(u64(off), u64(size)...))
		return data
	}
	aligned := func(align uint64) []byte {
		data := basic().build()
		copy(data[shdr(6, shAddralign)(data):], u64(align))
		return data
	}
	for _, c := range []struct {
		name string
		data []byte
		edit func(*elfrw.Edit) error
		want string
	}{
		{"growth of an executable", exec.build(), grow, "only a relocatable object"},
		{"shrinking an executable", exec.build(), drop, "only a relocatable object"},
		{"a section of an executable", exec.build(), section, "only a relocatable object"},
		{"a relocation of an executable", with(basic(), func(o *object) { o.typ = elf.ET_EXEC }).build(), func(e *elfrw.Edit) error {
			return e.SetRela(2, 0, elfrw.Rela{Off: 0x10000040, Type: uint32(elf.R_PPC64_RELATIVE)})
		}, ""},
		{"a relocation of an executable without symbols", with(&object{typ: elf.ET_EXEC, bare: true}, func(o *object) {
			o.add(sec{name: ".text", flags: ax, align: 4, data: code(4)})
			o.add(sec{name: ".rela.text", typ: elf.SHT_RELA, align: 8, entsize: 24, info: 1, relas: []elf.Rela64{rel(0, 0, elf.R_PPC64_RELATIVE, 0)}})
		}).build(), func(e *elfrw.Edit) error {
			return e.SetRela(2, 0, elfrw.Rela{Off: 8, Type: uint32(elf.R_PPC64_RELATIVE)})
		}, ""},
		{"a relocation of no section", with(basic(), func(o *object) {
			o.add(sec{name: ".rela", typ: elf.SHT_RELA, align: 8, entsize: 24, link: linkSymtab})
		}).build(), func(e *elfrw.Edit) error { return e.InsertRela(7, 0, elfrw.Rela{Type: 1}) }, "passes the end of the section (0x0)"},
		{"bytes of an executable", exec.build(), touch, ""},
		{"growth of an object with segments", patch(basic(), 54, 56, 0, 1), grow, "without segments"},
		{"bytes of an object with segments", patch(basic(), 54, 56, 0, 1), touch, ""},
		{"symbol without a table", small["nosymbols"].build(), localSym, "no symbol table"},
		{"section without names", nameless(), section, "no section name string table"},
		{"local symbol, unknown references", unknown.build(), localSym, `section ".profile" of type SHT_LOOS+268389442 may refer to symbols`},
		{"global symbol, unknown references", unknown.build(), globalSym, ""},
		{"signed", small["signed"].build(), touch, "module signature"},
		{"overlap after", overlap(6, 0x7c, 3), grow, `".text" cannot be edited: it overlaps section ".note"`},
		{"overlap before", overlap(1, 0x42, 64), func(e *elfrw.Edit) error { return e.AppendData(6, []byte{1}) }, ""},
		{"overlap inside", overlap(6, 0x50, 3), touch, `".text" cannot be edited: it overlaps section ".note"`},
		{"overlap around", overlap(6, 0x40, 0x100), touch, `".text" cannot be edited: it overlaps section ".note"`},
		{"overlap elsewhere", overlap(6, 0x50, 3), func(e *elfrw.Edit) error { return e.AppendData(3, []byte{1}) }, ""},
		{"an empty section inside another", overlap(6, 0x50, 0), func(e *elfrw.Edit) error { return e.AppendData(6, []byte{1}) }, `".note" cannot be edited: it overlaps section ".text"`},
		{"a large alignment after", aligned(1 << 25), grow, "what follows file offset 0x80 has to move and needs an alignment of 0x2000000"},
		{"a huge alignment after", aligned(1 << 62), grow, "what follows file offset 0x80 has to move and needs an alignment of 0x4000000000000000"},
		{"a huge alignment before", aligned(1 << 62), section, ""},
		{"a huge alignment, nothing moves", aligned(1 << 62), touch, ""},
		{"a huge alignment, a relocation less", aligned(1 << 62), drop, ""},
		{"an empty section at 0", overlap(6, 0, 0), func(e *elfrw.Edit) error { return e.AppendData(6, []byte{1}) }, `".note" cannot be edited: it overlaps what is at file offset 0x0`},
		{"an empty section in the ELF header", overlap(6, 63, 0), func(e *elfrw.Edit) error { return e.AppendData(6, []byte{1}) }, `".note" cannot be edited: it overlaps what is at file offset 0x3f`},
		{"an empty section in the section headers", overlap(6, 0x360, 0), func(e *elfrw.Edit) error { return e.AppendData(6, []byte{1}) }, `".note" cannot be edited: it overlaps what is at file offset 0x360`},
		{"an empty section beside another", overlap(6, 0x40, 0), func(e *elfrw.Edit) error { return e.AppendData(6, []byte{1}) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, c.data, c.edit, c.want) })
	}
}

// TestAddrsig checks LLVM's table if indices need more bytes than before.
func TestAddrsig(t *testing.T) {
	d := newEditor(t, grouped().build())
	for range 130 {
		d.addSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL})
	}
	f, err := elfrw.New(d.layout())
	if err != nil {
		t.Fatal(err)
	}
	s, ok := f.SectionByName(".llvm_addrsig")
	// 2 is local; 4, 5 (as 85 00) and 6 are global.
	if want := []byte{2, 0x86, 1, 0x87, 1, 0x88, 1}; !ok || !bytes.Equal(s.Data(), want) {
		t.Errorf("the table is % x, want % x", s.Data(), want)
	}

	bad := grouped()
	bad.secs[len(bad.secs)-1].data = []byte{1, 7}
	f, err = elfrw.New(bad.build())
	if err != nil {
		t.Fatal(err)
	}
	e := f.Edit()
	if _, err := e.AddSymbol(elfrw.NewSymbol{}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Layout()
	s, _ = f.SectionByName(".llvm_addrsig")
	if format := new(elfrw.FormatError); !errors.As(err, &format) || format.Off != s.Off+1 || !strings.Contains(err.Error(), "is 7 of 7") {
		t.Errorf("the second number is one too large: %v", err)
	}
	bad.secs[len(bad.secs)-1].data = []byte{1, 77}
	refused(t, bad.build(), func(e *elfrw.Edit) error { _, err := e.AddSymbol(elfrw.NewSymbol{}); return err }, "symbol index")
	bad.secs[len(bad.secs)-1].data = []byte{1, 0x81}
	refused(t, bad.build(), func(e *elfrw.Edit) error { _, err := e.AddSymbol(elfrw.NewSymbol{}); return err }, "symbol index")
}

// TestRel checks relocations without addends, which clang writes for a profile,
// if their symbols move.
func TestRel(t *testing.T) {
	entry := func(off uint64, sym uint32) []byte {
		b := binary.LittleEndian.AppendUint64(nil, off)
		return binary.LittleEndian.AppendUint32(append(b, 0, 0, 0, 0), sym)
	}
	table := func(syms ...uint32) (b []byte) {
		for i, sym := range syms {
			b = append(b, entry(uint64(i)*8, sym)...)
		}
		return b
	}
	change := func(data []byte, change func(*sec)) []byte {
		o := basic()
		profile := o.add(sec{name: ".profile", typ: 0x6fff4c09, flags: shfExclude, align: 1, entsize: 8, link: linkSymtab, data: make([]byte, 16)})
		s := sec{name: ".rel.profile", typ: elf.SHT_REL, flags: elf.SHF_INFO_LINK, align: 8, entsize: 16, link: linkSymtab, info: uint32(profile), data: data}
		change(&s)
		o.add(s)
		return o.build()
	}
	object := func(data []byte) []byte { return change(data, func(*sec) {}) }
	d := newEditor(t, object(table(2, 4, 5)))
	d.addSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL})
	d.addSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL})
	f, err := elfrw.New(d.layout())
	if err != nil {
		t.Fatal(err)
	}
	s, ok := f.SectionByName(".rel.profile")
	if want := table(2, 6, 7); !ok || !bytes.Equal(s.Data(), want) { // 2 is local
		t.Errorf("the table is % x, want % x", s.Data(), want)
	}
	local := func(e *elfrw.Edit) error { _, err := e.AddSymbol(elfrw.NewSymbol{}); return err }
	refused(t, object(table(77)), local, "is of symbol 77 of")
	refused(t, object(table(2)[:12]), local, "not a multiple of 16")
	rel := s.Index
	refused(t, object(table(2)), func(e *elfrw.Edit) error { return e.AppendData(rel, []byte{1}) }, "cannot be edited")

	set := func(e *elfrw.Edit) error { return e.SetRela(rel, 0, elfrw.Rela{}) }
	refusedAtOnce(t, object(table(2)), set, "")
	refusedAtOnce(t, object(table(2, 77)), set, "is of symbol 77 of")
	refusedAtOnce(t, object(table(2, 3)[:28]), set, "not a multiple of 16")
	for want, c := range map[string]func(*sec){
		"sh_entsize at":             func(s *sec) { s.entsize = 24 },
		"SHF_COMPRESSED":            func(s *sec) { s.flags |= elf.SHF_COMPRESSED },
		"is 99 of":                  func(s *sec) { s.link = 99 },
		"belong to no section":      func(s *sec) { s.info = 0 },
		"which is not a SHT_SYMTAB": func(s *sec) { s.link = 1 },
	} {
		refusedAtOnce(t, change(table(2), c), set, want)
	}

	// What the edit has dropped or replaced does not keep a symbol.
	remove := func(y int, before ...func(*elfrw.RelaEdits) error) func(*elfrw.Edit) error {
		return func(e *elfrw.Edit) error {
			b, err := e.Relas(rel)
			for _, edit := range before {
				err = errors.Join(err, edit(&b))
			}
			return errors.Join(err, e.RemoveSymbol(y))
		}
	}
	drop := func(i int) func(*elfrw.RelaEdits) error { return func(b *elfrw.RelaEdits) error { return b.Drop(i) } }
	retarget := func(i, y int) func(*elfrw.RelaEdits) error {
		return func(b *elfrw.RelaEdits) error { return b.Retarget(i, y, 0) }
	}
	free := 0
	for y := 1; y < f.NumSymbols() && free == 0; y++ {
		g, err := elfrw.New(object(table(0, 0, 0)))
		if err == nil && y < g.NumSymbols() && g.Edit().RemoveSymbol(y) == nil {
			free = y
		}
	}
	if free == 0 {
		t.Fatal("all symbols are referred to")
	}
	refusedAtOnce(t, object(table(0, uint32(free), 0)), remove(free), "refers to it")
	refusedAtOnce(t, object(table(0, uint32(free), 0)), remove(free, drop(2)), "refers to it")
	refusedAtOnce(t, object(table(0, uint32(free), 0)), remove(free, drop(1)), "")
	refusedAtOnce(t, object(table(0, uint32(free), 0)), remove(free, retarget(1, 0)), "")
	refusedAtOnce(t, object(table(0, 0, 0)), remove(free, retarget(2, free)), "refers to it")
}
