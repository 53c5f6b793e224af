// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// moduleText is a module with a site of a key of its own, whose save is proven, a site
// of a key that the kernel does not export, a site of a key that holds NULL, and tail
// calls in a caller without a TOC pointer.
const moduleText = `
	.abiversion 2
	.text
	.macro func name
	.globl \name
	.type \name,@function
\name:	addis 2,12,.TOC.-\name@ha
	addi 2,2,.TOC.-\name@l
	.localentry \name,.-\name
	.endm
	.macro frame
	mflr 0
	std 0,16(1)
	stdu 1,-32(1)
	.endm
	.macro unframe name
	addi 1,1,32
	ld 0,16(1)
	mtlr 0
	blr
	.size \name,.-\name
	.endm
	func f_own
	blr
	.size f_own,.-f_own
	func f_other
	blr
	.size f_other,.-f_other

	func v_own
	frame
	std 2,24(1) # save
own:	bl f_own
	ld 2,24(1) # slot
	unframe v_own
	func v_kernel
	frame
kernel:	bl __SCS__kernel
	ld 2,24(1) # slot of v_kernel
	unframe v_kernel
	func v_null
	frame
	std 2,24(1)
null:	nop # NULL
	ld 2,24(1)
	unframe v_null

	.globl v_notoc
	.type v_notoc,@function
	.localentry v_notoc,1
v_notoc:
	cmpdi 3,0
	beq 1f
notoc:	b __SCN__notoc@notoc
1:
notoc0:	blr # NULL
	.size v_notoc,.-v_notoc

	.macro stub name
	.balign 16
	.skip 12
	.long cell_\name - . # of \name
	.type __SCS__\name,@function
	.type __SCJ__\name,@function
__SCS__\name: std 2,24(1)
__SCJ__\name: ld 12,cell_\name@toc(2)
	mtctr 12
	bctr
	.size __SCS__\name,.-__SCS__\name
	.size __SCJ__\name,.-__SCJ__\name
	.endm
	stub own
	stub kernel
	stub null

	.balign 16
	.skip 12
	.long cell_notoc - .
	.type __SCN__notoc,@function
	.localentry __SCN__notoc,1
__SCN__notoc: pld 12,cell_notoc@pcrel
	mtctr 12
	bctr
	.size __SCN__notoc,.-__SCN__notoc
	.skip 8
	.long cell_null - .
	.type __SCN__null,@function
	.localentry __SCN__null,1
__SCN__null: pld 12,cell_null@pcrel
	mtctr 12
	bctr
	.size __SCN__null,.-__SCN__null

	.section .toc,"aw"
cell_notoc: .quad __SCT__notoc
cell_own: .quad __SCT__own
cell_kernel: .quad __SCT__kernel
cell_null: .quad __SCT__null
	.data
	.balign 8
	.globl __SCK__own, __SCK__null
__SCK__own: .quad f_own, 0
__SCK__null: .quad 0, 0

	.section .static_call_sites,"aw"
	.balign 8
	.long own-., __SCJ__own-.
	.quad __SCK__own-.
	.long kernel-., __SCS__kernel-.
	.quad __SCT__kernel-.
	.long null-., __SCJ__null-.
	.quad __SCK__null-.
	.long notoc-., __SCN__notoc-.
	.quad __SCT__notoc-.+1
	.long notoc0-., __SCN__null-.
	.quad __SCK__null-.+1
	.section .note.GNU-stack,"",@progbits
`

