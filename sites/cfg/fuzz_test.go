// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
)

// ask reads a whole file and proves every bl in it. It returns how many are
// proven.
func ask(f *elfrw.File) (proven int, err error) {
	var secs []int
	for i := 1; i < f.NumSections(); i++ {
		if f.Section(i).Has(elf.SHF_EXECINSTR) {
			secs = append(secs, i)
		}
	}
	var m *Map
	if elf.Type(f.Header().Type) == elf.ET_REL {
		m, err = Read(f, secs)
	} else {
		m, err = ReadImage(f, secs, tocOf(f))
	}
	if err != nil {
		return 0, err
	}
	for _, sec := range secs {
		var calls []uint64
		code := f.Section(sec).Data()
		for off := uint64(0); off+4 <= uint64(len(code)); off += 4 {
			if w, _ := ppc64.Load(code, off); w.IsBranch() && w.LK() {
				calls = append(calls, off)
			}
		}
		for i, v := range m.Prove(sec, calls) {
			m.HasLSDA(sec, calls[i])
			if v.Proven {
				proven++
			}
			if v.Proven != (v.Reason == "") {
				panic("a verdict without a reason, or a proof with one")
			}
		}
	}
	return proven, nil
}

// FuzzRead reads anything that elfrw accepts, as an object and as an image.
func FuzzRead(f *testing.F) {
	paths, _ := filepath.Glob("../../testdata/obj/*.o")
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, typ := range []elf.Type{elf.ET_REL, elf.ET_EXEC, elf.ET_DYN} {
			b := bytes.Clone(b)
			if len(b) > 20 {
				binary.LittleEndian.PutUint16(b[16:], uint16(typ))
			}
			file, err := elfrw.New(b)
			if err != nil {
				continue
			}
			start := time.Now()
			_, _ = ask(file)
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("%v: %d bytes take %v", typ, len(b), d)
			}
		}
	})
}

// corruptible returns an object with everything that Read reads.
func corruptible(t testing.TB) []byte {
	return assembleSource(t, exceptions("0xff", "3", ".long")+`
		begin g
	1:	nop
	2:	save
		addis 9,2,.Ltab@toc@ha
		addi 9,9,.Ltab@toc@l
		mtctr 9
		bctr
	.La:	call c3
	.Lb:	call c4
		finish g
		feature __ftr_fixup 1b 2b 3f 3f
		.section __ftr_alt_1,"a"
	3:	nop
		.section __ex_table,"a"
		.long 1b-., 2b-.
		.section .rodata
	.Ltab:	.long .La-.Ltab, .Lb-.Ltab`)
}

