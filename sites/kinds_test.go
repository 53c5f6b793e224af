// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestRefusedForms compares sites that must not get a form, for one reason at a
// time, with the same site without that reason.
func TestRefusedForms(t *testing.T) {
	linker := Options{Place: User, Restore: []Form{Linker}}
	none := Options{Place: User, Runtime: None}
	const (
		slotless  = "func caller\nframe\nbl __SCT__op\nli 3,0\nunframe\nendfunc caller\n"
		frameless = "func caller\nbl __SCT__op\nnop\nblr\nendfunc caller\n"
		branched  = "func caller\nframe\ncmpdi 3,0\nbeq 1f\nbl __SCT__op\n1: nop\nunframe\nendfunc caller\n"
		changesR2 = ".hidden target\n.globl target\n.type target,@function\n.localentry target,1\ntarget: blr\n.size target,.-target\n"
	)
	other := func(call string) string { return "func other\nframe\n" + call + "\nunframe\nendfunc other\n" }
	for _, c := range []struct {
		name, text string
		opts       Options
		form       Form
		reason     Reason
	}{
		{"linker", caller + foreignKey + selfTramp, linker, Linker, KeyMayChange},
		{"linker, weak trampoline", caller + foreignKey + strings.ReplaceAll(selfTramp, ".globl", ".weak"), linker, Keep, TrampReplaceable},
		{"linker, trampoline that the linker resolves", caller + foreignKey + strings.ReplaceAll(selfTramp, "@function", "@gnu_indirect_function"), linker, Keep, TrampNeedsTOC},
		{"linker, trampoline that takes r2", caller + foreignKey + trampNull, linker, Keep, TrampNeedsTOC},
		{"linker, trampoline elsewhere", caller + foreignKey, linker, Keep, TrampUndefined},
		{"linker, another linker", caller + foreignKey + selfTramp, Options{Place: User, Restore: []Form{Linker}, Linker: OtherLinker}, Keep, LinkerUnknown},
		{"linker, ld.bfd", caller + foreignKey + selfTramp, Options{Place: User, Restore: []Form{Linker}, Linker: BFD}, Linker, KeyMayChange},
		{"linker, ld.lld", caller + foreignKey + selfTramp, Options{Place: User, Restore: []Form{Linker}, Linker: LLD}, Linker, KeyMayChange},
		{"linker, a second call", caller + other("bl __SCT__op\nnop") + foreignKey + selfTramp, linker, Linker, KeyMayChange},
		{"linker, a call without a slot", caller + other("bl __SCT__op\nli 3,0") + foreignKey + selfTramp, linker, Keep, TrampSlotless},
		{"linker, a tail call", caller + "func other\nb __SCT__op\nendfunc other\n" + foreignKey + selfTramp, linker, Keep, TrampSlotless},
		{"linker, a tail call without a TOC pointer", caller + "func other\nb __SCT__op@notoc\nendfunc other\n" + foreignKey + selfTramp, linker, Linker, KeyMayChange},
		{"linker, a call without slot and TOC pointer", caller + other("bl __SCT__op@notoc\nli 3,0") + foreignKey + selfTramp, linker, Linker, KeyMayChange},
		{"linker, a tail call to another trampoline", caller + "func other\nb __SCT__elsewhere\nendfunc other\n" + foreignKey + selfTramp, linker, Linker, KeyMayChange},

		{"no form", caller + foreignKey + trampNull, Options{Place: User, Restore: []Form{}}, Keep, FormExcluded},
		{"stack alone", caller + foreignKey + trampNull, Options{Place: User, Restore: []Form{Stack}}, Keep, SaveNotProven},
		{"stack or linker", caller + foreignKey + trampNull, Options{Place: User, Restore: []Form{Stack, Linker}}, Keep, TrampNeedsTOC},
		{"linker alone", caller + foreignKey + trampNull, Options{Place: User, Restore: []Form{Linker}}, Keep, TrampNeedsTOC},
		{"stub or linker", caller, Options{Place: User, Restore: []Form{SaveStub, Linker}}, Keep, KeyMissing},
		{"stub alone, no frame", frameless + foreignKey + trampNull, Options{Place: User, Restore: []Form{SaveStub}}, Keep, NoFrame},
		{"stack or stub, no frame", frameless + foreignKey + trampNull, Options{Place: User, Restore: []Form{Stack, SaveStub}}, Keep, NoFrame},
		{"stub or shadow, no stack allowed", tailCaller + foreignKey + trampNull, Options{Place: User}, Keep, TailOtherUnit},
		{"shadow in the kernel", tailCaller + foreignKey + trampNull, Options{Runtime: Trampoline, AllowShadow: true}, Keep, ShadowPlace},
		{"shadow that is excluded", tailCaller + foreignKey + trampNull, Options{Place: User, AllowShadow: true, Restore: []Form{Stack}}, Keep, FormExcluded},
		{"module, trampoline of the kernel", caller, Options{Place: Module, Runtime: Trampoline}, Keep, TrampImported},

		{"tail call, hidden target", tailCaller + foreignKey + ownTarget + trampNull, none, Direct, NoReason},
		{"tail call, internal target", tailCaller + foreignKey + strings.Replace(ownTarget, ".hidden", ".internal", 1) + trampNull, none, Direct, NoReason},
		{"tail call, protected target", tailCaller + foreignKey + strings.Replace(ownTarget, ".hidden", ".protected", 1) + trampNull, none, Direct, NoReason},
		{"tail call, target that others may replace", tailCaller + foreignKey + strings.Replace(ownTarget, ".hidden target\n", "", 1) + trampNull, none, Keep, TailOtherUnit},
		{"tail call, hidden target of another object", tailCaller + foreignKey + ".hidden target\n" + trampNull, none, Keep, TailOtherUnit},
		{"tail call, hidden target that the linker resolves", tailCaller + foreignKey + strings.Replace(ownTarget, "func target\n", ".type target,@gnu_indirect_function\ntarget:\n", 1) + trampNull, none, Keep, TailOtherUnit},
		{"tail call, hidden target that may change r2", tailCaller + foreignKey + ".hidden target\n.globl target\n.type target,@function\n.localentry target,1\ntarget: blr\n.size target,.-target\n" + trampNull, none, Keep, ClobbersTOC},

		{"tail call, local target", tailCaller + foreignKey + "func target, local\nblr\nendfunc target\n" + trampNull, none, Direct, NoReason},
		{"tail call, hidden weak target", tailCaller + foreignKey + ".hidden target\nfunc target, weak\nblr\nendfunc target\n" + trampNull, none, Keep, TailOtherUnit},
		{"tail call, hidden target in a group", tailCaller + foreignKey + ".section .text.target,\"axG\",@progbits,target,comdat\n" + ownTarget + ".text\n" + trampNull, none, Keep, TailOtherUnit},
		{"tail call, weak target, module", tailCaller + foreignKey + "func target, weak\nblr\nendfunc target\n" + trampNull, Options{Place: Module, Runtime: None}, Direct, NoReason},
		{"tail call, target of another module", tailCaller + foreignKey + trampNull, Options{Place: Module, Runtime: None}, Keep, TailOtherUnit},
		{"tail call, target of the kernel that the linker resolves", tailCaller + foreignKey + ".globl target\n.type target,@gnu_indirect_function\ntarget: blr\n" + trampNull, Options{Runtime: None}, Keep, TailOtherUnit},
		{"no slot, own target", slotless + foreignKey + ownTarget + trampNull, none, Direct, NoReason},
		{"no slot, foreign target", slotless + foreignKey + trampNull, none, Keep, NoSlot},
		{"no slot, own target that may change r2", slotless + foreignKey + changesR2 + trampNull, none, Keep, ClobbersTOC},
		{"own target that may change r2", caller + foreignKey + changesR2 + trampNull, none, Direct, NoReason},
		{"own target that may change r2, module", caller + foreignKey + changesR2 + trampNull, Options{Place: Module, Runtime: None}, SaveStub, ClobbersTOC},
		{"foreign target, module", caller + foreignKey + trampNull, Options{Place: Module, Runtime: None}, Direct, NoReason},
		{"foreign target, no frame", frameless + foreignKey + trampNull, none, Keep, NoFrame},
		{"foreign target, a branch to the slot", branched + foreignKey + trampNull, none, Keep, SlotEntered},
		{"own target, no frame", frameless + foreignKey + ownTarget + trampNull, none, Direct, NoReason},
		{"own target, a branch to the slot", branched + foreignKey + ownTarget + trampNull, none, Direct, NoReason},
		{"target of the kernel, no frame", frameless + foreignKey + trampNull, Options{}, Direct, NoReason},
		{"target of the kernel, a branch to the slot", branched + foreignKey + trampNull, Options{}, Direct, NoReason},
		{"target of the kernel that may change r2, no slot", slotless + foreignKey + changesR2 + trampNull, Options{Runtime: None}, Keep, ClobbersTOC},
		{"target of the kernel, no slot", slotless + foreignKey + trampNull, Options{Runtime: None}, Direct, NoReason},
		{"target of the kernel, no slot for the run time", slotless + foreignKey + trampNull, Options{}, Keep, NoSlot},
		{"one entry point", strings.Replace(caller, "func", "leaf", 1) + foreignKey + ownTarget + trampNull, none, Keep, CallerNoTOC},
		{"no TOC pointer, foreign target", notocCaller + foreignKey + trampNull, none, SaveStub, TargetPreemptible},
		{"no TOC pointer, foreign target, ld.bfd", notocCaller + foreignKey + trampNull, Options{Place: User, Runtime: None, Linker: BFD}, Direct, NoReason},
		{"no TOC pointer, foreign target, kernel", notocCaller + foreignKey + trampNull, Options{Runtime: None}, Direct, NoReason},
		{"no TOC pointer, own target", notocCaller + foreignKey + ownTarget + trampNull, none, Direct, NoReason},
		{"no TOC pointer, target that others may replace", notocCaller + foreignKey + strings.Replace(ownTarget, ".hidden target\n", "", 1) + trampNull, none, SaveStub, TargetPreemptible},
		{"no TOC pointer, target with one entry that others may replace", notocCaller + foreignKey + "leaf target\nblr\nendfunc target\n" + trampNull, none, Direct, NoReason},
		{"no TOC pointer, target without a TOC pointer that others may replace", notocCaller + foreignKey + strings.Replace(changesR2, ".hidden target\n", "", 1) + trampNull, none, Direct, NoReason},

		{"caller's cold part, of nothing", strings.ReplaceAll(caller, "caller", "x.cold") + foreignKey + trampNull, Options{Place: User}, Keep, CallerUnknown},
		{"caller's cold part", strings.ReplaceAll(caller, "caller", "target.cold") + foreignKey + ownTarget + trampNull, Options{Place: User}, SaveStub, KeyMayChange},
		{"caller's cold part, of a function elsewhere", strings.ReplaceAll(caller, "caller", "target.cold") + foreignKey + ".type target,@function\n" + trampNull, Options{Place: User}, Keep, CallerUnknown},
		{"caller's cold part, of code that is no function", strings.ReplaceAll(caller, "caller", "target.cold") + foreignKey + ".hidden target\n.globl target\ntarget: blr\n" + trampNull, Options{Place: User}, Keep, CallerUnknown},
		{"caller's cold part, of a function with one entry", strings.ReplaceAll(caller, "caller", "target.cold") + foreignKey + strings.Replace(ownTarget, "func target", "leaf target", 1) + trampNull, Options{Place: User}, Keep, CallerNoTOC},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := plan(assemble(t, c.text), c.opts)
			if err != nil {
				t.Fatal(err)
			}
			if d := &p.Decisions[0]; d.Form != c.form || d.Reason != c.reason {
				t.Errorf("%v, %v; want %v, %v", d.Form, d.Reason, c.form, c.reason)
			}
			again(t, c.name, p, c.opts)
		})
	}
}

