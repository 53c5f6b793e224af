// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// victim is the object of TestCorrupt. Its sections:
const (
	vText = iota + 1
	vRela
	vData
	vRelaData
	vBss
	vNote
	vIn
	vRelaIn
	vGroup
	vDataIn
	vGroup2
	vAddrsig
	vSymtab
	vShndx
	vStrtab
	vShstrtab
	vCount
)

func victim() *object { return with(grouped(), func(o *object) { o.shndx = true }) }

// A where finds a field of the victim.
type where func(data []byte) uint64

func ehdr(off uint64) where { return func([]byte) uint64 { return off } }

func shdr(sec, field uint64) where {
	return func(d []byte) uint64 { return binary.LittleEndian.Uint64(d[40:]) + 64*sec + field }
}

func content(sec, off uint64) where {
	return func(d []byte) uint64 { return binary.LittleEndian.Uint64(d[shdr(sec, 24)(d):]) + off }
}

func symbol(i, field uint64) where { return content(vSymtab, 24*i+field) }

func u16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
func u64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

const (
	shName, shType, shFlags, shOff, shSize        = 0, 4, 8, 24, 32
	shLink, shInfo, shAddralign, shEntsize        = 40, 44, 48, 56
	huge                                   uint64 = 1<<64 - 8
)

type corruption struct {
	field string
	at    where
	bytes []byte
	want  string
}

