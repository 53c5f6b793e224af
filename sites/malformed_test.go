// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestMalformed checks the errors for sources that contradict themselves.
func TestMalformed(t *testing.T) {
	const (
		aTable = "	.section .static_call_sites,\"aw\"\n"
		entry  = "	.long .Lsite-.,0\n	.quad __SCK__op-.\n"
		pairs  = "	.section .static_call_tramp_key,\"a\"\n"
		null   = "key op, 0\n"
		second = "tramp two\nkey two, target\n"
		local  = "leaf near, local\nblr\nendfunc near\n"
	)
	listed := strings.Replace(caller, "bl __SCT__op", ".Lsite: SITE", 1) + aTable + entry + "	.text\n" + trampNull
	site := func(word string) string { return strings.Replace(listed, "SITE", word, 1) }
	called := site("bl __SCT__op") + foreignKey
	withStub := func(word string) string {
		return strings.Replace(site(word), ".Lsite-.,0", ".Lsite-.,__SCS__op-.", 1) + `	.section .text.unlikely.static_call,"ax",@progbits
	.balign 16
	.type __SCS__op,@function
__SCS__op:
	std 2,24(1)
	addis 12,2,__SCK__op@toc@ha
	ld 12,__SCK__op@toc@l(12)
	mtctr 12
	bctr
	.size __SCS__op,.-__SCS__op
	.text
`
	}
	way, code, _ := strings.Cut(withStub("bl target"), "	.section .text.unlikely")
	byCell := way + "	.section .text.unlikely" + strings.ReplaceAll(code, "__SCK__op@toc", ".Lcell@toc")
	user := func(old, new string) string {
		if !strings.Contains(listedBefore, old) {
			t.Fatal(old)
		}
		return strings.NewReplacer(old, new, "SITE", "bl target").Replace(listedBefore) + foreignKey + trampNull + "	.data\n	.globl __SCK__two\n__SCK__two: .quad 0\n"
	}
	none, app := Options{Runtime: None}, Options{Place: User}
	for _, c := range []struct {
		name, text string
		opts       Options
		want       string // empty: it is accepted
	}{
		{"listed", called, Options{}, ""},
		{"two tables", called + strings.Replace(aTable, `"aw"`, `"aw",@progbits,unique,1`, 1) + entry, Options{}, `section ".static_call_sites": +0x0: a second site table; the first is section 6; link with -r first`},
		{"a site twice", called + aTable + entry, Options{}, `section ".static_call_sites": +0x10: entry 1 names the site of entry 0 again`},
		{"half an entry too much", called + aTable + "	.quad 0\n", Options{}, `section ".static_call_sites": +0x0: 0x18 bytes are not a multiple of 16, the size of an entry`},
		{"an entry without relocations", called + aTable + "	.quad 0,0\n", Options{}, `section ".static_call_sites": +0x10: entry 1 lacks a relocation of its site or its key`},
		{"an entry without a key", called + aTable + "	.long .Lsite-.,0\n	.quad 0\n", Options{}, `section ".static_call_sites": +0x10: entry 1 lacks a relocation of its site or its key`},
		{"a relocation in the field of a stub, and none", called + aTable + "	.long .Lsite-.,__SCT__op-.\n	.quad __SCK__op-.\n", Options{}, `section ".static_call_sites": +0x14: R_PPC64_REL32: want R_PPC64_REL32 against a stub`},
		{"no code", called + aTable + "	.long here-.,0\n	.quad __SCK__op-.\n	.data\nhere:	.long 0\n", Options{}, `section ".static_call_sites": +0x10: R_PPC64_REL32: the site is in section ".data", which is not code`},
		{"the trampoline instead of the key", strings.Replace(called, "__SCK__op-.", "__SCT__op-.", 1), Options{}, `section ".static_call_sites": +0x0: entry 0 names __SCT__op instead of the key, which is right only in a module (--module)`},
		{"another key", called + second + aTable + strings.NewReplacer(".Lsite", "caller+0x18", "__op", "__two").Replace(entry), Options{}, `section ".text": caller+0x18: found nop, but with what key two holds it would be bl .+0x0`},

		{"trampolines with their keys", called + pairs + "	.long __SCT__op-.,__SCK__op-.\n", Options{}, ""},
		{"a trampoline by another name of its place", called + ".globl alias\n.set alias,__SCT__op\n" + pairs + "	.long alias-.,__SCK__op-.\n", Options{}, ""},
		{"a trampoline elsewhere with its key", caller + foreignKey + pairs + "	.long __SCT__op-.,__SCK__op-.\n", Options{}, ""},
		{"a trampoline among data, called last", caller + strings.ReplaceAll(caller, "caller", "second") + strings.NewReplacer("__op", "__two", "caller", "third").Replace(caller) + ".data\n.globl __SCT__two\n__SCT__two: .quad 0\n", Options{}, `section ".text": third+0x14: R_PPC64_REL24: __SCT__two is in section ".data", which is not code`},
		{"half a pair", called + pairs + "	.long __SCT__op-.\n", Options{}, `section ".static_call_tramp_key": +0x0: 0x4 bytes with 1 relocations are not a table of pairs`},
		{"a pair without relocations", called + pairs + "	.long 0,0\n", Options{}, `section ".static_call_tramp_key": +0x0: 0x8 bytes with 0 relocations are not a table of pairs`},
		{"a pair and a half", called + pairs + "	.long __SCT__op-.,__SCK__op-.,0\n", Options{}, `section ".static_call_tramp_key": +0x0: 0xc bytes with 2 relocations are not a table of pairs`},
		{"a pair of another type", called + pairs + "	.reloc .,R_PPC64_ADDR32,__SCT__op\n	.long 0,__SCK__op-.\n", Options{}, `section ".static_call_tramp_key": +0x0: R_PPC64_ADDR32: want R_PPC64_REL32 against each word`},
		{"a pair beside its place", called + pairs + "	.reloc .+2,R_PPC64_REL32,__SCT__op\n	.long 0,__SCK__op-.\n", Options{}, `section ".static_call_tramp_key": +0x2: R_PPC64_REL32: want R_PPC64_REL32 against each word`},
		{"a pair with one word twice", called + pairs + "	.reloc .,R_PPC64_REL32,__SCK__op\n	.long __SCT__op-.,0\n", Options{}, `section ".static_call_tramp_key": +0x0: R_PPC64_REL32: a second relocation of this word`},
		{"a pair of no trampoline", called + pairs + "	.long caller-.,__SCK__op-.\n", Options{}, `section ".static_call_tramp_key": +0x0: R_PPC64_REL32: caller+0x0 is not a trampoline`},
		{"a pair of no trampoline, after another", called + pairs + "	.long __SCT__op-.,__SCK__op-.,caller-.,__SCK__op-.\n", Options{}, `section ".static_call_tramp_key": +0x8: R_PPC64_REL32: caller+0x0 is not a trampoline`},
		{"a pair of no key, after another", called + pairs + "	.long __SCT__op-.,__SCK__op-.,__SCT__op-.,caller-.\n", Options{}, `section ".static_call_tramp_key": +0xc: R_PPC64_REL32: caller+0x0 is not a key`},
		{"a pair of another key, after another", called + second + pairs + "	.long __SCT__op-.,__SCK__op-.,__SCT__op-.,__SCK__two-.\n", Options{}, `section ".static_call_tramp_key": +0x8: pairs trampoline __SCT__op with key two`},
		{"a pair of a trampoline elsewhere", called + pairs + "	.long elsewhere-.,__SCK__op-.\n", Options{}, `section ".static_call_tramp_key": +0x0: R_PPC64_REL32: elsewhere+0x0 is not a trampoline`},
		{"a pair of no key", called + pairs + "	.long __SCT__op-.,caller-.\n", Options{}, `section ".static_call_tramp_key": +0x4: R_PPC64_REL32: caller+0x0 is not a key`},
		{"a pair of another key", called + second + pairs + "	.long __SCT__op-.,__SCK__two-.\n", Options{}, `section ".static_call_tramp_key": +0x0: pairs trampoline __SCT__op with key two`},

		{"user space, a stub that loads no key, before one that does", user("addis 12,2,__SCK__op@got@ha\n	ld 12,__SCK__op@got@l(12)\n	ld 12,0(12)\n	cmpdi 12,0\n	beqlr\n	mtctr 12\n	bctr\n	.size __SCS__op,.-__SCS__op\n	.size __SCJ__op,.-__SCJ__op\n", "nop\n	bctr\n	.size __SCS__op,.-__SCS__op\n	.size __SCJ__op,.-__SCJ__op\n	.type __SCX__op,@function\n__SCX__op: addis 12,2,__SCK__op@got@ha\n	bctr\n	.size __SCX__op,8\n"), app, `section ".text.unlikely.static_call": __SCS__op+0x0: the stub __SCS__op loads no key`},
		{"a stub without a name", called + "	.type __SCS__,@function\n__SCS__: blr\n	.size __SCS__,4\n", Options{}, `section ".text": __SCS__+0x0: the stub __SCS__ loads no key`},
		{"a second copy of the code", caller + foreignKey + trampNull + "	.section .gnu.lto_.x,\"e\"\n	.quad 0\n", Options{}, `section ".gnu.lto_.x": a second copy of the code, from which a link with -flto would regenerate the calls; compile without -flto, or remove it: objcopy -R '.gnu.lto_*' -R '.gnu.debuglto_*'`},
		{"a second copy of the code, and a listed site", caller + "	.section .gnu.lto_.x,\"e\"\n	.quad 0\n", Options{TableOnly: true}, `section ".gnu.lto_.x": a second copy of the code, from which a link with -flto would regenerate the calls; compile without -flto, or remove it: objcopy -R '.gnu.lto_*' -R '.gnu.debuglto_*'`},
		{"a second copy of the code, and nothing to patch", caller + "	.section .gnu.lto_.x,\"e\"\n	.quad 0\n", app, ""},
		{"a section .opd", caller + "	.section .opd,\"aw\"\n	.quad 0\n", Options{}, ""},
		{"user space", user("SITE", "bl target"), app, ""},
		{"user space, a table that is no data", user(`_sites,"aw",@progbits`, `_sites,"aw",@note`), app, `section "static_call_sites": +0x0: a site table has type SHT_PROGBITS and SHF_ALLOC, but this is SHT_NOTE with flags SHF_WRITE+SHF_ALLOC`},
		{"user space, a table that is not loaded", user(`_sites,"aw",@progbits`, `_sites,"w",@progbits`), app, `section "static_call_sites": +0x0: a site table has type SHT_PROGBITS and SHF_ALLOC, but this is SHT_PROGBITS with flags SHF_WRITE`},
		{"user space, a word too much", user("	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n", "	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n	.long 0\n"), app, `section "static_call_sites": +0x0: 0x24 bytes are not a multiple of 16, the size of an entry`},
		{"user space, a relocation too few", user("	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n", "	.long __SCJ__op-.,__SCJ__op-.\n	.quad 0\n"), app, `section "static_call_sites": +0x10: entry 1 lacks a relocation of its site or its key`},
		{"user space, a relocation too many", user("	.long .Lsite-.,__SCJ__op-.\n", "	.reloc .,R_PPC64_NONE,0\n	.long .Lsite-.,__SCJ__op-.\n"), app, `section "static_call_sites": +0x0: R_PPC64_NONE: no field of entry 0 begins here, or it has a relocation already`},
		{"user space, a field that begins elsewhere", user("	.long .Lsite-.,", "	.reloc .+2,R_PPC64_REL32,caller\n	.long 0,"), app, `section "static_call_sites": +0x2: R_PPC64_REL32: no field of entry 0 begins here, or it has a relocation already`},
		{"user space, a field too many", user("	.long .Lsite-.,", "	.reloc .+12,R_PPC64_REL32,caller\n	.long 0,"), app, `section "static_call_sites": +0xc: R_PPC64_REL32: no field of entry 0 begins here, or it has a relocation already`},
		{"user space, a field twice", user("	.long .Lsite-.,__SCJ__op-.\n", "	.reloc .+4,R_PPC64_REL32,__SCJ__op\n	.long 0,__SCJ__op-.\n"), app, `section "static_call_sites": +0x4: R_PPC64_REL32: no field of entry 0 begins here, or it has a relocation already`},
		{"user space, a stub that is a function", user("	.long .Lsite-.,__SCJ__op-.\n", "	.long .Lsite-.,caller-.\n"), app, `section "static_call_sites": +0x4: R_PPC64_REL32: want R_PPC64_REL32 against a stub`},
		{"user space, a stub that is a trampoline", user("	.long .Lsite-.,__SCJ__op-.\n", "	.long .Lsite-.,__SCT__op-.\n"), app, `section "static_call_sites": +0x4: R_PPC64_REL32: want R_PPC64_REL32 against a stub`},
		{"user space, a stub by another relocation", user("	.long .Lsite-.,__SCJ__op-.\n", "	.long .Lsite-.\n	.reloc .,R_PPC64_ADDR32,__SCJ__op\n	.long 0\n"), app, `section "static_call_sites": +0x4: R_PPC64_ADDR32: want R_PPC64_REL32 against a stub`},
		{"user space, the stub of another key", user("	.long .Lsite-.,__SCJ__op-.\n	.quad __SCK__op\n", "	.long .Lsite-.,__SCJ__op-.\n	.quad __SCK__two\n"), app, `section "static_call_sites": +0x0: entry 0 has key two and the stub of op`},
		{"user space, the stub of another key, in the second entry", user("	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n", "	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__two\n"), app, `section "static_call_sites": +0x10: entry 1 has key two and the stub of op`},
		{"user space, a site twice, in a second table", user("	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n", "	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n	.section static_call_sites,\"aw\",@progbits,unique,7\n	.long .Lsite-.,__SCJ__op-.\n	.quad __SCK__op\n"), app, `section "static_call_sites": +0x0: entry 2 names the site of entry 0 again`},
		{"user space, a site twice, after an empty table", user("	.long .Lsite-.,", "	.section static_call_sites,\"aw\",@progbits,unique,7\n	.section static_call_sites,\"aw\",@progbits,unique,8\n	.long .Lsite-.,__SCJ__op-.\n	.quad __SCK__op\n	.long .Lsite-.,"), app, `section "static_call_sites": +0x10: entry 1 names the site of entry 0 again`},
		{"a stub that loads a function by .toc", byCell + "	.section .toc,\"aw\"\n.Lcell: .quad target\n	.text\n" + foreignKey, Options{Place: Module}, `section ".text.unlikely.static_call": __SCS__op+0x0: the stub __SCS__op loads no key`},
		{"a stub that loads a stub", strings.ReplaceAll(byCell, ".Lcell@toc", "__SCS__op@toc") + foreignKey, Options{Place: Module}, `section ".text.unlikely.static_call": __SCS__op+0x0: the stub __SCS__op loads no key`},
		{"a stub that loads a stub by .toc", byCell + "	.section .toc,\"aw\"\n.Lcell: .quad __SCS__op\n	.text\n" + foreignKey, Options{Place: Module}, `section ".text.unlikely.static_call": __SCS__op+0x0: the stub __SCS__op loads no key`},
		{"user space, a stub that loads no key", user("addis 12,2,__SCK__op@got@ha\n	ld 12,__SCK__op@got@l(12)\n", "nop\nori 0,0,0\n"), app, `section ".text.unlikely.static_call": __SCS__op+0x0: the stub __SCS__op loads no key`},

		{"direct already", site("bl target") + foreignKey, Options{}, ""},
		{"direct already, in its section", site("bl near") + local + "key op, near, local\n", Options{}, ""},
		{"direct already, in another section", site("bl near") + "	.section .text.other,\"ax\"\n	nop\n" + local + "	.text\nkey op, near, local\n", Options{}, ""},
		{"direct already, at the local entry", site("bl near") + "func near, local\nblr\nendfunc near\nkey op, near, local\n", Options{}, ""},
		{"direct already, by the place of the local entry", site("bl .Lentry") + "func near, local\n.Lentry: blr\nendfunc near\nkey op, near, local\n", Options{}, ""},
		{"direct to the global entry", site("bl .Lglobal") + ".Lglobal:\nfunc near, local\nblr\nendfunc near\nkey op, near, local\n", Options{}, `section ".text": caller+0x14: the site calls near, but key op holds near`},
		{"direct to another place", site("bl near+4") + local + "key op, near, local\n", Options{}, `section ".text": caller+0x14: the site calls "\".text\"", but key op holds near`},
		{"direct to another place of another section", site("bl near+4") + "	.section .text.other,\"ax\"\n	nop\n" + local + "	.text\nkey op, near, local\n", Options{}, `section ".text": caller+0x14: the site calls "\".text.other\"", but key op holds near`},
		{"direct to no function", site("bl .Lnone") + "	.section .text.other,\"ax\"\n	nop\n.Lnone: blr\n	.text\n" + foreignKey, Options{}, `section ".text": caller+0x14: the site calls "\".text.other\"", but key op holds target`},
		{"direct into a function of another section", site("bl .Linside") + "	.section .text.other,\"ax\"\n	.globl near\n	.type near,@function\nnear: nop\n.Linside: blr\n	.size near,8\n	.text\nkey op, near\n", Options{}, `section ".text": caller+0x14: the site calls "\".text.other\"", but key op holds near`},
		{"direct to another function", site("bl other") + foreignKey, Options{}, `section ".text": caller+0x14: the site calls other, but key op holds target`},
		{"direct into its own function", site("bl .Lsite+12") + foreignKey, Options{}, `section ".text": caller+0x14: the site branches to caller+0x20, where no function begins`},
		{"direct to its own function", site("bl caller") + "key op, caller\n", Options{}, ""},
		{"direct with an addend", site("bl target+8") + foreignKey, Options{}, `section ".text": caller+0x14: R_PPC64_REL24: addend is 0x8, but a call has none`},
		{"direct to data", site("bl __SCK__op") + foreignKey, Options{}, `section ".text": caller+0x14: R_PPC64_REL24: the site branches to __SCK__op, which is not code`},
		{"direct by an absolute branch", site(".reloc .,R_PPC64_REL24,target\n.long 0x48000003") + foreignKey, Options{}, `section ".text": caller+0x14: R_PPC64_REL24: expected b or bl, found .long 0x48000003`},
		{"direct, and another relocation", site(".reloc .,R_PPC64_ADDR32,caller\nbl target") + foreignKey, Options{}, `section ".text": caller+0x14: R_PPC64_ADDR32: the branch has this relocation in addition to that of a call`},
		{"a call, and another relocation of one", strings.Replace(caller, "bl", "	.reloc .,R_PPC64_REL24,other\nbl", 1) + foreignKey + trampNull, Options{}, `section ".text": caller+0x14: R_PPC64_REL24: the branch has this relocation in addition to that of a call`},
		{"direct in its section, and a relocation", site(".reloc .,R_PPC64_ADDR32,caller\nbl near") + local + "key op, near, local\n", Options{}, `section ".text": caller+0x14: R_PPC64_ADDR32: the branch has this relocation in addition to that of a call`},
		{"NULL, and a relocation", site(".reloc .,R_PPC64_ADDR32,caller\nnop") + null, Options{}, `section ".text": caller+0x14: R_PPC64_ADDR32: the branch has this relocation in addition to that of a call`},
		{"resolved, and a relocation", "localtramp op\n" + strings.Replace(caller, "bl __SCT__op", "	.reloc .+3,R_PPC64_ADDR16,caller\nbl __SCT__op", 1) + "key op, target, local\n", Options{}, ""},
		{"a relocation that does nothing", site(".reloc .,R_PPC64_NONE,caller\nbl target") + foreignKey, Options{}, ``},
		{"a relocation beside the branch", site(".reloc .+2,R_PPC64_REL24,target\nbl .+0x100") + foreignKey, Options{}, `section ".text": caller+0x16: R_PPC64_REL24: the branch has this relocation in addition to that of a call`},
		{"a relocation whose last byte is the branch's", site(".reloc .-1,R_PPC64_ADDR16,caller\nbl target") + foreignKey, Options{}, `section ".text": caller+0x13: R_PPC64_ADDR16: the branch has this relocation in addition to that of a call`},
		{"the first relocation, and another one of a call", "leaf caller\nbl __SCT__op\n.reloc .-4,R_PPC64_REL24,other\nnop\nendfunc caller\n" + foreignKey + trampNull, Options{}, `section ".text": caller+0x0: R_PPC64_REL24: the branch has this relocation in addition to that of a call`},
		{"the first relocation, of an absolute branch", "leaf caller\n.Lsite: .reloc .,R_PPC64_REL24,target\n.long 0x48000003\nendfunc caller\n" + aTable + entry + "	.text\n" + foreignKey + trampNull, Options{}, `section ".text": caller+0x0: R_PPC64_REL24: expected b or bl, found .long 0x48000003`},
		{"a conditional call", site("beq __SCT__op") + foreignKey, Options{}, `section ".static_call_sites": +0x0: entry 0 names a call that no run time can patch: .long 0x41820000`},
		{"half a word of code", caller + foreignKey + trampNull + ".section .text.half,\"ax\"\n.Lsite: .short 0\n" + aTable + entry, Options{}, `section ".static_call_sites": +0x0: R_PPC64_REL32: site in section ".text.half": instruction at offset 0x0 of 0x2 bytes: past the end of the code`},
		{"a relocation that does nothing after the table", called + aTable + "	.reloc .,R_PPC64_NONE,caller\n", Options{}, `section ".static_call_sites": +0x10: R_PPC64_NONE: passes the end of the table`},
		{"a relocation that begins before the branch", site(".reloc .-4,R_PPC64_ADDR64,caller\nbl target") + foreignKey, Options{}, `section ".text": caller+0x10: R_PPC64_ADDR64: the branch has this relocation in addition to that of a call`},
		{"a relocation that ends before the branch", site(".reloc .-8,R_PPC64_ADDR64,caller\nbl target") + foreignKey, Options{}, ``},
		{"resolved, and a relocation that begins before", "localtramp op\n" + strings.Replace(caller, "bl __SCT__op", "	.reloc .-4,R_PPC64_ADDR64,caller\nbl __SCT__op", 1) + "key op, target, local\n", Options{}, ""},
		{"a tail call that the table calls none", site("b target") + foreignKey, Options{}, `section ".text": caller+0x14: R_PPC64_REL24: the table says tail call false, found b .+0x0`},
		{"a tail call to data, in the first relocation", strings.Replace("leaf caller\n.Lsite: b __SCK__op\nendfunc caller\n"+aTable+entry+"	.text\n"+trampNull, "op-.", "op-.+1", 1) + foreignKey, Options{}, `section ".text": caller+0x0: R_PPC64_REL24: the site branches to __SCK__op, which is not code`},
		{"a tail call that does nothing", strings.Replace(site("nop"), "op-.", "op-.+1", 1) + null, Options{}, `section ".text": caller+0x14: the table names a site that is neither a call nor a constant: nop`},
		{"a tail call that returns", strings.Replace(site("blr"), "op-.", "op-.+1", 1) + null, Options{}, ""},
		{"a tail call that returns 0", strings.Replace(site("li 3,0"), "op-.", "op-.+1", 1) + null, Options{}, `section ".text": caller+0x14: the table names a site that is neither a call nor a constant: li r3,0`},
		{"a call that the table calls a tail call", strings.Replace(called, "op-.", "op-.+1", 1), Options{}, `section ".static_call_sites": +0x0: entry 0 says tail call true, but its site is bl .+0x0`},
		{"module, direct already, with a stub", withStub("bl target") + foreignKey, Options{Place: Module}, ""},
		{"module, NULL already, with a stub", withStub("nop") + foreignKey, Options{Place: Module}, `section ".text": caller+0x14: found nop, but with what key op holds it would be bl .+0x0`},
		{"NULL already", site("nop") + null, Options{}, ""},
		{"NULL, and the key holds a function", site("nop") + foreignKey, Options{}, `section ".text": caller+0x14: found nop, but with what key op holds it would be bl .+0x0`},
		{"return 0, and the key holds NULL", site("li 3,0") + null, Options{}, `section ".text": caller+0x14: found li r3,0, but with what key op holds it would be nop`},
		{"direct, and the key holds NULL", site("bl target") + null, Options{}, `section ".text": caller+0x14: found bl .+0x0, but with what key op holds it would be nop`},
		{"return of a call that is none", site("blr") + null, Options{}, `section ".text": caller+0x14: the table names a site that is neither a call nor a constant: blr`},
		{"direct, and what the key holds is not known", site("bl target"), Options{}, ""},
		{"direct, and only the linker may restore", site("bl target") + foreignKey, Options{Runtime: Trampoline, Restore: []Form{Linker}}, `section ".text": caller+0x14: the site has left its trampoline already (bl .+0x0), but the trampoline is not defined in this object, or does not take r2 from its caller`},
		{"direct, and the key may change", site("bl target") + foreignKey, Options{Place: Module}, `section ".text": caller+0x14: the site has left its trampoline already (bl .+0x0), but the table of the module lists the site without a stub: the run time would leave it as it is`},
		{"direct, in a function without a TOC pointer", strings.Replace(site("bl target"), "func", "leaf", 1) + foreignKey, none, `section ".text": caller+0xc: the site has left its trampoline already (bl .+0x0), but the calling function has one entry point: r2 may be its caller's`},
		{"NULL, in a function without a TOC pointer", strings.Replace(site("nop"), "func", "leaf", 1) + null, none, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := plan(assemble(t, c.text), c.opts)
			switch {
			case err == nil && c.want == "":
				again(t, c.name, p, c.opts)
			case err == nil:
				t.Errorf("accepted: %s", summary(p, nil))
			case err.Error() != c.want:
				t.Errorf("error is\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

// TestEmptyRelocations tests a section of code with an empty relocation
// section. New relocations go there only if it is linked to the symbol table
// and is the only one.
func TestEmptyRelocations(t *testing.T) {
	for _, c := range []struct {
		name, of string
		empty    bool
		form     Form
	}{
		{"an empty section first", ".text.x", true, Direct},
		{"two sections of relocations", ".text.x", false, Keep},
		{"two sections for what is not loaded", ".debug_x", false, Direct},
	} {
		p := newMutableFile(t, "	.section .debug_a,\"\"\n	.quad caller\n	.section .text.x,\"ax\"\n"+caller+foreignKey+trampNull+"	.section .debug_x,\"\"\n	.quad caller\n")
		first := p.header(".rela.debug_a", 0) < p.header(".rela"+c.of, 0)
		if c.empty {
			p.put64(p.header(".rela.debug_a", 32), 0)
		}
		p.put32(p.header(".rela.debug_a", 44), uint32(p.section(c.of).Index))
		gp, err := plan(p.b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if c.empty && !first {
			t.Errorf("%s: it is not the first", c.name)
		}
		if d := &gp.Decisions[0]; d.Form != c.form {
			t.Errorf("%s: %v, %v; want %v", c.name, d.Form, d.Reason, c.form)
		}
		again(t, c.name, gp, Options{})
	}
	source := noTOCListed + "key op, 0\n" + trampNull + "	.section .debug_x,\"\"\n	.quad caller\n"
	for _, c := range []struct {
		name   string
		link   bool // it keeps its link to the symbol table
		second bool // its section has another relocation section
		added  int
	}{
		{"of symbols that count", true, false, 0},
		{"of no symbols", false, false, 1},
		{"a second one", true, true, 1},
		{"a second one of no symbols", false, true, 1},
	} {
		p := newMutableFile(t, source)
		sec := p.section(".text")
		if c.second {
			sec = p.section(".text.sct")
		}
		p.put64(p.header(".rela.debug_x", 32), 0)
		p.put32(p.header(".rela.debug_x", 44), uint32(sec.Index))
		if !c.link {
			p.put32(p.header(".rela.debug_x", 40), uint32(sec.Index))
		}
		gp, err := plan(p.b, Options{Place: User})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		f, err := elfrw.New(apply(t, gp))
		if err != nil {
			t.Fatal(err)
		}
		n := 0 // of .text
		for i := p.f.NumSections(); i < f.NumSections(); i++ {
			if s := f.Section(i); s.Is(elf.SHT_RELA) && int(s.Info) == p.section(".text").Index {
				n++
			}
		}
		if n != c.added {
			t.Errorf("%s: %d sections of relocations were added", c.name, n)
		}
		again(t, c.name, gp, gp.Options)
	}
}