// TestReservedEntry tests a trampoline with the reserved local entry, which nothing is known about.
func TestReservedEntry(t *testing.T) {
	m := newMutableFile(t, caller+foreignKey+selfTramp)
	off, _ := m.symbol("__SCT__op")
	m.b[off+stOther] |= 0xe0
	p, err := plan(m.b, Options{Place: User, Restore: []Form{Linker}})
	if err != nil {
		t.Fatal(err)
	}
	if d := &p.Decisions[0]; d.Form != Keep || d.Reason != TrampNeedsTOC {
		t.Errorf("%v, %v", d.Form, d.Reason)
	}
}

// TestSecondColdPart tests a cold part whose site is not the first.
func TestSecondColdPart(t *testing.T) {
	p, err := plan(assemble(t, caller+strings.ReplaceAll(caller, "caller", "target.cold")+foreignKey+ownTarget+trampNull), Options{Place: User})
	if err != nil {
		t.Fatal(err)
	}
	if d := &p.Decisions[1]; d.Form != SaveStub || d.Reason != KeyMayChange {
		t.Errorf("%v, %v", d.Form, d.Reason)
	}
}

// TestColdPartsDisagree tests three functions of one name that disagree about r2:
// nothing is known about r2 in the cold part of one of them.
func TestColdPartsDisagree(t *testing.T) {
	text := strings.ReplaceAll(caller, "caller", "hot1.cold") + "func hot1\nblr\nendfunc hot1\nFUNC hot2\nblr\nendfunc hot2\nFUNC3 hot3\nblr\nendfunc hot3\n" + foreignKey + trampNull
	for _, c := range []struct {
		second, third string
		reason        Reason
	}{{"func", "func", KeyMayChange}, {"leaf", "func", CallerUnknown}, {"leaf", "leaf", CallerUnknown}, {"func", "leaf", CallerUnknown}} {
		b := assemble(t, strings.NewReplacer("FUNC3", c.third, "FUNC", c.second).Replace(text))
		f, err := elfrw.New(b)
		if err != nil {
			t.Fatal(err)
		}
		p := &mutableFile{t, b, f}
		first, _ := p.symbol("hot1")
		for _, name := range []string{"hot2", "hot3"} {
			other, _ := p.symbol(name)
			p.put32(other, binary.LittleEndian.Uint32(b[first:]))
		}
		gp, err := plan(b, Options{Place: User})
		if err != nil {
			t.Fatal(err)
		}
		if d := &gp.Decisions[0]; d.Reason != c.reason {
			t.Errorf("%s: %v, %v", c.second, d.Form, d.Reason)
		}
	}
}

