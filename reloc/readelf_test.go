// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var readelfLine = regexp.MustCompile(`(?m)^[0-9a-f]{16}\s+([0-9a-f]{16})\s+(.*)$`)

// TestNamesLikeReadelf gives readelf an object with one relocation of each
// number from 0 to 255, and compares the names.
func TestNamesLikeReadelf(t *testing.T) {
	readelf := cross(t, "readelf")
	file := filepath.Join(t.TempDir(), "all.o")
	if err := os.WriteFile(file, objectOfAllTypes(t), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, readelf, "-r", "-W", file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seen := map[uint32]string{}
	for _, m := range readelfLine.FindAllStringSubmatch(out, -1) {
		info, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(m[2], " ")
		seen[uint32(info)] = name
	}
	if len(seen) != 256 {
		t.Fatalf("readelf shows %d types:\n%s", len(seen), out)
	}
	for typ := range uint32(256) {
		got := seen[typ]
		if strings.HasPrefix(got, "unrecognized") {
			got = ""
		}
		h, _ := Lookup(typ)
		if h.Name != got {
			t.Errorf("%d: %q, readelf %q", typ, h.Name, got)
		}
	}
}

// objectOfAllTypes returns a relocatable object whose .rela.text has an entry
// of each type from 0 to 255.
func objectOfAllTypes(t *testing.T) []byte {
	t.Helper()
	const names = "\x00.text\x00.rela.text\x00.symtab\x00.strtab\x00"
	table := Table(make([]byte, 256*RelaSize))
	for typ := range 256 {
		table.Put(typ, MakeRela(uint64(8*typ), 1, uint32(typ), 0))
	}
	symbols := make([]byte, 2*elf.Sym64Size)
	binary.LittleEndian.PutUint32(symbols[elf.Sym64Size:], 1) // named ".text"
	symbols[elf.Sym64Size+4] = byte(elf.STB_GLOBAL) << 4
	symbols[elf.Sym64Size+6] = 1

	sections := []struct {
		header elf.Section64
		data   []byte
	}{
		{},
		{elf.Section64{Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR)}, make([]byte, 256*8)},
		{elf.Section64{Type: uint32(elf.SHT_RELA), Link: 3, Info: 1, Entsize: RelaSize}, table},
		{elf.Section64{Type: uint32(elf.SHT_SYMTAB), Link: 4, Info: 1, Entsize: elf.Sym64Size}, symbols},
		{elf.Section64{Type: uint32(elf.SHT_STRTAB)}, []byte(names)},
	}
	var body, headers bytes.Buffer
	const ehsize = 64
	for i, s := range sections {
		s.header.Off, s.header.Size = uint64(ehsize+body.Len()), uint64(len(s.data))
		if i > 0 {
			s.header.Addralign = 8
			s.header.Name = uint32(strings.Index(names, []string{"", ".text", ".rela.text", ".symtab", ".strtab"}[i]))
		}
		body.Write(s.data)
		for body.Len()%8 != 0 {
			body.WriteByte(0)
		}
		write(t, &headers, s.header)
	}
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_PPC64), Version: uint32(elf.EV_CURRENT), Flags: 2,
		Shoff: uint64(ehsize + body.Len()), Ehsize: ehsize, Shentsize: 64, Shnum: uint16(len(sections)), Shstrndx: 4,
	}
	var file bytes.Buffer
	write(t, &file, header)
	file.Write(body.Bytes())
	file.Write(headers.Bytes())
	return file.Bytes()
}

func write(t *testing.T, b *bytes.Buffer, v any) {
	t.Helper()
	if err := binary.Write(b, binary.LittleEndian, v); err != nil {
		t.Fatal(err)
	}
}
