// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/errkind"
)

// moved returns the bytes of the dynamic relocation at a symbol.
func (d *mutableFile) moved(name string) []byte {
	d.t.Helper()
	at := binary.LittleEndian.AppendUint64(nil, d.symbol(name).Value)
	for b := d.table(".rela.dyn"); len(b) > 0; b = b[24:] {
		if bytes.Equal(b[:8], at) {
			return b
		}
	}
	d.t.Fatalf("no dynamic relocation at %s", name)
	return nil
}

// imported returns the bytes of a symbol of .dynsym.
func (d *mutableFile) imported(name string) []byte {
	d.t.Helper()
	syms, err := d.file.DynamicSymbols()
	if err != nil {
		d.t.Fatal(err)
	}
	for i, s := range syms {
		if s.Name == name {
			return d.table(".dynsym")[24*(i+1):]
		}
	}
	d.t.Fatalf("no dynamic symbol %s", name)
	return nil
}

// without12 makes the linker's stub that a site calls use r11 instead of r12.
func (d *mutableFile) without12(site string) {
	w, _ := ppc64.Load(d.at(site, 0), 0)
	for off := w.Displacement(); ; off += 4 {
		switch w, _ := ppc64.Load(d.at(site, off), 0); {
		case w.Opcode() == 58 && w.RT() == 12:
			d.word(site, off, w&^(31<<21)|11<<21)
		case w == 0x7d8903a6: // mtctr 12
			d.word(site, off, 0x7d6903a6)
			return
		}
	}
}

