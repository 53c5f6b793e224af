// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"
	"strings"
	"testing"
)

// TestTramps reads trampolines that differ from a known one in one respect.
func TestTramps(t *testing.T) {
	const (
		load = "addis 12,2,__SCK__op@toc@ha\nld 12,__SCK__op@toc@l(12)\n"
		jump = "mtctr 12\nbctr\n"
	)
	entry := func(st, code string) string {
		return "	.section .text.t,\"ax\"\n	.balign 64\n	.globl __SCT__op\n	.type __SCT__op,@function\n__SCT__op:\n" +
			strings.Replace("	.localentry __SCT__op,N\n", "N", st, 1) + code + "	.size __SCT__op,.-__SCT__op\n"
	}
	global := func(code string) string {
		return entry("8", "addis 2,12,.TOC.-__SCT__op@ha\naddi 2,2,.TOC.-__SCT__op@l\n"+code)
	}
	sizeless := func(s string) string { return strings.Replace(s, "	.size __SCT__op,.-__SCT__op\n", "", 1) }
	for _, c := range []struct{ name, text, want string }{
		{"two entries", global(load + jump), "known caller 4"},
		{"two entries, NULL", global(load + "cmpdi 12,0\nbeqlr\n" + jump), "known caller returns 6"},
		{"one entry", entry("0", load+jump), "known caller 4"},
		{"local entry 1", entry("1", load+jump), "known caller 4"},
		{"no size, after other code", "	.section .text.t,\"ax\"\n	.rept 64\n	nop\n	.endr\n" + sizeless(entry("1", load+jump)), "known caller 4"},
		{"its own TOC pointer", selfTramp, "known own 10"},
		{"no TOC pointer", entry("1", "pld 12,__SCK__op@pcrel\n"+jump), "known own caller 3"},
		{"no TOC pointer, by an address", entry("1", "pla 12,__SCK__op@pcrel\nld 12,0(12)\n"+jump), "known own caller 4"},
		{"r12 as it comes", entry("0", jump), "known 2"},
		{"r12 by its caller's", entry("0", "ld 12,0(12)\n"+jump), "known 3"},
		{"r12 after it was loaded", entry("1", "li 12,0\nld 12,0(12)\n"+jump), "known own caller 4"},
		{"r12 as an index", entry("1", "li 11,0\nldx 12,11,12\n"+jump), "known 4"},
		{"r12 added", entry("1", "add 12,12,11\n"+jump), "known 3"},
		{"r2 as an index", entry("1", "li 12,0\nldx 12,12,2\n"+jump), "known caller 4"},
		{"r2 stored as an index", entry("1", "li 12,0\nstdx 11,12,2\n"+jump), "known stores 4"},
		{"r2 compared", entry("1", "li 12,0\ncmpd 2,12\n"+jump), "known caller 4"},
		{"r2 compared with", entry("1", "li 12,0\ncmpd 12,2\n"+jump), "known caller 4"},
		{"r12 compared with", entry("1", "cmpd 11,12\nli 12,0\n"+jump), "known 4"},
		{"r2 stored", entry("1", "pld 12,__SCK__op@pcrel\nstd 2,24(1)\n"+jump), "known 4"},
		{"r12 stored", entry("1", "std 12,-8(1)\npld 12,__SCK__op@pcrel\n"+jump), "known 4"},
		{"r11 stored in the stack", entry("1", "pld 12,__SCK__op@pcrel\nstd 11,-8(1)\n"+jump), "known own 4"},
		{"r11 stored elsewhere", entry("1", "pld 12,__SCK__op@pcrel\nstd 11,-8(3)\n"+jump), "known own stores 4"},
		{"r11 stored, by an index", entry("1", "pld 12,__SCK__op@pcrel\nstdx 11,1,3\n"+jump), "known own stores 4"},
		{"r11 stored, pc-relative", entry("1", "pld 12,__SCK__op@pcrel\npstd 11,__SCK__op@pcrel\n"+jump), "known own stores 4"},
		{"r11 stored, prefixed", entry("1", "pld 12,__SCK__op@pcrel\npstd 11,-8(1),0\n"+jump), "known own 4"},
		{"r1 changed", entry("1", "pld 12,__SCK__op@pcrel\naddi 1,1,0\n"+jump), "known own 4"},
		{"r2 changed", entry("1", "pld 12,__SCK__op@pcrel\nli 2,0\n"+jump), "known own 4"},
		{"r3 changed", entry("1", "pld 12,__SCK__op@pcrel\nli 3,0\n"+jump), "known own caller 4"},
		{"LR changed", entry("1", "pld 12,__SCK__op@pcrel\nmtlr 11\n"+jump), "known own 4"},
		{"LR read", entry("1", "pld 12,__SCK__op@pcrel\nmflr 11\n"+jump), "known own caller 4"},
		{"XER changed", entry("1", "pld 12,__SCK__op@pcrel\nmtxer 11\n"+jump), "known own caller 4"},
		{"an addition with the fields of LR", entry("1", "pld 12,__SCK__op@pcrel\nadd 11,8,0\n"+jump), "known own caller 4"},
		{"a branch that puts an address into LR", entry("1", "bcl 20,31,1f\n1: pld 12,__SCK__op@pcrel\n"+jump), "known own 4"},
		{"a branch over a word", entry("1", "bcl 20,31,1f\nnop\n1: pld 12,__SCK__op@pcrel\n"+jump), ""},
		{"a branch that puts no address into LR", entry("1", "bc 20,31,1f\n1: pld 12,__SCK__op@pcrel\n"+jump), ""},
		{"an absolute branch", entry("1", ".long 0x429f0007\npld 12,__SCK__op@pcrel\n"+jump), ""},
		{"a condition", entry("1", "beq 1f\n1: pld 12,__SCK__op@pcrel\n"+jump), ""},
		{"a jump", entry("1", "b target\n"), ""},
		{"a call", entry("1", "bl target\npld 12,__SCK__op@pcrel\n"+jump), ""},
		{"a call by CTR", entry("1", "pld 12,__SCK__op@pcrel\nmtctr 12\nbctrl\nblr\n"), ""},
		{"a call by CTR, in the middle", entry("1", "bctrl\npld 12,__SCK__op@pcrel\n"+jump), ""},
		{"a return", entry("1", "blr\n"+jump), ""},
		{"a return of NULL", entry("1", "pld 12,__SCK__op@pcrel\ncmpdi 12,0\nbeqlr\n"+jump), "known own caller returns 5"},
		{"a return that counts", entry("1", "pld 12,__SCK__op@pcrel\nbdnzlr\n"+jump), "known own caller returns 4"},
		{"a return that calls", entry("1", "pld 12,__SCK__op@pcrel\nbeqlrl\n"+jump), ""},
		{"nothing", entry("1", ""), ""},
		{"no jump", entry("1", "nop\n"), ""},
		{"no jump, and another function", entry("1", "nop\n") + "func other\nbctr\nendfunc other\n", ""},
		{"no size", sizeless(entry("1", "pld 12,__SCK__op@pcrel\n"+jump)), "known own caller 3"},
		{"no size, at the end", sizeless(entry("1", "nop\n")), ""},
		{"half an instruction", sizeless(entry("1", ".long 0x04100000\n")), ""},
		{"32 words", entry("1", "	.rept 31\nnop\n	.endr\nbctr\n"), "known own caller 32"},
		{"33 words", entry("1", "	.rept 32\nnop\n	.endr\nbctr\n"), ""},
		{"32 words, no size", sizeless(entry("1", "	.rept 31\nnop\n	.endr\nbctr\n")) + "nop\n", "known own caller 32"},
		{"33 words, no size", sizeless(entry("1", "	.rept 32\nnop\n	.endr\nbctr\n")), ""},
		{"data", strings.Replace(entry("1", jump), `.text.t,"ax"`, `.data.t,"aw"`, 1), ""},
		{"elsewhere", "", ""},
		{"a jump before the local entry", entry("8", "bctr\nnop\nli 12,0\n"+jump), "known own caller 3"},
		{"a jump before the local entry, and none after", entry("8", "bctr\nnop\nli 12,0\n"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := found(t, c.text+"	.text\nfunc other2\n.quad __SCT__op\nendfunc other2\n"+foreignKey)
			if err != nil {
				t.Fatal(err)
			}
			tramp := o.readTramp(0)
			got := ""
			for _, f := range []struct {
				is   bool
				name string
			}{{tramp.known, "known"}, {tramp.ownTOC, "own"}, {tramp.callerTOC, "caller"}, {tramp.stores, "stores"}, {tramp.returns, "returns"}} {
				if f.is {
					got += f.name + " "
				}
			}
			if tramp.steps > 0 {
				got += fmt.Sprint(tramp.steps)
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if jumps := tramp.known && !tramp.stores; o.onlyJumps(0) != jumps {
				t.Errorf("it only jumps: %v", !jumps)
			}
		})
	}
}

// TestNeverNull tests which keys may ever hold NULL, judging by their trampolines.
func TestNeverNull(t *testing.T) {
	stub := "	.section .text.unlikely.static_call,\"ax\"\n	.type __SCS__op,@function\n__SCS__op: std 2,24(1)\naddis 12,2,__SCK__op@got@ha\nld 12,__SCK__op@got@l(12)\nld 12,0(12)\nmtctr 12\nbctr\n	.size __SCS__op,.-__SCS__op\n	.text\n"
	also := func(tramp string) string {
		return strings.NewReplacer("__SCT__op", "__SCT__also", "tramp op", "tramp also").Replace(tramp)
	}
	null := strings.ReplaceAll(selfTramp, "mtctr 12", "cmpdi 12,0\nbeqlr\nmtctr 12")
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"no test", foreignKey + selfTramp, false},
		{"a test", foreignKey + null, true},
		{"NULL", "key op, 0\n" + selfTramp, true},
		{"return 0", "key op, __static_call_return0\n" + selfTramp, false},
		{"a key elsewhere", ".quad __SCK__op\n" + selfTramp, true},
		{"a trampoline elsewhere", foreignKey, true},
		{"a trampoline that is not known", foreignKey + strings.Replace(selfTramp, "	bctr\n", "	blr\n", 1), true},
		{"two, none tests", foreignKey + selfTramp + also(selfTramp), false},
		{"two, the first tests", foreignKey + null + also(selfTramp), true},
		{"two, the second tests", foreignKey + selfTramp + also(null), true},
		{"no test, and a stub of an earlier run", foreignKey + stub + selfTramp, false},
		{"a stub of an earlier run, and a trampoline elsewhere", foreignKey + stub, true},
		{"only a stub of an earlier run", foreignKey + stub, true},
	} {
		site := caller
		if strings.HasPrefix(c.name, "only ") {
			site = strings.Replace(caller, "__SCT__", "__SCS__", 1)
		}
		o, err := found(t, c.text+site)
		if err != nil {
			t.Fatal(err)
		}
		key := int(o.Sites[0].Key)
		if got := o.canBeNull(key); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		want := "__SCT__op" // the first of several
		if strings.HasPrefix(c.name, "only ") {
			want = ""
		}
		if tramp := o.name(o.trampoline(key)); tramp != want {
			t.Errorf("%s: the trampoline is %q", c.name, tramp)
		}
	}
}