// TestNameless tests functions without symbols that .eh_frame describes.
func TestNameless(t *testing.T) {
	uses := "	.balign 16\n	.cfi_startproc\n0:	addis 2,12,(.TOC.-0b)@ha\n	addi 2,2,(.TOC.-0b)@l\nframe\nbl __SCT__op\nnop\nunframe\n	.cfi_endproc\n"
	none := "	.balign 16\n	.cfi_startproc\nframe\nbl __SCT__op\nnop\nunframe\n	.cfi_endproc\n"
	outside := "	.balign 16\nframe\nbl __SCT__op\nnop\nunframe\n"
	for _, c := range []struct {
		text string
		want []Reason
	}{
		{uses + none + outside, []Reason{KeyMayChange, CallerNoTOC, CallerUnknown}},
		{none + uses + outside, []Reason{CallerNoTOC, KeyMayChange, CallerUnknown}},
		{outside + uses + none, []Reason{CallerUnknown, KeyMayChange, CallerNoTOC}},
	} {
		p, err := plan(assemble(t, "	.section .text.x,\"ax\"\n"+c.text+foreignKey+trampNull), Options{Place: User})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if d := &p.Decisions[i]; (d.Form == SaveStub) != (want == KeyMayChange) || d.Reason != want {
				t.Errorf("site %d: %v, %v; want %v", i, d.Form, d.Reason, want)
			}
		}
	}
}

