// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
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

// TestTargets has keys that hold something, or other things than functions.
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
		{"return 0", "key op, __static_call_return0\n", "return 0 __static_call_return0"},
		{"NULL", empty, "NULL"},
		{"NULL in .bss", ".globl __SCK__op\n.comm other,8\n.section .bss.x,\"aw\",@nobits\n.globl __SCK__op\n__SCK__op: .space 8\n.text\n", "NULL"},
		{"a number", strings.Replace(empty, "0", "16", 1), "key-constant"},
		{"a number by a relocation", reloc("0", "R_PPC64_ADDR64", "0x10"), "key-constant"},
		{"NULL by a relocation", reloc("0", "R_PPC64_ADDR64", "0"), "NULL"},
		{"a relocation that does nothing", reloc("0", "R_PPC64_NONE", "target"), "NULL"},
		{"half of it", reloc("0", "R_PPC64_ADDR32", "target"), "key-odd"},
		{"beside the place", reloc("4", "R_PPC64_ADDR64", "target"), "key-odd"},
		{"the last byte", reloc("7", "R_PPC64_ADDR64", "target"), "key-odd"},
		{"behind it", reloc("8", "R_PPC64_ADDR64", "target"), "NULL"},
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