// corruptions are reported at the field that was changed.
var corruptions = []corruption{
	{"EI_MAG", ehdr(3), []byte("G"), "no ELF header"},
	{"EI_CLASS", ehdr(4), []byte{1}, "class is ELFCLASS32"},
	{"EI_CLASS", ehdr(4), []byte{0}, "class is ELFCLASSNONE"},
	{"EI_DATA", ehdr(5), []byte{2}, "data encoding is ELFDATA2MSB"},
	{"EI_VERSION", ehdr(6), []byte{0}, "e_ident[EI_VERSION]: is 0"},
	{"e_version", ehdr(20), u32(2), "e_version: is 2"},
	{"e_ehsize", ehdr(52), u16(52), "e_ehsize: is 52"},
	{"e_phentsize", ehdr(54), []byte{32, 0, 1, 0}, "e_phentsize: is 32"},
	{"e_phoff", ehdr(32), append(append(u64(huge), u64(0)...), 2, 0, 0, 0, 64, 0, 56, 0, 1, 0), "e_phoff:"},
	{"e_shentsize", ehdr(58), u16(40), "e_shentsize: is 40"},
	{"e_shentsize", ehdr(58), u16(0), "e_shentsize: is 0"},
	{"e_shoff", ehdr(40), u64(0), "e_shoff: is 0 but e_shnum is 17"},
	{"e_shoff", ehdr(40), u64(1), "e_shoff: a section header at 0x"},
	{"e_shoff", ehdr(40), u64(huge), "e_shoff: a section header at 0x"},
	{"e_shoff", ehdr(40), u64(1 << 62), "e_shoff: a section header at 0x"},
	{"e_shnum", ehdr(60), u16(vCount + 1), "e_shnum: 18 section headers"},
	{"e_shnum", ehdr(60), u16(0xff00), "e_shnum: 0xff00 is reserved"},
	{"e_shstrndx", ehdr(62), u16(vCount), "e_shstrndx: is 17 of 17"},
	{"e_shstrndx", ehdr(62), u16(0xfff1), "e_shstrndx: 0xfff1 is reserved"},
	{"shstrtab sh_offset", shdr(vShstrtab, shOff), u64(huge), "section [16]: sh_offset:"},
	{"shstrtab sh_size", shdr(vShstrtab, shSize), u64(0), "section [16]: sh_size: the string table is empty"},
	{"shstrtab first byte", content(vShstrtab, 0), []byte{1}, "section [16]: content: the string table does not begin"},
	{"sh_name", shdr(vText, shName), u32(0xfffffff0), "section [1]: sh_name: is 0xfffffff0"},
	{"sh_offset", shdr(vText, shOff), u64(huge), `section ".text": sh_offset:`},
	{"sh_offset", shdr(vText, shOff), u64(1 << 40), `section ".text": sh_offset:`},
	{"sh_offset", shdr(vText, shOff), u64(63), `section ".text": sh_offset: the section overlaps the ELF header`},
	{"sh_offset", shdr(vText, shOff), u64(0x7a0), `section ".text": sh_offset: 0x40 bytes at 0x7a0 overlap the section header table`},
	{"sh_addralign", shdr(vText, shAddralign), u64(3), `section ".text": sh_addralign: is 0x3`},
	{"sh_addralign", shdr(vText, shAddralign), u64(huge), `section ".text": sh_addralign:`},
	{"rela sh_entsize", shdr(vRela, shEntsize), u64(0), `section ".rela.text": sh_entsize: is 0, want 24`},
	{"rela sh_entsize", shdr(vRela, shEntsize), u64(16), `section ".rela.text": sh_entsize: is 16, want 24`},
	{"rela sh_size", shdr(vRela, shSize), u64(25), `section ".rela.text": sh_size: is 0x19, not a multiple of 24`},
	{"rela sh_flags", shdr(vRela, shFlags), u64(0x800), `section ".rela.text": sh_flags: has SHF_COMPRESSED`},
	{"rela sh_link", shdr(vRela, shLink), u32(vCount), `section ".rela.text": sh_link: is 17 of 17`},
	{"rela sh_link", shdr(vRela, shLink), u32(vText), `section ".rela.text": sh_link: is 1, which is not a SHT_SYMTAB`},
	{"rela sh_info", shdr(vRela, shInfo), u32(1 << 31), `section ".rela.text": sh_info: is 2147483648 of 17`},
	{"rela sh_info", shdr(vRela, shInfo), u32(0), `section ".rela.text": sh_info: is 0`},
	{"group sh_link", shdr(vGroup, shLink), u32(vStrtab), `section ".group": sh_link: is 15, which is not`},
	{"group sh_info", shdr(vGroup, shInfo), u32(7), `section ".group": sh_info: the group's signature is symbol 7 of 7`},
	{"group sh_size", shdr(vGroup, shSize), u64(0), `section ".group": sh_size: the group has no flags`},
	{"group sh_size", shdr(vGroup, shSize), u64(6), `section ".group": sh_size: is 0x6, not a multiple of 4`},
	{"group sh_entsize", shdr(vGroup, shEntsize), u64(8), `section ".group": sh_entsize: is 8, want 4`},
	{"group member", content(vGroup, 4), u32(vCount), `section ".group": group member: is section 17 of 17`},
	{"group member", content(vGroup, 8), u32(0), `section ".group": group member: is section 0 of 17`},
	{"symtab sh_entsize", shdr(vSymtab, shEntsize), u64(16), `section ".symtab": sh_entsize:`},
	{"symtab sh_size", shdr(vSymtab, shSize), u64(24*7 - 1), `section ".symtab": sh_size:`},
	{"symtab sh_link", shdr(vSymtab, shLink), u32(0), `section ".symtab": sh_link: names no string table`},
	{"symtab sh_link", shdr(vSymtab, shLink), u32(99), `section ".symtab": sh_link: is 99 of 17`},
	{"symtab sh_info", shdr(vSymtab, shInfo), u32(8), `section ".symtab": sh_info: the first global symbol is 8 of 7`},
	{"symtab sh_info", shdr(vSymtab, shInfo), u32(0), `section ".symtab": sh_info: the first global symbol is 0 of 7`},
	{"a second symtab", shdr(vShstrtab, shType), u32(2), `section [16]: sh_type:`},
	{"strtab sh_type", shdr(vStrtab, shType), u32(1), `section ".strtab": sh_type: is SHT_PROGBITS`},
	{"strtab sh_flags", shdr(vStrtab, shFlags), u64(0x800), `section ".strtab": sh_flags:`},
	{"strtab sh_size", shdr(vStrtab, shSize), u64(0), `section ".strtab": sh_size:`},
	{"strtab first byte", content(vStrtab, 0), []byte("x"), `section ".strtab": content:`},
	{"strtab last byte", content(vStrtab, 30), []byte("x"), `section ".strtab": content:`},
	{"st_name", symbol(4, 0), u32(31), `section ".symtab": symbol 4: st_name:`},
	{"st_name", symbol(6, 0), u32(1<<32 - 1), `section ".symtab": symbol 6: st_name:`},
	{"st_info", symbol(1, 4), []byte{0x12}, `section ".symtab": symbol 1: st_info:`},
	{"st_info", symbol(5, 4), []byte{0x02}, `section ".symtab": symbol 5: st_info:`},
	{"st_shndx", symbol(1, 6), u16(vCount), `section ".symtab": symbol 1: st_shndx:`},
	{"st_shndx", symbol(1, 6), u16(0xfeff), `section ".symtab": symbol 1: st_shndx:`},
	{"shndx sh_entsize", shdr(vShndx, shEntsize), u64(24), `section ".symtab_shndx": sh_entsize:`},
	{"shndx sh_size", shdr(vShndx, shSize), u64(24), `section ".symtab_shndx": sh_size: has 6 entries for 7 symbols`},
	{"shndx sh_size", shdr(vShndx, shSize), u64(27), `section ".symtab_shndx": sh_size:`},
	{"shndx sh_link", shdr(vShndx, shLink), u32(vStrtab), `section ".symtab_shndx": sh_link: is 15, the symbol table is section 13`},
	{"shndx sh_link", shdr(vShndx, shLink), u32(50), `section ".symtab_shndx": sh_link: is 50 of 17`},
}

