// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"fmt"
	"strings"
	"testing"
)

// A leaf is a function without a frame of its own.
const leafMacros = `
	.macro leaf name
	.globl \name
	.type \name,@function
\name:	addis 2,12,.TOC.-\name@ha
	addi 2,2,.TOC.-\name@l
	.localentry \name,.-\name
	.endm
	.macro leafend name
	blr
	.size \name,.-\name
	.endm
	.macro part name
	.section .text.unlikely,"ax"
	.type \name,@function
\name:
	.endm
	.macro partend name
	.size \name,.-\name
	.text
	.endm
	.text
`

// TestFrame checks whether r1 points to a frame of the function, and whether
// the slot is entered: for each call, "frame" or "none", and "entered".
func TestFrame(t *testing.T) {
	tests := []struct {
		name, source string
		want         map[string]string
	}{
		{"frame", "begin f\n call c1\n finish f", map[string]string{"c1": "frame"}},
		{"leaf", "leaf f\n call c1\n leafend f", map[string]string{"c1": "none"}},
		{"popped", "begin f\n addi 1,1,112\n call c1\n finish f", map[string]string{"c1": "none"}},
		{"shrink-wrapped", "leaf f\n cmpdi 3,0\n beq 1f\n stdu 1,-64(1)\n call c1\n addi 1,1,64\n blr\n 1: call c2\n leafend f",
			map[string]string{"c1": "frame", "c2": "none"}},
		{"join with a path without one", "leaf f\n cmpdi 3,0\n beq 1f\n stdu 1,-64(1)\n 1: call c1\n leafend f",
			map[string]string{"c1": "none"}},
		{"a frame that is too small", "leaf f\n stdu 1,-16(1)\n call c1\n leafend f", map[string]string{"c1": "none"}},
		{"variable array given back", "begin f\n mr 9,1\n std 9,40(1)\n stdux 1,1,4\n call c1\n ld 10,40(31)\n mr 1,10\n call c2\n finish f",
			map[string]string{"c1": "frame", "c2": "frame"}},
		{"a copy of r1 on one path, a value of before on the other",
			"begin f\n mr 31,1\n cmpdi 3,0\n beq 1f\n ld 31,48(4)\n 1: stdux 1,1,5\n call c1\n mr 1,31\n call c2\n finish f",
			map[string]string{"c1": "frame", "c2": "frame"}},
		{"a copy of the caller's r1 on one path", "leaf f\n mr 31,1\n stdu 1,-112(1)\n cmpdi 3,0\n beq 1f\n ld 31,48(4)\n 1: mr 1,31\n call c1\n leafend f",
			map[string]string{"c1": "none"}},
		{"back chain", "begin f\n ld 1,0(1)\n call c1\n finish f", map[string]string{"c1": "none"}},
		{"part elsewhere", "begin f\n beq f.cold\n .L: call c1\n finish f\n part f.cold\n call c2\n b .L\n partend f.cold",
			map[string]string{"c1": "frame", "c2": "frame"}},
		{"part elsewhere, without an end", "begin f\n beq f.cold\n finish f\n part f.cold\n call c1\n partend f.cold",
			map[string]string{"c1": "frame"}},
		{"part of a leaf elsewhere", "leaf f\n beq f.cold\n .L: nop\n leafend f\n part f.cold\n call c1\n b .L\n partend f.cold",
			map[string]string{"c1": "none"}},
		{"part that somebody calls", "begin f\n beq f.cold\n bl f.cold\n finish f\n part f.cold\n call c1\n partend f.cold",
			map[string]string{"c1": "none"}},
		{"part whose address is somewhere", "begin f\n beq f.cold\n finish f\n part f.cold\n call c1\n partend f.cold\n .data\n .quad f.cold",
			map[string]string{"c1": "none"}},
		{"part that others may call", "begin f\n beq f.cold\n finish f\n part f.cold\n .globl f.cold\n call c1\n partend f.cold",
			map[string]string{"c1": "none"}},
		{"part of two", "begin f\n beq f.cold\n finish f\n leaf g\n beq f.cold\n leafend g\n part f.cold\n call c1\n partend f.cold",
			map[string]string{"c1": "none"}},
		{"part of a part", "begin f\n beq f.cold\n finish f\n part f.cold\n beq f.colder\n nop\n partend f.cold\n part f.colder\n call c1\n partend f.colder",
			map[string]string{"c1": "frame"}},
		{"part of a part, and so on", "begin f\n beq p1\n finish f\n" + chain(4), map[string]string{"c1": "frame"}},
		{"part of a part, and so on, too far", "begin f\n beq p1\n finish f\n" + chain(5), map[string]string{"c1": "none"}},
		{"part entered twice", "begin f\n beq f.cold\n bne f.cold\n finish f\n part f.cold\n call c1\n partend f.cold", map[string]string{"c1": "frame"}},
		{"part of two, each with a frame", "begin f\n beq f.cold\n finish f\n begin g\n beq f.cold\n finish g\n part f.cold\n call c1\n partend f.cold",
			map[string]string{"c1": "frame"}},
		{"part of two of two sections", "begin f\n beq f.cold\n finish f\n .section .text.g,\"ax\"\n begin g\n nop\n nop\n beq f.cold\n finish g\n part f.cold\n call c1\n partend f.cold",
			map[string]string{"c1": "frame"}},
		{"part with a local entry", "begin f\n beq f.cold\n finish f\n part f.cold\n .localentry f.cold,8\n nop\n nop\n call c1\n partend f.cold", map[string]string{"c1": "frame"}},
		{"part with a local entry that others may call",
			"begin f\n beq f.cold\n finish f\n part f.cold\n .globl f.cold\n .localentry f.cold,8\n nop\n nop\n call c1\n partend f.cold", map[string]string{"c1": "none"}},
		{"part entered at its local entry only", "begin f\n beq 1f\n finish f\n .type g,@function\n .localentry g,8\ng: nop\n nop\n1: call c1\n .size g,.-g", map[string]string{"c1": "frame"}},
		{"part that the leaf after it enters too", "begin f\n beq f.cold\n finish f\n part f.cold\n call c1\n .size f.cold,.-f.cold\n .type g,@function\ng: b f.cold\n nop\n partend g",
			map[string]string{"c1": "none"}},
		{"part of one that overlaps too many", "begin f\n beq f.cold\n" + nestedFunctions(16) + "\n part f.cold\n call c3\n partend f.cold", map[string]string{"c3": "none"}},
		{"part of one that ends after the code", "begin f\n beq f.cold\n blr\n .size f,.-f+100\n part f.cold\n call c1\n partend f.cold", map[string]string{"c1": "none"}},
		{"part whose first instruction branches to itself", "begin f\n beq f.cold\n finish f\n part f.cold\n .reloc .,R_PPC64_REL14,f.cold\n bdnz .\n call c1\n partend f.cold",
			map[string]string{"c1": "frame"}},
		{"part in the same section", "begin f\n beq 1f\n .L: call c1\n finish f\n .type g,@function\ng:\n1: call c2\n b .L\n .size g,.-g",
			map[string]string{"c1": "frame", "c2": "frame"}},
		{"back from a part and an alternative", "begin f\n beq f.cold\n .L: call c1\n finish f\n .section __ftr_alt_1,\"a\"\n b .L\n part f.cold\n call c2\n b .L\n partend f.cold",
			map[string]string{"c1": "frame", "c2": "frame"}},
		{"a call of a place of its own", "begin f\n .reloc .,R_PPC64_REL24,.L\n bl .\n nop\n.L: call c1\n finish f", map[string]string{"c1": "frame"}},
		{"the way back of another leaf", "begin f\n .L: call c1\n finish f\n leaf g\n b .L\n leafend g",
			map[string]string{"c1": "none"}},
		{"tail call to a leaf", "begin f\n addi 1,1,112\n b g.cold\n finish f\n part g.cold\n call c1\n partend g.cold",
			map[string]string{"c1": "none"}},
		{"symbol within", "begin f\n .globl inner\ninner: call c1\n finish f", map[string]string{"c1": "none"}},
		{"computed goto", "begin f\n addis 9,2,.L@toc@ha\n addi 9,9,.L@toc@l\n mtctr 9\n bctr\n .L: call c1\n finish f",
			map[string]string{"c1": "frame entered"}},
		{"computed goto of a leaf", "leaf f\n addis 9,2,.L@toc@ha\n addi 9,9,.L@toc@l\n mtctr 9\n bctr\n .L: call c1\n leafend f",
			map[string]string{"c1": "none"}},
		{"label without a goto", "begin f\n b 1f\n .L: call c1\n 1: finish f\n .data\n .quad .L", map[string]string{"c1": "none"}},
		{"no symbol, .eh_frame", ".cfi_startproc\n addis 2,12,.TOC.-.@ha\n addi 2,2,.TOC.-.@l\n call c1\n stdu 1,-64(1)\n call c2\n blr\n .cfi_endproc",
			map[string]string{"c1": "none", "c2": "frame"}},
		{"no size", "begin f\n call c1\n addi 1,1,112\n call c2\n blr\n .type g,@function\n g: call c3\n blr\n .size g,.-g",
			map[string]string{"c1": "frame", "c2": "none", "c3": "none"}},
		{"slot: branch", "begin f\n beq 1f\n c1: bl callee\n 1: nop\n call c2\n finish f", map[string]string{"c1": "frame entered", "c2": "frame"}},
		{"slot: branch of another section", "begin f\n c1: bl callee\n .L: nop\n finish f\n .section .text.x,\"ax\"\n b .L", map[string]string{"c1": "frame entered"}},
		{"slot: REL14", "begin f\n .reloc .,R_PPC64_REL14,.L\n beq 0\n c1: bl callee\n .L: nop\n finish f", map[string]string{"c1": "frame entered"}},
		{"slot: a symbol's place", "begin f\n c1: bl callee\n .globl back\nback: nop\n finish f", map[string]string{"c1": "frame entered"}},
		{"slot: its address", "begin f\n mtctr 9\n bctr\n c1: bl callee\n .L: nop\n finish f\n .data\n .quad .L", map[string]string{"c1": "none entered"}},
		{"slot: its distance", "begin f\n call c2\n c1: bl callee\n .L: nop\n finish f\n .section .rodata\n .quad .L-.", map[string]string{"c1": "frame entered"}},
		{"slot: __ex_table", "begin f\n 2: ld 3,0(3)\n c1: bl callee\n 1: nop\n call c2\n finish f\n .section __ex_table,\"a\"\n .long 2b-.,1b-.",
			map[string]string{"c1": "frame entered", "c2": "frame"}},
		{"slot: __jump_table", "begin f\n 2: nop\n c1: bl callee\n 1: nop\n call c2\n finish f\n .section __jump_table,\"aw\"\n .long 2b-.,1b-.\n .quad callee-.",
			map[string]string{"c1": "frame entered", "c2": "frame"}},
		{"slot: end of a feature section", "begin f\n 1: nop\n c1: bl callee\n 2: nop\n call c2\n finish f\n feature __ftr_fixup 1b 2b 3f 4f\n .section __ftr_alt_1,\"a\"\n 3: nop\n 4:",
			map[string]string{"c1": "frame entered"}},
		{"slot: in the text table", "begin f\n addis 9,2,.Lt@toc@ha\n addi 9,9,.Lt@toc@l\n lwax 10,9,3\n add 9,9,10\n mtctr 9\n bctr\n.Lt: .long .L-.Lt, .Lb-.Lt\n c1: bl callee\n.L: nop\n.Lb: call c2\n finish f",
			map[string]string{"c1": "none entered", "c2": "frame"}},
		{"slot: a computed branch somewhere", "begin f\n addis 9,2,.L@toc@ha\n addi 9,9,.L@toc@l\n mtctr 9\n bctr\n .L: nop\n call c1\n finish f",
			map[string]string{"c1": "frame entered"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := readObject(tt.name, assembleSource(t, leafMacros+tt.source))
			if err != nil {
				t.Fatal(err)
			}
			places := o.places()
			for name, want := range tt.want {
				p, ok := places[name]
				if !ok {
					t.Fatalf("no call %s", name)
				}
				// Only its own section is requested.
				m, err := Read(o.file, []int{p.sec})
				if err != nil {
					t.Fatal(err)
				}
				v := m.Prove(p.sec, []uint64{p.off})[0]
				got := "none"
				if v.Frame {
					got = "frame"
				}
				if v.Entered {
					got += " entered"
				}
				if got != want {
					t.Errorf("%s: %s, want %s (%s)", name, got, want, strings.TrimSpace(v.Reason))
				}
			}
		})
	}
}

// chain returns n parts, each a part of the one before. The last one has a call.
func chain(n int) string {
	var text strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&text, "part p%[1]d\n beq p%[2]d\n nop\n partend p%[1]d\n", i, i+1)
	}
	return text.String() + fmt.Sprintf("part p%[1]d\n call c1\n partend p%[1]d", n)
}

// TestFrameLimit analyses as much code for frames as the limit allows.
func TestFrameLimit(t *testing.T) {
	o, err := readObject("", assembleSource(t, leafMacros+".fill 64,4,0x60000000\n begin f\n beq f.cold\n finish f\n part f.cold\n call c1\n partend f.cold"))
	if err != nil {
		t.Fatal(err)
	}
	const size = 40 // of f
	p := o.places()["c1"]
	limit := maxAsked * uint64(len(o.file.Bytes()))
	for asked, want := range map[uint64]bool{0: true, limit - size: true, limit - size + 1: false} {
		o.m.asked = asked
		if v := o.m.Prove(p.sec, []uint64{p.off})[0]; v.Frame != want {
			t.Errorf("after %d bytes of %d: %v", asked, limit, v.Frame)
		}
	}
	if o.m.whole != nil {
		t.Error("the whole file was read again, although all its code was asked for")
	}
}
