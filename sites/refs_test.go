// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestWaysToKey goes through the list of what may change a key (docs/proof.md). For each
// way there is a source that has it, and one that only comes close.
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
	prefixed := func(load string) string {
		return "	.pushsection .text.sct,\"ax\"\n	.balign 64\n	.type __SCT__op,@function\n__SCT__op:\n" + load + "\nmtctr 12\nbctr\n	.size __SCT__op,.-__SCT__op\n	.popsection\n"
	}
	// The trampoline for -fPIC in include/static_call.h, and the content of the section with the
	// address.
	pointerTramp := strings.ReplaceAll(strings.ReplaceAll(tramp, "__SCK__op@toc", "address@toc"), "mtctr", "ld 12,0(12)\nmtctr")
	byAddress := func(more string) string {
		return alone + "	.section .data.rel.ro.sct.op,\"aw\"\n	.balign 8\naddress:	.quad __SCK__op\n" + more + "	.text\n" + pointerTramp
	}
	for _, c := range []struct {
		name, text string
		opts       Options
		want       string // in the reason; empty: the key never changes
	}{
		{"nothing", local, Options{}, ""},
		{"a section of its own", alone, Options{}, ""},
		{"its trampoline", alone + tramp, Options{}, ""},
		{"its trampoline, by the GOT", alone + strings.ReplaceAll(tramp, "@toc", "@got"), Options{}, ""},
		{"its trampoline stores after its jump, by the GOT", alone + strings.Replace(strings.ReplaceAll(tramp, "@toc", "@got"), "bctr\n", "bctr\nstd 3,0(12)\nblr\n", 1), Options{}, "GOT16_HA: refers to it"},
		{"its trampoline has room after its jump, by the GOT", alone + strings.Replace(strings.ReplaceAll(tramp, "@toc", "@got"), "bctr\n", "bctr\nnop\n", 1), Options{}, ""},
		{"its trampoline stores, by the GOT", alone + strings.Replace(strings.ReplaceAll(tramp, "@toc", "@got"), "mtctr", "std 3,0(12)\nmtctr", 1), Options{}, "GOT16_HA: refers to it"},
		{"its trampoline takes the address, pc-relative", alone + prefixed("pla 12,__SCK__op@pcrel"), Options{}, "R_PPC64_PCREL34: refers to it"},
		{"its trampoline, pc-relative", alone + prefixed("pld 12,__SCK__op@pcrel"), Options{}, ""},
		{"its trampoline stores, pc-relative", alone + prefixed("pstd 12,__SCK__op@pcrel"), Options{}, "R_PPC64_PCREL34: refers to it"},
		{"its trampoline loads with an update", alone + strings.Replace(tramp, "ld 12,__SCK__op@toc@l(12)", "ldu 11,__SCK__op@toc@l(12)", 1), Options{}, "TOC16_LO_DS: refers to it"},
		{"what stands before its trampoline", alone + strings.Replace(tramp, "__SCT__op:\n", "addis 12,2,__SCK__op@toc@ha\n__SCT__op:\n", 1), Options{}, "TOC16_HA: refers to it"},
		{"what stands after its trampoline", alone + strings.Replace(tramp, "	.popsection", "addis 12,2,__SCK__op@toc@ha\n	.popsection", 1), Options{}, "TOC16_HA: refers to it"},
		{"another key's trampoline", alone + tramp + strings.ReplaceAll(strings.ReplaceAll(tramp, "__SCT__op", "__SCT__other"), "1f", "1f"), Options{}, ""},
		{"its trampoline, by its address", byAddress(""), Options{}, ""},
		{"two trampolines, by one address", byAddress("") + strings.NewReplacer("__SCT__op", "__SCT__op2", "1f\n1:", "2f\n2:", "-1b", "-2b").Replace(pointerTramp), Options{}, ""},
		{"its trampoline stores, by its address", strings.Replace(byAddress(""), "mtctr", "std 3,0(12)\nmtctr", 1), Options{}, "R_PPC64_ADDR64: refers to it"},
		{"others read the address", byAddress("") + code("addis 9,2,address@toc@ha\nld 9,address@toc@l(9)\n"), Options{}, "R_PPC64_ADDR64: refers to it"},
		{"its trampoline takes where the address is", strings.ReplaceAll(byAddress(""), "ld 12,address@toc@l(12)", "addi 12,12,address@toc@l"), Options{}, "R_PPC64_ADDR64: refers to it"},
		{"others can reach the address by a name", byAddress("	.globl address\n"), Options{}, "R_PPC64_ADDR64: refers to it"},
		{"the address is beside something else", byAddress("	.quad 0\n"), Options{}, "R_PPC64_ADDR64: refers to it"},
		{"its trampoline, by one of two addresses", byAddress("	.quad __SCK__op\n"), Options{}, ""},
		{"the address is a distance", strings.Replace(byAddress(""), ".quad __SCK__op", ".quad __SCK__op-.", 1), Options{}, "R_PPC64_REL64: refers to it"},
		{"data points to the address", byAddress("") + "	.section .init_array,\"aw\"\n.quad address\n", Options{}, "R_PPC64_ADDR64: refers to it"},
		{"the address is in a table by its name, in user space", strings.Replace(byAddress(""), ".data.rel.ro.sct.op", "sckeys", 1), Options{Place: User}, "R_PPC64_ADDR64: refers to it"},
		{"its trampoline takes the address", alone + strings.ReplaceAll(tramp, "ld 12,__SCK__op@toc@l(12)", "addi 12,12,__SCK__op@toc@l"), Options{}, "refers to it"},
		{"code", local + code("addis 9,2,__SCK__op@toc@ha\naddi 9,9,__SCK__op@toc@l\n"), Options{}, "f+0x8: R_PPC64_TOC16_HA: refers to it"},

		{"a table by its name, in user space", in("sckeys"), Options{Place: User}, "__start_sckeys and __stop_sckeys"},
		{"a table by its name, whole program", in("sckeys"), Options{Place: User, WholeProgram: true}, "__start_sckeys"},
		{"a section of no plain data", in(".sckeys"), Options{Place: User}, `section ".sckeys" is not one of those for plain data`},
		{"a table of the kernel", in(".data..sckeys"), Options{}, "not one of those for plain data"},
		{"two dots in user space", in(".data..sckeys"), Options{Place: User}, ""},
		{"init data of the kernel", in(".init.data"), Options{}, "not one of those for plain data"},
		{"among code", strings.ReplaceAll(in(".text.x"), `"aw"`, `"ax"`), Options{}, "among the code"},

		{"a name", "key op, target\n", Options{}, "by the name __SCK__op"},
		{"a name, after one that is elsewhere", "	.globl __SCK__first\n	.quad __SCK__first\nkey op, target\n", Options{}, "by the name __SCK__op"},
		{"the name of another key without a size", "	.data\n	.globl __SCK__first\n__SCK__first: .quad 0\n	.text\n" + hidden, Options{Place: User, WholeProgram: true}, ""},
		{"a name, whole program", "key op, target\n", Options{WholeProgram: true}, ""},
		{"a name that units see, whole program", "key op, target\n", Options{Place: User, WholeProgram: true}, "by the name __SCK__op"},
		{"a protected name, whole program", strings.Replace(hidden, ".hidden __SCK__op", ".protected __SCK__op", 1), Options{Place: User, WholeProgram: true}, "by the name __SCK__op"},
		{"an internal name, whole program", strings.Replace(hidden, ".hidden __SCK__op", ".internal __SCK__op", 1), Options{Place: User, WholeProgram: true}, ""},
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
		{"an access of the last word", label + local + code("addis 9,2,.data+20@toc@ha\nlwz 9,.data+20@toc@l(9)\n"), Options{}, ""},
		{"an access after the section", label + local + code("addis 9,2,.data+24@toc@ha\nlwz 9,.data+24@toc@l(9)\n"), Options{}, "refers to its section"},
		{"an access that ends in the key", label + local + code("addis 9,2,.data@toc@ha\n.reloc .,R_PPC64_TOC16_LO_DS,.data\n.long 0xf9090002\n"), Options{}, "R_PPC64_TOC16_LO_DS: refers to it"}, // stq 8,0(9)
		{"an access that leaves its address", label + local + code("addis 9,2,.data@toc@ha\nldu 8,.data@toc@l(9)\n"), Options{}, "R_PPC64_TOC16_LO_DS: refers to its section"},
		{"an access of many words", label + local + code("addis 9,2,.data@toc@ha\n.reloc .,R_PPC64_TOC16_LO,.data\n.long 0xbda90000\n"), Options{}, "refers to its section"}, // stmw 13,0(9)
		{"a pointer to a neighbour", label + local + "	.section .init_array,\"aw\"\n.quad .data\n", Options{}, "R_PPC64_ADDR64: refers to its section"},

		{".discard of the kernel", alone + ".section .discard.x,\"aw\"\nlist: .quad __SCK__op\n" + code("addis 9,2,list@toc@ha\n"), Options{}, ""},
		{".discard of user space", alone + ".section .discard.x,\"aw\"\nlist: .quad __SCK__op\n.text\n" + code("addis 9,2,list@toc@ha\n"), Options{Place: User}, `section ".discard.x": +0x0: R_PPC64_ADDR64: refers to it`},
		{".discard of user space, with a name", alone + ".section .discard.x,\"aw\"\n.globl list\nlist: .quad __SCK__op\n", Options{Place: User}, "refers to it"},
		{".discard of user space that nothing here reads", alone + ".section .discard.x,\"aw\"\nlist: .quad __SCK__op, list\n", Options{Place: User}, "refers to it"},
		{".discard.addressable of user space", alone + ".section .discard.addressable,\"aw\"\nlist: .quad __SCK__op, list\n", Options{Place: User}, ""},
		{".discard.addressable of user space, before data", alone + ".section .discard.addressable,\"aw\"\nlist: .quad __SCK__op, list\n	.section .init_array,\"aw\"\n.quad __SCK__op\n", Options{Place: User}, "R_PPC64_ADDR64: refers to it"},
		{".discard.addressable of user space that is read", alone + ".section .discard.addressable,\"aw\"\nlist: .quad __SCK__op\n.text\n" + code("addis 9,2,list@toc@ha\n"), Options{Place: User}, "refers to it"},
		{".discard.addressable of user space, with a name", alone + ".section .discard.addressable,\"aw\"\n.globl list\nlist: .quad __SCK__op\n", Options{Place: User}, "refers to it"},
		{".discard of user space that nothing reads, and data", alone + ".section .discard.x,\"aw\"\nlist: .quad __SCK__op, list\n	.section .init_array,\"aw\"\n.quad __SCK__op\n", Options{Place: User}, "R_PPC64_ADDR64: refers to it"},
		{"what is not loaded", alone + ".section .discard.x,\"e\"\n.quad __SCK__op\n.section .debug_x,\"\"\n.quad __SCK__op\n", Options{Place: User}, ""},

		{"the distance from itself", local + "	.data\n	.long __SCK__op-.\n", Options{}, "the data at +0x10 of section"},
		{"the distance from a table", "	.data\n	.quad 1\ntable:	.long 9, 3\n	.long __SCK__op-table\n" + local, Options{}, "the data at +0x10 of section"},
		{"the distance from before", "	.data\n	.long 9, __SCK__op-.\n" + local, Options{}, "the data at +0x4 of section"},
		{"the distance from before, at once", "	.data\n	.long 0x7fffffff, 0, 0\n	.long __SCK__op-.\n" + local, Options{}, "the data at +0xc of section"},
		{"the distance from a label after", label + local + "	.data\nlast:	.long __SCK__op-last, 77\n", Options{}, "the data at +0x18 of section"},
		{"the distance from another label", label + local + "	.data\nlast:	.long 77, 88, __SCK__op-other\n", Options{}, "the data at +0x20 of section"},
		{"the distance from a label before the nearest", "	.data\n	.quad 0\nfirst:	.quad 0\nlast:	.long __SCK__op-first, 0\n" + local, Options{}, ""},
		{"a distance that a relocation overwrites", local + "	.data\n	.reloc .,R_PPC64_ADDR32,f\n	.long __SCK__op-.\n" + code("blr\n"), Options{}, ""},
		{"a distance of which a relocation overwrites the end", local + "	.data\n	.reloc .+3,R_PPC64_ADDR16,f\n	.long __SCK__op-.\n" + code("blr\n"), Options{}, ""},
		{"a distance beside what a relocation overwrites", local + "	.data\n	.long __SCK__op-.\n	.reloc .,R_PPC64_ADDR32,f\n	.long 0\n" + code("blr\n"), Options{}, "the data at +0x10 of section"},
		{"a distance to the second half", local + "	.data\n	.long __SCK__op-.+4\n", Options{}, ""},
		{"a distance in what is left of the key", "	.section .data.sck.op,\"aw\"\n__SCK__op:	.quad target\n	.long __SCK__op-.\n	.size __SCK__op,8\n	.text\n", Options{}, "the data at +0x8 of section"},
		{"a distance before a key that passes the end", "	.section .data.sck.op,\"aw\"\n	.long __SCK__op-.,0\n__SCK__op:	.quad target\n	.size __SCK__op,16\n	.text\n", Options{}, "the data at +0x0 of section"},
		{"a distance after a key in another", "	.section .data.sck.op,\"aw\"\n__SCK__other:	.quad 0\n__SCK__op:	.quad target\n	.long __SCK__op-.\n	.size __SCK__other,20\n	.text\n", Options{}, "the data at +0x10 of section"},
		{"a distance in the key itself", "	.section .data.sck.op,\"aw\"\n__SCK__op:	.quad target\n	.long __SCK__op-.\n	.size __SCK__op,12\n	.text\n", Options{}, ""},
		{"a distance in half a word", local + "	.data\n	.byte 0xf0,0xff\n", Options{}, ""},
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
			key := slices.IndexFunc(p.Object.Keys, func(k Key) bool { return k.Name == "op" && k.Sym != 0 })
			if why := r.why[key]; (c.want == "") != (why == "") || !strings.Contains(why, c.want) {
				t.Errorf("%q, want %q", why, c.want)
			}
		})
	}
}

