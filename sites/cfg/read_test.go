// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// macros precedes every source: the start of a function that saves r2 or does
// not, and its end.
const macros = `
	.abiversion 2
	.macro begin name
	.globl \name
	.type \name,@function
\name:	addis 2,12,.TOC.-\name@ha
	addi 2,2,.TOC.-\name@l
	.localentry \name,.-\name
	mflr 0
	std 0,16(1)
	stdu 1,-112(1)
	.endm
	.macro finish name
	addi 1,1,112
	ld 0,16(1)
	mtlr 0
	blr
	.size \name,.-\name
	.endm
	.macro save
	std 2,24(1)
	.endm
	.macro call name
\name:	bl callee
	nop
	.endm
	.macro feature where from to alt altend
	.pushsection \where,"a"
	.balign 8
9:	.quad 1, 1
	.quad \from-9b
	.quad \to-9b
	.quad \alt-9b
	.quad \altend-9b
	.popsection
	.endm
	.text
`

// assembleSource makes an object. The caller may change its bytes.
func assembleSource(t testing.TB, source string) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(in, []byte(macros+source), 0o666); err != nil {
		t.Fatal(err)
	}
	build(t, tooltest.Path(t, "powerpc64le-linux-gnu-as"), "-mpower10", "-o", out, in)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// places returns the symbols of the object that mark calls, whose names end in
// a digit.
func (o *object) places() map[string]place {
	all := map[string]place{}
	for i := 1; i < o.file.NumSymbols(); i++ {
		s := o.file.Symbol(i)
		name := string(o.file.SymbolName(s))
		if s.Type() == elf.STT_NOTYPE && s.Bind() == elf.STB_LOCAL && name != "" && strings.ContainsAny(name[len(name)-1:], "0123456789") {
			all[name] = place{s.Section, s.Value}
		}
	}
	return all
}

// The exception table of a function, with a call-site table in an encoding, and
// one landing pad.
const exceptionTable = `
	.section .gcc_except_table,"a",@progbits
.Lsda:	.byte LPSTART
	.byte 0xff
	.byte ENC
	.uleb128 .Lend-.Lsites
.Lsites: VALUE .Lbegin-.Lf
	VALUE 8
	VALUE .Lpad-.Lf
	.uleb128 0
.Lend:	.text
`

func exceptions(lpstart, enc, value string) string {
	table := strings.NewReplacer("LPSTART", lpstart, "ENC", enc, "VALUE", value).Replace(exceptionTable)
	return `
.Lf:	.cfi_startproc
	.cfi_lsda 0x1b,.Lsda
	begin f
	save
.Lbegin: call c1
	b .Lout
.Lpad:	call c2
.Lout:	finish f
	.cfi_endproc` + table
}

// byHand returns two functions and an .eh_frame with an entry for the first.
func byHand(enc, at string) string {
	return `
		begin f
		save
		call c1
		finish f
		begin g
		save
		call c2
		finish g
		.section .eh_frame,"a",@progbits
	0:	.long 2f-1f
	1:	.long 0
		.byte 1
		.string "zR"
		.uleb128 4
		.sleb128 -8
		.byte 65, 1, ` + enc + `, 12, 1, 0
		.balign 4
	2:	.long 4f-3f
	3:	.long 3b-0b
	` + at + `
		.long f-.
		.long 40
		.byte 0
		.balign 4
	4:`
}