// contradictions are reported at another field than the changed one.
var contradictions = []corruption{
	{"e_phnum", ehdr(54), []byte{56, 0, 0xff, 0xff}, "e_phnum: is PN_XNUM"},
	{"e_phnum", ehdr(54), []byte{56, 0, 0xfe, 0xff}, "e_phoff: 65534 program headers"},
	{"e_shnum", ehdr(60), u16(0), "sh_size: e_shnum is 0"},
	{"e_shoff and e_shnum", ehdr(40), append(u64(0), 0, 0, 0, 0, 64, 0, 56, 0, 0, 0, 64, 0, 0, 0), "e_shoff: is 0 but e_shstrndx is 16"},
	{"e_shnum", ehdr(60), u16(3), "e_shstrndx: is 16 of 3"},
	{"e_shstrndx", ehdr(62), u16(0xffff), "sh_link: e_shstrndx is SHN_XINDEX"},
	{"e_shstrndx", ehdr(62), u16(vText), "section [1]: sh_type: is SHT_PROGBITS, want SHT_STRTAB"},
	{"e_shstrndx", ehdr(62), u16(0), "section [1]: sh_name:"},
	{"shstrtab sh_size", shdr(vShstrtab, shSize), u64(huge), "section [16]: sh_offset:"},
	{"shstrtab sh_size", shdr(vShstrtab, shSize), u64(3), "section [16]: content: the string table does not end"},
	{"sh_size", shdr(vText, shSize), u64(huge), `section ".text": sh_offset: 0xfffffffffffffff8 bytes`},
	{"sh_size", shdr(vText, shSize), u64(0x1000), `section ".text": sh_offset: 0x1000 bytes`},
	{"sh_size", shdr(vNote, shSize), u64(0x200), `section ".note": sh_offset: 0x200 bytes at 0x208 overlap the section header table`},
	{".bss sh_type", shdr(vBss, shType), u32(1), `section ".bss": sh_offset:`},
	{"symtab sh_size", shdr(vSymtab, shSize), u64(24 * 6), `section ".symtab_shndx": sh_size: has 7 entries for 6 symbols`},
	{"symtab sh_link", shdr(vSymtab, shLink), u32(vData), `section ".data": sh_type:`},
	{"symtab sh_info", shdr(vSymtab, shInfo), u32(3), `section ".symtab": symbol 3: st_info:`},
	{"symtab sh_info", shdr(vSymtab, shInfo), u32(5), `section ".symtab": symbol 4: st_info:`},
	{"symtab sh_type", shdr(vSymtab, shType), u32(1), `which is not a SHT_SYMTAB`},
	{"a second symtab", shdr(vRela, shType), u32(2), `section ".symtab": sh_type: is a second SHT_SYMTAB; the first is section 2`},
	{"st_shndx", symbol(1, 6), u16(0xffff), `section ".symtab_shndx": entry 1:`},
	{"a second shndx", shdr(vGroup, shType), u32(18), `section ".symtab_shndx": sh_type: is a second`},
}

