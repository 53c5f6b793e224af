// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// runText has the destinations of the code in TestRun.
const runText = `#include "forms.h"
	.text
	.balign 256
hiddenkey k, f_target
hiddenkey o, f_target
.hidden f_target
func f_target
t_local:
	addi 3,3,1
	blr
endfunc f_target
leaf f_fallen
	b .+4
fallen:
	addi 3,3,1
	blr
endfunc f_fallen
func __SCT__k
t_tramp:
	LOAD(12, __SCK__k)
	cmpdi 12,0
	beqlr
	mtctr 12
	bctr
endfunc __SCT__k
	.type after,@function
after:	nop
	.size after,.-after
__SCT__o:
	LOAD(12, __SCK__k)
	mtctr 12
	bctr
	.balign 64
or_16:	ori 12,12,16
	mtctr 12
	bctr
	nop
	b t_local
	.data
	.balign 8
table:	.quad f_target
eight:	.quad 8
or_at:	.quad or_16
	.section .half,"aw"
	.balign 8
	.quad 0
half:	.long 0
	.text
#define LOAD(r, what) addis r,2,what@toc@ha; ld r,what@toc@l(r)
#define ADDRESS(r, what) lis r,what@ha; addi r,r,what@l
#define GO(r) mtctr r; bctr
`

const (
	noStub     = "stuck: it has an instruction that no stub has"
	noPrefixed = "stuck: it has a prefixed instruction that no stub has"
	nowhere    = "stuck: it jumps to a place that nothing names"
	noFlag     = "stuck: it has a branch whose condition is not known"
)

