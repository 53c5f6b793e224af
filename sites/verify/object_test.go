// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// rela returns the bytes of the relocation at a symbol, plus an offset.
func (d *mutableFile) rela(name string, off uint64) []byte {
	d.t.Helper()
	s := d.symbol(name)
	for _, sec := range d.file.Sections {
		if sec.Type != elf.SHT_RELA || int(sec.Info) != int(s.Section) {
			continue
		}
		for at := sec.Offset; at < sec.Offset+sec.FileSize; at += reloc.RelaSize {
			if binary.LittleEndian.Uint64(d.b[at:]) == s.Value+off {
				return d.b[at:]
			}
		}
	}
	d.t.Fatalf("no relocation at %s+%d", name, off)
	return nil
}

// against makes a relocation name another symbol.
func (d *mutableFile) against(r []byte, name string) {
	d.t.Helper()
	for i, s := range d.syms {
		if s.Name == name {
			binary.LittleEndian.PutUint32(r[12:], uint32(i+1))
			return
		}
	}
	d.t.Fatalf("no symbol %s", name)
}

// section makes a relocation name the section of a symbol, and the symbol's
// offset there.
func (d *mutableFile) section(r []byte, name string) {
	s := d.symbol(name)
	for i, t := range d.syms {
		if elf.ST_TYPE(t.Info) == elf.STT_SECTION && t.Section == s.Section {
			binary.LittleEndian.PutUint32(r[12:], uint32(i+1))
			binary.LittleEndian.PutUint64(r[16:], s.Value)
			return
		}
	}
	d.t.Fatalf("no symbol of the section of %s", name)
}

func retype(r []byte, typ elf.R_PPC64) { binary.LittleEndian.PutUint32(r[8:], uint32(typ)) }

// objectFaults has what can be wrong with relocations.
var objectFaults = []struct {
	name string
	do   func(d *mutableFile)
	site string
	what string
}{
	{"another function", func(d *mutableFile) { d.against(d.rela("v_direct.site", 0), "f_other") },
		"v_direct+0x14", "calls f_other (local entry), but the key holds f_hidden"},
	{"another unit's function", func(d *mutableFile) { d.against(d.rela("v_foreign.site", 0), "__static_call_return0") },
		"v_foreign+0x14", "calls __static_call_return0, but the key holds ext"},
	{"the section's symbol", func(d *mutableFile) { d.section(d.rela("v_direct.site", 0), "f_hidden") },
		"v_direct+0x14", "enters f_hidden at its global entry without its address in r12"},
	{"an addend", func(d *mutableFile) { d.rela("v_direct.site", 0)[16] = 8 },
		"v_direct+0x14", "the branch has addend 0x8, but a call to f_hidden has none"},
	{"another type", func(d *mutableFile) { retype(d.rela("v_direct.site", 0), elf.R_PPC64_ADDR24) },
		"v_direct+0x14", "the branch has a relocation that is not that of a call: R_PPC64_ADDR24"},
	{"no relocation", func(d *mutableFile) { retype(d.rela("v_foreign.site", 0), elf.R_PPC64_NONE) },
		"v_foreign+0x14", "but the key holds ext"},
	{"a relocation on a constant", func(d *mutableFile) { d.word("v_foreign.site", 0, ppc64.Nop) },
		"v_foreign+0x14", "a relocation is left on a constant, nop"},
	{"a tail call into another unit", func(d *mutableFile) {
		d.against(d.rela("v_tail.site", 0), "ext")
		d.against(d.rela("__SCK__tail", 0), "ext")
	}, "v_tail+0x8", "a tail call, and nothing restores r2: ext may be in another unit"},
	{"a tail call to what changes r2", func(d *mutableFile) {
		d.against(d.rela("v_tail.site", 0), "f_clobber")
		d.against(d.rela("__SCK__tail", 0), "f_clobber")
	}, "v_tail+0x8", "a tail call, and nothing restores r2: f_clobber may change r2 (local entry 1)"},
	{"no slot after a call into another unit", func(d *mutableFile) { d.word("v_foreign.site", 4, 0x38630000) },
		"v_foreign+0x14", "no slot follows the call"},
	{"the restore in a NOTOC function", func(d *mutableFile) { retype(d.rela("v_direct.site", 0), elf.R_PPC64_REL24_NOTOC) }, "", ""},
	{"key without a reason", func(d *mutableFile) { retype(d.rela("__SCK__direct", 0), elf.R_PPC64_REL64) },
		"v_direct+0x14", "but the key holds something unknown here"},
	{"stub of another key", func(d *mutableFile) { d.section(d.rela("entry_out", 4), "__SCJ__stack") },
		"v_out+0x18", "the entry's stub __SCJ__stack does not go through the key"},
	{"entry's address of another type", func(d *mutableFile) { retype(d.rela("entry_out", 0), elf.R_PPC64_ADDR32) },
		"+0x8", "the address of the site cannot be read"},
}