// TestCorrupt corrupts one field of a valid object and expects an error with
// its name and place.
func TestCorrupt(t *testing.T) {
	good := victim().build()
	if f, err := elfrw.New(good); err != nil || f.NumSections() != vCount {
		t.Fatalf("the valid object: %v", err)
	}
	for i, c := range slices.Concat(corruptions, contradictions) {
		data := bytes.Clone(good)
		if n := copy(data[c.at(data):], c.bytes); n != len(c.bytes) {
			t.Fatalf("%s: the field is not in the file", c.field)
		}
		_, err := elfrw.New(data)
		var format *elfrw.FormatError
		if !errors.As(err, &format) {
			if !errors.Is(err, elfrw.ErrNotELF64LE) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s = % x: error is %v, want %s", c.field, c.bytes, err, c.want)
			}
			continue
		}
		place := fmt.Sprintf(" at 0x%x: ", format.Off)
		if !strings.Contains(err.Error(), place) || !strings.Contains(strings.Replace(err.Error(), place, ": ", 1), c.want) {
			t.Errorf("%s = % x: error is\n%v, want\n%s", c.field, c.bytes, err, c.want)
		}
		if at := c.at(data); i < len(corruptions) && format.Off != at {
			t.Errorf("%s = % x at 0x%x: error is\n%v", c.field, c.bytes, at, err)
		}
	}
}

// references are reported by Layout, if there is something to write.
var references = []corruption{
	{"r_info", content(vRela, 8), u64(7<<32 | 10), `section ".rela.text": entry 0: r_info: is of symbol 7 of 7`},
	{"r_info", content(vRelaData, 8), u64(1<<63 | 10), `section ".rela.data": entry 0: r_info: is of symbol 2147483648 of 7`},
	{"r_offset", content(vRela, 24), u64(0x40), `section ".rela.text": entry 1: r_offset: is 0x40, the section ".text" has 0x40 bytes`},
	{"r_offset", content(vRelaData, 0), u64(huge), `section ".rela.data": entry 0: r_offset: is 0xfffffffffffffff8, the section ".data" has`},
	{"group member", content(vGroup2, 4), u32(vIn), `section ".group": group member: section 7 is in a group already`},
}

// TestReferences corrupts what a relocation or a group refers to: only an
// unchanged copy can be written.
func TestReferences(t *testing.T) {
	good := victim().build()
	for _, c := range references {
		data := bytes.Clone(good)
		copy(data[c.at(data):], c.bytes)
		newEditor(t, data).layout()
		f, err := elfrw.New(data)
		if err != nil {
			t.Errorf("%s: %v", c.field, err)
			continue
		}
		e := f.Edit()
		if err := e.AppendData(vData, []byte{1}); err != nil {
			t.Fatal(err)
		}
		_, err = e.Layout()
		place := fmt.Sprintf(" at 0x%x: ", c.at(data))
		if err == nil || !strings.Contains(err.Error(), place) || !strings.Contains(strings.Replace(err.Error(), place, ": ", 1), c.want) {
			t.Errorf("%s = % x at 0x%x: error is %v, want\n%s", c.field, c.bytes, c.at(data), err, c.want)
		}
	}
}