// runs has code, and the outcome of running it: how it ends, and what is known
// then. The goal is f_target and the key k.
var runs = []struct{ code, want string }{
	{"LOAD(12,__SCK__k); GO(12)", "through r12"},
	{"LOAD(11,__SCK__k); GO(11)", "through"},
	{"addis 11,2,__SCK__k@toc@ha; ld 0,__SCK__k@toc@l(11); GO(0)", "through"},
	{"LOAD(11,__SCK__k); mr 12,11; GO(11)", "through r12"},
	{"LOAD(11,__SCK__k); ori 12,11,0; GO(11)", "through r12"},
	{"LOAD(11,__SCK__k); ori 12,11,1; GO(12)", nowhere},
	{"LOAD(11,__SCK__k); oris 12,11,1; GO(12)", nowhere},
	{"LOAD(11,__SCK__k); sldi 12,11,1; GO(12)", nowhere},
	{"LOAD(11,__SCK__k); mr. 12,11; GO(11)", noStub},
	{"LOAD(11,__SCK__k); or 12,11,9; GO(11)", noStub},
	{"LOAD(3,__SCK__k); GO(3)", "stuck: it changes r3"},
	{"LOAD(10,__SCK__k); GO(10)", "stuck: it changes r10"},
	{"LOAD(13,__SCK__k); GO(13)", "stuck: it changes r13"},
	{"LOAD(1,__SCK__k); GO(1)", "stuck: it changes r1"},
	{"ld 12,16(0); GO(12)", "stuck: it jumps through 0x10, and what that holds is not known"},
	{"ld 12,16(3); GO(12)", nowhere},
	{"LOAD(12,half); GO(12)", "stuck: it jumps through \".half\"+0x8, and what that holds is not known"},
	{"ld 12,16(0); addi 12,12,0; GO(12)", nowhere},
	{"pld 12,__SCK__k@got@pcrel; ld 12,0(12); GO(12)", "through r12"},
	{"lwa 12,16(2); GO(12)", noStub},
	{"ldu 12,16(2); GO(12)", noStub},
	{"lwz 12,16(2)", noStub},

	{"b t_local", "arrived f_target (local entry)"},
	{"nop; b t_local", "arrived f_target (local entry)"},
	{"ADDRESS(12,f_target); GO(12)", "arrived f_target r12"},
	{"ADDRESS(11,f_target); GO(11)", "arrived f_target"},
	{"li 12,f_target@h; sldi 12,12,16; ori 12,12,f_target@l; GO(12)", "arrived f_target r12"},
	{"li 12,0; oris 12,12,f_target@h; ori 12,12,f_target@l; GO(12)", "arrived f_target r12"},
	{"li 12,1; sldi 12,12,32; addis 12,12,-0x8000; addis 12,12,-0x8000; addis 12,12,f_target@ha; addi 12,12,f_target@l; GO(12)", "arrived f_target r12"},
	{"li 12,f_target@h; rldicr. 12,12,16,47; GO(12)", noStub},
	{"li 12,f_target@h; rldicr 12,12,16,46; GO(12)", noStub},
	{"li 12,f_target@h; rldicl 12,12,16,47; GO(12)", noStub},
	{"ADDRESS(12,f_target); LOAD(11,eight); add 12,12,11; GO(12)", "arrived f_target (local entry) r12"},
	{"ADDRESS(12,f_target); LOAD(11,eight); add 12,11,12; GO(12)", "arrived f_target (local entry) r12"},
	{"ADDRESS(12,f_target); LOAD(11,eight); add. 12,11,12; GO(12)", noStub},
	{"ADDRESS(12,f_target); add 12,12,3; GO(12)", nowhere},
	{"ADDRESS(12,f_target); add 12,3,12; GO(12)", nowhere},
	{"add 12,3,3; GO(12)", nowhere},
	{"addi 12,3,0; GO(12)", nowhere},
	{"LOAD(12,table); GO(12)", "arrived f_target r12"},
	{"LOAD(11,table); GO(11)", "arrived f_target"},
	{"LOAD(12,table); addi 12,12,8; GO(12)", "arrived f_target (local entry) r12"},
	{"LOAD(12,__SCK__o); GO(12)", "arrived f_target r12 via __SCK__o"},
	{"LOAD(12,or_at); GO(12)", "arrived f_target (local entry)"},
	{"LOAD(11,or_at); mr 12,11; GO(11)", "arrived f_target (local entry)"},
	{"LOAD(11,or_at); GO(11)", nowhere},

	{"mflr 11; mtlr 11; blr", "returned"},
	{"blr", "returned"},
	{"ADDRESS(12,f_target); mtlr 12; blr", "arrived f_target r12"},
	{"ADDRESS(12,f_target); mtctr 12; mfctr 11; mtlr 11; blr", "arrived f_target r12"},
	{"LOAD(12,__SCK__k); mtctr 12; li 12,0; mfctr 12; bctr", "through r12"},
	{"mfctr 12; mtlr 12; blr", nowhere},
	{"mfxer 12", noStub},
	{"mtxer 12", noStub},
	{"mflr 0; bcl 20,31,.+4; 1: mflr 12; mtlr 0; addis 12,12,(f_target-1b)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"mflr 0; bl .+4; 1: mflr 12; mtlr 0; addis 12,12,(f_target-1b)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"bcl 20,31,.+8", "stuck: it makes a call"},
	{"bcl 12,2,.+4", "stuck: it makes a call"},
	{".long 0x429f0007", "stuck: it makes a call"}, // bcla 20,31,4
	{"bctrl", "stuck: it makes a call"},
	{"blrl", "stuck: it makes a call"},
	{"ba 0x1000", "stuck: it has an absolute branch"},
	{".long 0x4e800460", nowhere}, // bctar 20,0
	{"b .", "stuck: it does not end"},
	{"b table", "stuck: there is no code that can be read"},

	{"LOAD(12,__SCK__k); cmpdi 12,0; beqlr; GO(12)", "through r12"},
	{"LOAD(12,__SCK__k); cmpdi 12,0; bnelr; GO(12)", "returned"},
	{"LOAD(12,__SCK__k); cmpdi 12,0; beq 1f; GO(12); 1: b t_local", "through r12"},
	{"LOAD(12,__SCK__k); cmpdi 12,0; bne 1f; GO(12); 1: b t_local", "arrived f_target (local entry)"},
	{"LOAD(12,__SCK__k); cmpdi 12,0; bne 1f; b t_local; 1: GO(12)", "through r12"},
	{"NULL; LOAD(12,__SCK__k); cmpdi 12,0; beqlr; GO(12)", "returned"},
	{"NULL; LOAD(12,__SCK__k); cmpdi 12,0; bnelr; GO(12)", "through r12"},
	{"LOAD(12,__SCK__k); cmpdi 12,0; bc 14,2,1f; GO(12); 1: b t_local", "through r12"},
	{"LOAD(12,__SCK__k); cmpdi 12,0; bdz 1f; GO(12); 1: b t_local", noFlag},
	{"LOAD(12,__SCK__k); cmpdi 12,0; bdnzt 2,1f; GO(12); 1: b t_local", noFlag},
	{"LOAD(12,__SCK__k); cmpdi 12,0; bdnzf 2,1f; GO(12); 1: b t_local", noFlag},
	{"LOAD(12,__SCK__k); cmpdi 12,0; blt 1f; GO(12); 1: b t_local", noFlag},
	{"LOAD(12,__SCK__k); beqlr; GO(12)", noFlag},
	{"ADDRESS(12,__SCK__k); cmpdi 12,0; beqlr; GO(12)", noFlag},
	{"LOAD(12,__SCK__o); cmpdi 12,0; beqlr; GO(12)", noFlag},

	{"b __SCT__k", "through r12 tramp"},
	{"b t_tramp", "through r12 tramp"},
	{"b after", "through r12"},
	{"b __SCT__o", "through r12 tramp"},
	{"b fallen", "stuck: it changes r3"},
	{"FALLEN; b f_fallen", "stuck: it changes r3"},
	{"FALLEN; b fallen", "arrived f_fallen+0x4"},
	{"FALL; b f_fallen", "arrived f_fallen+0x4"},

	{"std 2,24(1); LOAD(12,__SCK__k); GO(12)", "through r12 saved"},
	{"mr 11,2; std 11,24(1); LOAD(12,__SCK__k); GO(12)", "through r12 saved"},
	{"std 3,24(1); LOAD(12,__SCK__k); GO(12)", "through r12 stray"},
	{"std 2,32(1); LOAD(12,__SCK__k); GO(12)", "through r12 stray"},
	{"std 2,24(1); std 3,24(1); LOAD(12,__SCK__k); GO(12)", "through r12 stray"},
	{"std 2,24(1); std 3,32(1); LOAD(12,__SCK__k); GO(12)", "through r12 saved stray"},
	{"std 3,32(1); std 2,24(1); LOAD(12,__SCK__k); GO(12)", "through r12 saved stray"},
	{"li 2,0; std 2,24(1); b t_local", "arrived f_target (local entry) stray"},
	{"std 2,24(3)", noStub},
	{"stdu 2,24(1)", noStub},
	{"stw 2,24(1)", noStub},

	{"lnia 12; 1: addis 12,12,(f_target-1b)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"addpcis 12,1; 1: addis 12,12,(f_target-1b-0x10000)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"addpcis 12,0x55; 1: addis 12,12,(f_target-1b-0x550000)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"addpcis 12,0x2a; 1: addis 12,12,(f_target-1b-0x2a0000)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"addpcis 12,0x1540; 1: addis 12,12,(f_target-1b-0x15400000)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"addpcis 12,0x2a80; 1: addis 12,12,(f_target-1b-0x2a800000)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"addpcis 12,-2; 1: addis 12,12,(f_target-1b+0x20000)@ha; addi 12,12,(f_target-1b)@l; GO(12)", "arrived f_target r12"},
	{"crclr 0", noStub},

	{"pld 12,__SCK__k@pcrel; GO(12)", "through r12"},
	{"pld 3,__SCK__k@pcrel; GO(3)", noPrefixed},
	{"ADDRESS(11,__SCK__k-64); pld 12,64(11); GO(12)", "through r12"},
	{"pld 12,16(0); GO(12)", "stuck: it jumps through 0x10, and what that holds is not known"},
	{"pla 12,f_target@pcrel; GO(12)", "arrived f_target r12"},
	{"pla 3,f_target@pcrel; GO(12)", noPrefixed},
	{"paddi 12,3,16; GO(12)", nowhere},
	{"plwz 12,__SCK__k@pcrel", noPrefixed},
	{"plxv 12,__SCK__k@pcrel", noPrefixed},
	{"pnop; b t_local", "arrived f_target (local entry)"},
	{".long 0x07000001, 0; b t_local", noPrefixed},
	{".long 0x04110000, 0xe5830000", "stuck: it has a prefixed instruction of an invalid form"}, // pld 12,0(3),1
	{".long 0x04900000, 0xe5800000", "stuck: it has a prefixed instruction of an invalid form"}, // a reserved bit
}

