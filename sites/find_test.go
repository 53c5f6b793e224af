// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"fmt"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

func found(t *testing.T, text string) (*Object, error) {
	t.Helper()
	f, err := elfrw.New(assemble(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return Find(f)
}

// TestTargets covers keys that hold functions and other things.
func TestTargets(t *testing.T) {
	const (
		empty = "key op, 0\n"
		place = "key op, .Lplace\n"
		plain = ".globl target\n.type target,@function\ntarget: blr\n"
	)
	reloc := func(at, typ, what string) string {
		return empty + "	.reloc __SCK__op+" + at + "," + typ + "," + what + "\n"
	}
	at := func(bind string) string {
		return place + "	.section .text.other,\"ax\"\n	nop\n" + bind + "	.type target,@function\n.Lplace:\ntarget: blr\n	.text\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"a function elsewhere", foreignKey, "function target"},
		{"a function", foreignKey + ownTarget, "function target"},
		{"a function without a type", foreignKey + strings.Replace(plain, "	.type target,@function\n", "", 1), "function target"},
		{"a resolver", foreignKey + strings.Replace(plain, "@function", "@gnu_indirect_function", 1), "function target"},
		{"a weak function", foreignKey + ".weak target\n" + plain, "function target"},
		{"a weak function elsewhere", foreignKey + ".weak target\n", "target-weak"},
		{"an object", foreignKey + strings.Replace(plain, "@function", "@object", 1), "target-not-function"},
		{"data", foreignKey + ".data\n" + plain + ".text\n", "target-not-function"},
		{"a number by a name", foreignKey + ".globl target\n.set target,0x1000\n", "target-not-function"},
		{"into a function", "key op, target+4\n" + plain, "target-offset"},
		{"a trampoline", "key op, __SCT__op\n", "target-trampoline"},
		{"a trampoline by another name", "key other, 0\nkey op, alias\n.balign 16\n.globl alias\n.hidden alias\n.type alias,@function\nalias:\nlocaltramp other\n", "target-trampoline"},
		{"a trampoline by a name that another unit may define", "key other, 0\nkey op, alias\n.balign 16\n.globl alias\n.type alias,@function\nalias:\nlocaltramp other\n", "function alias"},
		{"a trampoline by another name, and its place", "key other, 0\nkey op, .Lplace\n.balign 16\n.type alias,@function\nalias: .Lplace:\nlocaltramp other\n", "target-trampoline"},
		{"return 0", "key op, __static_call_return0\n", "return 0 __static_call_return0"},
		{"NULL", empty, "NULL"},
		{"NULL in .bss", ".globl __SCK__op\n.comm other,8\n.section .bss.x,\"aw\",@nobits\n.globl __SCK__op\n__SCK__op: .space 8\n.text\n", "NULL"},
		{"a number", strings.Replace(empty, "0", "16", 1), "key-constant"},
		{"a number by a relocation", reloc("0", "R_PPC64_ADDR64", "0x10"), "key-constant"},
		{"NULL by a relocation", reloc("0", "R_PPC64_ADDR64", "0"), "NULL"},
		{"a relocation that does nothing", reloc("0", "R_PPC64_NONE", "target"), "NULL"},
		{"a relocation that does nothing, and one that does", foreignKey + "	.reloc __SCK__op,R_PPC64_NONE,other\n", "function target"},
		{"half of it", reloc("0", "R_PPC64_ADDR32", "target"), "key-odd"},
		{"beside the place", reloc("4", "R_PPC64_ADDR64", "target"), "key-odd"},
		{"the last byte", reloc("7", "R_PPC64_ADDR64", "target"), "key-odd"},
		{"after it", reloc("8", "R_PPC64_ADDR64", "target"), "NULL"},
		{"a distance", reloc("0", "R_PPC64_REL64", "target"), "key-odd"},
		{"a local function by its place", at(""), "function target"},
		{"a hidden function by its place", at(".globl target\n.hidden target\n"), "function target"},
		{"a global function by its place", at(".globl target\n"), "target-no-symbol"},
		{"a weak function by its place", at(".weak target\n.hidden target\n"), "target-no-symbol"},
		{"a place with two functions", at(".globl first\n.hidden first\n.type first,@function\nfirst:\n"), "function target"},
		{"a place in a function", strings.Replace(at(""), "op, .Lplace", "op, .Lplace+4", 1), "target-no-symbol"},
		{"no function", strings.Replace(at(""), "	.type target,@function\n", "", 1), "target-no-symbol"},
		{"a local function in a group", "key op, target\n.section .text.g,\"axG\",@progbits,g,comdat\n.type target,@function\n.reloc 0,R_PPC64_NONE,target\ntarget: blr\n.text\n", "target-discardable"},
		{"a global function in a group", "key op, target\n.section .text.g,\"axG\",@progbits,target,comdat\n.globl target\n.type target,@function\ntarget: blr\n.text\n", "function target"},
		{"a key elsewhere", ".quad __SCK__op\n", "key-undefined"},
		{"no key", "", "key-missing"},
		{"a key that may be missing", ".weak __SCK__op\n.quad __SCK__op\n", "key-weak"},
		{"a weak key", foreignKey + ".weak __SCK__op\n", "key-replaceable"},
		{"a key that is a number", ".globl __SCK__op\n.set __SCK__op,8\n", "key-replaceable"},
		{"a key in a group", ".section .data.g,\"awG\",@progbits,__SCK__op,comdat\n.globl __SCK__op\n__SCK__op: .quad target\n.text\n", "key-replaceable"},
		{"a key of each thread", ".section .tdata,\"awT\"\n.globl __SCK__op\n__SCK__op: .quad target\n.text\n", "key-replaceable"},
		{"a key that is merged", ".section .rodata.cst8,\"aM\",@progbits,8\n.globl __SCK__op\n__SCK__op: .quad target\n.text\n", "key-replaceable"},
		{"a key that is no multiple of eight", ".section .data.x,\"aw\"\n.long 0\n.globl __SCK__op\n__SCK__op: .quad target\n.text\n", "function target"},
		{"a key at the end of its section", ".section .data.x,\"aw\"\n.quad 0\n.globl __SCK__op\n__SCK__op: .quad target\n.text\n", "function target"},
		{"a key that passes the end by a byte", ".section .data.x,\"aw\"\n.byte 0\n.globl __SCK__op\n__SCK__op: .space 7\n.text\n", `section ".data.x": +0x1: key op passes the end of the section (0x8)`},
		{"a key that is not loaded", ".section .x,\"w\"\n.globl __SCK__op\n__SCK__op: .quad 0\n.text\n", `section ".x": +0x0: key op is not in data: the section's type is SHT_PROGBITS`},
		{"a key in a note", ".section .data.x,\"aw\",@note\n.globl __SCK__op\n__SCK__op: .quad 0\n.text\n", `section ".data.x": +0x0: key op is not in data: the section's type is SHT_NOTE`},
		{"two missing keys", strings.NewReplacer("__op", "__second", "caller", "next").Replace(caller), "key-missing"},
		{"a missing key before one that is elsewhere", ".quad __SCK__second\n" + strings.NewReplacer("__op", "__second", "caller", "next").Replace(caller), "key-missing"},
		{"two keys of a section", "key other, first\n" + foreignKey + "key third, last\n", "function target"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := found(t, c.text+caller)
			got := fmt.Sprint(err)
			if err == nil {
				for _, s := range o.Sites {
					if fn, _ := o.FuncName(&s); fn == "caller" {
						target := o.Keys[s.Key].Target
						got = target.Why.String()
						if target.Kind != TargetUnknown {
							got = target.Kind.String()
						}
						if target.Sym != 0 {
							got += " " + o.SymbolName(int(target.Sym))
						}
					}
				}
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestSites compares the sites found in a source with those that it has.
func TestSites(t *testing.T) {
	const (
		local   = "key near, target, local\n"
		near    = "func nearby\nframe\nbl __SCT__near\nnop\nunframe\nendfunc nearby\n"
		entries = "func __SCT__near, local\naddis 12,2,__SCK__near@toc@ha\nld 12,__SCK__near@toc@l(12)\nmtctr 12\nbctr\nendfunc __SCT__near\n"
		public  = "key near, target\n"
		tramp   = "func __SCT__near\naddis 12,2,__SCK__near@toc@ha\nld 12,__SCK__near@toc@l(12)\nmtctr 12\nbctr\nendfunc __SCT__near\n"
		table   = "	.section .static_call_sites,\"aw\"\n	.long .Lsite-.,0\n	.quad __SCK__op-.\n	.text\n"
	)
	slot := func(after string) string { return strings.Replace(caller, "nop", after, 1) }
	noTOC := func(word, after string) string {
		return strings.NewReplacer("bl __SCT__op@notoc", ".Lsite: "+word+"\n"+after).Replace(notocCaller)
	}
	for _, c := range []struct{ name, text, want string }{
		{"a call", caller, "caller+0x14 op nop"},
		{"a tail call", tailCaller, "caller+0x8 op tail"},
		{"a call and a tail call", caller + strings.ReplaceAll(tailCaller, "caller", "other"), "caller+0x14 op nop, other+0x8 op tail"},
		{"a call after a tail call", "func caller\nb __SCT__op\nbl __SCT__op\nnop\nendfunc caller\n", "caller+0x8 op tail, caller+0xc op nop"},
		{"two tail calls", "func caller\nb __SCT__op\nb __SCT__two\nendfunc caller\n", "caller+0x8 op tail, caller+0xc two tail"},
		{"cror 15", slot("cror 15,15,15"), "caller+0x14 op cror"},
		{"cror 31", slot("cror 31,31,31"), "caller+0x14 op cror"},
		{"a cror that is no nop", slot("cror 15,15,16"), "caller+0x14 op none"},
		{"a restore", slot("ld 2,24(1)"), "caller+0x14 op restore"},
		{"a restore from elsewhere", slot("ld 2,32(1)"), "caller+0x14 op none"},
		{"a restore by the PACA", slot("ld 2,40(13)"), "caller+0x14 op paca"},
		{"an update by the PACA", slot(".long 0xe84d0029"), "caller+0x14 op none"}, // ldu 2,40(13)
		{"no slot", slot("li 3,0"), "caller+0x14 op none"},
		{"the end of the code", "func caller\nframe\nbl __SCT__op\nendfunc caller\n", "caller+0x14 op none"},
		{"a slot with a relocation", slot("	.reloc .,R_PPC64_ADDR32,caller\nnop"), "caller+0x14 op none"},
		{"a slot with a relocation of its last byte", slot("	.reloc .+3,R_PPC64_ADDR32,caller\nnop"), "caller+0x14 op none"},
		{"a relocation after the slot", slot("nop\n	.reloc .,R_PPC64_ADDR32,caller\nnop"), "caller+0x14 op nop"},
		{"an address", "func caller\naddis 3,2,__SCT__op@toc@ha\naddi 3,3,__SCT__op@toc@l\nendfunc caller\n.data\n.quad __SCT__op\n", ""},
		{"a call from data", caller + ".data\n.reloc .,R_PPC64_REL24,__SCT__op\n.long 0x48000001\n", "caller+0x14 op nop"},
		{"a call from a replacement", caller + ".section .altinstr_replacement,\"ax\"\nbl __SCT__op\n", "caller+0x14 op nop, +0x0 op none"},
		{"a trampoline that is called nowhere", "func caller\nblr\nendfunc caller\n" + foreignKey + trampNull, ""},
		{"names that are like those of trampolines", "func caller\nbl __SCT_op\nnop\nbl __SCT__\nnop\nbl __SCTop\nnop\nbl __SCX__op\nnop\nbl __SCT__op\nnop\nendfunc caller\n", "caller+0x10 \"\" nop, caller+0x28 op nop"},
		{"a stub that is another's", caller + ".globl __SCS__op\n.type __SCS__op,@function\n__SCS__op: blr\nfunc other\nbl __SCS__op\nnop\nendfunc other\n", "caller+0x14 op nop"},
		{"an object with the name of a trampoline's file", ".file \"__SCT__x\"\n" + caller, "caller+0x14 op nop"},

		{"resolved", local + "localtramp near\n" + near, "nearby+0x14 near nop decoded"},
		{"with a local entry", local + entries + near, "nearby+0x14 near nop"},
		{"resolved, at the local entry", local + strings.Replace(entries, "addis 12", ".Lentry: addis 12", 1) + strings.Replace(near, "__SCT__near", ".Lentry", 1), "nearby+0x14 near nop decoded"},
		{"resolved, at a far local entry", local + "	.type __SCT__near,@function\n__SCT__near:\n	.rept 16\n	nop\n	.endr\n	.localentry __SCT__near,.-__SCT__near\n.Lentry: b target\n" + strings.Replace(near, "__SCT__near", ".Lentry", 1), "nearby+0x14 near nop decoded"},
		{"resolved, at the global entry", local + ".Lentry:\n" + entries + strings.Replace(near, "__SCT__near", ".Lentry", 1), "nearby+0x14 near nop decoded"},
		{"resolved, into the trampoline", local + strings.Replace(entries, "ld 12", ".Lentry: ld 12", 1) + strings.Replace(near, "__SCT__near", ".Lentry", 1), ""},
		{"resolved, before the local entry", local + ".set .Lentry,__SCT__near+4\n" + entries + strings.Replace(near, "__SCT__near", ".Lentry", 1), ""},
		{"resolved, a tail call", local + "localtramp near\n" + "func nearby\nb __SCT__near\nendfunc nearby\n", "nearby+0x8 near tail decoded"},
		{"resolved, after another branch", local + "localtramp near\nfunc nearby\nb .Lnext\n.Lnext: b __SCT__near\nendfunc nearby\n", "nearby+0xc near tail decoded"},
		{"resolved, backwards and forwards", local + "func before\nb __SCT__near\nendfunc before\nlocaltramp near\nfunc behind\nb __SCT__near\nendfunc behind\n", "before+0x8 near tail decoded, behind+0x8 near tail decoded"},
		{"resolved, beside one that is not", local + caller + "localtramp near\n" + near, "caller+0x14 op nop, nearby+0x14 near nop decoded"},
		{"resolved, in two sections", local + "localtramp near\n" + near + ".section .text.b,\"ax\"\nkey far, target, local\nlocaltramp far\n" + strings.NewReplacer("near", "far").Replace(near), "nearby+0x14 near nop decoded, farby+0x14 far nop decoded"},
		{"resolved, of a trampoline that others see", public + ".Ltramp:\n" + tramp + strings.Replace(near, "__SCT__near", ".Ltramp", 1), "nearby+0x14 near nop decoded"},
		{"resolved, at the local entry of one that others see", public + strings.Replace(tramp, "addis 12", ".Ltramp: addis 12", 1) + strings.Replace(near, "__SCT__near", ".Ltramp", 1), "nearby+0x14 near nop decoded"},
		{"what a relocation fills", local + "localtramp near\nfunc nearby\n	.reloc .,R_PPC64_REL24,target\nb __SCT__near\nendfunc nearby\n", ""},
		{"what a relocation of its second half fills", local + "localtramp near\nfunc nearby\n	.reloc .+2,R_PPC64_ADDR16,target\nb __SCT__near\nendfunc nearby\n", ""},
		{"what a relocation marks", local + "localtramp near\nfunc nearby\n	.reloc .,R_PPC64_NONE,target\nb __SCT__near\nendfunc nearby\n", "nearby+0x8 near tail decoded"},
		{"an absolute branch", local + "localtramp near\nfunc nearby\nba 0\nendfunc nearby\n", ""},
		{"a conditional branch", local + "localtramp near\nfunc nearby\nbeq __SCT__near\nendfunc nearby\n", ""},
		{"data", caller + ".data\n__SCT__op_data: .long 0x48000001,0x60000000\n", "caller+0x14 op nop"},
		{"by its section", local + ".section .text.t,\"ax\"\nnop\nlocaltramp near\n.text\n" + near, "nearby+0x14 near nop"},
		{"by its section, at the local entry", local + ".section .text.t,\"ax\"\nnop\n" + entries + ".text\n" + near, "nearby+0x14 near nop"},
		{"by its section, of a trampoline that others see", public + ".section .text.t,\"ax\"\n.balign 16\n.Ltramp:\n" + tramp + ".text\n" + strings.Replace(near, "__SCT__near", ".Ltramp", 1), "nearby+0x14 near nop"},
		{"by its section, at the local entry of one that others see", public + ".section .text.t,\"ax\"\nnop\n" + strings.Replace(tramp, "addis 12", ".Ltramp: addis 12", 1) + ".text\n" + strings.Replace(near, "__SCT__near", ".Ltramp", 1), "nearby+0x14 near nop"},
		{"by a hidden name", public + ".section .text.t,\"ax\"\n.balign 16\n.globl alias\n.hidden alias\n.type alias,@function\nalias:\n" + tramp + ".text\n" + strings.Replace(near, "__SCT__near", "alias", 1), "nearby+0x14 near nop"},
		{"by a local name", public + ".section .text.t,\"ax\"\n.balign 16\n.type alias,@function\nalias:\n.localentry alias,8\n" + tramp + ".text\n" + strings.Replace(near, "__SCT__near", "alias", 1), "nearby+0x14 near nop"},
		{"by a local name, after another function", public + ".section .text.t,\"ax\"\nleaf beside, local\nblr\nendfunc beside\n.balign 16\n.type alias,@function\nalias:\n.localentry alias,8\n" + tramp + ".text\n" + strings.Replace(near, "__SCT__near", "alias", 1), "nearby+0x14 near nop"},
		{"by its section, after a trampoline elsewhere", caller + public + ".section .text.t,\"ax\"\n.balign 16\n.Ltramp:\n" + tramp + ".text\n" + strings.Replace(near, "__SCT__near", ".Ltramp", 1), "caller+0x14 op nop, nearby+0x14 near nop"},
		{"by a first name that another unit may define", ".globl alias\n" + public + ".section .text.t,\"ax\"\n.balign 16\n.type alias,@function\nalias:\n" + tramp + ".text\n" + strings.Replace(near, "__SCT__near", "alias", 1), ""},
		{"by a name that another unit may define", public + ".section .text.t,\"ax\"\n.balign 16\n.globl alias\n.type alias,@function\nalias:\n" + tramp + ".text\n" + strings.Replace(near, "__SCT__near", "alias", 1), ""},
		{"another function of its section", local + ".section .text.t,\"ax\"\nleaf beside, local\nblr\nendfunc beside\nlocaltramp near\n.text\n" + strings.Replace(near, "__SCT__near", "beside", 1) + caller, "caller+0x14 op nop"},
		{"an address by its section", local + ".section .text.t,\"ax\"\nlocaltramp near\n.data\n.quad __SCT__near\n.text\nfunc caller\naddis 3,2,__SCT__near@toc@ha\nendfunc caller\n", ""},
		{"relocations in another order, and one of a slot", "leaf caller\n	.reloc caller+0xc,R_PPC64_ADDR32,caller\n	.reloc caller+8,R_PPC64_REL24,__SCT__one\n	.reloc caller,R_PPC64_REL24,__SCT__two\n.long 0x48000001\nnop\n.long 0x48000001\nnop\nendfunc caller\n", "caller+0x0 two nop, caller+0x8 one none"},
		{"relocations in another order", "func caller\n	.reloc caller+0x10,R_PPC64_REL24,__SCT__one\n	.reloc caller+8,R_PPC64_REL24,__SCT__two\n.long 0x48000001\nnop\n.long 0x48000001\nnop\nendfunc caller\n", "caller+0x8 two nop, caller+0x10 one nop"},

		{"a table's", strings.Replace(caller, "bl __SCT__op", ".Lsite: bl target", 1) + foreignKey + trampNull + table, "caller+0x14 op nop listed"},
		{"a table's, with a relocation in its slot", strings.Replace(caller, "bl __SCT__op\n", ".Lsite: nop\n	.reloc .,R_PPC64_ADDR32,caller\n", 1) + foreignKey + trampNull + table, "caller+0x14 op none listed"},
		{"a table's, resolved", foreignKey + "localtramp op\n" + strings.Replace(caller, "bl", ".Lsite: bl", 1) + table, "caller+0x14 op nop listed"},
		{"a table's, and others", strings.Replace(caller, "bl __SCT__op", ".Lsite: bl target", 1) + strings.ReplaceAll(caller, "caller", "last") + foreignKey + trampNull + table, "caller+0x14 op nop listed, last+0x14 op nop"},
		{"of a table of user space", strings.Replace(listedBefore, "SITE", "bl target", 1) + foreignKey + trampNull, "caller+0x18 op restore"},
		{"functions without a size", ".type first,@function\nfirst: bl __SCT__op\nnop\n.type second,@function\nsecond: bl __SCT__op\nnop\n", "first+0x0 op nop, second+0x0 op nop"},
		{"a function in another", ".type outer,@function\nouter: nop\n.type inner,@function\ninner: bl __SCT__op\nnop\n.size inner,8\nbl __SCT__op\nnop\n.size outer,20\n", "inner+0x0 op nop, outer+0xc op nop"},
		{"functions in another", ".type outer,@function\nouter: nop\n.type one,@function\none: nop\n.size one,4\n.type two,@function\ntwo: nop\n.size two,4\nbl __SCT__op\nnop\n.size outer,20\n", "outer+0xc op nop"},
		{"names of a function", ".type long,@function\n.type short,@function\nshort: long: nop\n.size short,4\nbl __SCT__op\nnop\n.size long,12\n", "long+0x4 op nop"},
		{"names of a function, the short one last", ".type long,@function\n.type short,@function\nlong: short: bl __SCT__op\nnop\n.size short,8\n.size long,12\n", "short+0x0 op nop"},
		{"after a function, and one without a size", ".type first,@function\nfirst: nop\n.type second,@function\nsecond: nop\n.size second,4\nbl __SCT__op\nnop\n", "+0x8 op nop"},
		{"after a function", ".type first,@function\nfirst: nop\n.size first,4\nbl __SCT__op\nnop\n", "+0x4 op nop"},
		{"before a function", "bl __SCT__op\nnop\n.type first,@function\nfirst: nop\n.size first,4\n", "+0x0 op nop"},
		{"in an object", ".type first,@object\nfirst: bl __SCT__op\nnop\n.size first,8\n", "+0x0 op nop"},
		{"in a resolver", ".type first,@gnu_indirect_function\nfirst: bl __SCT__op\nnop\n.size first,8\n", "first+0x0 op nop"},
		{"a table's constant", strings.Replace(caller, "bl __SCT__op", ".Lsite: nop", 1) + foreignKey + trampNull + table, "caller+0x14 op nop listed"},
		{"no TOC pointer", notocCaller, "caller+0xc op none notoc"},
		{"no TOC pointer, a table's call", noTOC("bl target@notoc", "nop") + foreignKey + trampNull + table, "caller+0xc op nop listed notoc"},
		{"no TOC pointer, a table's constant", noTOC("nop", "nop") + foreignKey + trampNull + table, "caller+0xc op nop listed notoc"},
		{"no TOC pointer, a table's resolved call", "leaf near, local\nblr\nendfunc near\n" + noTOC("bl near", "nop") + foreignKey + trampNull + table, "caller+0xc op nop listed"},
		{"no function, a table's constant", ".Lsite: nop\nori 0,0,0\n" + foreignKey + trampNull + table, "+0x0 op nop listed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := found(t, c.text)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			sites := 0
			for i := range o.Sites {
				s := &o.Sites[i]
				fn, off := o.FuncName(s)
				name := o.Keys[s.Key].Name
				if name == "" {
					name = `""`
				}
				text := fmt.Sprintf("%s+0x%x %s", fn, off, name)
				if s.Tail {
					text += " tail"
				} else {
					text += " " + [...]string{"none", "nop", "cror", "restore", "paca"}[s.Slot]
				}
				if s.Decoded {
					text += " decoded"
				}
				if s.Entry >= 0 {
					text += " listed"
				}
				if s.NoTOC() {
					text += " notoc"
				}
				all = append(all, text)
			}
			for i := range o.Keys {
				sites += int(o.Keys[i].Sites)
			}
			for i := range o.Tramps {
				if typ := o.File.SymbolType(int(o.Tramps[i].Sym)); typ == elf.STT_FILE {
					t.Error("a file is a trampoline")
				}
			}
			if got := strings.Join(all, ", "); got != c.want || sites != len(all) {
				t.Errorf("%d: %s, want %s", sites, got, c.want)
			}
		})
	}
}