// TestFirstSymbol tests a function with one entry point that is the first
// symbol.
func TestFirstSymbol(t *testing.T) {
	b := assemble(t, strings.Replace(caller, "func caller", "leaf caller, local", 1)+foreignKey)
	p, err := plan(tool(t, strip+" -N .text -N .data -N .bss OBJ OUT", b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s, d := &p.Object.Sites[0], &p.Decisions[0]; s.Func != 1 || d.Reason != CallerNoTOC {
		t.Errorf("function %d: %v, %v", s.Func, d.Form, d.Reason)
	}
}

// TestKeyRelocations tests a key with one relocation too many, or with one at
// another place.
func TestKeyRelocations(t *testing.T) {
	for _, c := range []struct {
		key, reloc string
		err        bool
		why        Reason
	}{
		{foreignKey, "__SCK__op,R_PPC64_ADDR64", true, NoReason},
		{foreignKey, "__SCK__op+7,R_PPC64_ADDR64", true, NoReason},
		{foreignKey, "__SCK__op+8,R_PPC64_ADDR64", false, NoReason},
		{foreignKey, "__SCK__op-7,R_PPC64_ADDR64", true, NoReason},
		{foreignKey, "__SCK__op-8,R_PPC64_ADDR64", false, NoReason},
		{foreignKey, "__SCK__op-3,R_PPC64_ADDR32", true, NoReason},
		{foreignKey, "__SCK__op-4,R_PPC64_ADDR32", false, NoReason},
		{"key op, 0\n", "__SCK__op,R_PPC64_ADDR64", false, NoReason},
		{"key op, 0\n", "__SCK__op-4,R_PPC64_ADDR64", false, KeyOdd},
		{"key op, 0\n", "__SCK__op+4,R_PPC64_ADDR32", false, KeyOdd},
		{"key op, 0\n", "__SCK__op-8,R_PPC64_ADDR64", false, NoReason},
	} {
		text := caller + ".pushsection .data\n.quad 0\n.popsection\n" + c.key + ownTarget + ".pushsection .data\n.quad 0,0\n.popsection\n.reloc " + c.reloc + ",target\n" + trampNull
		p, err := plan(assemble(t, text), Options{Runtime: None})
		if (err != nil) != c.err || err != nil && !strings.Contains(err.Error(), "key op has two relocations") {
			t.Errorf("%q %s: %v", c.key, c.reloc, err)
		}
		if err == nil && p.Object.Keys[0].Target.Why != c.why {
			t.Errorf("%q %s: %v", c.key, c.reloc, p.Object.Keys[0].Target)
		}
	}
}

// patchedBy returns a source patched with some options.
func patchedBy(t *testing.T, text string, opts Options) *elfrw.File {
	t.Helper()
	p, err := plan(assemble(t, text), opts)
	if err != nil {
		t.Fatal(err)
	}
	again(t, "again", p, opts)
	f, err := elfrw.New(apply(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLocalTrampoline tests a call that the assembler wrote against the section
// of a local trampoline plus an addend, not against its symbol.
func TestLocalTrampoline(t *testing.T) {
	text := caller + "key op, target, local\n.section .text.other,\"ax\"\nnop\nlocaltramp op\n.text\n" + ownTarget
	for _, opts := range []Options{{Place: User}, {Place: User, Runtime: None}, {}} {
		f := patchedBy(t, text, opts)
		o, err := Find(f)
		if err != nil {
			t.Fatal(err)
		}
		rela, err := o.table(o.funcSection("caller"))
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for i := range rela.Len() {
			if r := rela.At(i); r.IsCall() {
				calls++
				if name := o.name(int(r.Sym())); r.Addend != 0 || name != "target" && name != "__SCS__op" {
					t.Errorf("%v: the call is of %s+0x%x", opts, name, r.Addend)
				}
			}
		}
		if calls != 1 {
			t.Errorf("%v: %d calls", opts, calls)
		}
	}
}

// TestFirstRelocation tests a call by the section of its trampoline that has the first
// relocation of its code.
func TestFirstRelocation(t *testing.T) {
	text := "	.localentry caller,1\n	.type caller,@function\ncaller: b __SCT__op@notoc\n	.size caller,.-caller\n" +
		"key op, target, local\n.section .text.other,\"ax\"\nnop\nlocaltramp op\n.text\n" + ownTarget
	f := patchedBy(t, text, Options{Place: User, Runtime: None})
	o, err := Find(f)
	if err != nil {
		t.Fatal(err)
	}
	rela, err := o.table(o.funcSection("caller"))
	if err != nil || rela.At(0).Type() != uint32(elf.R_PPC64_REL24_NOTOC) || o.name(int(rela.At(0).Sym())) != "target" || rela.At(0).Addend != 0 {
		t.Errorf("%v, %v", rela.At(0), err)
	}
	_, err = plan(assemble(t, "leaf caller\nb __SCT__op\nendfunc caller\n"+foreignKey+trampNull), Options{Require: []Form{Direct}})
	if want := `section ".text": caller+0x0: R_PPC64_REL24: the form is keep`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestOddSectionSymbol tests a section symbol that is not the start of its section: entries
// and records must not count from it.
func TestOddSectionSymbol(t *testing.T) {
	p := newMutableFile(t, caller+foreignKey+trampNull)
	for i := 1; i < p.f.FirstGlobal(); i++ {
		if p.f.SymbolType(i) == elf.STT_SECTION {
			p.put64(p.f.Symtab().Off+uint64(i)*elfrw.SymSize+stValue, 4)
		}
	}
	gp, err := plan(p.b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	again(t, "odd", gp, Options{})
}

// TestModuleKey tests that a module names the trampoline of a key that it does not have.
func TestModuleKey(t *testing.T) {
	f := patchedBy(t, savedFirst, Options{Place: Module})
	if _, ok := f.SymbolByName(KeyPrefix + "op"); ok {
		t.Error("there is a symbol of the key")
	}
	o, err := Find(f)
	if err != nil {
		t.Fatal(err)
	}
	if o.Table == nil || len(o.Table.Entries) != 1 || o.name(int(o.Table.Entries[0].KeySym)) != TrampPrefix+"op" {
		t.Errorf("%+v", o.Table)
	}
}

// TestRelocationOrder tests that a relocation that is added at the place of another one
// comes first.
func TestRelocationOrder(t *testing.T) {
	f := patchedBy(t, notocCaller+foreignKey+trampNull, Options{Place: User})
	o, err := Find(f)
	if err != nil {
		t.Fatal(err)
	}
	rela, err := o.table(o.funcSection("caller"))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for i := range rela.Len() {
		if r := rela.At(i); r.Off == o.Sites[0].Off {
			got += " " + o.File.Section(o.File.Symbol(int(r.Sym())).Section).NameString()
		}
	}
	if got != " static_call_sites .text.unlikely.static_call" {
		t.Errorf("relocations of%s", got)
	}
}

// funcSection returns the section of a function.
func (o *Object) funcSection(name string) int {
	for i := 1; i < o.File.NumSymbols(); i++ {
		if s := o.File.Symbol(i); string(o.File.SymbolName(s)) == name {
			return s.Section
		}
	}
	return 0
}

// TestSymbolsOnce checks that symbols that the object has are used and not
// added again.
func TestSymbolsOnce(t *testing.T) {
	shadow := Options{Place: User, AllowShadow: true, ShadowStack: "top"}
	use := "func other\naddis 3,2,top@got@tprel@ha\nld 3,top@got@tprel@l(3)\nadd 3,3,top@tls\nendfunc other\n"
	two := caller + strings.ReplaceAll(caller, "caller", "last")
	for _, c := range []struct {
		text     string
		opts     Options
		want     string // the symbols afterwards
		stripped bool
	}{
		{tailCaller + foreignKey + trampNull, shadow, "top .TOC.", false},
		{two + foreignKey + trampNull, Options{}, ".TOC.", false},
		{tailCaller + foreignKey + trampNull + use, shadow, "top .TOC.", false},
		{tailCaller + foreignKey + trampNull + "	.section .tbss,\"awT\",@nobits\n	.globl top\n	.type top,@tls_object\ntop:	.space 8\n", shadow, "top .TOC.", false},
		{tailCaller + foreignKey + trampNull + "	.quad top\n", shadow, "top .TOC.", true},
		{".section .text.x,\"ax\"\n" + two + foreignKey + trampNull, Options{}, ".TOC.", true},
		{two, Options{TableOnly: true}, "__SCK__op .TOC.", true},
		{two, Options{Place: Module}, "__SCS__op .TOC.", true},
	} {
		b := assemble(t, ".file \"x.c\"\n"+c.text)
		if c.stripped {
			b = tool(t, strip+" --strip-unneeded OBJ OUT", b)
		}
		p, err := plan(b, c.opts)
		if err != nil {
			t.Fatal(err)
		}
		again(t, "stripped", p, c.opts)
		f, err := elfrw.New(apply(t, p))
		if err != nil {
			t.Fatal(err)
		}
		names, sections := map[string]int{}, map[int]int{}
		for i := 1; i < f.NumSymbols(); i++ {
			s := f.Symbol(i)
			if s.Type() == elf.STT_SECTION {
				sections[s.Section]++
			} else {
				names[string(f.SymbolName(s))]++
			}
		}
		for name, n := range names {
			if n > 1 {
				t.Errorf("%d symbols %s", n, name)
			}
		}
		for _, name := range strings.Fields(c.want) {
			if names[name] != 1 {
				t.Errorf("%d symbols %s", names[name], name)
			}
		}
		for sec, n := range sections {
			if n > 1 {
				t.Errorf("%d symbols of section %v", n, f.Section(sec))
			}
		}
	}
	p, err := plan(assemble(t, tailCaller+foreignKey+trampNull+".data\n.globl top\n.type top,@object\ntop: .quad 0\n"), shadow)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(); err == nil || !strings.Contains(err.Error(), "symbol top is not thread-local") {
		t.Errorf("a stack that is none: %v", err)
	}
}

// TestFramesOnce checks that the frames of stubs follow those of the object,
// unless unwinders would not read them there.
func TestFramesOnce(t *testing.T) {
	cfi := strings.Replace(strings.Replace(caller, "frame\n", ".cfi_startproc\nframe\n", 1), "endfunc", ".cfi_endproc\nendfunc", 1)
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"none", caller, 1},
		{"frames", cfi, 1},
		{"frames, and an end", cfi + ".section .eh_frame,\"a\",@progbits\n.balign 8\n.long 0\n.text\n", 2},
		{"frames in a group", caller + ".section .eh_frame,\"aG\",@progbits,x,comdat\n.long 8,0,0\n.text\n", 2},
		{"frames of another type", caller + ".section .eh_frame,\"a\",@note\n.long 8,0,0\n.text\n", 2},
		{"frames, and half a word", caller + ".section .eh_frame,\"a\",@progbits\n.long 8,0,0\n.short 0\n.text\n", 2},
		{"frames of half a word", caller + ".section .eh_frame,\"a\",@progbits\n.long 10,0,0\n.short 0\n.text\n", 2},
		{"frames of which the last is longer", caller + ".section .eh_frame,\"a\",@progbits\n.long 9,0,0\n.text\n", 2},
		{"frames of the extended form", caller + ".section .eh_frame,\"a\",@progbits\n.long 0xffffffff,8,0,0,0\n.text\n", 2},
		{"a frame of a word", caller + ".section .eh_frame,\"a\",@progbits\n.long 4,0\n.text\n", 1},
		{"no frames", caller + ".section .eh_frame,\"a\",@progbits\n.text\n", 1},
		{"a frame", caller + ".section .eh_frame,\"a\",@progbits\n.long 8,0,0\n.text\n", 1},
		{"an end", caller + ".section .eh_frame,\"a\",@progbits\n.long 0\n.text\n", 2},
	} {
		f := patchedBy(t, c.text+foreignKey+trampNull, Options{Place: User})
		if n := countSections(f, ".eh_frame"); n != c.want {
			t.Errorf("%s: %d sections .eh_frame", c.name, n)
		}
	}
}

// TestCellPlaces tests sections .toc that cannot hold cells.
func TestCellPlaces(t *testing.T) {
	for _, c := range []struct{ toc, want string }{
		{".section .toc,\"aw\"\n.balign 8\n.quad 0\n", ""},
		{".section .toc,\"aw\"\n.balign 8\n.short 0\n", ""},
		{".section .toc,\"aw\"\n.long 0\n", `section ".toc": +0x0: the section has doublewords, but its alignment is 1`},
		{".section .toc,\"aw\",@note\n.balign 8\n.quad 0\n", `section ".toc": +0x0: the section should have type SHT_PROGBITS and be for data, but is SHT_NOTE with flags SHF_WRITE+SHF_ALLOC`},
	} {
		p, err := plan(assemble(t, caller+foreignKey+trampNull+c.toc), Options{Place: Module})
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			apply(t, p)
		} else if _, err := p.Apply(); err == nil || err.Error() != c.want {
			t.Errorf("%s%v, want %s", c.toc, err, c.want)
		}
	}
	for _, flag := range []elf.SectionFlag{elf.SHF_ALLOC, elf.SHF_WRITE} {
		p := newMutableFile(t, caller+foreignKey+trampNull+".section .toc,\"aw\"\n.balign 8\n.quad 0\n")
		p.b[p.header(tocName, 8)] &^= byte(flag)
		gp, err := plan(p.b, Options{Place: Module})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gp.Apply(); err == nil || !strings.Contains(err.Error(), "be for data, but is SHT_PROGBITS with flags") {
			t.Errorf("without %v: %v", flag, err)
		}
	}
}
