// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"strings"
	"testing"
)

// TestWaysToKey goes through the list of what may change a key (docs/proof.md): for each
// way a source with that way, and one that is next to it but none.
func TestWaysToKey(t *testing.T) {
	const (
		local   = "key op, target, local\n"
		alone   = "	.section .data.sck.op,\"aw\"\n	.type __SCK__op,@object\n__SCK__op:	.quad target,0\n	.size __SCK__op,16\n	.text\n"
		hidden  = "key op, target\n.hidden __SCK__op\n"
		label   = "	.data\n	.type other,@object\n	.balign 8\nother:	.quad 0\n	.size other,8\n	.text\n"
		section = "	.section SEC,\"aw\"\n__SCK__op:	.quad target,0\n	.size __SCK__op,16\n	.text\n"
	)
	in := func(name string) string { return strings.ReplaceAll(section, "SEC", name) }
	code := func(text string) string { return "func f\n" + text + "endfunc f\n" }
	tramp := strings.Replace(strings.Replace(selfTramp, ".globl", ".local", 1), "	.protected __SCT__op\n", "", 1)
	for _, c := range []struct {
		name, text string
		opts       Options
		want       string // in the reason; empty: the key never changes
	}{
		{"nothing", local, Options{}, ""},
		{"a section of its own", alone, Options{}, ""},
		{"its trampoline", alone + tramp, Options{}, ""},
		{"its trampoline, by the GOT", alone + strings.ReplaceAll(tramp, "@toc", "@got"), Options{}, ""},
		{"its trampoline stores, by the GOT", alone + strings.Replace(strings.ReplaceAll(tramp, "@toc", "@got"), "mtctr", "std 3,0(12)\nmtctr", 1), Options{}, "GOT16_HA: refers to it"},
		{"its trampoline takes the address", alone + strings.ReplaceAll(tramp, "ld 12,__SCK__op@toc@l(12)", "addi 12,12,__SCK__op@toc@l"), Options{}, "refers to it"},
		{"code", local + code("addis 9,2,__SCK__op@toc@ha\naddi 9,9,__SCK__op@toc@l\n"), Options{}, "f+0x8: R_PPC64_TOC16_HA: refers to it"},

		{"a table by its name, in user space", in("sckeys"), Options{Place: User}, "__start_sckeys and __stop_sckeys"},
		{"a table by its name, whole program", in("sckeys"), Options{Place: User, WholeProgram: true}, "__start_sckeys"},
		{"a section of no plain data", in(".sckeys"), Options{Place: User}, `section ".sckeys" is none of those for plain data`},
		{"a table of the kernel", in(".data..sckeys"), Options{}, "none of those for plain data"},
		{"two dots in user space", in(".data..sckeys"), Options{Place: User}, ""},
		{"init data of the kernel", in(".init.data"), Options{}, "none of those for plain data"},
		{"among code", strings.ReplaceAll(in(".text.x"), `"aw"`, `"ax"`), Options{}, "among the code"},

		{"a name", "key op, target\n", Options{}, "by the name __SCK__op"},
		{"a name, whole program", "key op, target\n", Options{WholeProgram: true}, ""},
		{"a name that units see, whole program", "key op, target\n", Options{Place: User, WholeProgram: true}, "by the name __SCK__op"},
		{"a name of the unit, whole program", hidden, Options{Place: User, WholeProgram: true}, ""},
		{"the name of a container", label + local + ".globl dev\n.set dev,__SCK__op-8\n.size dev,24\n.type dev,@object\n", Options{}, "by the name dev"},
		{"the name of a neighbour", strings.Replace(label, "other:", ".globl other\nother:", 1) + local, Options{}, ""},
		{"the name of a neighbour without a size", strings.Replace(strings.Replace(label, "other:", ".globl other\nother:", 1), "	.size other,8\n", "", 1) + local, Options{}, "by the name other"},

		{"a container", label + hidden + ".globl dev\n.hidden dev\n.set dev,__SCK__op-8\n.size dev,24\n.type dev,@object\n" + code("addis 9,2,dev@toc@ha\n"), Options{WholeProgram: true}, "R_PPC64_TOC16_HA: refers to it"},
		{"what ends before the key", label + hidden + ".globl dev\n.hidden dev\n.set dev,__SCK__op-8\n.size dev,4\n.type dev,@object\n" + code("addis 9,2,dev@toc@ha\n"), Options{WholeProgram: true}, ""},
		{"one past the end", strings.ReplaceAll(strings.Replace(label, "other:", ".globl other\nother:", 1), ".text\n", "key op, target, local\n.text\n") + "	.section .init_array,\"aw\"\n.quad other+8\n", Options{WholeProgram: true}, "R_PPC64_ADDR64: refers to it"},
		{"before the begin", strings.Replace(label, "other:", ".globl other\nother:", 1) + local + "	.section .init_array,\"aw\"\n.quad other-8\n", Options{WholeProgram: true}, "reaches its section by the name other"},
		{"past the end", strings.Replace(label, "other:", ".globl other\nother:", 1) + local + "	.section .init_array,\"aw\"\n.quad other+0x100\n", Options{WholeProgram: true}, "reaches its section by the name other"},
		{"no size", strings.Replace(strings.Replace(label, "other:", ".globl other\nother:", 1), "	.size other,8\n", "", 1) + local + code("addis 9,2,other@toc@ha\n"), Options{WholeProgram: true}, "reaches its section by the name other"},
		{"an anchor", label + local + code("addis 9,2,.data@toc@ha\naddi 9,9,.data@toc@l\n"), Options{}, "R_PPC64_TOC16_LO: refers to its section"},
		{"an access of a neighbour", label + local + code("addis 9,2,.data@toc@ha\nld 9,.data@toc@l(9)\n"), Options{}, ""},
		{"an access of the key", label + local + code("addis 9,2,.data+8@toc@ha\nstd 9,.data+8@toc@l(9)\n"), Options{}, "refers to it"},
		{"an access that ends in the key", label + local + code("addis 9,2,.data@toc@ha\n.reloc .,R_PPC64_TOC16_LO_DS,.data\n.long 0xf9090002\n"), Options{}, "R_PPC64_TOC16_LO_DS: refers to it"}, // stq 8,0(9)
		{"an access that leaves its address", label + local + code("addis 9,2,.data@toc@ha\nldu 8,.data@toc@l(9)\n"), Options{}, "R_PPC64_TOC16_LO_DS: refers to its section"},
		{"an access of many words", label + local + code("addis 9,2,.data@toc@ha\n.reloc .,R_PPC64_TOC16_LO,.data\n.long 0xbda90000\n"), Options{}, "refers to its section"}, // stmw 13,0(9)
		{"a pointer to a neighbour", label + local + "	.section .init_array,\"aw\"\n.quad .data\n", Options{}, "R_PPC64_ADDR64: refers to its section"},

		{".discard of the kernel", alone + ".section .discard.x,\"aw\"\nlist: .quad __SCK__op\n" + code("addis 9,2,list@toc@ha\n"), Options{}, ""},
		{".discard of user space", alone + ".section .discard.x,\"aw\"\nlist: .quad __SCK__op\n.text\n" + code("addis 9,2,list@toc@ha\n"), Options{Place: User}, `section ".discard.x": +0x0: R_PPC64_ADDR64: refers to it`},
		{".discard of user space, with a name", alone + ".section .discard.x,\"aw\"\n.globl list\nlist: .quad __SCK__op\n", Options{Place: User}, "refers to it"},
		{".discard of user space that nothing reads", alone + ".section .discard.x,\"aw\"\nlist: .quad __SCK__op, list\n", Options{Place: User}, ""},
		{"what is not loaded", alone + ".section .discard.x,\"e\"\n.quad __SCK__op\n.section .debug_x,\"\"\n.quad __SCK__op\n", Options{Place: User}, ""},

		{"the distance from itself", local + "	.data\n	.long __SCK__op-.\n", Options{}, "the data at +0x10 of section"},
		{"the distance from a table", "	.data\n	.quad 1\ntable:	.long 9, 3\n	.long __SCK__op-table\n" + local, Options{}, "the data at +0x10 of section"},
		{"the distance from the start", "	.data\nfirst:	.long 9, 3, 1\nnext:	.long __SCK__op-first\n" + local, Options{}, "the data at +0xc of section"},
		{"no distance", "	.data\n	.long 9, 3, 1, 40\n" + local, Options{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Runtime = Trampoline
			p, err := plan(assemble(t, c.text+"	.text\n"+caller), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			r, err := p.Object.findReferences(p.env, p.WholeProgram)
			if err != nil {
				t.Fatal(err)
			}
			if k := p.Object.Keys[0]; k.Sym != 0 && (c.want == "") != (r.why[0] == "") || !strings.Contains(r.why[0], c.want) {
				t.Errorf("%q, want %q", r.why[0], c.want)
			}
		})
	}
}