// TestRead tests the ways into a function, one by one.
func TestRead(t *testing.T) {
	const entered, landing = "it is not known what 24(r1) holds where the function is entered", "landing pad"
	const again = "the call at"
	tests := []struct {
		name, source string
		want         map[string]string // by the name of the call: the start of the reason, or "yes"
	}{
		{"save", "begin f\n call c1\n save\n call c2\n finish f",
			map[string]string{"c1": "no save", "c2": "yes"}},
		{"one entry", ".type f,@function\nf: stdu 1,-112(1)\n save\n call c1\n blr\n .size f,.-f",
			map[string]string{"c1": "the function has one entry"}},
		{"no symbol", "call c1\n .cfi_startproc\n stdu 1,-112(1)\n save\n call c2\n blr\n .cfi_endproc",
			map[string]string{"c1": "the extent of the function is unknown", "c2": "the function has one entry"}},
		{"symbol within", "begin f\n save\n call c1\n .globl inner\ninner: call c2\n finish f",
			map[string]string{"c1": "yes", "c2": entered}},
		{"label within", "begin f\n save\n call c1\ninner: call c2\n finish f",
			map[string]string{"c1": "yes", "c2": "yes"}},
		{"recursion", "begin f\n save\n bl f\n nop\n call c1\n finish f",
			map[string]string{"c1": "yes"}},
		{"branch from a function", "begin f\n save\n call c1\n.L: call c2\n finish f\n begin g\n beq .L\n finish g",
			map[string]string{"c1": "yes", "c2": entered}},
		{"branch from a section", "begin f\n save\n call c1\n.L: call c2\n finish f\n .section .text.unlikely,\"ax\"\n b .L",
			map[string]string{"c1": "yes", "c2": entered}},
		{"branch from an alternative", "begin f\n save\n call c1\n.L: call c2\n finish f\n .section __ftr_alt_1,\"a\"\n beq .L",
			map[string]string{"c1": "yes", "c2": entered}},
		{"function within", "begin f\n beq .L\n save\n .L:\n .type g,@function\n .localentry g,8\n g: .fill 2,4,0x60000000\n stdu 1,-64(1)\n save\n call c1\n .size g,.-g\n finish f",
			map[string]string{"c1": entered}},
		{"sixteen functions, one within another", "begin f\n save\n" + nestedFunctions(15),
			map[string]string{"c1": "the function has one entry: r2 may be its caller's", "c2": entered}},
		{"seventeen functions, one within another", "begin f\n save\n" + nestedFunctions(16),
			map[string]string{"c1": "too many functions overlap", "c2": "too many functions overlap"}},
		{"address in code", "begin f\n save\n addis 9,2,.L@toc@ha\n addi 9,9,.L@toc@l\n call c1\n.L: call c2\n finish f",
			map[string]string{"c1": "yes", "c2": entered}},
		{"address in data", "begin f\n save\n call c1\n.L: call c2\n finish f\n .data\n .quad .L",
			map[string]string{"c1": "yes", "c2": entered}},
		{"address nowhere", "begin f\n save\n call c1\n.L: call c2\n finish f\n .section .discard.x,\"a\"\n .quad .L\n .section .debug_x\n .quad .L",
			map[string]string{"c1": "yes", "c2": "yes"}},
		{"jump table", `
			begin f
			save
			call c1
			addis 9,2,.Ltab@toc@ha
			addi 9,9,.Ltab@toc@l
			lwax 10,9,3
			add 9,9,10
			mtctr 9
			bctr
		.La:	call c2
		.Lb:	call c3
			finish f
			.section .rodata
			.long 0
		.Ltab:	.long .La-.Ltab, .Lb-.Ltab`,
			map[string]string{"c1": "yes", "c2": "yes", "c3": "yes"}},
		{"jump table through .toc", `
			begin f
			save
			ld 9,.Lt@toc(2)
			lwax 10,9,3
			add 9,9,10
			mtctr 9
			bctr
		.La:	call c1
		.Lb:	call c2
			finish f
			.section .rodata
			.long 0
		.Ltab:	.long .La-.Ltab, .Lb-.Ltab
			.section .toc,"aw"
		.Lt:	.quad .Ltab`,
			map[string]string{"c1": "yes", "c2": "yes"}},
		{"jump table of another function", `
			begin f
			save
			call c1
			addis 9,2,.Ltab@toc@ha
			addi 9,9,.Ltab@toc@l
			mtctr 9
			bctr
		.La:	call c2
			finish f
			begin g
			addis 9,2,.Ltab@toc@ha
			finish g
			.section .rodata
		.Ltab:	.long .La-.Ltab, .Lout-.Ltab
			.text
		.Lout:	blr`,
			map[string]string{"c1": "yes", "c2": entered}},
		{"jump table of unknown base", "begin f\n save\n call c1\n.L: call c2\n finish f\n .section .rodata\n0: .long 1, .L-0b",
			map[string]string{"c1": "a table with an unknown base", "c2": "a table with an unknown base"}},
		{"jump table in the text", `
			begin f
			save
			addis 9,2,.Ltab@toc@ha
			addi 9,9,.Ltab@toc@l
			lwax 10,9,3
			add 9,9,10
			mtctr 9
			bctr
		.Ltab:	.long .La-.Ltab, .Lb-.Ltab
		.La:	call c1
		.Lb:	call c2
			finish f`,
			map[string]string{"c1": "yes", "c2": "yes"}},
		{"jump table in the text, not after its branch", `
			begin f
			save
			addis 9,2,.Ltab@toc@ha
			addi 9,9,.Ltab@toc@l
			mtctr 9
			b .Lgo
		.Ltab:	.long .La-.Ltab, .Lb-.Ltab
		.Lgo:	bctr
		.La:	call c1
		.Lb:	call c2
			finish f`,
			map[string]string{"c1": entered, "c2": entered}},
		{"computed goto by distances", `
			begin f
			save
			call c1
			addis 9,2,.Lbase@toc@ha
			addi 9,9,.Lbase@toc@l
			mtctr 9
			bctr
		.Lbase:	call c2
		.La:	call c3
			finish f
			.section .rodata
			.long .La-.Lbase`,
			map[string]string{"c1": "indirect branch", "c2": "indirect branch", "c3": "indirect branch"}},
		{"own address", "begin f\n save\n call c1\n bcl 20,31,.+4\n mflr 9\n mtctr 9\n bctr\n.L: call c2\n finish f\n .data\n .quad .L",
			map[string]string{"c1": "indirect branch", "c2": "indirect branch"}},
		{"__ex_table", "begin f\n.La: ld 3,0(3)\n save\n call c1\n.Lb: call c2\n finish f\n .section __ex_table,\"a\"\n .long .La-., .Lb-.",
			map[string]string{"c1": "yes", "c2": "path from"}},
		{"__ex_table of 12 bytes", "begin f\n.La: ld 3,0(3)\n save\n call c1\n.Lb: call c2\n finish f\n .section __ex_table,\"a\"\n .long .La-., .Lb-., 0\n .long .La-., .Lb-., 7",
			map[string]string{"c1": "yes", "c2": "path from"}},
		{"__ex_table of another form", "begin f\n.La: ld 3,0(3)\n save\n call c1\n.Lb: call c2\n finish f\n .section __ex_table,\"a\"\n .quad .La, .Lb",
			map[string]string{"c1": entered, "c2": entered}},
		{"__ex_table with an entry that was dropped", "begin f\n.La: ld 3,0(3)\n save\n call c1\n.Lb: call c2\n finish f\n .section __ex_table,\"a\"\n .long 0,0\n .reloc .-8, R_PPC64_NONE\n .reloc .-4, R_PPC64_NONE\n .long .La-., .Lb-.",
			map[string]string{"c1": "yes", "c2": "path from"}},
		{"__ex_table with an entry of another form", "begin f\n.La: ld 3,0(3)\n save\n call c1\n.Lb: call c2\n save\n.Lc: call c3\n save\n call c4\n finish f\n .section __ex_table,\"a\"\n .quad .Lc\n .long .La-., .Lb-.",
			map[string]string{"c1": "yes", "c2": "path from", "c3": entered, "c4": entered}},
		{"__jump_table", "begin f\n.La: nop\n save\n call c1\n.Lb: call c2\n finish f\n .section __jump_table,\"aw\"\n .long .La-., .Lb-.\n .quad callee-.",
			map[string]string{"c1": "yes", "c2": "path from"}},
		{"__jump_table, the branch is the default", "begin f\n.La: b .Lb\n b .Lc\n.Lb: save\n.Lc: call c1\n finish f\n .section __jump_table,\"aw\"\n .long .La-., .Lb-.\n .quad callee-.",
			map[string]string{"c1": "path from"}},
		{"feature section", "begin f\n 1: save\n 2: call c1\n .fill 2,4,0x60000000\n save\n call c2\n .fill 7,4,0x60000000\n call c3\n finish f\n feature __ftr_fixup 1b 2b 3f 3f\n .section __ftr_alt_1,\"a\"\n 3:",
			map[string]string{"c1": "path from", "c2": "yes", "c3": "yes"}},
		{"feature section that skips code", "begin f\n save\n 1: b 4f\n 2: li 2,0\n 4: call c1\n finish f\n feature __mmu_ftr_fixup 1b 2b 3f 3f\n .section __ftr_alt_1,\"a\"\n 3:",
			map[string]string{"c1": "r2 is changed"}},
		{"feature section with an alternative", "begin f\n save\n 1: nop\n 2: call c1\n save\n call c2\n finish f\n feature __ftr_fixup 1b 2b 3f 4f\n .section __ftr_alt_1,\"a\"\n 3: nop\n 4:",
			map[string]string{"c1": entered, "c2": entered}},
		{"places to patch", "begin f\n save\n 1: lwsync\n call c1\n save\n call c2\n finish f\n .section __lwsync_fixup,\"a\"\n 2: .quad 1b-2b",
			map[string]string{"c1": "the code at", "c2": "yes"}},
		{"landing pad, uleb128", exceptions("0xff", "1", ".uleb128"), map[string]string{"c1": "yes", "c2": landing}},
		{"landing pad, udata2", exceptions("0xff", "2", ".short"), map[string]string{"c1": "yes", "c2": landing}},
		{"landing pad, udata4", exceptions("0xff", "3", ".long"), map[string]string{"c1": "yes", "c2": landing}},
		{"landing pad, udata8", exceptions("0xff", "4", ".quad"), map[string]string{"c1": "yes", "c2": landing}},
		{"landing pad, sleb128", exceptions("0xff", "9", ".sleb128"), map[string]string{"c1": "yes", "c2": landing}},
		{"landing pad, sdata4", exceptions("0xff", "0xb", ".long"), map[string]string{"c1": "yes", "c2": landing}},
		{"landing pad, pcrel", exceptions("0xff", "0x1b", ".long"), map[string]string{"c1": "its exception table", "c2": "its exception table"}},
		{"a dropped relocation at a pointer of .eh_frame", byHand("0x1b", " .reloc ., R_PPC64_NONE"),
			map[string]string{"c1": "yes", "c2": "yes"}},
		{"two relocations of a pointer of .eh_frame", byHand("0x1b", " .reloc ., R_PPC64_REL32, .text"),
			map[string]string{"c1": "section \".eh_frame\"", "c2": "yes"}},
		{"an entry of .eh_frame of unknown encoding", byHand("0x2b", ""),
			map[string]string{"c1": "section \".eh_frame\"", "c2": "yes"}},
		{"landing pads from a place", exceptions("0x1b\n .long .Lf-.", "1", ".uleb128"), map[string]string{"c1": "yes", "c2": landing}},
		{"landing pads from an unknown place", exceptions("0x3b\n .long .Lf-.", "1", ".uleb128"), map[string]string{"c1": "its exception table", "c2": "its exception table"}},
		{"a call and then alloca", "begin f\n save\n call c1\n bl _setjmp\n nop\n call c2\n cmpdi 3,0\n beq 1f\n stdu 1,-64(1)\n call c3\n 1: finish f",
			map[string]string{"c1": again, "c2": again, "c3": again}},
		{"setjmp, and nothing that moves r1", "begin f\n save\n call c1\n bl _setjmp\n nop\n call c2\n finish f",
			map[string]string{"c1": "yes", "c2": "yes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := readObject(tt.name, assembleSource(t, tt.source))
			if err != nil {
				t.Fatal(err)
			}
			places := o.places()
			for name, want := range tt.want {
				p, ok := places[name]
				if !ok {
					t.Fatalf("no call %s", name)
				}
				v := o.m.Prove(p.sec, []uint64{p.off})[0]
				got := v.Reason
				if v.Proven {
					got = "yes"
				}
				if !strings.HasPrefix(got, want) {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// TestProveOrder proves calls of several functions in one call of Prove.
func TestProveOrder(t *testing.T) {
	o, err := readObject("", assembleSource(t, "begin f\n save\n call c1\n finish f\n begin g\n call c2\n save\n call c3\n finish g"))
	if err != nil {
		t.Fatal(err)
	}
	p := o.places()
	sec := p["c1"].sec
	all := o.m.Prove(sec, []uint64{p["c3"].off, p["c1"].off, p["c2"].off, p["c3"].off, 0, 1 << 40})
	for i, want := range []bool{true, true, false, true, false, false} {
		if all[i].Proven != want {
			t.Errorf("answer %d: %+v", i, all[i])
		}
	}
	if v := o.m.Prove(0, []uint64{8}); v[0].Proven {
		t.Errorf("in a section that was not read: %+v", v)
	}
}

// TestSaves tells the map about a call that saves r2.
func TestSaves(t *testing.T) {
	o, err := readObject("", assembleSource(t, "begin f\n call c1\n call c2\n finish f"))
	if err != nil {
		t.Fatal(err)
	}
	p := o.places()
	sec := p["c1"].sec
	if v := o.m.Prove(sec, []uint64{p["c2"].off})[0]; v.Proven {
		t.Errorf("%+v", v)
	}
	o.m.Saves(sec, p["c1"].off)
	if v := o.m.Prove(sec, []uint64{p["c2"].off})[0]; !v.Proven || v.At != p["c1"].off {
		t.Errorf("%+v", v)
	}
}

func TestHasLSDA(t *testing.T) {
	o, err := readObject("", assembleSource(t, exceptions("0xff", "1", ".uleb128")+"\n .cfi_startproc\n begin g\n call c3\n finish g\n .cfi_endproc"))
	if err != nil {
		t.Fatal(err)
	}
	p := o.places()
	for name, want := range map[string]bool{"c1": true, "c2": true, "c3": false} {
		if got := o.m.HasLSDA(p[name].sec, p[name].off); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	o.file = nil
	if !o.m.HasLSDA(0, 0) {
		t.Error("a section that was not read has none")
	}
}

// TestReadNothing reads a file without sites.
func TestReadNothing(t *testing.T) {
	b := assembleSource(t, "begin f\n finish f")
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, secs := range [][]int{nil, {0}, {-1, 1 << 30}} {
		m, err := Read(f, secs)
		if err != nil || len(m.secs) != 0 {
			t.Errorf("%v: %+v, %v", secs, m, err)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = Read(f, nil) }); n > 4 {
		t.Errorf("%v allocations", n)
	}
	if _, err := ReadImage(f, []int{1}, 0); err == nil {
		t.Error("ReadImage reads an object")
	}
}

// nestedFunctions is the rest of a function f, with a call in the middle of n inner
// functions and one after them.
func nestedFunctions(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, ".type g%[1]d,@function\ng%[1]d: nop\n", i)
	}
	text.WriteString("call c1\n")
	for i := range n {
		fmt.Fprintf(&text, ".size g%[1]d,.-g%[1]d\n nop\n", n-1-i)
	}
	return text.String() + "call c2\nfinish f"
}
