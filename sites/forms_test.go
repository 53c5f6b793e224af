// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// TestForms checks the choice for the only site of small sources: the form, the
// branch, the slot, and the table.
func TestForms(t *testing.T) {
	user := Options{Place: User}
	hiddenKey := ".hidden __SCK__op\n" + strings.Replace(selfTramp, "	.protected __SCT__op\n", "", 1)
	// inTable adds the site to the kernel's table.
	inTable := func(text string, flags int) string {
		return strings.Replace(text, "bl __SCT__op", ".Lsite: bl __SCT__op", 1) +
			fmt.Sprintf("	.section .static_call_sites,\"aw\"\n	.long .Lsite-.,0\n	.quad __SCK__op-.+%d\n	.text\n", flags)
	}
	with := func(o Options, f func(*Options)) Options { f(&o); return o }
	for _, c := range []struct {
		name, text string
		opts       Options
		want       string // form callee slot, and "listed"
	}{
		{"own target, save proven", savedFirst + foreignKey + ownTarget + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"own target, no save", caller + foreignKey + ownTarget + trampNull, user, "save-stub __SCS__op ld r2,24(r1)"},
		{"foreign target, save proven", savedFirst + foreignKey + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"foreign target, save proven, ld.bfd", savedFirst + foreignKey + trampNull, with(user, func(o *Options) { o.Linker = BFD }), "stack __SCJ__op ld r2,24(r1) listed"},
		{"foreign target, the trampoline's run time", savedFirst + foreignKey + "tramp op\n", with(user, func(o *Options) { o.Runtime = Trampoline }), "stack __SCJ__op ld r2,24(r1)"},
		{"hidden trampoline that takes r2", savedFirst + foreignKey + "tramp op\n.hidden __SCT__op\n", with(user, func(o *Options) { o.Runtime = Trampoline }), "stack __SCT__op ld r2,24(r1)"},
		{"NULL, save proven", savedFirst + "key op, 0\n" + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"return 0, save proven", savedFirst + "key op, __static_call_return0\n" + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"NULL, linked as such before", strings.Replace(listedBefore, "SITE", "nop", 1) + "key op, 0\n" + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"own target, linked as such before", strings.Replace(listedBefore, "SITE", "bl target", 1) + foreignKey + ownTarget + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"a call that may return twice, with another 24(r1)", twice + foreignKey + trampNull, user, "keep __SCT__op nop"},
		{"the same, of a trampoline elsewhere", twice + foreignKey, user, "save-stub __SCS__op ld r2,24(r1)"},
		{"the same, after a trampoline that changes r2", twice + foreignKey + selfTramp + ".localentry __SCT__op,1\n", user, "save-stub __SCS__op ld r2,24(r1)"},
		{"the same, module", twice + foreignKey + trampNull, Options{Place: Module}, "save-stub __SCS__op ld r2,24(r1) listed"},
		{"key elsewhere", caller + ".quad __SCK__op\n", user, "save-stub __SCS__op ld r2,24(r1)"},
		{"key nowhere", caller, user, "keep __SCT__op nop"},
		{"trampoline with its own TOC pointer", caller + foreignKey + selfTramp, with(user, func(o *Options) { o.Restore = []Form{Linker} }), "linker __SCT__op nop"},
		{"trampoline that takes r2", caller + foreignKey + trampNull, with(user, func(o *Options) { o.Restore = []Form{Linker} }), "keep __SCT__op nop"},
		{"trampoline with its own TOC pointer, module", caller + foreignKey + selfTramp, Options{Place: Module, Restore: []Form{Linker}}, "keep __SCT__op nop"},
		{"a call without a slot beside it", caller + "func other\nframe\nbl __SCT__op\nunframe\nendfunc other\n" + foreignKey + selfTramp, with(user, func(o *Options) { o.Restore = []Form{Linker} }), "keep __SCT__op nop"},
		{"a key with two names", strings.ReplaceAll(caller, "__op", "__other") + foreignKey + ".globl __SCK__other\n.set __SCK__other,__SCK__op\ntramp other\n", Options{}, "direct target nop listed"},
		{"module, own key", caller + foreignKey + trampNull, Options{Place: Module}, "save-stub __SCS__op ld r2,24(r1) listed"},
		{"module, own key, save proven", savedFirst + foreignKey + trampNull, Options{Place: Module}, "stack __SCJ__op ld r2,24(r1) listed"},
		{"module, own key and target, save proven", savedFirst + foreignKey + ownTarget + trampNull, Options{Place: Module}, "stack target ld r2,24(r1) listed"},
		{"module, own key, table without stubs", savedFirst + foreignKey + trampNull, Options{Place: Module, EntrySize: 8}, "stack __SCT__op ld r2,24(r1)"},
		{"module, own key, run time that patches trampolines", caller + foreignKey + trampNull, Options{Place: Module, Runtime: Trampoline}, "save-stub __SCS__op ld r2,24(r1)"},
		{"module, key of the kernel", caller + ".quad __SCK__op\n", Options{Place: Module}, "save-stub __SCS__op ld r2,24(r1) listed"},
		{"module, key of the kernel, save proven", savedFirst + ".quad __SCK__op\n", Options{Place: Module}, "stack __SCJ__op ld r2,24(r1) listed"},
		{"module, key of the kernel, run time that patches trampolines", caller + ".quad __SCK__op\n", Options{Place: Module, Runtime: Trampoline}, "keep __SCT__op nop"},
		{"module, key that the kernel keeps to itself", caller, Options{Place: Module}, "save-stub __SCS__op ld r2,24(r1) listed"},
		{"kernel image, table only", caller + foreignKey + ownTarget + trampNull, Options{TableOnly: true}, "keep __SCT__op nop listed"},
		{"kernel image, table only, key elsewhere", caller, Options{TableOnly: true}, "keep __SCT__op nop listed"},
		{"kernel image, PACA", caller + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "paca __SCT__op .long 0xe84d0010"},
		{"kernel image, PACA, trampoline elsewhere", caller, Options{Runtime: Trampoline, PACATOC: "16"}, "paca __SCT__op .long 0xe84d0010"},
		{"kernel image, PACA by a symbol", caller + ".globl offset\n.set offset, 0x28\n", Options{Runtime: Trampoline, PACATOC: "offset"}, "paca __SCT__op .long 0xe84d0028"},
		{"kernel image, before the PACA", ".section .init.text,\"ax\"\n" + caller, Options{Runtime: Trampoline, PACATOC: "16"}, "save-stub __SCS__op ld r2,24(r1)"},
		{"kernel image, real mode", strings.ReplaceAll(caller, "caller", "kvmppc_rm_caller"), Options{Runtime: Trampoline, PACATOC: "16"}, "save-stub __SCS__op ld r2,24(r1)"},
		{"tail call", tailCaller + foreignKey + trampNull, user, "keep __SCT__op "},
		{"tail call, shadow", tailCaller + foreignKey + trampNull, with(user, func(o *Options) { o.AllowShadow, o.ShadowStack = true, "top" }), "shadow __SCX__op "},
		{"tail call, shadow, exceptions", tailCaller + foreignKey + trampNull + ".section .gcc_except_table,\"a\"\n.long 0\n", with(user, func(o *Options) { o.AllowShadow, o.ShadowStack = true, "top" }), "keep __SCT__op "},
		{"tail call, shadow, kernel", tailCaller + foreignKey + trampNull, Options{Runtime: Trampoline, AllowShadow: true, ShadowStack: "top"}, "keep __SCT__op "},
		{"tail call, never changes, own target", tailCaller + foreignKey + ownTarget + trampNull, with(user, func(o *Options) { o.Runtime = None }), "direct target "},
		{"tail call, never changes, foreign target", tailCaller + foreignKey + trampNull, with(user, func(o *Options) { o.Runtime = None }), "keep __SCT__op "},
		{"no TOC, trampoline's run time", notocCaller + foreignKey + trampNull, with(user, func(o *Options) { o.Runtime = Trampoline }), "save-stub __SCN__op "},
		{"no TOC, repatched", notocCaller + foreignKey + trampNull, user, "save-stub __SCN__op  listed"},
		{"no TOC, repatched, NULL", notocCaller + "key op, 0\n" + trampNull, user, "save-stub __SCN__op  listed"},
		{"key of a library, nothing changes", caller + foreignKey, with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key of a library, nothing changes, whole program", caller + foreignKey, with(user, func(o *Options) { o.Runtime, o.WholeProgram = None, true }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key of a library, trampoline through the GOT", caller + foreignKey + strings.ReplaceAll(selfTramp, "@toc", "@got"), with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key and trampoline of a library", caller + foreignKey + "tramp op\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key that the unit's own trampoline loads", caller + foreignKey + trampNull, with(user, func(o *Options) { o.Runtime = None }), "direct target nop"},
		{"protected key", caller + foreignKey + ".protected __SCK__op\n" + trampNull, with(user, func(o *Options) { o.Runtime = None }), "direct target nop"},
		{"hidden key, trampoline of a library", caller + foreignKey + ".hidden __SCK__op\n" + "tramp op\n", with(user, func(o *Options) { o.Runtime = None }), "keep __SCT__op nop"},
		{"hidden key, trampoline of a library with its own TOC pointer", caller + foreignKey + ".hidden __SCK__op\n" + strings.Replace(selfTramp, "	.protected __SCT__op\n", "", 1), with(user, func(o *Options) { o.Runtime = None }), "linker __SCT__op nop"},
		{"hidden key, trampoline of a program by its data", caller + foreignKey + ".hidden __SCK__op\ntramp op\n.globl other\nother:\naddis 3,2,here@toc@ha\n.data\n.globl here\nhere: .quad 0\n", with(user, func(o *Options) { o.Runtime = None }), "direct target nop"},
		{"key and trampoline of a program by its calls", caller + foreignKey + "tramp op\nfunc other\nbl __SCT__op\nb caller\nendfunc other\n", with(user, func(o *Options) { o.Runtime = None }), "direct target nop"},
		{"a call with a slot shows no program", caller + foreignKey + "tramp op\nfunc other\nbl caller\nnop\nendfunc other\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"a call to what is hidden shows no program", caller + foreignKey + "tramp op\n.hidden other\nfunc other\nb other\nendfunc other\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key and trampoline of the kernel", caller + foreignKey + "tramp op\n", Options{Runtime: None}, "direct target nop"},
		{"merged key", caller + "	.section .data.m,\"awM\",@progbits,8\n__SCK__op: .quad 0\n.text\n" + trampNull, with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"weak target of the unit", savedFirst + "key op, target\n" + ".weak target\n.hidden target\n.type target,@function\ntarget: blr\n" + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"a branch to the slot", "func caller\nframe\ncmpdi 3,0\nbeq 1f\nbl __SCT__op\n1: nop\nunframe\nendfunc caller\n" + foreignKey + trampNull, user, "keep __SCT__op nop"},
		{"hidden key, trampoline of a library with its own TOC pointer, one entry point", strings.Replace(caller, "func", "leaf", 1) + foreignKey + hiddenKey, with(user, func(o *Options) { o.Runtime = None }), "keep __SCT__op nop"},
		{"hidden key, trampoline of a library with its own TOC pointer, no slot", "func caller\nframe\nbl __SCT__op\nli 3,0\nunframe\nendfunc caller\n" + foreignKey + hiddenKey, with(user, func(o *Options) { o.Runtime = None }), "keep __SCT__op "},
		{"hidden key, trampoline of a library with its own TOC pointer, a branch to the slot", "func caller\nframe\ncmpdi 3,0\nbeq 1f\nbl __SCT__op\n1: nop\nunframe\nendfunc caller\n" + foreignKey + hiddenKey, with(user, func(o *Options) { o.Runtime = None }), "keep __SCT__op nop"},
		{"hidden key, local trampoline", "	.section .text.t,\"ax\"\nlocaltramp op\n.text\n" + caller + foreignKey + ".hidden __SCK__op\n", with(user, func(o *Options) { o.Runtime = None }), "direct target nop"},
		{"hidden key, trampoline elsewhere", caller + foreignKey + ".hidden __SCK__op\n", with(user, func(o *Options) { o.Runtime = None }), "direct target nop"},
		{"local key, trampoline of a library", caller + "key op, target, local\n" + strings.Replace(selfTramp, "	.protected __SCT__op\n", "", 1), with(user, func(o *Options) { o.Runtime = None }), "linker __SCT__op nop"},
		{"a relocation of no call shows no program", caller + foreignKey + "tramp op\nfunc other\n.reloc .,R_PPC64_REL24,caller\nmflr 0\nendfunc other\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"a call to what is elsewhere shows no program", caller + foreignKey + "tramp op\nfunc other\nb elsewhere\nendfunc other\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"its trampoline shows no program", "func caller\nb __SCT__op\nnop\nendfunc caller\n" + foreignKey + "tramp op\n", with(user, func(o *Options) { o.Runtime = None }), "keep __SCT__op "},
		{"a variable by its section shows a program", caller + foreignKey + "tramp op\nfunc other\naddis 3,2,.data+16@toc@ha\nld 3,.data+16@toc@l(3)\nendfunc other\n.data\n.globl here\n.type here,@object\nhere: .quad 0\n.size here,8\n", with(user, func(o *Options) { o.Runtime = None }), "direct target nop"},
		{"the end of a variable shows no program", caller + foreignKey + "tramp op\nfunc other\naddis 3,2,.data+24@toc@ha\nld 3,.data+24@toc@l(3)\nendfunc other\n.data\n.globl here\n.type here,@object\nhere: .quad 0\n.size here,8\n.quad 0\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"what is before a variable shows no program", caller + ".data\n.quad 0\n.text\n" + foreignKey + "tramp op\nfunc other\naddis 3,2,.data@toc@ha\nld 3,.data@toc@l(3)\nendfunc other\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"a call of a local function beside a variable shows no program", caller + foreignKey + "tramp op\nfunc near, local\nblr\nendfunc near\n.globl here\n.type here,@object\nhere: .quad 0\n.size here,8\n.section .text.x,\"ax\"\nfunc other\nb near\nendfunc other\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"the high half of an address shows no program", caller + foreignKey + "tramp op\nfunc other\naddis 3,2,.data+16@toc@ha\nendfunc other\n.data\n.globl here\n.type here,@object\nhere: .quad 0\n.size here,8\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"an address by its section shows no program", caller + foreignKey + "tramp op\nfunc other\naddis 3,2,.data+16@toc@ha\naddi 3,3,.data+16@toc@l\nendfunc other\n.data\n.globl here\n.type here,@object\nhere: .quad 0\n.size here,8\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"a hidden variable shows no program", caller + foreignKey + "tramp op\nfunc other\naddis 3,2,here@toc@ha\nendfunc other\n.data\n.globl here\n.hidden here\nhere: .quad 0\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"the TOC shows no program", caller + foreignKey + "tramp op\nfunc other\naddis 3,2,here@toc@ha\nendfunc other\n.section .toc,\"aw\"\n.globl here\nhere: .quad 0\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"the GOT shows no program", caller + foreignKey + "tramp op\nfunc other\naddis 3,2,here@got@ha\nendfunc other\n.data\n.globl here\nhere: .quad 0\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"data shows no program", caller + foreignKey + "tramp op\n.data\n.globl here\nhere: .quad here\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},

		{"kernel image, PACA, one of two sources", ".file \"a.c\"\n.file \"prom_init.c\"\n" + caller + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "paca __SCT__op .long 0xe84d0010"},
		{"kernel image, PACA, a source that runs before it", ".file \"arch/powerpc/kernel/prom_init.c\"\n" + caller + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "save-stub __SCS__op ld r2,24(r1)"},
		{"kernel image, PACA, a local function of a source that runs before it", ".file \"prom_init.c\"\n" + strings.Replace(caller, "func caller", "func caller, local", 1) + ".file \"b.c\"\nleaf last, local\nblr\nendfunc last\n" + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "save-stub __SCS__op ld r2,24(r1)"},
		{"kernel image, PACA, no function", ".section .text.x,\"ax\"\nframe\nbl __SCT__op\nnop\nunframe\n" + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "keep __SCT__op nop"},
		{"kernel image, PACA, a section of its own", ".section .text.caller,\"ax\"\n" + caller + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "paca __SCT__op .long 0xe84d0010"},
		{"kernel image, PACA, the scheduler", ".section .sched.text,\"ax\"\n" + caller + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "paca __SCT__op .long 0xe84d0010"},
		{"kernel image, PACA, the first bytes", caller + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "0"}, "paca __SCT__op .long 0xe84d0000"},
		{"kernel image, PACA, trampoline of local entry 1", caller + foreignKey + trampNull + ".localentry __SCT__op,1\n", Options{Runtime: Trampoline, PACATOC: "16"}, "save-stub __SCS__op ld r2,24(r1)"},
		{"kernel image, PACA, other forms", caller + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16", Restore: []Form{Linker}}, "keep __SCT__op nop"},
		{"kernel image, PACA, proven", savedFirst + foreignKey + trampNull, Options{Runtime: Trampoline, PACATOC: "16"}, "stack __SCT__op ld r2,24(r1)"},

		{"linker, a slot that is no nop", strings.Replace(caller, "nop", "cror 31,31,31", 1) + foreignKey + selfTramp + ".localentry __SCT__op,1\n", with(user, func(o *Options) { o.Restore = []Form{Linker} }), "linker __SCT__op nop"},
		{"linker, already", caller + foreignKey + selfTramp + ".localentry __SCT__op,1\n", with(user, func(o *Options) { o.Restore = []Form{Linker} }), "linker __SCT__op nop"},
		{"linker, no frame", "func caller\nbl __SCT__op\nnop\nblr\nendfunc caller\n" + foreignKey + selfTramp, with(user, func(o *Options) { o.Restore = []Form{Linker} }), "keep __SCT__op nop"},
		{"save stub, no frame", "func caller\nbl __SCT__op\nnop\nblr\nendfunc caller\n" + foreignKey + selfTramp, with(user, func(o *Options) { o.Restore = []Form{SaveStub} }), "keep __SCT__op nop"},
		{"stack alone, no save", caller + foreignKey + trampNull, with(user, func(o *Options) { o.Restore = []Form{Stack} }), "keep __SCT__op nop"},
		{"save stub alone, save proven", savedFirst + foreignKey + trampNull, with(user, func(o *Options) { o.Restore = []Form{SaveStub} }), "save-stub __SCS__op ld r2,24(r1)"},
		{"no form, no TOC", notocCaller + foreignKey + trampNull, with(user, func(o *Options) { o.Restore = []Form{Stack} }), "keep __SCT__op "},
		{"shadow, other forms", tailCaller + foreignKey + trampNull, with(user, func(o *Options) { o.AllowShadow, o.ShadowStack, o.Restore = true, "top", []Form{Stack} }), "keep __SCT__op "},
		{"shadow, key nowhere", tailCaller, with(user, func(o *Options) { o.AllowShadow, o.ShadowStack = true, "top" }), "keep __SCT__op "},
		{"shadow, with a slot and no frame", "func caller\nbl __SCT__op\nnop\nblr\nendfunc caller\n" + foreignKey + trampNull, with(user, func(o *Options) { o.AllowShadow, o.ShadowStack = true, "top" }), "shadow __SCX__op nop"},

		{"module, listed without a stub", inTable(caller, 0) + foreignKey + trampNull, Options{Place: Module}, "keep __SCT__op nop"},
		{"module, listed without a stub, save proven", inTable(savedFirst, 0) + foreignKey + trampNull, Options{Place: Module}, "keep __SCT__op nop"},
		{"module, listed without a stub, no TOC", inTable(notocCaller, 0) + foreignKey + trampNull, Options{Place: Module}, "keep __SCT__op "},
		{"module, listed without a stub, run time that patches trampolines", inTable(caller, 0) + foreignKey + trampNull, Options{Place: Module, Runtime: Trampoline}, "save-stub __SCS__op ld r2,24(r1)"},
		{"kernel image, listed", inTable(caller, 0) + foreignKey + trampNull, Options{}, "direct target nop listed"},
		{"kernel image, another is listed", inTable(caller, 0) + strings.ReplaceAll(caller, "caller", "z") + foreignKey + trampNull, Options{}, "direct target nop listed"},
		{"kernel image, resolved and NULL", "localtramp op\n" + inTable(caller, 0) + "key op, 0, local\n", Options{}, "constant nop nop listed"},
		{"kernel image, constant without slot and TOC pointer", strings.Replace(inTable(notocCaller, 0), "bl __SCT__op@notoc", "nop", 1) + "key op, 0\n" + trampNull, Options{}, "constant nop  listed"},
		{"kernel image, in a group", ".section .text.g,\"axG\",@progbits,caller,comdat\n" + caller + ".text\n" + foreignKey + trampNull, Options{}, "keep __SCT__op nop"},
		{"module, in a group", ".section .text.g,\"axG\",@progbits,caller,comdat\n" + caller + ".text\n" + foreignKey + trampNull, Options{Place: Module}, "save-stub __SCS__op ld r2,24(r1)"},
		{"user space, in a linkonce section, save proven", ".section .gnu.linkonce.t.caller,\"ax\",@progbits\n" + savedFirst + ".text\n" + foreignKey + trampNull, user, "stack __SCT__op ld r2,24(r1)"},
		{"user space, in a group, save proven", ".section .text.g,\"axG\",@progbits,caller,comdat\n" + savedFirst + ".text\n" + foreignKey + trampNull, user, "stack __SCT__op ld r2,24(r1)"},
		{"key that code after its trampoline loads", caller + foreignKey + strings.Replace(strings.ReplaceAll(selfTramp, "@toc", "@got"), "	.popsection", "addis 12,2,__SCK__op@toc@ha\n	.popsection", 1), with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key that code before its trampoline loads", caller + foreignKey + strings.Replace(strings.ReplaceAll(selfTramp, "@toc", "@got"), "__SCT__op:", "addis 12,2,__SCK__op@toc@ha\n__SCT__op:", 1), with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key that another trampoline loads", caller + foreignKey + strings.ReplaceAll(selfTramp, "@toc", "@got") + strings.ReplaceAll(selfTramp, "__op", "__two") + "key two, target\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key of which its trampoline loads another place", caller + foreignKey + strings.ReplaceAll(selfTramp, "__SCK__op@toc", "__SCK__op+8@toc"), with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"key that only a stub of an earlier run loads", caller + foreignKey + strings.ReplaceAll(selfTramp, "@toc", "@got") + "	.section .text.unlikely.static_call,\"ax\"\n	.balign 16\n	.type __SCX__op,@function\n__SCX__op: addis 12,2,__SCK__op@toc@ha\nblr\n	.size __SCX__op,.-__SCX__op\n	.text\n", with(user, func(o *Options) { o.Runtime = None }), "save-stub __SCS__op ld r2,24(r1)"},
		{"after a call that stays", "func caller\nframe\nb 2f\n1: bl __SCT__op\nnop\nunframe\n2: cmpdi 3,0\nbeq 3f\nbl __SCT__op\n3: nop\nb 1b\nendfunc caller\n" + foreignKey + trampNull, user, "save-stub __SCS__op ld r2,24(r1)"},
		{"after a call to a stub", "func caller\nframe\nb 2f\n1: bl __SCT__op\nnop\nunframe\n2: bl __SCT__op\nnop\nb 1b\nendfunc caller\n" + foreignKey + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"module, local trampoline", "	.section .text.t,\"ax\"\nlocaltramp op\n.text\n" + caller + "key op, target, local\n.quad __SCK__op\n", Options{Place: Module}, "save-stub __SCS__op ld r2,24(r1) listed"},
		{"left for its target, in the kernel's table, save proven", strings.Replace(inTable(savedFirst, 0), "bl __SCT__op", "bl target", 1) + foreignKey + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"kernel image, left for its target, key elsewhere", strings.Replace(inTable(caller, 0), "bl __SCT__op", "bl other", 1), Options{}, "keep other nop listed"},
		{"kernel image, left for its target in the first relocation, key elsewhere", strings.Replace(inTable("leaf caller\nbl __SCT__op\nendfunc caller\n", 1), "bl __SCT__op", "b other", 1), Options{}, "keep other  listed"},
		{"hidden trampoline of local entry 1 that takes r2", savedFirst + foreignKey + "tramp op\n.hidden __SCT__op\n.localentry __SCT__op,1\n", with(user, func(o *Options) { o.Runtime = Trampoline }), "stack __SCJ__op ld r2,24(r1)"},
		{"hidden trampoline of local entry 1 that takes r2, without an entry of its own", savedFirst + foreignKey + ".pushsection .text.t,\"ax\"\n.globl __SCT__op\n.hidden __SCT__op\n.type __SCT__op,@function\n.localentry __SCT__op,1\n__SCT__op: addis 12,2,__SCK__op@toc@ha\nld 12,__SCK__op@toc@l(12)\nmtctr 12\nbctr\n.size __SCT__op,.-__SCT__op\n.popsection\n", with(user, func(o *Options) { o.Runtime = Trampoline }), "stack __SCJ__op ld r2,24(r1)"},
		{"hidden weak trampoline that takes r2", savedFirst + foreignKey + "tramp op\n.weak __SCT__op\n.hidden __SCT__op\n", with(user, func(o *Options) { o.Runtime = Trampoline }), "keep __SCT__op nop"},
		{"weak trampoline, weak key", caller + foreignKey + ".weak __SCK__op\n" + "tramp op\n.weak __SCT__op\n.hidden __SCT__op\n", with(user, func(o *Options) { o.Runtime = Trampoline }), "save-stub __SCS__op ld r2,24(r1)"},
		{"weak trampoline of the kernel image", caller + foreignKey + "tramp op\n.weak __SCT__op\n", Options{Runtime: Trampoline}, "keep __SCT__op nop"},
		{"trampoline in a group, key outside", caller + foreignKey + ".section .text.g,\"axG\",@progbits,__SCT__op,comdat\ntramp op\n.protected __SCT__op\n.text\n", with(user, func(o *Options) { o.Runtime = None }), "keep __SCT__op nop"},
		{"key that is read-only after the start", savedFirst + roKey("d.data.rel.ro") + trampNull, user, "stack __SCT__op ld r2,24(r1)"},
		{"key that is read-only after the start, in a section of its own", savedFirst + roKey("d.data.rel.ro.op") + trampNull, user, "stack __SCT__op ld r2,24(r1)"},
		{"key that is read-only", savedFirst + roKey("a.rodata.op") + trampNull, user, "stack __SCT__op ld r2,24(r1)"},
		{"key of a section with a similar name", savedFirst + roKey("d.data.relrow") + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"hidden trampoline with its own TOC pointer", savedFirst + foreignKey + strings.Replace(selfTramp, "protected", "hidden", 1), with(user, func(o *Options) { o.Runtime = Trampoline }), "stack __SCJ__op ld r2,24(r1)"},
		{"kernel image, local key by its section", "key other, 0, local\nkey op, target, local\nlocaltramp op\n" + inTable(caller, 0), Options{}, "direct target nop listed"},
		{"a trampoline that is the first global symbol", ".globl __SCT__op\n" + caller + strings.ReplaceAll(tailCaller, "caller", "second") + foreignKey + trampNull, user, "save-stub __SCS__op ld r2,24(r1)"},
		{"a target that is the first global symbol", ".globl target\n" + caller + foreignKey + trampNull, Options{}, "direct target nop listed"},
		{"keys elsewhere and here", caller + "bl __SCT__two\nnop\n.quad __SCK__op\nkey two, target\n", Options{}, "keep __SCT__op nop listed"},
		{"local trampoline of another section, save proven", "	.section .text.t,\"ax\"\nnop\nlocaltramp op\n.text\n" + savedFirst + "key op, target, local\n.quad __SCK__op\n", with(user, func(o *Options) { o.Runtime = Trampoline }), "stack __SCT__op ld r2,24(r1)"},
		{"local trampoline, in the kernel's table, save proven", "localtramp op\n" + inTable(savedFirst, 0) + "key op, target, local\n.quad __SCK__op\n", user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"a site that only the table names, save proven", strings.Replace(listedBefore, "SITE", "bl target", 1) + foreignKey + trampNull, with(user, func(o *Options) { o.Runtime = Trampoline }), "stack __SCJ__op ld r2,24(r1)"},
		{"no TOC, constant in user space's table", noTOCListed + "key op, 0\n" + trampNull, user, "save-stub __SCN__op  listed"},
		{"a stub that the table does not name", strings.NewReplacer("SITE", "bl __SCJ__op", "	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n", "").Replace(listedBefore) + foreignKey + trampNull, user, "stack __SCJ__op ld r2,24(r1) listed"},
		{"one entry point", "leaf caller\nframe\nbl __SCT__op\nnop\nunframe\nendfunc caller\n" + foreignKey + trampNull, user, "keep __SCT__op nop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := plan(assemble(t, c.text), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			d := &p.Decisions[0]
			callee := p.CalleeName(0)
			if callee == "" {
				callee = d.Word.String()
			}
			slot := ""
			if p.Object.Sites[0].Slot != SlotNone {
				slot = d.Slot.String()
			}
			got := d.Form.String() + " " + callee + " " + slot
			if d.Listed {
				got += " listed"
			}
			if got != c.want {
				t.Errorf("%q, want %q (%s)", got, c.want, d.Why())
			}
			again(t, c.name, p, c.opts)
		})
	}
}

// TestModuleSaveBehindStub tests a call to a stub, followed by a save for the
// next call. That the slot of the first call is a restore does not weaken the
// proof.
func TestModuleSaveBehindStub(t *testing.T) {
	text := "func caller\nframe\nbl __SCT__op\nnop\nstd 2,24(1)\nbl __SCT__op\nnop\nunframe\nendfunc caller\n" + foreignKey + trampNull
	for _, opts := range []Options{{Place: Module}, {Place: User, Runtime: Trampoline}} {
		p, err := plan(assemble(t, text), opts)
		if err != nil {
			t.Fatal(err)
		}
		if p.Decisions[0].Form != SaveStub || p.Decisions[1].Form != Stack {
			t.Fatalf("forms are %s and %s", p.Decisions[0].Form, p.Decisions[1].Form)
		}
		again(t, "the same options", p, opts)
		second, err := plan(apply(t, p), opts)
		if err != nil {
			t.Fatal(err)
		}
		if second.Decisions[1].Form != Stack {
			t.Errorf("%v: the second call is %s in a second run", opts.Place, second.Decisions[1].Form)
		}
	}
}

// TestStays tests a call that stays on its stub, which saves r2 for the next call. The
// save would not count if the call could become another one.
func TestStays(t *testing.T) {
	text := "func first\nb __SCT__op\nendfunc first\nfunc caller\nframe\nbl ENTRY\nbl __SCT__op\nnop\nunframe\nendfunc caller\n" +
		listedBefore[strings.Index(listedBefore, "	.section .text.unlikely"):strings.Index(listedBefore, "	.section static_call_sites")] +
		"	.text\n" + foreignKey + trampNull
	for _, c := range []struct {
		entry string
		opts  Options
		want  []Form // including that of the tail call before
	}{
		{"__SCS__op\nld 2,24(1)\nstd 2,24(1)", Options{Restore: []Form{Stack, Shadow}, AllowShadow: true, ShadowStack: "top"}, []Form{Shadow, Shadow, Stack}},
		{"__SCS__op\nld 2,24(1)", Options{Restore: []Form{Stack}}, []Form{Keep, Keep, Stack}},
		{"__SCS__op\nld 2,24(1)", Options{Restore: []Form{Stack, Shadow}, AllowShadow: true, ShadowStack: "top"}, []Form{Shadow, Shadow, Shadow}},
		{"__SCS__op\nld 2,24(1)", Options{Restore: []Form{SaveStub}}, []Form{Keep, SaveStub, SaveStub}},
		{"__SCS__op\nld 2,24(1)", Options{}, []Form{Keep, SaveStub, Stack}},
		{"__SCT__op\nld 2,24(1)", Options{Restore: []Form{Stack}}, []Form{Keep, Keep, Keep}},
		{"__SCT__op\nld 2,24(1)", Options{}, []Form{Keep, SaveStub, Stack}},
	} {
		c.opts.Place, c.opts.Runtime = User, Trampoline
		p, err := plan(assemble(t, strings.Replace(text, "ENTRY", c.entry, 1)), c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := []Form{p.Decisions[0].Form, p.Decisions[1].Form, p.Decisions[2].Form}; !slices.Equal(got, c.want) {
			t.Errorf("%s, %v: %v, want %v", c.entry, c.opts.Restore, got, c.want)
		}
		again(t, c.entry, p, c.opts)
	}
}

// TestRestoreUnsaved tests a restore of something that was never saved, after which a
// save of r2 saves the wrong value, and a restore by the PACA.
func TestRestoreUnsaved(t *testing.T) {
	for _, c := range []struct {
		slot, paca string
		want       Form
	}{{"ld 2,24(1)", "16", PACA}, {"ld 2,16(13)", "16", Stack}, {"ld 2,32(13)", "16", PACA}, {"nop", "16", Stack}, {"ld 2,0(13)", "0", Stack}} {
		text := "func caller\nframe\nbl __SCT__op\n" + c.slot + "\nstd 2,24(1)\nbl __SCT__op\nnop\nunframe\nendfunc caller\n" + foreignKey + trampNull
		p, err := plan(assemble(t, text), Options{Runtime: Trampoline, PACATOC: c.paca})
		if err != nil {
			t.Fatal(err)
		}
		if d := &p.Decisions[1]; d.Form != c.want {
			t.Errorf("%s: the second call is %s, want %s", c.slot, d.Form, c.want)
		}
	}
}

// TestModuleSaveBehindDirect tests the same after the run time has made the first call
// direct. The table says whether its fallback is a stub that saves; if not, the restore
// has no save.
func TestModuleSaveBehindDirect(t *testing.T) {
	const save = "std 2,24(1)\n"
	for _, c := range []struct {
		call, save, entry string
		restore           []Form
		form              Form
	}{
		{"target", save, "__SCS__op", nil, Stack},
		{"target", save, "__SCJ__op", nil, SaveStub},
		{"__SCS__op", save, "__SCS__op", nil, Stack},
		{"__SCS__op", "", "__SCS__op", nil, SaveStub},
		{"__SCS__op", "", "__SCS__op", []Form{Stack}, Keep}, // the run time may remove that call
		{"__SCS__op", save, "__SCS__op", []Form{Stack}, Stack},
	} {
		text := "func caller\nframe\n.Lsite: bl " + c.call + "\nld 2,24(1)\n" + c.save + "bl __SCT__op\nnop\nunframe\nendfunc caller\n" + foreignKey + trampNull + `
	.section .text.unlikely.static_call,"ax",@progbits
	.balign 16
	.type __SCS__op,@function
	.type __SCJ__op,@function
__SCS__op:
	std 2,24(1)
__SCJ__op:
	addis 12,2,__SCK__op@toc@ha
	ld 12,__SCK__op@toc@l(12)
	mtctr 12
	bctr
	.size __SCS__op,.-__SCS__op
	.size __SCJ__op,.-__SCJ__op
	.section .static_call_sites,"aw"
	.long .Lsite-.,` + c.entry + `-.
	.quad __SCK__op-.
	.text
`
		p, err := plan(assemble(t, text), Options{Place: Module, Restore: c.restore})
		if err != nil {
			t.Fatal(err)
		}
		if d := &p.Decisions[1]; d.Form != c.form {
			t.Errorf("%+v: the second call is %s", c, d.Form)
		}
	}
}

// TestLostSave patches an object so that one call's stub saves r2 for the next
// call, and then again with options by which the first call would leave its
// stub.
func TestLostSave(t *testing.T) {
	text := "func caller\nframe\nbl __SCT__op\nnop\nbl __SCT__other\nnop\nunframe\nendfunc caller\n" +
		foreignKey + trampNull + ".section .discard.x,\"aw\"\n.quad __SCK__other\n"
	opts := Options{Place: User, Runtime: Trampoline}
	p, err := plan(assemble(t, text), opts)
	if err != nil {
		t.Fatal(err)
	}
	if p.Decisions[0].Form != SaveStub || p.Decisions[1].Form != Stack {
		t.Fatalf("forms are %s and %s", p.Decisions[0].Form, p.Decisions[1].Form)
	}
	out := apply(t, p)
	again(t, "the same options", p, opts)
	_, err = plan(out, Options{Place: User, Runtime: None, Restore: []Form{Linker}})
	if err == nil || !strings.Contains(err.Error(), "the site restores r2, and what saved it before the call would be removed") {
		t.Errorf("error is %v", err)
	}
	// With the stub allowed, the second call saves.
	p, err = plan(out, Options{Place: User, Runtime: None})
	if err != nil {
		t.Fatal(err)
	}
	if p.Decisions[0].Form != Direct || p.Decisions[1].Form != SaveStub {
		t.Errorf("forms are %s and %s", p.Decisions[0].Form, p.Decisions[1].Form)
	}
	apply(t, p)
}

// TestLostSaveFirst does the same to an object whose first trampoline is the stub's entry.
func TestLostSaveFirst(t *testing.T) {
	text := strings.NewReplacer("std 2,24(1)\n.Lsite", ".Lsite", "SITE", "bl __SCJ__op").Replace(listedBefore) + foreignKey + trampNull
	f, err := elfrw.New(assemble(t, text))
	if err != nil {
		t.Fatal(err)
	}
	o, err := Find(f)
	if err != nil || o.Sites[0].Tramp != 0 || o.Tramps[0].Entry != StubJump {
		t.Fatalf("%v, %v", o, err)
	}
	_, err = MakePlan(o, Options{Place: User, Runtime: Trampoline, Restore: []Form{Linker}})
	if err == nil || !strings.Contains(err.Error(), "what saved it before the call would be removed") {
		t.Errorf("error is %v", err)
	}
}

// TestModuleDirect tests a call without a TOC pointer of a module that becomes direct: its
// entry names no stub.
func TestModuleDirect(t *testing.T) {
	p, err := plan(assemble(t, notocCaller+"key op, target, local\n"+ownTarget+trampNull), Options{Place: Module})
	if err != nil {
		t.Fatal(err)
	}
	if d := &p.Decisions[0]; d.Form != Direct || !d.Listed || len(p.Stubs) != 0 {
		t.Errorf("%v, listed: %v, %d stubs", d.Form, d.Listed, len(p.Stubs))
	}
	again(t, "direct", p, p.Options)
}

// TestTrampolineGetsLocalEntry checks the symbol that the form linker changes.
func TestTrampolineGetsLocalEntry(t *testing.T) {
	p, err := plan(assemble(t, caller+foreignKey+selfTramp), Options{Place: User, Restore: []Form{Linker}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.New(apply(t, p))
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		if name := f.SymbolName(s); s.Other>>5 != 0 != (bytes.Equal(name, []byte("__SCT__op")) || bytes.Equal(name, []byte("caller"))) {
			t.Errorf("%s has st_other 0x%x", name, s.Other)
		} else if bytes.Equal(name, []byte("__SCT__op")) && s.Other>>5 != 1 {
			t.Errorf("%s has st_other 0x%x, want local entry 1", name, s.Other)
		}
	}
}

// TestShortcuts checks that a stub is added to the table if the run time may replace
// its nop by a branch and the table does not have it yet.
func TestShortcuts(t *testing.T) {
	before := strings.Replace(listedBefore, "SITE", "bl target", 1)
	alone := strings.Replace(before, "	.long __SCJ__op-.,__SCJ__op-.\n	.quad __SCK__op\n", "", 1)
	for _, c := range []struct {
		name, text string
		opts       Options
		want       int
	}{
		{"a new stub", caller, Options{Place: User}, 1},
		{"a new stub of no use", caller, Options{Place: User, Runtime: Trampoline}, 0},
		{"a new stub, module", caller, Options{Place: Module}, 0},
		{"a stub of the table", before, Options{Place: User}, 0},
		{"a stub with a nop", alone, Options{Place: User}, 1},
		{"a stub without a nop", strings.Replace(alone, "__SCJ__op:\n	nop\n", "__SCJ__op:\n", 1), Options{Place: User}, 0},
		{"no TOC pointer", notocCaller, Options{Place: User}, 0},
		{"a stub with a nop, after a new one", "	.globl __SCT__first\nkey first, target\nfunc second\nframe\nbl __SCT__first\nnop\nunframe\nendfunc second\n" + alone, Options{Place: User}, 2},
		{"two sites of a key", caller + strings.ReplaceAll(savedFirst, "caller", "second"), Options{Place: User}, 1},
		{"two keys", caller + "func second\nframe\nbl __SCT__two\nnop\nunframe\nendfunc second\nkey two, target\n", Options{Place: User}, 2},
	} {
		p, err := plan(assemble(t, c.text+foreignKey+trampNull), c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.PatchableStubs) != c.want {
			t.Errorf("%s: %d, want %d", c.name, len(p.PatchableStubs), c.want)
		}
		again(t, c.name, p, c.opts)
	}
}

// TestUserTable reads the relocations of user space's table.
func TestUserTable(t *testing.T) {
	p, err := plan(assemble(t, savedFirst+foreignKey+ownTarget+trampNull), Options{Place: User})
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.New(apply(t, p))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := 1; i < f.NumSections(); i++ {
		sec := f.Section(i)
		if sec.Named(userTable) && (sec.Size != userEntrySize || sec.Entsize != userEntrySize || sec.Addralign != 8 || sec.Flags != uint64(elf.SHF_ALLOC|elf.SHF_WRITE)) {
			t.Errorf("section %+v", sec)
		}
		if sec.Named(layout.UserMark) && (sec.Size != 1 || sec.Entsize != 0 || sec.Flags != uint64(elf.SHF_ALLOC|elf.SHF_WRITE)) {
			t.Errorf("section %+v", sec)
		}
		// Each table is tied to its code and has an entry.
		if !sec.Is(elf.SHT_RELA) {
			continue
		}
		table, err := reloc.NewTable(sec.Data())
		if err != nil {
			t.Fatal(err)
		}
		of := f.Section(int(sec.Info))
		for i := range table.Len() {
			r := table.At(i)
			s := f.Symbol(int(r.Sym()))
			name := string(f.SymbolName(s))
			if s.Type() == elf.STT_SECTION {
				name = f.Section(s.Section).NameString()
			}
			if of.Named(userTable) || r.Type() == uint32(elf.R_PPC64_NONE) {
				got = append(got, of.NameString()+" "+r.TypeName()+" "+name)
			}
		}
	}
	slices.Sort(got)
	want := []string{
		".text R_PPC64_NONE static_call_sites",
		".text.unlikely.static_call R_PPC64_NONE static_call_mark", ".text.unlikely.static_call R_PPC64_NONE static_call_sites",
		"static_call_sites R_PPC64_ADDR64 __SCK__op", "static_call_sites R_PPC64_ADDR64 __SCK__op",
		"static_call_sites R_PPC64_REL32 .text",
		"static_call_sites R_PPC64_REL32 __SCJ__op", "static_call_sites R_PPC64_REL32 __SCS__op", "static_call_sites R_PPC64_REL32 __SCS__op",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// roKey returns a key in the section section[1:], writable if section[0] is d.
func roKey(section string) string {
	flags := map[byte]string{'d': "aw", 'a': "a"}[section[0]]
	return ".section " + section[1:] + ",\"" + flags + "\"\n.balign 8\n.globl __SCK__op\n.type __SCK__op,@object\n__SCK__op: .quad target, 0\n.size __SCK__op,16\n.text\n"
}