// TestRun runs code, in an object and in an image.
func TestRun(t *testing.T) {
	text := strings.Replace(runText, "#include \"forms.h\"\n", "#include \"forms.h\"\n"+runText[strings.Index(runText, "#define"):], 1)
	for i, r := range runs {
		code := r.code
		for _, goal := range []string{"NULL; ", "FALLEN; ", "FALL; "} {
			code = strings.TrimPrefix(code, goal)
		}
		text += fmt.Sprintf("\t.section .text.%d,\"ax\"\nx_%d: %s\n", i, i, code)
	}
	text += "\t.section .note.GNU-stack,\"\",@progbits\n"
	object := assemble(t, text)
	link := linking{words: strings.Fields("-nostdlib -static -Wl,-e,f_target,--unique=.text.*,-Ttext=0x10010000")}
	for name, b := range map[string][]byte{"object": object, "image": link.image(t, "bfd", object)} {
		f, err := elfrw.New(b)
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(f, Options{User: true})
		if err != nil {
			t.Fatal(err)
		}
		v := &verifier{program: p}
		if x := p.external(p.ext + extSize*uint64(len(p.symbols))); x != nil {
			t.Errorf("%s: a symbol after the last, %s", name, x.name)
		}
		at := map[string]uint64{}
		for i := range p.symbols {
			at[p.symbols[i].name] = p.symbols[i].addr
		}
		for i, r := range runs {
			g := goal{slot: at["__SCK__k"], entries: [2]uint64{at["f_target"], at["t_local"]}}
			g.null = strings.HasPrefix(r.code, "NULL; ")
			if g.fall = strings.HasPrefix(r.code, "FALL; "); g.fall || strings.HasPrefix(r.code, "FALLEN; ") {
				g.entries[0] = at["fallen"]
			}
			m := v.start(numberOf(p.toc))
			m.pc, m.lr = at[fmt.Sprintf("x_%d", i)], value{kind: returnTo}
			o := p.run(m, g)
			got := [...]string{"stuck", "arrived", "elsewhere", "through", "returned"}[o.ending]
			switch o.ending {
			case stuck:
				got += ": " + o.why
			case arrived:
				got += " " + p.name(o.at)
			}
			for _, flag := range []struct {
				set  bool
				name string
			}{{o.r12 && o.ending != stuck, " r12"}, {o.m.saved, " saved"}, {o.m.stray, " stray"}, {o.tramp, " tramp"}} {
				if flag.set {
					got += flag.name
				}
			}
			if o.via != 0 && o.ending != stuck {
				got += " via " + p.name(o.via)
			}
			if got != r.want && !(r.want == noStub && strings.HasPrefix(got, noStub)) {
				t.Errorf("%s: %s: %s, want %s", name, r.code, got, r.want)
			}
		}
	}
}