// header returns the bytes of a field of a section's header.
func (d *mutableFile) header(name string, field uint64) []byte {
	d.t.Helper()
	for i, s := range d.file.Sections {
		if s.Name == name {
			return d.b[binary.LittleEndian.Uint64(d.b[0x28:])+64*uint64(i)+field:]
		}
	}
	d.t.Fatalf("no section %s", name)
	return nil
}

// Fields of a section's header.
const (
	shType, shFlags, shAddr, shSize, shLink, shInfo, shAddralign, shEntsize = 4, 8, 16, 32, 40, 44, 48, 56
)

// table returns the bytes of a section.
func (d *mutableFile) table(name string) []byte {
	s := d.file.Section(name)
	return d.b[s.Offset : s.Offset+s.FileSize]
}

// other points at the st_other of a symbol.
func (d *mutableFile) other(name string) *byte {
	d.t.Helper()
	for i, s := range d.syms {
		if s.Name == name {
			return &d.table(".symtab")[24*(i+1)+5]
		}
	}
	d.t.Fatalf("no symbol %s", name)
	return nil
}

// rename gives a symbol the name of another.
func (d *mutableFile) rename(from, to string) {
	d.t.Helper()
	var name []byte
	for i, s := range d.syms {
		if s.Name == to {
			name = d.table(".symtab")[24*(i+1):][:4]
		}
	}
	for i, s := range d.syms {
		if s.Name == from {
			copy(d.table(".symtab")[24*(i+1):], name)
			return
		}
	}
	d.t.Fatalf("no symbol %s", from)
}

// reverse reverses the order of relocations.
func (d *mutableFile) reverse(name string) {
	b := d.table(name)
	old := slices.Clone(b)
	for at := 0; at < len(b); at += reloc.RelaSize {
		copy(b[at:], old[len(b)-at-reloc.RelaSize:][:reloc.RelaSize])
	}
}

// plain are the edits of kernel.S that make it an object without stubs.
func plain(edits ...string) []string { return append([]string{farEntry, "\tlisted far\n"}, edits...) }

// calls makes v_direct call another function, with a slot.
func calls(name, slot string, more ...string) []string {
	return plain(append([]string{"direct, f_target", "direct, " + name, `caller direct, 0, "bl f_target", nop`, `caller direct, 0, "bl ` + name + `", ` + slot}, more...)...)
}

const ifunc = "leaf f_single\n"

