// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestWays tests functions that compute the address of a place of their own,
// with the two halves in different blocks. The halves must be paired if control
// and the registers lead from one to the other.
func TestWays(t *testing.T) {
	// HIGH N puts the high part into rN, LOW N adds the low part to rN. A CALL
	// ends the straight run in which registers are known. @ is the number of
	// the function.
	tests := []struct {
		name, code string
		known      bool
	}{
		{"the same register", "HIGH 30\nCALL\nLOW 30", true},
		{"a parameter", "mr 30,3\nCALL\nLOW 30\nHIGH 3", false},
		{"overwritten", "HIGH 30\nCALL\nli 30,0\nCALL\nLOW 30", false},
		{"overwritten on one way", "HIGH 30\nCALL\ncmpdi 3,0\nbeq 1f\nli 30,0\nb 1f\n1: LOW 30", true},
		{"made afterwards", "CALL\nLOW 30\nHIGH 30", false},
		{"made afterwards, after many low parts that lead nowhere", "li 30,0\nCALL\n.rept 200\nld 4,32760(30)\n.endr\nLOW 30\nHIGH 30", false},
		{"made afterwards in a loop", "CALL\n1: LOW 30\nHIGH 30\nb 1b", true},
		{"copied", "HIGH 9\nmr 30,9\nCALL\nLOW 30", true},
		{"copied before", "mr 30,9\nHIGH 9\nCALL\nLOW 30", false},
		{"with an index", "HIGH 9\nCALL\nadd 9,9,10\nCALL\nLOW 9", true},
		{"in the frame", "HIGH 9\nstd 9,40(1)\nCALL\nld 10,40(1)\nLOW 10", true},
		{"a parameter in the frame", "std 9,40(1)\nHIGH 9\nCALL\nld 10,40(1)\nLOW 10", false},
		{"elsewhere in the frame", "HIGH 9\nstd 9,40(1)\nCALL\nld 10,48(1)\nLOW 10", false},
		{"after a branch that is not taken", "HIGH 30\ncmpdi 3,0\nbeq 1f\nCALL\n1: CALL\nLOW 30", true},
		{"after an indirect branch", "HIGH 30\nJUMP\nLOW 30", true},
		{"after an indirect branch, and overwritten", "HIGH 30\nli 30,0\nJUMP\nLOW 30", false},
		{"led to by an indirect branch, or the way before", "HIGH 30\nJUMP\nli 30,0\nCALL\nLOW 30", true},
		{"led to by nothing", "b 1f\nLOW 30\n1: HIGH 30", true},
		{"entered from elsewhere", "CALL\n.Lin@: LOW 30\nHIGH 30\n.pushsection .text.other,\"ax\"\nb .Lin@\n.popsection", true},
		{"entered by who has the address", "have .Lin@\nCALL\n.Lin@: LOW 30\nHIGH 30", true},
		{"with a part elsewhere", "cmpdi 3,0\nbeq f@.cold\nCALL\nLOW 30\nHIGH 30\n" +
			".pushsection .text.other,\"ax\"\n.type f@.cold,STT_FUNC\nf@.cold: trap\n.size f@.cold,.-f@.cold\n.popsection", true},
		{"for a part elsewhere", "HIGH 30\ncmpdi 3,0\nbeq f@.cold\n" +
			".pushsection .text.other,\"ax\"\n.type f@.cold,STT_FUNC\nf@.cold: LOW 30\ntrap\n.size f@.cold,.-f@.cold\n.popsection", true},
		{"for a part elsewhere, copied there", "HIGH 30\ncmpdi 3,0\nbeq f@.cold\n" +
			".pushsection .text.other,\"ax\"\n.type f@.cold,STT_FUNC\nf@.cold: mr 4,30\nCALL\nLOW 4\ntrap\n.size f@.cold,.-f@.cold\n.popsection", true},
		{"in a part elsewhere", "cmpdi 3,0\nbeq f@.cold\n.Lback@: LOW 30\n" +
			".pushsection .text.other,\"ax\"\n.type f@.cold,STT_FUNC\nf@.cold: HIGH 30\nb .Lback@\n.size f@.cold,.-f@.cold\n.popsection", true},
		{"in the part of a part elsewhere", "HIGH 30\ncmpdi 3,0\nbeq f@.cold\n" +
			".pushsection .text.other,\"ax\"\n.type f@.cold,STT_FUNC\nf@.cold: b f@.cold.1\n.size f@.cold,.-f@.cold\n" +
			".type f@.cold.1,STT_FUNC\nf@.cold.1: LOW 30\ntrap\n.size f@.cold.1,.-f@.cold.1\n.popsection", true},
		{"in a function elsewhere that goes on here", "CALL\n.Lin@: LOW 30\n" +
			".pushsection .text.other,\"ax\"\n.type g@,STT_FUNC\ng@: HIGH 30\nb .Lin@\n.size g@,.-g@\n.popsection", true},
		{"in a function elsewhere that ends in a call", "LOW 30\n" +
			".pushsection .text.other,\"ax\"\n.type g@,STT_FUNC\ng@: HIGH 30\nb .Lf@+8\n.size g@,.-g@\n.popsection", false},
		{"by the part of an unrelated function", "nop\n.pushsection .text.other,\"ax\"\n.type g@,STT_FUNC\ng@: HIGH 30\nb g@.cold\n.size g@,.-g@\n" +
			".type g@.cold,STT_FUNC\ng@.cold: LOW 30\ntrap\n.size g@.cold,.-g@.cold\n.popsection", false},
		{"by the part of an unknown function", "nop\n.pushsection .text.other,\"ax\"\n" +
			".type g@.cold,STT_FUNC\ng@.cold: HIGH 30\nCALL\nLOW 30\ntrap\n.size g@.cold,.-g@.cold\n.popsection", true},
		{"in a function elsewhere that it calls", "cmpdi 3,0\nbl f@.cold\nLOW 30\n" +
			".pushsection .text.other,\"ax\"\n.type f@.cold,STT_FUNC\nf@.cold: HIGH 30\nblr\n.size f@.cold,.-f@.cold\n.popsection", false},
		{"a landing pad", ".Lcall@: HIGH 30\nCALL\nb 1f\n.Lpad@: LOW 30\n1: nop", true},
		{"a landing pad, and overwritten", ".Lcall@: CALL\nb 1f\n.Lpad@: LOW 30\n1: HIGH 30", false},
		{"a call that may not return before a branch's target", "HIGH 30\ncmpdi 3,0\nbeq 1f\naddi 30,30,8\ncmpdi 4,0\nbeq 2f\n1: CALL\n2: LOW 30", false},
		{"such a call and padding", "HIGH 30\ncmpdi 3,0\nbeq 1f\naddi 30,30,8\ncmpdi 4,0\nbeq 2f\n1: CALL\nnop\nnop\n2: LOW 30", false},
		{"such a call, with a parameter at the branch", "mr 30,3\nbeq 2f\nHIGH 30\nCALL\n2: LOW 30", false},
		{"such a call, with the high part at the branch too", "HIGH 30\ncmpdi 3,0\nbeq 2f\nCALL\n2: LOW 30", true},
		{"such a call, with the high part at one of the branches", "HIGH 30\nbeq 2f\nbgt 1f\nli 30,0\nb 2f\n1: CALL\n2: LOW 30", true},
		{"such a call, with an index at the branch", "HIGH 30\nbeq 1f\nadd 30,30,10\nb 2f\n1: CALL\n2: LOW 30", true},
		{"such a call, from the frame at the branch", "HIGH 9\nstd 9,40(1)\nbeq 1f\nld 30,40(1)\nb 2f\n1: HIGH 30\nCALL\n2: LOW 30", true},
		{"a call that returns, with other code at the branch", "HIGH 30\nbeq 2f\nCALL\nmr 4,5\n2: LOW 30", true},
		{"a call, with something else before a branch to it", "li 30,0\nbeq 2f\nHIGH 30\nCALL\nmr 4,5\n2: LOW 30", true},
		{"such a call, with the first parameter at the branch", "beq 2f\nHIGH 3\nCALL\n2: LOW 3", false},
		{"a call before a loop", "HIGH 30\nCALL\n1: LOW 30\nbdnz 1b", true},
		{"a call before a loop that adds an index", "HIGH 30\nCALL\n1: li 10,8\nadd 30,30,10\nbdnz 1b\nCALL\nLOW 30\nHIGH 10", true},
		{"a call before a loop that stores it", "li 9,0\nstd 9,40(1)\nHIGH 9\nCALL\n1: std 9,40(1)\nbdnz 1b\nld 30,40(1)\nLOW 30", true},
		{"a call before a loop with a vector register", "HIGH 30\nCALL\n1: xxspltiw 30,1\nbdnz 1b\nLOW 30", true},
		{"a call before a loop that an indirect branch may enter", "li 30,0\nbeq 1f\nJUMP\n1: HIGH 30\nCALL\n2: LOW 30\nbdnz 2b", true},
		{"a vector register", "HIGH 30\nCALL\nxxspltiw 30,1\nLOW 30", true},
		{"a vector register, in another block", "HIGH 30\nCALL\nxxspltiw 30,1\nCALL\nLOW 30", true},
	}
	var source strings.Builder
	source.WriteString(`
	.macro high place reg
	addis \reg,2,\place@toc@ha
	.endm
	.macro low place reg
	addi 3,\reg,\place@toc@l
	.endm
	.macro have place
	addis 9,2,\place@toc@ha
	addi 9,9,\place@toc@l
	.endm
	begin callee
	finish callee
`)
	for i, tt := range tests {
		text := strings.NewReplacer(
			"HIGH", fmt.Sprintf("high place%d,", i), "LOW", fmt.Sprintf("low place%d,", i), "CALL", "bl callee\nnop", "JUMP", "mtctr 12\nbctr", "@", fmt.Sprint(i))
		if strings.Contains(tt.code, ".Lpad@") {
			tt.code = `
	.pushsection .gcc_except_table,"a"
.Lsda@:	.byte 0xff, 0xff, 1
	.uleb128 .Lsdaend@-.Lsites@
.Lsites@: .uleb128 .Lcall@-.Lf@
	.uleb128 .Lpad@-.Lcall@
	.uleb128 .Lpad@-.Lf@
	.uleb128 0
.Lsdaend@: .popsection
	.cfi_lsda 0x1b,.Lsda@
` + tt.code
		}
		source.WriteString(text.Replace("\n.Lf@: .cfi_startproc\nbegin f@\n" + tt.code + "\nplace@: nop\nfinish f@\n.cfi_endproc\n"))
	}
	dir := t.TempDir()
	obj, exe := filepath.Join(dir, "a.o"), filepath.Join(dir, "exe")
	if err := os.WriteFile(obj, assembleSource(t, source.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	build(t, tooltest.Path(t, crossC), "-shared", "-nostdlib", "-o", exe, obj)
	o := readImage(t, exe)
	places := o.places()
	for i, tt := range tests {
		p, ok := places[fmt.Sprint("place", i)]
		if !ok {
			t.Fatalf("%s: no place", tt.name)
		}
		x := o.m.secs[p.sec]
		known := slices.ContainsFunc(x.labels, func(l label) bool { return l.off == p.off-x.base })
		if known != tt.known {
			t.Errorf("%s: the address is known: %t", tt.name, known)
		}
	}
}
