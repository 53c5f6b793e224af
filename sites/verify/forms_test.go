// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// formSites is the number of sites in testdata/forms.S: those in the two
// tables, and the unlisted calls to stubs.
const (
	formSites     = 17
	unlistedSites = 2
)

var inUser = Options{User: true}

// formCases are variants of forms.S as an object.
var formCases = []sourceCase{
	{name: "a callee that may be preempted", edits: []string{"\t.hidden f_hidden\n", ""}, opts: inUser},
	{name: "a slot that the linker writes", edits: []string{"\t.hidden f_hidden\n", "", `caller direct, 0, "bl f_hidden", nop`, `caller direct, 0, "bl f_hidden", addi 3,3,0`}, opts: inUser,
		want: []string{"v_direct+0x14: no slot follows the call, found .*, and r2 is not restored: "}},
	{name: "no slot after a callee that keeps r2", edits: []string{`caller direct, 0, "bl f_hidden", nop`, `caller direct, 0, "bl f_hidden", addi 3,3,0`}, opts: inUser},
	{name: "a protected callee", edits: []string{"\t.hidden f_hidden\n", "\t.protected f_hidden\n", `caller direct, 0, "bl f_hidden", nop`, `caller direct, 0, "bl f_hidden", addi 3,3,0`}, opts: inUser},
	{name: "a local callee", edits: []string{"direct, f_hidden", "direct, f_other", `caller direct, 0, "bl f_hidden", nop`, `caller direct, 0, "bl f_other", addi 3,3,0`}, opts: inUser},
	{name: "a callee in a module", edits: []string{"\t.hidden f_hidden\n", "", `caller direct, 0, "bl f_hidden", nop`, `caller direct, 0, "bl f_hidden", addi 3,3,0`}, opts: Options{Module: true},
		want: []string{"v_clobber+0x14: r2 is not restored: f_clobber may change r2", "v_kept+0x14: r2 is not restored: the key may come to hold"}},
	{name: "another unit's, in a module", opts: Options{Module: true},
		want: []string{"v_clobber+0x14: r2 is not restored: f_clobber may change r2", "v_kept+0x14: r2 is not restored: the key may come to hold"}},
	{name: "the key of another unit", edits: []string{"key got, ext\n", "\n"}, opts: inUser},
	{name: "a weak callee", edits: []string{`"bl ext", nop`, `"bl ext", nop` + "\n\t.weak ext"}, opts: inUser,
		want: []string{"v_foreign+0x14: calls ext, a weak undefined symbol: it may be NULL after the link"}},
	{name: "a tail call to a save stub", edits: []string{`caller save, 0, "bl __SCS__save"`, `caller save, 0, "b __SCS__save"`}, opts: inUser,
		want: []string{"v_save+0x14: a tail call, and nothing restores r2: the key may come to hold a function of another unit"}},
	{name: "a trampoline of another unit", edits: []string{`caller foreign, 0, "bl ext"`, `caller foreign, 0, "bl __SCT__foreign"`}, opts: inUser},
	{name: "a trampoline of another unit, of another key", edits: []string{`caller foreign, 0, "bl ext"`, `caller foreign, 0, "bl __SCT__direct"`}, opts: inUser,
		want: []string{"v_foreign+0x14: calls __SCT__direct, but the key holds ext"}},
	{name: "another unit's key, and no run time", edits: []string{"savestub save, null=1\n", "savestub save, null=1\nsavestub foreign\n", `caller foreign, 0, "bl ext"`, `caller foreign, 0, "bl __SCJ__foreign"`}, opts: Options{User: true, Runtime: None},
		want: []string{"v_foreign+0x14: r2 is not restored: the key holds a function that may be in another unit"}},
	{name: "a function on the way that may be preempted", edits: []string{"direct, f_hidden", "direct, f_single", `caller direct, 0, "bl f_hidden"`, `caller direct, 0, "bl x_jump"`,
		"\nfunc v_tail\n", "\nleaf x_jump\n\tli 2,0\n\tb f_single\nendfunc x_jump\nfunc v_tail\n"}, opts: inUser, want: []string{"v_direct+0x14: r2 is not restored: r2 is changed on the way"}},
	{name: "a branch over itself in padding", edits: []string{"\nfunc v_tail\n", "\n\t.balign 16\n\tb __SCS__save\nfunc v_tail\n"}, opts: inUser},

	{name: "an unlisted call to a trampoline by another name", edits: []string{"\nfunc v_tail\n", "\nfunc v_alias\n\tframe\n\tbl x_alias\n\tnop\n\tunframe\nendfunc v_alias\nfunc v_tail\n",
		"leaf __SCT__kept\n", "\t.type x_alias,@function\n\t.localentry x_alias,1\n\t.size x_alias,4\nx_alias:\nleaf __SCT__kept\n"}, opts: inUser, want: []string{"v_alias+0x14: calls __SCT__kept: nothing says that it was patched, or was meant to stay"}},
	{name: "a save in a call that both tables list, the kernel's first", edits: []string{"\t.text\n\nhiddenkey stack", "\t.section .static_call_sites,\"aw\",@progbits\n\t.text\n\nhiddenkey stack",
		"bl __SCS__again", "v_first: bl __SCS__again", "kernelentry kept\n", "kernelentry kept\n\t.pushsection static_call_sites,\"aw\"\n\t.long v_first-.,__SCJ__again-.\n\t.quad __SCK__again\n\t.section .static_call_sites,\"aw\"\n\t.long v_first-.,0\n\t.reloc .,R_PPC64_REL64,__SCK__again\n\t.quad 0\n\t.popsection\n"}, opts: inUser,
		want: []string{"v_twice+0x14: restores r2 without a save: no save of r2", "v_twice+0x1c: restores r2 without a save"}},
	{name: "two equal entries", edits: again("__SCJ__stack"), opts: inUser, want: []string{"v_stack+0x18: two entries name the site"}},
	{name: "an entry without an address of the stub", opts: inUser, do: func(d *mutableFile) { retype(d.rela("entry_stack", 4), elf.R_PPC64_ADDR32) }, want: []string{"+0x0: the address of the stub cannot be read"}},
	{name: "an entry without a key", opts: inUser, do: func(d *mutableFile) { retype(d.rela("entry_stack", 8), elf.R_PPC64_TPREL64) }, want: []string{"+0x0: the address of the key cannot be read"}},
	{name: "a kernel's entry without a key", opts: inUser, do: func(d *mutableFile) { retype(d.rela("entry_direct", 8), elf.R_PPC64_TPREL64) }, want: []string{"+0x0: the address of the key cannot be read"}},
	{name: "a kernel's entry of another type", opts: inUser, do: func(d *mutableFile) { retype(d.rela("entry_direct", 8), elf.R_PPC64_ADDR64) }, want: []string{"+0x0: the address of the key cannot be read"}},
	{name: "a stub between instructions", edits: []string{"entry stack, __SCJ__stack", "entry stack, __SCJ__stack+2"}, opts: inUser, want: []string{"v_stack+0x18: the entry's stub is __SCJ__stack+0x2, which is not code"}},
	{name: "part of an entry", edits: []string{"kernelentry direct\n", "kernelentry direct\n\t.pushsection static_call_sites,\"aw\"\n\t.quad 0\n\t.popsection\n"}, opts: inUser,
		want: []string{"+0x0: 0xb8 bytes are not a multiple of 16, the size of an entry"}},
}