var moduleFaults = []struct {
	name       string
	edits      []string // pairs of old and new text
	site, what string   // empty if it is right
}{
	{"nothing", nil, "", ""},
	{"on the stub", []string{"own:	bl f_own", "own:	bl __SCJ__own"}, "", ""},
	{"on the stub that saves", []string{"own:	bl f_own", "own:	bl __SCS__own"}, "", ""},
	{"stub that saves, site on the other", []string{"own:	bl f_own", "own:	bl __SCJ__own", "__SCJ__own-.", "__SCS__own-."}, "", ""},
	{"a trampoline of its own", []string{"\tstub own\n", "\tstub own\n\t.globl __SCT__kernel\n\t.type __SCT__kernel,@function\n__SCT__kernel: blr\n\t.size __SCT__kernel,4\n"}, "", ""},
	{"a site after a stub that saves", []string{"own:	bl f_own", "nop", "ld 2,24(1) # slot of v_kernel\n", "ld 2,24(1)\n\tstd 2,24(1)\nown:	bl f_own\n\tld 2,24(1)\n"}, "", ""},
	{"save gone", []string{"std 2,24(1) # save", "nop"}, "v_own+0x18", "restores r2 without a save: no save of r2"},
	{"slot gone", []string{"ld 2,24(1) # slot\n", "nop\n"}, "v_own+0x18", "expected ld r2,24(r1) after the call, found nop"},
	{"slot gone after a stub", []string{"ld 2,24(1) # slot of v_kernel", "nop"}, "v_kernel+0x14", "expected ld r2,24(r1) after the call, found nop"},
	{"another function", []string{"own:	bl f_own", "own:	bl f_other"}, "v_own+0x18", "calls f_other (local entry), but the key holds f_own"},
	{"another key's stub", []string{"kernel:	bl __SCS__kernel", "kernel:	bl __SCS__own"}, "v_kernel+0x14", "calls __SCT__own, but the key holds"},
	{"past the save", []string{"kernel:	bl __SCS__kernel", "kernel:	bl __SCJ__kernel"}, "v_kernel+0x14", "restores r2 without a save: no save of r2"},
	{"way out past the save", []string{"__SCS__kernel-.", "__SCJ__kernel-."}, "v_kernel+0x14", "restores r2 without a save: no save of r2"},
	{"way out of another key", []string{"__SCJ__own-.", "__SCJ__null-."}, "v_own+0x18", "the cell of the entry's stub __SCJ__null holds __SCT__null, which is not the key's trampoline"},
	{"way out in data", []string{"__SCJ__own-.", "__SCK__own-."}, "v_own+0x18", "the entry's stub is __SCK__own, which is not code"},
	{"way out that is not a stub", []string{"__SCJ__own-.", "f_other-."}, "v_own+0x18", "the entry's stub f_other"},
	{"cell of another key", []string{"cell_kernel: .quad __SCT__kernel", "cell_kernel: .quad __SCT__null"}, "v_kernel+0x14", "holds __SCT__null, which is not the key's trampoline"},
	{"cell after the kernel's trampoline", []string{"cell_kernel: .quad __SCT__kernel", "cell_kernel: .quad __SCT__kernel+4"}, "v_kernel+0x14", "which is not the key's trampoline"},
	{"a stub without a symbol", []string{"kernel-., __SCS__kernel-.", "kernel-.\n\t.reloc .,R_PPC64_REL32,0\n\t.long 0"}, "+0x10", "the address of the key cannot be read"},
	{"half a distance to the key", []string{".quad __SCK__own-.", ".long __SCK__own-., 0"}, "+0x0", "the address of the key cannot be read"},
	{"a relocation that begins before the key", []string{"__SCK__own: .quad f_own", ".quad 0\n\t.reloc .-4,R_PPC64_ADDR64,f_other\n__SCK__own: .quad f_own"}, "v_own+0x18", "calls f_own (local entry), but the key holds something unknown here"},
	{"return 0", []string{"__SCK__null: .quad 0", "__SCK__null: .quad __static_call_return0", "null:	nop", "null:	li 3,0", "blr # NULL", "b __SCN__null@notoc"}, "", ""},
	{"after return 0", []string{"__SCK__null: .quad 0", "__SCK__null: .quad __static_call_return0+4", "null:	nop", "null:	li 3,0", "blr # NULL", "b __SCN__null@notoc"}, "v_null+0x18", "found li r3,0, but the key holds"},
	{"cell that is empty", []string{"cell_kernel: .quad __SCT__kernel", "cell_kernel: .quad 0"}, "v_kernel+0x14", "which is not the key's trampoline"},
	{"cell that the stub does not use", []string{".long cell_\\name - . # of \\name", ".long cell_own - ."}, "v_kernel+0x14", "the entry's stub __SCS__kernel does not go through its cell"},
	{"cell between two", []string{"cell_own: .quad", ".long 0; cell_own: .quad"}, "v_own+0x18", "no address of a cell comes before the entry's stub __SCJ__own"},
	{"another register, both times", []string{"__SCJ__\\name: ld 12,cell_\\name@toc(2)\n\tmtctr 12", "__SCJ__\\name: ld 11,cell_\\name@toc(2)\n\tmtctr 11"}, "v_own+0x18", "the entry's stub __SCJ__own jumps without the target's address in r12"},
	{"way out between instructions", []string{"__SCJ__own-.", "__SCJ__own-.+2"}, "v_own+0x18", "the entry's stub is __SCJ__own+0x2, which is not code"},
	{"a slot of no use", []string{"ld 2,24(1) # slot\n", "li 3,0\n"}, "v_own+0x18", "expected ld r2,24(r1) after the call, found"},
	{"no cell", []string{".long cell_\\name - . # of \\name", ".long 6"}, "v_own+0x18", "no address of a cell comes before the entry's stub __SCJ__own"},
	{"another save", []string{"__SCS__\\name: std 2,24(1)", "__SCS__\\name: std 3,24(1)"}, "v_kernel+0x14", "no address of a cell comes before the entry's stub __SCS__kernel|the entry's stub __SCS__kernel does not go through its cell"},
	{"another register", []string{"mtctr 12", "mtctr 11"}, "v_own+0x18", "the entry's stub __SCJ__own does not go through its cell"},
	{"li r3,0 for NULL", []string{"null:	nop", "null:	li 3,0"}, "v_null+0x18", "found li r3,0, but the key holds NULL"},
	{"a stub for callers with a TOC pointer", []string{"__SCN__notoc-.", "__SCJ__kernel-."}, "v_notoc+0x8", "the entry's stub __SCJ__kernel does not go through its cell"},
	{"a save of nothing", []string{"__SCN__notoc: pld", "__SCN__notoc: std 2,24(1); pld"}, "v_notoc+0x8", "the entry's stub __SCN__notoc saves something other than r2"},
	{"another key's cell", []string{"cell_notoc - .", "cell_own - ."}, "v_notoc+0x8", "the entry's stub __SCN__notoc does not go through its cell"},
	{"no tail call", []string{"notoc:	b ", "notoc:	bl "}, "v_notoc+0x8", "the entry says tail call true, found bl"},
	{"a caller with a TOC pointer", []string{".localentry v_notoc,1\n", ""}, "v_notoc+0xc", "the entry of a tail call cannot have a stub"},
	{"a tail call", []string{"own:	bl f_own", "own:	b f_own"}, "v_own+0x18", "the entry says tail call false, found b"},
}

