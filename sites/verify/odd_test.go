// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
)

// afterLast makes a relocation name the symbol after the last.
func (d *mutableFile) afterLast(r []byte) {
	binary.LittleEndian.PutUint32(r[12:], uint32(len(d.syms)+1))
}

// loads is the code of a stub that jumps through a doubleword.
func loads(word string) string { return "LOAD(12," + word + "); mtctr 12; bctr" }

// oddObjects are variants of kernel.S as a kernel object.
var oddObjects = []sourceCase{
	{name: "a group", edits: plain("v_data:", "\t.section .data.g,\"awG\",@progbits,sig,comdat\n\t.quad 0\n\t.data\nv_data:"), opts: image},
	{name: "through a weak symbol", edits: slices.Concat(plain(), stubFor("direct", `"bl f_target"`, loads("w_weak")), []string{"v_data:", "\t.weak ext\nw_weak:\t.quad ext\nv_data:"}), opts: image,
		want: []string{"v_direct+0x14: calls x_stub, but the key holds f_target (it jumps through .*, and what that holds is not known)"}},
	{name: "through the GOT, of symbol 0", edits: slices.Concat(plain(), stubFor("direct", `"bl f_target"`, "ld 12,0(2); mtctr 12; bctr"), []string{"v_data:", "\t.reloc x_stub,R_PPC64_GOT16_DS,0\nv_data:"}), opts: image,
		want: []string{"v_direct+0x14: calls 0x0, but the key holds f_target (there is no code that can be read)"}},
	{name: "a key of the symbol after the last", edits: plain(), opts: image, do: func(d *mutableFile) { d.afterLast(d.rela("__SCK__direct", 0)) },
		want: []string{"v_direct+0x14: calls f_target (local entry), but the key holds something unknown here (no address explains it)"}},
	{name: "a call of the symbol after the last", edits: plain(), opts: image, do: func(d *mutableFile) { d.afterLast(d.rela("v_direct.site", 0)) },
		want: []string{"v_direct+0x14: the branch has a relocation against symbol 71 of 71"}},
	{name: "code with the symbol after the last", edits: slices.Concat(plain(), stubFor("direct", `"bl f_target"`, loads("__SCK__direct"))), opts: image,
		do: func(d *mutableFile) { d.afterLast(d.rela("x_stub", 0)) }, want: []string{"v_direct+0x14: calls x_stub, but the key holds f_target (there is no code that can be read)"}},
	{name: "NULL by symbol 0", edits: plain("v_data:", "\t.reloc __SCK__null,R_PPC64_ADDR64,0\nv_data:"), opts: image},
	{name: "what changes r2, by its section, with another name", edits: calls("f_clobber", "nop", "\t.localentry f_clobber,1\n", "\t.localentry f_clobber,1\n\t.globl f_same\n\t.type f_same,@function\n\t.size f_same,4\nf_same:\n"), opts: image,
		do:   func(d *mutableFile) { d.section(d.rela("v_direct.site", 0), "f_clobber") },
		want: []string{"v_direct+0x14: r2 is not restored: .* may change r2 (local entry 1)"}},
	{name: "entries of 8 bytes, the first between instructions", edits: plain("#include", "#define SMALL\n#include"), opts: image, do: func(d *mutableFile) { d.rela("entry_direct", 0)[16] += 2 },
		want: []string{"+0x0: the entry points at 0x.*, which is not a multiple of 4"}},
}

func TestOddObjects(t *testing.T) { testSource(t, "kernel.S", oddObjects, nil) }