// TestCorrupt changes one field at a time. Nothing may be proven that is no longer
// certain: c1 if the entry of .eh_frame is changed, c3 and c4 if the jump table is.
func TestCorrupt(t *testing.T) {
	whole := corruptible(t)
	f, err := elfrw.New(whole)
	if err != nil {
		t.Fatal(err)
	}
	const all = 3 // c1, c3, c4
	if n, err := ask(f); n != all || err != nil {
		t.Fatalf("%d proven, %v", n, err)
	}
	section := func(name string) elfrw.Section {
		s, ok := f.SectionByName(name)
		if !ok {
			t.Fatalf("no section %s", name)
		}
		return s
	}
	header := func(name string, field int) int {
		return int(f.Header().Shoff) + 64*section(name).Index + field
	}
	content := func(name string, off int) int { return int(section(name).Off) + off }
	le := binary.LittleEndian
	u32 := func(v uint32) []byte { return le.AppendUint32(nil, v) }
	u64 := func(v uint64) []byte { return le.AppendUint64(nil, v) }
	frame := section(".eh_frame").Data()
	fde := 4 + int(le.Uint32(frame)) // after the CIE
	for _, tt := range []struct {
		name  string
		off   int
		bytes []byte
		want  int // proven; -1: an error
	}{
		{"relocations without addends", header(".rela.eh_frame", 4), u32(uint32(elf.SHT_REL)), 0},
		{"size of a CIE", content(".eh_frame", 0), u32(1 << 20), 2},
		{"size of a CIE, 64 bits", content(".eh_frame", 0), u32(0xffffffff), 2},
		{"version of a CIE", content(".eh_frame", 8), []byte{9}, 2},
		{"augmentation", content(".eh_frame", 9), []byte("zXR"), 2},
		{"augmentation without its size", content(".eh_frame", 9), []byte("RLz"), 2},
		{"CIE of an FDE", content(".eh_frame", fde+4), u32(8), 2},
		{"size of an FDE", content(".eh_frame", fde), u32(3), 2},
		{"extent of an FDE", content(".eh_frame", fde+12), u32(1 << 20), 2},
		{"extent of an FDE, none", content(".eh_frame", fde+12), u32(0), 2},
		{"extent of an FDE, short", content(".eh_frame", fde+12), u32(8), 2},
		{"size of an FDE's augmentation", content(".eh_frame", fde+16), []byte{0x7f}, 2},
		{"symbol of a relocation", content(".rela.eh_frame", 12), u32(9999), -1},
		{"offset of a relocation", content(".rela.eh_frame", 0), u64(1), 2},
		{"type of a relocation", content(".rela.eh_frame", 8), u32(uint32(elf.R_PPC64_ADDR16)), 2},
		{"a relocation in a common part", content(".rela.eh_frame", 0), u64(4), 2},
		{"no relocation of the begin", content(".rela.eh_frame", 8), u32(0), 0},
		{"exception table, outside", content(".rela.eh_frame", 24+16), u64(1 << 40), 2},
		{"exception table, start of the pads", content(".gcc_except_table", 0), []byte{0x50}, 2},
		{"exception table, encoding", content(".gcc_except_table", 2), []byte{7}, 2},
		{"exception table, size", content(".gcc_except_table", 3), []byte{0x7f}, 2},
		{"exception table, size, short", content(".gcc_except_table", 3), []byte{3}, 2},
		{"exception table, a site outside", content(".gcc_except_table", 4), u32(1 << 16), 2},
		{"exception table, a pad outside", content(".gcc_except_table", 12), u32(1 << 16), 2},
		{"jump table, begin", content(".rela.rodata", 0), u64(2), 0},
		{"jump table, target outside", content(".rela.rodata", 16), u64(1 << 40), 2},
		{"__ftr_fixup, size", header("__ftr_fixup", 32), u64(40), -1},
		{"__ftr_fixup, type", content(".rela__ftr_fixup", 8), u32(uint32(elf.R_PPC64_REL32)), 1},
		{"__ftr_fixup, start after the end", content(".rela__ftr_fixup", 16), u64(0x90), 1},
		{"__ex_table, size", header("__ex_table", 32), u64(4), -1},
	} {
		b := slices.Clone(whole)
		copy(b[tt.off:], tt.bytes)
		file, err := elfrw.New(b)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		switch n, err := ask(file); {
		case err != nil && tt.want >= 0, err == nil && tt.want < 0:
			t.Errorf("%s: error %v", tt.name, err)
		case err == nil && n != tt.want:
			t.Errorf("%s: %d proven, want %d", tt.name, n, tt.want)
		}
	}
	// Change any byte that belongs to neither code nor names: nothing may
	// panic.
	for _, name := range []string{".eh_frame", ".gcc_except_table", ".rela.eh_frame", ".rela.text", ".rela.rodata", ".rela__ftr_fixup", ".rela__ex_table", ".symtab"} {
		s := section(name)
		for off := s.Off; off < s.Off+s.Size; off++ {
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				b := slices.Clone(whole)
				b[off] = v
				if file, err := elfrw.New(b); err == nil {
					_, _ = ask(file)
				}
			}
		}
	}
}