// TestModuleFaults changes the source of a module.
func TestModuleFaults(t *testing.T) {
	tooltest.Path(t, gcc)
	for _, f := range moduleFaults {
		t.Run(f.name, func(t *testing.T) {
			b := assemble(t, strings.NewReplacer(f.edits...).Replace(moduleText))
			r, err := check(b, Options{Module: true})
			switch {
			case err != nil:
				t.Fatal(err)
			case f.what != "":
				wantFaultAmong(t, r, f.site, f.what)
			default:
				for i := range r.Faults {
					t.Errorf("%v", &r.Faults[i])
				}
				if r.Sites != 5 {
					t.Errorf("%d sites", r.Sites)
				}
			}
		})
	}
}

// TestLinkedModule wants a linked module recognized by its section.
func TestLinkedModule(t *testing.T) {
	b := assemble(t, moduleText+"\t.section .gnu.linkonce.this_module,\"aw\"\n\t.quad 0\n")
	r, err := check(b, Options{})
	if err != nil || len(r.Faults) > 0 || r.Sites != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := check(b, Options{User: true}); err == nil || err.Error() != "a linked kernel module cannot run in user space" {
		t.Errorf("%v", err)
	}
}

// wantFaultAmong wants a fault of a site with such a message among the faults.
func wantFaultAmong(t *testing.T, r *Report, site, what string) {
	t.Helper()
	for i := range r.Faults {
		if text := r.Faults[i].String(); strings.Contains(text, ": "+site+": ") && like(text, what) {
			return
		}
	}
	for i := range r.Faults {
		t.Logf("%v", &r.Faults[i])
	}
	t.Errorf("no fault %s: %s", site, what)
}