// oddImages are variants of the linked image of kernel.S.
var oddImages = []sourceCase{
	{name: "two entries, and another name without", edits: []string{"\nfunc f_target\n", "\n\t.balign 16\n\t.globl f_same\n\t.type f_same,@function\n\t.size f_same,4\nf_same:\nfunc f_target\n"}, opts: image},
	{name: "a trampoline in the key, with another name", edits: []string{"direct, f_target", "direct, __SCT__linker", `caller direct, 0, "bl f_target", nop`, `caller direct, 0, "bl __SCT__linker", nop`,
		"\t.localentry __SCT__linker,1\n", "\t.localentry __SCT__linker,1\n\t.globl f_same\n\t.type f_same,@function\n\t.size f_same,4\nf_same:\n"}, opts: image,
		do: func(d *mutableFile) {
			d.branch("v_direct.site", "__SCT__linker", 0)
			d.word("v_direct.site", 4, ppc64.Nop)
		},
		want: []string{"v_direct+0x14: r2 is not restored: __SCT__linker may change r2 (local entry 1)"}},
	{name: "an unlisted call through code after a function without a size", edits: append(unlist("through, 2"), `"bl __SCT__through"`, `"bl x_way"`,
		"endfunc v_tailnull\n", "endfunc v_tailnull\n\t.type x_last,@function\nx_last:\tblr\nx_way:\tb __SCT__through\n"), opts: image, want: []string{"v_through+0x14: calls __SCT__through" + unlisted}},
	{name: "an unlisted call through the key, without a trampoline", edits: append(unlist("through, 2"), `"bl __SCT__through"`, `"bl x_way"`,
		"leaf v_one\n", "x_way:\taddis 12,2,__SCK__through@toc@ha\n\tld 12,__SCK__through@toc@l(12)\n\tmtctr 12\n\tbctr\nleaf v_one\n"), opts: image},
	{name: "the linker's save without a frame", edits: []string{"direct, f_target", "direct, f_clobber", `caller direct, 0, "bl f_target", nop` + "\n", "func v_direct\n\tmflr 31\nv_direct.site:\n\tbl f_clobber\n\tnop\n\tmtlr 31\n\tblr\nendfunc v_direct\n"}, opts: image},
	{name: "a save on the way, of a caller with another TOC pointer", edits: []string{"direct, f_target", "direct, f_single", `caller direct, 0, "bl f_target", nop` + "\n",
		"leaf v_direct\n\taddis 2,12,(.TOC.-v_direct)@ha\n\taddi 2,2,(.TOC.-v_direct+16)@l\n\t.localentry v_direct,8\n\tframe\n\tbl x_way\n\tld 2,24(1)\nv_direct.site:\n\tbl f_single\n\tld 2,24(1)\n\tunframe\nendfunc v_direct\n" +
			"x_way:\taddis 12,2,(x_save-16)@toc@ha\n\taddi 12,12,(x_save-16)@toc@l\n\tmtctr 12\n\tbctr\nx_save:\tstd 2,24(1)\n\tb f_single\n"}, opts: image},
	{name: "a save on the way of a conditional call", edits: []string{"direct, f_target", "direct, f_single", `caller direct, 0, "bl f_target", nop` + "\n",
		"func v_direct\n\tframe\n\tbcl 0,0,x_save\n\tld 2,24(1)\nv_direct.site:\n\tbl f_single\n\tld 2,24(1)\n\tunframe\nendfunc v_direct\nx_save:\tstd 2,24(1)\n\tb f_single\n"}, opts: image,
		want: []string{"v_direct+0x1c: restores r2 without a save: r2 is loaded from 24(r1) without a save at +0x18"}},
	{name: "a table between two doublewords", edits: append([]string{"\t.balign 8\n\tlisted direct\n", "\t.balign 8\n\t.long 0\n__start_static_call_sites:\n\tlisted direct\n"}, betweenSymbols("0")...), opts: image},
	{name: "a trampoline instead of its key", edits: trampInstead, opts: image, want: []string{"v_through+0x14: the entry's key is __SCT__through, which is not a key"}},
	{name: "a trampoline instead of its key, in user space", edits: append(trampInstead, farEntry, ""), opts: Options{User: true, AllowUnpatched: true}, want: []string{
		"v_through+0x14: r2 is not restored: the key may come to hold a function of another unit"}},
	{name: "a trampoline instead of its key, for a run time that patches trampolines", edits: append(trampInstead, farEntry, ""), opts: trampoline,
		want: []string{"v_through+0x14: r2 is not restored: the key may come to hold a function of another unit"}},
	{name: "a function with two entries, entered at the global one by a caller with one", edits: []string{"one, f_single", "one, f_target", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl x_way",
		"leaf v_one\n", "\t.type x_way,@function\nx_way:\tlis 12,f_target@ha\n\taddi 12,12,f_target@l\n\tmtctr 12\n\tbctr\n\t.size x_way,.-x_way\nleaf v_one\n"}, opts: image,
		want: []string{"v_one+0xc: r2 is not restored: f_target has another TOC pointer"}},
}