// kernelObjects are variants of kernel.S as a kernel object.
var kernelObjects = []sourceCase{
	{name: "nothing", edits: plain(), opts: image},
	{name: "a constant of a caller without a TOC pointer", edits: plain("caller null, 0, nop, nop", "notoccaller null, nop"), opts: image},
	{name: "two entries, of a caller with one", edits: plain("one, f_single", "one, f_target", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl f_target"), opts: image},
	{name: "another unit's, of a caller with one entry", edits: plain("one, f_single", "one, ext", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl ext"), opts: image},
	{name: "trampolines", edits: plain(), opts: trampoline, want: []string{"v_through+0x14: r2 is not restored: the key may come to hold a function of another unit"}},
	{name: "a stub", opts: image, want: []string{"v_far+0x14: the entry has a stub, __SCJ__far: only those of modules and of the kernel image do"}},
	{name: "two equal entries", edits: plain("\tlisted direct\n", "\tlisted direct\n\t.long v_direct.site-.,0\n\t.reloc .,R_PPC64_REL64,__SCK__direct\n\t.quad 0\n"), opts: image,
		want: []string{"v_direct+0x14: two entries name the site"}},
	{name: "entries of 8 bytes", edits: plain("#include", "#define SMALL\n#include"), opts: image},
	{name: "entries of 8 bytes, in the header", edits: plain("#include", "#define SMALL\n#include"), opts: image, do: func(d *mutableFile) { d.header(".static_call_sites", shEntsize)[0] = 8 }},
	{name: "entries of 16 bytes, in the header", edits: plain(), opts: image, do: func(d *mutableFile) { d.header(".static_call_sites", shEntsize)[0] = 16 }},
	{name: "entries of 8 bytes, called 16", edits: plain("#include", "#define SMALL\n#include"), opts: image, do: func(d *mutableFile) { d.header(".static_call_sites", shEntsize)[0] = 16 },
		want: []string{"+0x0: the address of the key cannot be read", "+0x10: the address of the key cannot be read", "+0x20: the address of the key cannot be read", "+0x30: the address of the key cannot be read", "+0x40: the address of the key cannot be read"}},
	{name: "a table of another type", edits: plain(), opts: image, do: func(d *mutableFile) { d.header(".static_call_sites", shType)[0] = byte(elf.SHT_NOTE) },
		want: []string{"error: section .*: a site table has type SHT_PROGBITS, but this is SHT_NOTE"}},
	{name: "a table that is not loaded", unknown: true, edits: plain(), opts: Options{PACATOC: "16"}, do: func(d *mutableFile) { d.header(".static_call_sites", shFlags)[0] = 0 },
		want: []string{"v_through+0x14: calls __SCT__through: nothing says that it was patched, or was meant to stay", "v_linker+0x14: calls __SCT__linker: nothing says"}},
	{name: "a relocation far after the table", edits: plain(), opts: image, do: func(d *mutableFile) { d.rela("entry_far", 0)[3] = 0x10 },
		want: []string{"+0x0: a relocation passes the end of the table", "+0x90: the entry points at"}},
	{name: "a relocation after the table", edits: plain(), opts: image, do: func(d *mutableFile) { d.rela("entry_far", 0)[0] = 0xa0 },
		want: []string{"+0x0: a relocation passes the end of the table", "+0x90: the entry points at"}},

	{name: "another unit's", edits: calls("ext", "nop"), opts: image},
	{name: "another unit's, no slot", edits: calls("ext", "addi 3,3,0"), opts: image, want: []string{"v_direct+0x14: no slot follows the call, found .*: a run time has no place for a restore"}},
	{name: "another unit's, its own slot", edits: calls("ext", "ld 2,24(1)"), opts: image, want: []string{"v_direct+0x14: restores r2 without a save"}},
	{name: "a weak symbol", edits: calls("ext", "nop", "\t.text\n\nhiddenkey", "\t.text\n\t.weak ext\nhiddenkey"), opts: image, want: []string{"v_direct+0x14: calls ext, a weak undefined symbol: it may be NULL after the link"}},
	{name: "a weak symbol in the key", edits: plain("hiddenkey direct, f_target", ".weak ext\nhiddenkey direct, ext"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (a weak undefined symbol: it may be NULL after the link)"}},
	{name: "what changes r2", edits: calls("f_clobber", "nop"), opts: image},
	{name: "what changes r2, its own slot", edits: calls("f_clobber", "ld 2,24(1)"), opts: image},
	{name: "what changes r2, the PACA", edits: calls("f_clobber", "ld 2,16(13)"), opts: image},
	{name: "what changes r2, no slot", edits: calls("f_clobber", "addi 3,3,0"), opts: image, want: []string{"v_direct+0x14: no slot follows the call, found .*, and r2 is not restored: f_clobber may change r2 (local entry 1)"}},
	{name: "what changes r2, in a tail call", edits: plain(tailWithTOC("tail, f_single", "tail, f_clobber", "\tb f_single", "\tb f_clobber")...), opts: image,
		want: []string{"v_tail+0xc: a tail call, and nothing restores r2: f_clobber may change r2 (local entry 1)"}},
	{name: "what changes r2, by its section", edits: calls("f_clobber", "nop"), opts: image, do: func(d *mutableFile) { d.section(d.rela("v_direct.site", 0), "f_clobber") },
		want: []string{"v_direct+0x14: r2 is not restored: f_clobber may change r2 (local entry 1)"}},
	{name: "a resolver's", edits: calls("f_single", "nop", ifunc, ifunc+".type f_single,@gnu_indirect_function\n", "single, f_single", "single, f_other", `"bl f_single"`, `"bl f_other"`, "one, f_single", "one, f_other"), opts: image, want: []string{"v_one+0xc: calls f_single, but the key holds f_other"}},
	{name: "a resolver's, no slot", edits: calls("f_single", "addi 3,3,0", ifunc, ifunc+".type f_single,@gnu_indirect_function\n"), opts: image, want: []string{"v_direct+0x14: no slot follows the call"}},
	{name: "an st_other that is reserved", edits: plain(tailWithTOC("tail, f_single", "tail, f_target", "\tb f_single", "\tb f_target")...), opts: image, do: func(d *mutableFile) { *d.other("f_target") |= 7 << 5 },
		want: []string{"v_direct+0x14: the branch calls f_target, whose", "v_paca+0x14: the branch calls f_target, whose",
			"v_through+0x14: r2 is not restored: no symbol says whether f_target preserves r2", "v_far+0x14: the branch calls f_target, whose", "v_tail+0xc: the branch calls f_target, whose"}},

	{name: "two relocations", edits: plain("v_data:", "\t.reloc v_tail.site,R_PPC64_REL24,f_other\nv_data:"), opts: image, want: []string{"v_tail+0x4: the branch has two relocations"}},
	{name: "a relocation that is none", edits: plain("v_data:", "\t.reloc v_tail.site,R_PPC64_NONE,f_other\nv_data:"), opts: image},
	{name: "a relocation after one that is none", edits: plain("v_data:", "\t.reloc v_tail.site,R_PPC64_REL24,f_other\nv_data:"), opts: image, do: func(d *mutableFile) { retype(d.rela("v_tail.site", 0), elf.R_PPC64_NONE) },
		want: []string{"v_tail+0x4: calls f_other (local entry), but the key holds f_single"}},
	{name: "a relocation in the branch", edits: plain("\tb f_single", "\tb .", "v_data:", "\t.reloc v_tail.site+2,R_PPC64_ADDR16,f_other\nv_data:"), opts: image, want: []string{"v_tail+0x4: the branch has two relocations"}},
	{name: "a relocation against nothing", edits: plain("\tb f_single", "\tb .", "v_data:", "\t.reloc v_tail.site,R_PPC64_REL24,0\nv_data:"), opts: image, want: []string{"v_tail+0x4: the branch has a relocation against symbol 0 of"}},
	{name: "a relocation in a constant", edits: plain("v_data:", "\t.reloc v_null.site+2,R_PPC64_ADDR16,f_other\nv_data:"), opts: image, want: []string{"v_null+0x14: a relocation is left on a constant, nop"}},
	{name: "a relocation in the slot", edits: plain("v_data:", "\t.reloc v_direct.site+4,R_PPC64_ADDR16,f_other\nv_data:"), opts: image, want: []string{"v_direct+0x14: no slot follows the call, found"}},
	{name: "relocations in another order", edits: plain(), opts: image, do: func(d *mutableFile) { d.reverse(".rela.text"); d.reverse(".rela.static_call_sites") }},
	{name: "another function, in another order", edits: plain(), opts: image, do: func(d *mutableFile) { d.against(d.rela("v_direct.site", 0), "f_other"); d.reverse(".rela.text") },
		want: []string{"v_direct+0x14: calls f_other (local entry), but the key holds f_target"}},

	{name: "a key of two relocations", edits: plain("v_data:", "\t.reloc __SCK__direct,R_PPC64_ADDR64,f_other\nv_data:"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (no address explains it)"}},
	{name: "a key with a relocation in it", edits: plain("hiddenkey direct, f_target", "hiddenkey direct, 0", "v_data:", "\t.reloc __SCK__direct+4,R_PPC64_ADDR32,f_other\nv_data:"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (no address explains it)"}},
	{name: "a key with a relocation after it", edits: plain("v_data:", "\t.reloc __SCK__direct+8,R_PPC64_ADDR64,f_other\nv_data:"), opts: image},
	{name: "data in the key", edits: plain("hiddenkey direct, f_target", "hiddenkey direct, v_data"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (0x.* is not code)"}},
	{name: "the TOC pointer in the key", edits: plain("hiddenkey direct, f_target", "hiddenkey direct, 0", "v_data:", "\t.reloc __SCK__direct,R_PPC64_TOC\nv_data:"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (0x.* is not code)"}},
	{name: "a distance in the key", edits: plain("hiddenkey direct, f_target", "hiddenkey direct, 0", "v_data:", "\t.reloc __SCK__direct,R_PPC64_REL64,f_other\nv_data:"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (0x.* is not code)"}},
	{name: "an unaligned address in the key", edits: plain("hiddenkey direct, f_target", "hiddenkey direct, 0", "v_data:", "\t.reloc __SCK__direct,R_PPC64_UADDR64,f_target\nv_data:"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (no address explains it)"}},
	{name: "a number in the key", edits: plain("hiddenkey direct, f_target", "hiddenkey direct, 64"), opts: image,
		want: []string{"v_direct+0x14: calls f_target.*, but the key holds something unknown here (0x40 is not code)"}},

	{name: "room", edits: plain("v_data:", ".section .room,\"aw\",@nobits\n.skip 0x40000000\n.data\nv_data:"), opts: image},
	{name: "no room", edits: plain("v_data:", ".section .room,\"aw\",@nobits\n.skip 0x80000001\n.data\nv_data:"), opts: image, want: []string{"error: the object is too large"}},
	{name: "no room by far", edits: plain("v_data:", ".section .room,\"aw\",@nobits\n.skip 64\n.data\nv_data:"), opts: image, do: func(d *mutableFile) {
		copy(d.header(".room", shSize), "\x00\x00\xff\xff\xff\xff\xff\xff")
	}, want: []string{"error: the object is too large"}},
	{name: "no room in .toc", edits: plain("v_data:", ".section .toc,\"aw\",@nobits\n.skip 0x7fff0000\n.data\nv_data:"), opts: image, want: []string{"error: the object is too large"}},
	{name: "no room for two", edits: plain("v_data:", ".section .room,\"aw\",@nobits\n.skip 0x7fff0000\n.section .more,\"aw\",@nobits\n.skip 0x7fff0000\n.data\nv_data:"), opts: image, want: []string{"error: the object is too large"}},
	{name: "no room for the alignment", edits: plain("v_data:", ".section .room,\"aw\",@nobits\n.skip 64\n.data\nv_data:"), opts: image,
		do: func(d *mutableFile) { copy(d.header(".room", shAddralign), []byte{0, 0, 0, 0, 1}) }, want: []string{"error: the object is too large"}},
}

func TestKernelObjects(t *testing.T) { testSource(t, "kernel.S", kernelObjects, nil) }

func TestObjectFaults(t *testing.T) {
	dir := buildForms(t)
	sound := readFile(t, filepath.Join(dir, "forms.o"))
	for _, f := range objectFaults {
		t.Run(f.name, func(t *testing.T) {
			d := newMutableFile(t, sound)
			f.do(d)
			r, err := check(d.b, Options{User: true})
			if err != nil {
				t.Fatal(err)
			}
			if f.site == "" {
				if len(r.Faults) > 0 {
					t.Errorf("%v", &r.Faults[0])
				}
				return
			}
			wantFault(t, r, f.site, f.what)
		})
	}
}

// TestSecondRelocations moves every other relocation of each section into a second
// relocation section, as livepatch modules have them.
func TestSecondRelocations(t *testing.T) {
	f, err := elfrw.New(readFile(t, filepath.Join(buildForms(t), "forms.o")))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Verify(f, Options{User: true})
	if err != nil || len(want.Faults) > 0 {
		t.Fatalf("%v, %v", err, want)
	}
	e := f.Edit()
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		if !s.Is(elf.SHT_RELA) || !f.Section(int(s.Info)).Has(elf.SHF_ALLOC) {
			continue
		}
		var second []byte
		for j := range int(s.Size / reloc.RelaSize) {
			if j%2 == 1 {
				second = append(second, s.Data()[j*reloc.RelaSize:][:reloc.RelaSize]...)
				if err := e.DropRela(i, j); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := e.AddSection(elfrw.NewSection{
			Name: s.NameString(), Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Addralign: 8, Entsize: reloc.RelaSize,
			Link: f.Symtab().Index, Info: s.Info, Data: second,
		}); err != nil {
			t.Fatal(err)
		}
	}
	m, err := e.Layout()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	got, err := check(out.Bytes(), Options{User: true})
	if err != nil || got.Sites != want.Sites || len(got.Faults) > 0 {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}