// TestOdd changes fields in ways that are strange and legal, and edits the rest.
func TestOdd(t *testing.T) {
	good := victim().build()
	for _, c := range []struct {
		field string
		at    where
		bytes []byte
	}{
		{"EI_OSABI", ehdr(7), []byte{0xff}},
		{"EI_PAD", ehdr(9), []byte{1, 2, 3, 4, 5, 6, 7}},
		{"e_machine", ehdr(18), u16(0xffff)},
		{"e_flags", ehdr(48), u32(0xffffffff)},
		{"e_entry", ehdr(24), u64(huge)},
		{"e_phoff without segments", ehdr(32), u64(huge)},
		{"e_phentsize without segments", ehdr(54), u16(9)},
		{"a null section header with fields", shdr(0, shName), bytes.Repeat([]byte{0xff}, 32)},
		{"an inactive section header", shdr(vNote, shType), append(u32(0), bytes.Repeat([]byte{0xff}, 56)...)},
		{"inactive header, odd alignment", shdr(vNote, shType), append(u32(0), bytes.Repeat([]byte{7}, 56)...)},
		{"an unknown type", shdr(vNote, shType), u32(0x12345)},
		{"unknown flags", shdr(vData, shFlags), u64(0xf0f00003)},
		{"sh_addralign 0", shdr(vText, shAddralign), u64(0)},
		{"sh_addralign more than the offset has", shdr(vNote, shAddralign), u64(1 << 12)},
		{"a .bss of great size", shdr(vBss, shSize), u64(huge)},
		{"a .bss beyond the end", shdr(vBss, shOff), u64(1 << 20)},
		{"an empty section at 0", shdr(vNote, shOff), append(u64(0), u64(0)...)},
		{"an empty section in the headers", shdr(vNote, shOff), append(u64(0x800), u64(0)...)},
		{"relocations without SHF_INFO_LINK", shdr(vRela, shFlags), u64(0)},
		{"sh_info of code", shdr(vText, shInfo), u32(0xffffffff)},
		{"sh_link of data", shdr(vData, shLink), u32(0xffff)},
		{"a section without a name", shdr(vNote, shName), u32(0)},
		{"R_PPC64_NONE at the end of its section", content(vRela, 0), append(u64(0x40), u64(1<<32)...)},
		{"a symbol of the null section", symbol(3, 6), u16(0)},
		{"a common symbol", symbol(5, 6), u16(0xfff2)},
		{"a reserved st_other", symbol(4, 5), []byte{0xff}},
		{"the null symbol with a value", symbol(0, 8), bytes.Repeat([]byte{0xff}, 16)},
		{"an extended index that needs none", symbol(1, 6), u16(0xffff)}, // with its entry, below
	} {
		t.Run(c.field, func(t *testing.T) {
			data := bytes.Clone(good)
			copy(data[c.at(data):], c.bytes)
			if strings.HasPrefix(c.field, "an extended") {
				copy(data[content(vShndx, 4)(data):], u32(1))
			}
			d := newEditor(t, data)
			d.layout()
			d = newEditor(t, data)
			d.setRela(vRela, 1, rel(8, 4, elf.R_PPC64_REL24, 0))
			d.appendData(vData, []byte("more"))
			sec := d.addSection(elfrw.NewSection{Name: ".new", Type: elf.SHT_PROGBITS, Addralign: 8, Data: make([]byte, 8)})
			d.addSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL, Type: elf.STT_SECTION, Section: sec})
			d.layout()
		})
	}
}

// TestTruncated cuts small objects at every length.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"groups", "first", "middle", "signed"} {
		data := small[name].build()
		for n := range data {
			f, err := elfrw.New(data[:n:n])
			var format *elfrw.FormatError
			switch {
			case err == nil: // what follows the sections is gone
				newEditor(t, data[:n:n]).layout()
				if name == "groups" || f.NumSections() == 0 {
					t.Fatalf("%s: %d of %d bytes are accepted", name, n, len(data))
				}
			case !errors.As(err, &format) && !errors.Is(err, elfrw.ErrNotELF64LE):
				t.Fatalf("%s: %d of %d bytes: %v", name, n, len(data), err)
			}
		}
	}
}