// again gives v_stack a second entry.
func again(stub string) []string {
	return []string{"kernelentry direct\n", "kernelentry direct\n\t.pushsection static_call_sites,\"aw\"\n\t.long v_stack.site-., " + stub + "-.\n\t.quad __SCK__stack\n\t.popsection\n"}
}

func TestFormCases(t *testing.T) { testSource(t, "forms.S", formCases, nil) }

// formImages are variants of a program in which the linker gave its stubs
// names.
var formImages = []sourceCase{
	{name: "nothing", opts: inUser},
	{name: "two equal entries", edits: again("__SCJ__stack"), opts: inUser},
	{name: "two entries with stubs of their own", edits: append(again("x_stub"), "\nfunc v_tail\n", "\nx_stub: addis 12,2,__SCK__stack@toc@ha\n\tld 12,__SCK__stack@toc@l(12)\n\tmtctr 12\n\tbctr\nfunc v_tail\n"), opts: inUser},
	{name: "two entries, one with a wrong stub", edits: again("__SCJ__out"), opts: inUser, want: []string{"v_stack+0x18: the entry's stub __SCJ__out does not go through the key"}},
	{name: "a table that is cut", edits: []string{"v_data:\n", "\t.quad __stop_static_call_sites\nv_data:\n"}, opts: inUser,
		do:   func(d *mutableFile) { d.header("static_call_sites", shSize)[0] -= 16 },
		want: []string{"+0x0: the table ends at 0x.*, and __stop_static_call_sites is 0x"}},
	{name: "a table with its end", edits: []string{"v_data:\n", "\t.quad __stop_static_call_sites\nv_data:\n"}, opts: inUser},
	{name: "an unlisted call to a trampoline by another name", edits: []string{"\nfunc v_tail\n", "\nfunc v_alias\n\tframe\n\tbl x_alias\n\tnop\n\tunframe\nendfunc v_alias\nfunc v_tail\n",
		"leaf __SCT__kept\n", "\t.type x_alias,@function\n\t.localentry x_alias,1\n\t.size x_alias,4\nx_alias:\nleaf __SCT__kept\n"}, opts: inUser, want: []string{"v_alias+0x14: calls __SCT__kept: nothing says that it was patched, or was meant to stay"}},
	{name: "a key that has moved", opts: inUser, do: func(d *mutableFile) { d.add("entry_stack", 8, 8, 4) }, want: []string{"v_stack+0x18: the entry's key is at 0x.*, which is not a multiple of 8"}},
	{name: "a save by the linker", edits: []string{"bl __SCS__again\n\tld 2,24(1)", "bl ext\n\tnop"}, opts: inUser},
	{name: "a save by the linker without a restore", edits: []string{"bl __SCS__again\n\tld 2,24(1)", "bl ext\n\tnop"}, opts: inUser,
		do:   func(d *mutableFile) { d.word("v_twice.site", -4, ppc64.Nop) },
		want: []string{"v_twice+0x1c: restores r2 without a save"}},
	{name: "no branch to a save by the linker", edits: []string{"bl __SCS__again\n\tld 2,24(1)", "bl ext\n\tnop"}, opts: inUser,
		do: func(d *mutableFile) {
			w, _ := ppc64.Load(d.at("v_twice.site", -8), 0)
			d.word("v_twice.site", -8, w&(1<<26-1)|24<<26)
		},
		want: []string{"v_twice+0x1c: restores r2 without a save"}},
	{name: "an absolute branch that looks like one to a save by the linker", edits: []string{"bl __SCS__again\n\tld 2,24(1)", "bl ext\n\tnop"}, opts: inUser,
		do: func(d *mutableFile) {
			w, _ := ppc64.Load(d.at("v_twice.site", -8), 0)
			d.word("v_twice.site", -8, w|2)
		},
		want: []string{"v_twice+0x1c: restores r2 without a save"}},
	{name: "a save by the linker for a tail call", edits: []string{"bl __SCS__again\n\tld 2,24(1)", "bl ext\n\tnop"}, opts: inUser,
		do: func(d *mutableFile) {
			w, _ := ppc64.Load(d.at("v_twice.site", -8), 0)
			d.word("v_twice.site", -8, w&^1)
		},
		want: []string{"v_twice+0x1c: restores r2 without a save"}},
	{name: "a save by the linker in a listed call", edits: []string{"bl __SCS__again\n\tld 2,24(1)", "v_first: bl ext\n\tnop",
		"kernelentry kept\n", "kernelentry kept\n\t.pushsection static_call_sites,\"aw\"\n\t.long v_first-.,__SCJ__got-.\n\t.quad __SCK__got\n\t.popsection\n"}, opts: inUser,
		want: []string{"v_twice+0x14: restores r2 without a save: no save of r2", "v_twice+0x1c: restores r2 without a save"}},
	{name: "a stub of callers with another TOC pointer", edits: []string{"savestub again, patched=1\n", ownStub(), "bl __SCS__again\n\tld 2,24(1)", "ori 0,0,0\n\tnop",
		"entry twice", "\t.globl f_toc\n\t.type f_toc,@function\nf_toc: addis 2,12,(.TOC.-f_toc)@ha\n\taddi 2,2,(.TOC.-f_toc+16)@l\n\t.localentry f_toc,.-f_toc\n\tblr\n\t.size f_toc,.-f_toc\nentry twice"}, opts: inUser, want: []string{"v_twice+0x1c: restores r2 without a save"}},
	{name: "a stub of callers with another TOC pointer, of a function with two names", edits: []string{"savestub again, patched=1\n", ownStub(), "bl __SCS__again\n\tld 2,24(1)", "ori 0,0,0\n\tnop",
		"entry twice", "\t.globl f_toc, f_same\n\t.type f_same,@function\nf_same:\n\t.type f_toc,@function\nf_toc: addis 2,12,(.TOC.-f_toc)@ha\n\taddi 2,2,(.TOC.-f_toc+16)@l\n\t.localentry f_toc,.-f_toc\n\tblr\n\t.size f_toc,.-f_toc\n\tnop\n\t.size f_same,.-f_same\nentry twice"}, opts: inUser, want: []string{"v_twice+0x1c: restores r2 without a save"}},
	{name: "a stub of callers with a TOC pointer that there is not", edits: []string{"savestub again, patched=1\n", ownStub(), "bl __SCS__again\n\tld 2,24(1)", "ori 0,0,0\n\tnop"}, opts: inUser,
		want: []string{"v_twice+0x1c: restores r2 without a save", "__SCJ__again+0x0: the entry's stub __SCJ__again does not go through the key"}},
}