// TestAccesses tests every load and store whose relocation limits how far it
// reaches: up to the key, or one unit of its displacement further.
func TestAccesses(t *testing.T) {
	const keys = "	.data\n	.balign 8\nbefore:	.quad 0\n	.text\nkey op, target, local\n"
	for _, c := range []struct {
		op    string
		width int // 0: it keeps the address, or its reach is unknown
		unit  int // of the displacement; 0 with a prefix
	}{
		{"lbz 8", 1, 1}, {"stb 8", 1, 1}, {"lhz 8", 2, 1}, {"lha 8", 2, 1}, {"sth 8", 2, 1},
		{"lwz 8", 4, 1}, {"stw 8", 4, 1}, {"lfs 8", 4, 1}, {"stfs 8", 4, 1}, {"lfd 8", 8, 1}, {"stfd 8", 8, 1},
		{"ld 8", 8, 4}, {"std 8", 8, 4}, {"lwa 8", 4, 4},
		{"lbzu 8", 0, 1}, {"stbu 8", 0, 1}, {"lhzu 8", 0, 1}, {"lhau 8", 0, 1}, {"sthu 8", 0, 1}, {"lwzu 8", 0, 1}, {"stwu 8", 0, 1},
		{"lfsu 8", 0, 1}, {"stfsu 8", 0, 1}, {"lfdu 8", 0, 1}, {"stfdu 8", 0, 1}, {"ldu 8", 0, 4}, {"stdu 8", 0, 4},
		{"addi 8", 0, 1},
		{"plbz 8", 1, 0}, {"pstb 8", 1, 0}, {"plhz 8", 2, 0}, {"plha 8", 2, 0}, {"psth 8", 2, 0}, {"plwz 8", 4, 0}, {"pstw 8", 4, 0},
		{"plfs 8", 4, 0}, {"pstfs 8", 4, 0}, {"plfd 8", 8, 0}, {"pstfd 8", 8, 0}, {"pld 8", 8, 0}, {"pstd 8", 8, 0}, {"plwa 8", 4, 0},
		{"pla 8", 0, 0}, {"plq 8", 0, 0}, {"pstq 8", 0, 0}, {"plxsd 8", 0, 0}, {"pstxv 8", 0, 0},
	} {
		access := func(at int) string {
			code := fmt.Sprintf(".balign 64\n%s,.data+%d@pcrel\n", c.op, at)
			switch {
			case c.op == "addi 8":
				code = fmt.Sprintf("addis 9,2,.data+%d@toc@ha\naddi 9,9,.data+%d@toc@l\n", at, at)
			case c.unit != 0:
				code = fmt.Sprintf("addis 9,2,.data+%d@toc@ha\n%s,.data+%d@toc@l(9)\n", at, c.op, at)
			}
			f, err := elfrw.New(assemble(t, keys+"func f\n"+code+"endfunc f\n"+caller))
			if err != nil {
				t.Fatal(err)
			}
			o, err := Find(f)
			if err != nil {
				t.Fatal(err)
			}
			env, err := newEnvironment(o, Options{Runtime: Trampoline})
			if err != nil {
				t.Fatal(err)
			}
			r, err := o.findReferences(env, false)
			if err != nil {
				t.Fatal(err)
			}
			for i, k := range o.Keys {
				if k.Sym != 0 {
					return r.why[i]
				}
			}
			t.Fatal("no key")
			return ""
		}
		if c.width == 0 {
			if why := access(0); !strings.HasSuffix(why, "refers to its section") {
				t.Errorf("%s: %q", c.op, why)
			}
			continue
		}
		if why := access(8 - c.width); why != "" {
			t.Errorf("%s of the %d bytes before the key: %s", c.op, c.width, why)
		}
		if why := access(8 - c.width + max(c.unit, 1)); !strings.HasSuffix(why, "refers to it") {
			t.Errorf("%s of the key: %q", c.op, why)
		}
	}
}

// TestIdentifiers tests section names for which a linker defines symbols, and others.
func TestIdentifiers(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "z": true, "A": true, "Z": true, "_": true, "keys": true, "_0": true, "a9": true, "A_z0": true,
		"": false, "0": false, "9a": false, ".a": false, "a.": false, "a/": false, "a:": false, "a@": false, "a[": false, "a`": false, "a{": false,
		"@": false, "[": false, "`": false, "{": false,
	} {
		if isIdentifier(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