// trampInstead has an entry that names the trampoline.
var trampInstead = []string{"\tlisted through, 2\n", "\t.long v_through.site-.,0\n\t.quad __SCT__through-.\n"}

func TestOddImages(t *testing.T) { testSource(t, "kernel.S", oddImages, &kernelLink) }

// oddLibraries are variants of kernel.S as a library.
var oddLibraries = []sourceCase{
	{name: "a number that is added to an address", edits: slices.Concat([]string{"v_data:", "w_number:\t.quad 8\nv_data:"},
		stubFor("direct", `"bl f_target"`, "addis 12,2,f_target@toc@ha; addi 12,12,f_target@toc@l; LOAD(11,w_number); add 12,12,11; mtctr 12; bctr")), opts: image},
}

func TestOddLibraries(t *testing.T) { testSource(t, "kernel.S", oddLibraries, &libraryLink) }

// TestObjectAddresses wants no two sections, entries of the GOT and symbols of
// other units in one place.
func TestObjectAddresses(t *testing.T) {
	for _, toc := range []string{"", "\t.section .toc,\"aw\"\n\t.quad 0\n"} {
		text := "\t.text\n\tnop\n\t.data\n\t.quad 0\n" + toc
		for i := range 40 {
			text += fmt.Sprintf("\t.quad ext%d\n", i)
		}
		f, err := elfrw.New(assemble(t, text))
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		type span struct{ from, to uint64 }
		spans := []span{{p.got(0), p.got(uint32(len(p.symbols)))}}
		for i, at := range p.address {
			if f.Section(i).Loaded() {
				spans = append(spans, span{at, at + f.Section(i).Size})
			}
		}
		units := 0
		for i := range p.symbols {
			if s := &p.symbols[i]; s.foreign {
				spans, units = append(spans, span{s.addr, s.addr + extSize}), units+1
				if p.externalAt(s.addr) != s {
					t.Errorf("no symbol at 0x%x", s.addr)
				}
			}
		}
		slices.SortFunc(spans, func(a, b span) int { return int(int64(a.from - b.from)) })
		for i := range spans[1:] {
			if spans[i].to > spans[i+1].from {
				t.Errorf("%x overlaps %x", spans[i], spans[i+1])
			}
		}
		if units != 40 {
			t.Errorf("%d symbols of other units", units)
		}
	}
}

// TestObjectSize has objects of the greatest size, and of one byte more.
func TestObjectSize(t *testing.T) {
	object := assemble(t, "\t.text\n\tnop\n\t.section .room,\"aw\",@nobits\n\t.skip 1\n")
	for more := range uint64(2) {
		d := newMutableFile(t, object)
		f, err := elfrw.New(d.b)
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(d.file.Sections, func(s *elf.Section) bool { return s.Name == ".room" })
		binary.LittleEndian.PutUint64(d.header(".room", shSize), maxSpace-p.address[i]+more)
		_, err = check(d.b, Options{})
		if tooLarge := err != nil && strings.Contains(err.Error(), "the object is too large"); tooLarge != (more > 0) {
			t.Errorf("%d more bytes: %v", more, err)
		}
	}
}