// ownStub is a second stub of the key, for callers whose TOC pointer is 16 bytes
// higher.
func ownStub() string {
	return "\t.pushsection .text.static_call,\"ax\"\n\t.balign 16\n\t.type __SCJ__again,@function\n__SCJ__again: nop\n\taddis 12,2,(__SCK__again-16)@toc@ha\n\tld 12,(__SCK__again-16)@toc@l(12)\n\tmtctr 12\n\tbctr\n\t.size __SCJ__again,.-__SCJ__again\n\t.popsection\n"
}

func TestFormImages(t *testing.T) {
	link := linking{dir: buildForms(t), words: []string{"-no-pie", "-Wl,--emit-stub-syms", "main.o", "ret0.o", "libext.so"}}
	testSource(t, "forms.S", formImages, &link)
}

// TestForms verifies every form in an object and in everything linked from it.
func TestForms(t *testing.T) {
	dir := buildForms(t)
	for _, name := range shapes() {
		r, err := check(readFile(t, filepath.Join(dir, name)), Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			t.Errorf("%s: %v", name, &r.Faults[i])
		}
		// Those that go through the key are out, got, pcout, save and kept.
		if r.Sites != formSites || r.Direct != 7 {
			t.Errorf("%s: %d sites, %d direct", name, r.Sites, r.Direct)
		}
	}
}

