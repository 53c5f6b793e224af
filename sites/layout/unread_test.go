// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

// Offsets of the fields of a section header.
const shType, shFlags, shSize, shLink, shInfo = 4, 8, 32, 40, 44

// A header changes the header of one section of an object.
type header struct {
	section string
	fields  map[int]uint32
}

// edited returns an object of testdata with some section headers changed.
func edited(t *testing.T, name string, typ elf.Type, changes ...header) *elfrw.File {
	t.Helper()
	b, err := os.ReadFile("../../testdata/obj/" + name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint16(b[16:], uint16(typ))
	for _, c := range changes {
		s, ok := f.SectionByName(c.section)
		if !ok {
			t.Fatalf("no section %s", c.section)
		}
		for field, v := range c.fields {
			binary.LittleEndian.PutUint32(b[f.Header().Shoff+uint64(s.Index)*64+uint64(field):], v)
		}
	}
	if f, err = elfrw.New(b); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCheckRelocations(t *testing.T) {
	const name = "gcc-p8-O2-small-debug.o"
	plain := edited(t, name, elf.ET_REL)
	debug, _ := plain.SectionByName(".debug_info")
	symtab := uint32(plain.Symtab().Index)
	typ := func(section string, v uint32) header { return header{section, map[int]uint32{shType: v}} }
	for _, c := range []struct {
		what   string
		file   elf.Type
		change []header
		want   string // in the error; empty for none
	}{
		{"as it is", elf.ET_REL, nil, ""},
		{"REL of code", elf.ET_REL, []header{typ(".rela.text", uint32(elf.SHT_REL))}, `section ".rela.text": relocations of type SHT_REL are not read`},
		{"CREL of code", elf.ET_REL, []header{typ(".rela.text", uint32(elfrw.SHTCrel))}, "of type SHT_CREL are not read"},
		{"CREL of data", elf.ET_REL, []header{typ(".rela.data.rel.local", uint32(elfrw.SHTCrel))}, "of type SHT_CREL are not read"},
		{"Android's of data", elf.ET_REL, []header{typ(".rela.data.rel.local", uint32(elfrw.SHTAndroidRela))}, "SHT_ANDROID_RELA"},
		{"RELR", elf.ET_REL, []header{{".debug_str", map[int]uint32{shType: uint32(elfrw.SHTRelr), shFlags: 0}}}, "SHT_RELR"},
		{"CREL of debug information", elf.ET_REL, []header{typ(".rela.debug_info", uint32(elfrw.SHTCrel))}, ""},
		{"CREL of no section", elf.ET_REL, []header{{".rela.debug_info", map[int]uint32{shType: uint32(elfrw.SHTCrel), shInfo: 0}}}, "SHT_CREL"},
		{"CREL of what is not there", elf.ET_REL, []header{{".rela.debug_info", map[int]uint32{shType: uint32(elfrw.SHTCrel), shInfo: 1 << 20}}}, "SHT_CREL"},
		{"CREL of one after the last section", elf.ET_REL, []header{{".rela.debug_info", map[int]uint32{shType: uint32(elfrw.SHTCrel), shInfo: uint32(plain.NumSections())}}}, "SHT_CREL"},
		{"a new type that refers to another section", elf.ET_REL, []header{{".debug_str", map[int]uint32{shType: 0x61234567, shLink: uint32(debug.Index)}}}, ""},
		{"REL of code after what says nothing", elf.ET_REL, []header{typ(".rela.text", uint32(elf.SHT_REL)), typ(".text", 0x61234567)}, "of type SHT_REL are not read"},
		{"REL of frames after REL of debug information", elf.ET_REL, []header{typ(".debug_str", 0x61234567), typ(".rela.debug_info", uint32(elf.SHT_REL)), typ(".rela.eh_frame", uint32(elf.SHT_REL))}, `section ".rela.eh_frame": relocations of type SHT_REL are not read`},
		{"REL of code after an empty section", elf.ET_REL, []header{{".text", map[int]uint32{shType: 0x61234567, shSize: 0}}, typ(".rela.text", uint32(elf.SHT_REL))}, "of type SHT_REL are not read"},
		{"a new type for code", elf.ET_REL, []header{typ(".rela.text", 0x61234567)}, `section ".rela.text": sections of the unknown type 0x61234567`},
		{"a new type for debug information", elf.ET_REL, []header{typ(".rela.debug_info", 0x61234567)}, ""},
		{"a new type that refers to symbols", elf.ET_REL, []header{{".debug_str", map[int]uint32{shType: 0x61234567, shLink: symtab}}}, "unknown type 0x61234567"},
		{"a new type for code by its flag", elf.ET_REL, []header{{".debug_str", map[int]uint32{shType: 0x61234567, shFlags: uint32(elf.SHF_INFO_LINK), shInfo: 1}}}, "unknown type 0x61234567"},
		{"a new type by itself", elf.ET_REL, []header{typ(".debug_str", 0x61234567)}, ""},
		{"a list of symbols", elf.ET_REL, []header{{".debug_str", map[int]uint32{shType: uint32(elfrw.SHTLLVMAddrsig), shLink: symtab}}}, ""},
		{"a profile", elf.ET_REL, []header{{".debug_str", map[int]uint32{shType: uint32(elfrw.SHTLLVMCallGraph), shLink: symtab}}, {".rela.debug_info", map[int]uint32{shType: uint32(elf.SHT_REL), shInfo: uint32(debug.Index)}}}, ""},
		{"image, CREL that is not loaded", elf.ET_EXEC, []header{typ(".rela.text", uint32(elfrw.SHTCrel))}, ""},
		{"image, CREL", elf.ET_EXEC, []header{{".rela.text", map[int]uint32{shType: uint32(elfrw.SHTCrel), shFlags: uint32(elf.SHF_ALLOC)}}}, "dynamic relocations of type SHT_CREL"},
		{"image, REL", elf.ET_DYN, []header{{".rela.text", map[int]uint32{shType: uint32(elf.SHT_REL), shFlags: uint32(elf.SHF_ALLOC)}}}, "dynamic relocations of type SHT_REL"},
		{"image, RELR", elf.ET_DYN, []header{{".rela.text", map[int]uint32{shType: uint32(elfrw.SHTRelr), shFlags: uint32(elf.SHF_ALLOC)}}}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := CheckRelocations(edited(t, name, c.file, c.change...))
			switch {
			case c.want == "" && err == nil:
			case c.want == "" || err == nil || !strings.Contains(err.Error(), c.want) || errkind.Of(err) != errkind.UnreadRelocations:
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestIR(t *testing.T) {
	for _, c := range []struct {
		name   string
		change []header
		found  string
		err    string
	}{
		{"gcc-p8-O2-sites.o", nil, "", ""},
		{"odd-fatlto.o", nil, ".gnu.lto_", ""},
		{"bad-slimlto.o", nil, ".gnu.lto_", "a slim LTO object has no code"},
		{"gcc-p8-O2-small-debug.o", []header{{".debug_str", map[int]uint32{shType: uint32(elfrw.SHTLLVMLTO)}}}, ".debug_str", ""},
	} {
		s, found, err := IR(edited(t, c.name, elf.ET_REL, c.change...))
		if found != (c.found != "") || found && !s.NameHasPrefix(c.found) || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v %v %v", c.name, s, found, err)
		}
		if err != nil && errkind.Of(err) != errkind.LTOObject {
			t.Errorf("%s: kind %v", c.name, errkind.Of(err))
		}
	}
}

// TestIRSections tests a fat LTO object whose sections are empty, or too short
// to say that it is slim.
func TestIRSections(t *testing.T) {
	const name = "odd-fatlto.o"
	whole := edited(t, name, elf.ET_REL)
	var empty []header
	for i := 1; i < whole.NumSections(); i++ {
		if s := whole.Section(i); s.NameHasPrefix(".gnu.lto_") && !s.NameHasPrefix(".gnu.lto_.lto.") {
			empty = append(empty, header{s.NameString(), map[int]uint32{shSize: 0}})
		}
	}
	const lto = ".gnu.lto_.lto.3c6b5ab"
	for size, want := range []string{"", lto, lto, lto, lto, lto} {
		f := edited(t, name, elf.ET_REL, append(empty, header{lto, map[int]uint32{shSize: uint32(size)}})...)
		ir, found, err := IR(f)
		if err != nil || found != (want != "") || found && ir.NameString() != want {
			t.Errorf("%d bytes: %v, %v, %v", size, ir, found, err)
		}
	}
}
