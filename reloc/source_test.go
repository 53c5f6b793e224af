// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"testing"
)

// TestSourceLikeLd assembles and links testdata/link.s, applies the object's
// own relocations to the object's own bytes, and expects the linked sections.
func TestSourceLikeLd(t *testing.T) {
	as, ld := cross(t, "as"), cross(t, "ld")
	dir := t.TempDir()
	obj, out := filepath.Join(dir, "link.o"), filepath.Join(dir, "link")
	if msg, err := run(t, as, "-mpower10", "-mregnames", "-o", obj, filepath.Join("testdata", "link.s")); err != nil {
		t.Fatalf("as: %v\n%s", err, msg)
	}
	if msg, err := run(t, ld, "-o", out, "--section-start=.head=0x10000000", "-Ttext=0x10001000",
		"--section-start=.far=0x10800000", "-Tdata=0x10a00000", obj); err != nil {
		t.Fatalf("ld: %v\n%s", err, msg)
	}
	in, linked := openELF(t, obj), openELF(t, out)
	values := map[string]uint64{}
	for _, s := range symbolsOf(t, linked) {
		values[s.Name] = s.Value
	}
	symbols := symbolsOf(t, in)
	seen := map[uint32]int{}
	for _, rs := range in.Sections {
		if rs.Type != elf.SHT_RELA {
			continue
		}
		name := in.Sections[rs.Info].Name
		code, want := dataOf(t, in.Section(name)), dataOf(t, linked.Section(name))
		table, err := NewTable(dataOf(t, rs))
		if err != nil {
			t.Fatal(err)
		}
		for i := range table.Len() {
			r := table.At(i)
			s := symbols[r.Sym()-1] // debug/elf drops symbol 0
			value := int64(values[s.Name]) + r.Addend
			if elf.ST_TYPE(s.Info) == elf.STT_SECTION {
				value = int64(linked.Section(in.Sections[s.Section].Name).Addr) + r.Addend
			}
			h, _ := Lookup(r.Type())
			if h.PCRel {
				value -= int64(linked.Section(name).Addr + r.Off)
			}
			if err := Insert(code, r.Off, r.Type(), value); err != nil {
				t.Errorf("%s: %v: %v", name, r, err)
			}
			seen[r.Type()]++
		}
		if !bytes.Equal(code, want[:len(code)]) {
			t.Errorf("%s:\nld     %x\nInsert %x", name, want, code)
		}
	}
	for _, typ := range []elf.R_PPC64{elf.R_PPC64_REL24, elf.R_PPC64_REL24_NOTOC, elf.R_PPC64_REL14,
		elf.R_PPC64_ADDR16_LO_DS, elf.R_PPC64_REL16DX_HA, elf.R_PPC64_PCREL34, elf.R_PPC64_D34,
		elf.R_PPC64_ADDR64, elf.R_PPC64_REL64, elf.R_PPC64_ADDR32, elf.R_PPC64_REL32} {
		if seen[uint32(typ)] == 0 {
			t.Errorf("the assembler made no %v", typ)
		}
	}
}

func openELF(t *testing.T, path string) *elf.File {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func symbolsOf(t *testing.T, f *elf.File) []elf.Symbol {
	t.Helper()
	s, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func dataOf(t *testing.T, s *elf.Section) []byte {
	t.Helper()
	if s == nil {
		t.Fatal("section missing")
	}
	b, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