// pieFaults are faults of forms.S in a position-independent program.
var pieFaults = []struct {
	name string
	do   func(d *mutableFile)
	want []string
}{
	{"a relocation of no type", func(d *mutableFile) { retype(d.moved("__SCK__direct"), elf.R_PPC64_NONE) },
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds NULL"}},
	{"a relocation of a type that no key has", func(d *mutableFile) { retype(d.moved("__SCK__direct"), elf.R_PPC64_TPREL64) },
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds something unknown here (it has an R_PPC64_TPREL64)"}},
	{"a resolver's", func(d *mutableFile) { retype(d.moved("__SCK__direct"), elf.R_PPC64_IRELATIVE) },
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds f_hidden"}},
	{"a resolver's slot", func(d *mutableFile) { retype(d.moved("__SCK__direct"), elf.R_PPC64_JMP_IREL) },
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds f_hidden"}},
	{"an address without a symbol", func(d *mutableFile) { retype(d.moved("__SCK__direct"), elf.R_PPC64_ADDR64) }, nil},
	{"an addend of a symbol", func(d *mutableFile) { d.moved("__SCK__foreign")[16] = 8 }, []string{"v_foreign+0x14: calls ext, but the key holds ext"}},
	{"another addend", func(d *mutableFile) { d.moved("__SCK__direct")[16] += 4 },
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds f_hidden+0x4"}},
	{"two relocations across", func(d *mutableFile) {
		copy(d.moved("__SCK__tail"), binary.LittleEndian.AppendUint64(nil, d.symbol("__SCK__direct").Value+4))
	},
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds something unknown here (dynamic relocations overlap only parts of it)",
			"v_tail+0x8: calls f_hidden (local entry), but the key holds NULL"}},
	{"a relocation 7 bytes before", func(d *mutableFile) {
		copy(d.moved("__SCK__direct"), binary.LittleEndian.AppendUint64(nil, d.symbol("__SCK__direct").Value-7))
	},
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds something unknown here (dynamic relocations overlap only parts of it)"}},
	{"a relocation 8 bytes before", func(d *mutableFile) {
		copy(d.moved("__SCK__direct"), binary.LittleEndian.AppendUint64(nil, d.symbol("__SCK__direct").Value-8))
	},
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds NULL"}},
	{"a relocation 7 bytes after", func(d *mutableFile) {
		copy(d.moved("__SCK__direct"), binary.LittleEndian.AppendUint64(nil, d.symbol("__SCK__direct").Value+7))
	},
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds something unknown here (dynamic relocations overlap only parts of it)"}},
	{"a relocation 8 bytes after", func(d *mutableFile) {
		copy(d.moved("__SCK__direct"), binary.LittleEndian.AppendUint64(nil, d.symbol("__SCK__direct").Value+8))
	},
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds NULL"}},
	{"a number that nothing makes an address", func(d *mutableFile) {
		retype(d.moved("__SCK__direct"), elf.R_PPC64_NONE)
		binary.LittleEndian.PutUint64(d.at("__SCK__direct", 0), d.symbol("f_hidden").Value)
	},
		[]string{"v_direct+0x14: calls f_hidden (local entry), but the key holds something unknown here (it holds a number: no dynamic relocation makes it an address)"}},
	{"a relocation of code", func(d *mutableFile) {
		copy(d.moved("__SCK__tail"), binary.LittleEndian.AppendUint64(nil, d.symbol("__SCS__save").Value-4))
	},
		[]string{"v_save+0x14: calls __SCS__save, which does not go through a key", "v_tail+0x8: calls f_hidden (local entry), but the key holds NULL"}},
	{"a relocation of half a word before code", func(d *mutableFile) {
		r := d.moved("__SCK__tail")
		retype(r, elf.R_PPC64_ADDR16)
		copy(r, binary.LittleEndian.AppendUint64(nil, d.symbol("__SCS__save").Value-4))
	},
		[]string{"v_tail+0x8: calls f_hidden (local entry), but the key holds NULL"}},
	{"a relocation of a word before code", func(d *mutableFile) {
		r := d.moved("__SCK__tail")
		retype(r, elf.R_PPC64_ADDR32)
		copy(r, binary.LittleEndian.AppendUint64(nil, d.symbol("__SCS__save").Value-4))
	},
		[]string{"v_tail+0x8: calls f_hidden (local entry), but the key holds NULL"}},
	{"a relocation of an unknown type 8 bytes before code", func(d *mutableFile) {
		r := d.moved("__SCK__tail")
		retype(r, 255)
		copy(r, binary.LittleEndian.AppendUint64(nil, d.symbol("__SCS__save").Value-8))
	},
		[]string{"v_tail+0x8: calls f_hidden (local entry), but the key holds NULL"}},
	{"a symbol that there is not", func(d *mutableFile) { d.moved("__SCK__direct")[13] = 1 },
		[]string{"error: section .*: relocation .*: symbol 256 of"}},
	{"the symbol after the last", func(d *mutableFile) { d.moved("__SCK__direct")[12] = byte(d.file.Section(".dynsym").Size / 24) },
		[]string{"error: section .*: relocation .*: symbol 10 of 10"}},
	{"relocations in another order", func(d *mutableFile) { d.reverse(".rela.dyn") }, nil},
	{"half a relocation", func(d *mutableFile) { d.header(".rela.dyn", shSize)[0] -= 8 }, []string{"error: section \".rela.dyn\""}},
	{"a weak symbol", func(d *mutableFile) { d.imported("ext")[4] = elf.ST_INFO(elf.STB_WEAK, elf.STT_FUNC) },
		[]string{"v_foreign+0x14: calls .*, but the key holds something unknown here (a weak symbol that another unit may define)"}},
	{"no r12", func(d *mutableFile) { d.without12("v_foreign.site") }, []string{"v_foreign+0x14: enters ext without its address in r12"}},

	{"symbols of another size", func(d *mutableFile) { d.header(".dynsym", shEntsize)[0] = 16 }, []string{"error: section \".dynsym\""}},
	{"part of a symbol", func(d *mutableFile) { d.header(".dynsym", shSize)[0] -= 8 }, []string{"error: section \".dynsym\""}},
	{"no names", func(d *mutableFile) { d.header(".dynsym", shLink)[0] = 200 }, []string{"error: section \".dynsym\""}},
	{"names in the section after the last", func(d *mutableFile) { d.header(".dynsym", shLink)[0] = byte(len(d.file.Sections)) }, []string{"error: section \".dynsym\""}},
	{"two tables of symbols", func(d *mutableFile) { d.header(".symtab", shType)[0] = byte(elf.SHT_DYNSYM) }, []string{"error: section \".symtab\".*a second SHT_DYNSYM"}},
	{"sections in one place", func(d *mutableFile) { copy(d.header(".init_array", shAddr)[:8], d.header(".text", shAddr)) }, []string{"error: sections .* overlap in memory"}},
	{"a section at the end", func(d *mutableFile) { copy(d.header(".init_array", shAddr), "\xf8\xff\xff\xff\xff\xff\xff\xff") }, []string{"error: .* the end of memory"}},
	{"a section near the end", func(d *mutableFile) { copy(d.header(".init_array", shAddr), "\xf0\xff\xff\xff\xff\xff\xff\xff") }, []string{"error: .* the end of memory"}},
}

// TestImageFaults damages what a dynamic linker reads.
func TestImageFaults(t *testing.T) {
	sound := readFile(t, filepath.Join(buildForms(t), "bfd.pie"))
	for _, f := range pieFaults {
		t.Run(f.name, func(t *testing.T) {
			do := func(d *mutableFile) {
				// What ld.bfd stored in the places does not count.
				copy(d.at("__SCK__direct", 0), make([]byte, 8))
				copy(d.at("__SCK__tail", 0), make([]byte, 8))
				f.do(d)
			}
			c := sourceCase{do: do, opts: Options{User: true}, want: f.want}
			c.check(t, sound)
		})
	}
}

// TestPreempted makes a key of a library hold a function that the dynamic linker may
// find elsewhere; in a program it cannot.
func TestPreempted(t *testing.T) {
	const lost = "v_kept+0x14: r2 is not restored: the key holds a function that may be in another unit"
	sound := readFile(t, filepath.Join(buildForms(t), "bfd.lib.so"))
	flags := func(n byte) func(*mutableFile) {
		return func(d *mutableFile) {
			for b := d.table(".dynamic"); ; b = b[16:] {
				if elf.DynTag(binary.LittleEndian.Uint64(b)) == elf.DT_RELACOUNT {
					binary.LittleEndian.PutUint64(b, uint64(elf.DT_FLAGS_1))
					copy(b[8:], []byte{0, 0, 0, n, 0, 0, 0, 0})
					return
				}
			}
		}
	}
	bind := func(info, other byte) func(*mutableFile) {
		return func(d *mutableFile) { copy(d.imported("v_direct")[4:], []byte{info, other}) }
	}
	const function = byte(elf.STT_FUNC)
	for _, c := range []sourceCase{
		{name: "a library", want: []string{lost}},
		{name: "a program in one place", do: func(d *mutableFile) { d.b[16] = byte(elf.ET_EXEC) }},
		{name: "a program", do: flags(8)},
		{name: "a library with flags", do: flags(1), want: []string{lost}},
		{name: "a protected function", do: bind(elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), 0x60|byte(elf.STV_PROTECTED))},
		{name: "a local function", do: bind(function, 0x60)},
		{name: "a weak function", do: bind(elf.ST_INFO(elf.STB_WEAK, elf.STT_FUNC), 0x60), want: []string{lost}},
		{name: "a resolver", do: bind(elf.ST_INFO(elf.STB_GLOBAL, elf.STT_GNU_IFUNC), 0x60|byte(elf.STV_PROTECTED)), want: []string{lost}},
	} {
		t.Run(c.name, func(t *testing.T) {
			do := c.do
			c.do = func(d *mutableFile) {
				syms, err := d.file.DynamicSymbols()
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range syms {
					if s.Name == "v_direct" {
						r := d.moved("__SCK__kept")
						binary.LittleEndian.PutUint64(r[8:], uint64(i+1)<<32|uint64(elf.R_PPC64_ADDR64))
					}
				}
				d.word("v_kept.site", 4, ppc64.Nop)
				if do != nil {
					do(d)
				}
			}
			c.opts = Options{User: true, Runtime: None}
			c.check(t, sound)
		})
	}
}

// TestOpen wants other files refused.
func TestOpen(t *testing.T) {
	sound := readFile(t, filepath.Join(buildForms(t), "bfd.pie"))
	for _, f := range []struct {
		name string
		off  int
		v    byte
		want string
	}{
		{"another machine", 18, byte(elf.EM_PPC), "machine is EM_PPC, want EM_PPC64"},
		{"ABI version 1", 48, 1, "e_flags is 0x1: ABI version 1, want 2"},
		{"ABI version 2", 48, 2, ""},
		{"ABI version 3", 48, 3, "e_flags is 0x3: ABI version 3, want 2"},
		{"any ABI", 48, 0, ""},
		{"a core dump", 16, byte(elf.ET_CORE), "file type is ET_CORE: only objects and linked images can be checked"},
		{"a program in one place", 16, byte(elf.ET_EXEC), ""},
	} {
		b := bytes.Clone(sound)
		b[f.off] = f.v
		_, err := check(b, Options{User: true})
		if (err == nil) != (f.want == "") || err != nil && !strings.Contains(err.Error(), f.want) {
			t.Errorf("%s: %v, want %s", f.name, err, f.want)
		}
	}
	b := bytes.Clone(sound)
	copy(b[0x28:0x30], make([]byte, 8)) // e_shoff, e_shnum, e_shstrndx
	copy(b[0x3c:0x40], make([]byte, 4))
	if _, err := check(b, Options{}); err == nil || !strings.Contains(err.Error(), "there are no section headers") {
		t.Errorf("no section headers: %v", err)
	}
	for name, want := range map[string]string{"odd-fatlto.o": "-flto", "bad-slimlto.o": "-flto"} {
		_, err := check(readFile(t, filepath.Join("..", "..", "testdata", "obj", name)), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNothingLoaded wants no sites in a file without loaded sections.
func TestNothingLoaded(t *testing.T) {
	d := newMutableFile(t, readFile(t, filepath.Join(buildForms(t), "bfd.exe")))
	for _, s := range d.file.Sections[1:] {
		d.header(s.Name, shFlags)[0] &^= byte(elf.SHF_ALLOC)
	}
	if r, err := check(d.b, Options{User: true}); err == nil || !strings.Contains(err.Error(), "nothing is known about the sites") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestIsProgram reads dynamic sections without an end mark.
func TestIsProgram(t *testing.T) {
	flags := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, dtFlags1), df1PIE)
	if !isProgram(flags) || isProgram(flags[:15]) || isProgram(nil) {
		t.Error("the last entry")
	}
}

// TestPrintable wants names quoted that would break a line.
func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{"f": "f", "f\x01": `"f\x01"`, `a"b`: `"a\"b"`, "": ""} {
		if got := errkind.Printable(name); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
}

// TestLinkerStub wants the names of linkers' stubs recognized.
func TestLinkerStub(t *testing.T) {
	for name, want := range map[string]bool{
		"00000012.plt_call.f": true, "0000001f.long_branch.f": true, "__plt_f": true, "__long_branch_f": true, "__toc_save_f": true, "__gep_setup_f": true,
		"00000012.": false, "0000001g.plt_call.f": false, "00000012_plt_call.f": false, "f": false, "plt_f": false, "": false, "function.cold": false,
	} {
		if got := isLinkerStub(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestOurs wants the names from the macros and scpatch recognized.
func TestOurs(t *testing.T) {
	for name, want := range map[string]bool{
		"__SCK__f": true, "__SCT__f": true, "__SCS__f": true, "__SCJ__f": true, "__SCN__f": true, "__SCX__f": true,
		"__SCK__": false, "__SCT__": false, "__SCZ__f": false, "_SCK__f": false, "f": false, "": false,
	} {
		if got := (&program{}).isOurs(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestForeignTrampoline has a library that only refers to another unit's
// trampoline.
func TestForeignTrampoline(t *testing.T) {
	object := assemble(t, "\t.data\n\t.quad __SCT__theirs\n")
	link := linking{words: strings.Fields("-nostdlib -shared")}
	if r, err := check(assemble(t, "\t.text\n\tnop\n"), Options{User: true}); err != nil || r.Unknown {
		t.Errorf("without any: %+v, %v", r, err)
	}
	r, err := check(link.image(t, "bfd", object), Options{User: true})
	if err != nil || !r.Unknown || r.Sites != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = check(link.image(t, "bfd", assemble(t, "\t.data\n\t.quad theirs\n")), Options{User: true})
	if err != nil || r.Unknown || r.Sites != 0 {
		t.Errorf("another symbol: %+v, %v", r, err)
	}
}