// TestStubs verifies calls that need every kind of stub.
func TestStubs(t *testing.T) {
	dir := buildForms(t)
	for _, name := range append(slices.Collect(maps.Keys(farLinks)), "far.o") {
		r, err := check(readFile(t, filepath.Join(dir, name)), Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			t.Errorf("%s: %v", name, &r.Faults[i])
		}
		if r.Sites != 7 || r.Direct != 7 {
			t.Errorf("%s: %d sites, %d direct", name, r.Sites, r.Direct)
		}
	}
}

// TestFormsRun runs the verified programs.
func TestFormsRun(t *testing.T) {
	dir := buildForms(t)
	for _, name := range append(slices.Collect(maps.Keys(farLinks)), "bfd.exe", "bfd.pie", "bfd.so", "lld.exe", "lld.pie", "lld.so") {
		execute(t, dir, "qemu-ppc64le", "-cpu", "power10", "-L", "/usr/powerpc64le-linux-gnu", "./"+name)
	}
}

// TestStripped removes symbols. Without any names a save cannot be proven, and
// only the first instructions of a callee show whether it preserves r2;
// everything else is right as before.
func TestStripped(t *testing.T) {
	dir := buildForms(t)
	for _, name := range shapes()[1:] {
		out := build(t, "verify-stripped-"+name, func(out string) {
			execute(t, dir, "powerpc64le-linux-gnu-strip", "-o", filepath.Join(out, "stripped"), name)
		})
		r, err := check(readFile(t, filepath.Join(out, "stripped")), Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Sites != formSites-unlistedSites { // the stubs have no names
			t.Errorf("%s: %d sites", name, r.Sites)
		}
		var unproven []string
		for i := range r.Faults {
			f := &r.Faults[i]
			if !strings.HasPrefix(f.What, "restores r2 without a save: ") {
				t.Errorf("%s: %v", name, f)
			}
			unproven = append(unproven, f.Symbol)
		}
		if len(unproven) == 0 && filepath.Ext(name) != ".so" {
			t.Errorf("%s: every save is proven without symbols", name)
		}
	}
}
