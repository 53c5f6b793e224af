// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestRefusedForms holds sites that must not get a form, for one reason after the
// other, against the same site without that reason.
func TestRefusedForms(t *testing.T) {
	linker := Options{Place: User, Restore: []Form{Linker}}
	none := Options{Place: User, Runtime: None}
	other := func(call string) string { return "func other\nframe\n" + call + "\nunframe\nendfunc other\n" }
	for _, c := range []struct {
		name, text string
		opts       Options
		form       Form
		reason     Reason
	}{
		{"linker", caller + foreignKey + selfTramp, linker, Linker, KeyMayChange},
		{"linker, weak trampoline", caller + foreignKey + strings.ReplaceAll(selfTramp, ".globl", ".weak"), linker, Keep, TrampNeedsTOC},
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
		{"linker, a tail call of another trampoline", caller + "func other\nb __SCT__elsewhere\nendfunc other\n" + foreignKey + selfTramp, linker, Linker, KeyMayChange},

		{"tail call, hidden target", tailCaller + foreignKey + ownTarget + trampNull, none, Direct, NoReason},
		{"tail call, internal target", tailCaller + foreignKey + strings.Replace(ownTarget, ".hidden", ".internal", 1) + trampNull, none, Direct, NoReason},
		{"tail call, protected target", tailCaller + foreignKey + strings.Replace(ownTarget, ".hidden", ".protected", 1) + trampNull, none, Direct, NoReason},
		{"tail call, target that others may replace", tailCaller + foreignKey + strings.Replace(ownTarget, ".hidden target\n", "", 1) + trampNull, none, Keep, TailOtherUnit},
		{"tail call, hidden target of another object", tailCaller + foreignKey + ".hidden target\n" + trampNull, none, Keep, TailOtherUnit},
		{"tail call, hidden target that the linker resolves", tailCaller + foreignKey + strings.Replace(ownTarget, "func target\n", ".type target,@gnu_indirect_function\ntarget:\n", 1) + trampNull, none, Keep, TailOtherUnit},
		{"tail call, hidden target that may change r2", tailCaller + foreignKey + ".hidden target\n.globl target\n.type target,@function\n.localentry target,1\ntarget: blr\n.size target,.-target\n" + trampNull, none, Keep, ClobbersTOC},

		{"caller's cold part, of nothing", strings.ReplaceAll(caller, "caller", "x.cold") + foreignKey + trampNull, Options{Place: User}, Keep, CallerUnknown},
		{"caller's cold part", strings.ReplaceAll(caller, "caller", "target.cold") + foreignKey + ownTarget + trampNull, Options{Place: User}, SaveStub, KeyMayChange},
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

// TestColdPartsDisagree has two functions of one name that say other things of r2:
// of what is the cold part of one of them nothing is known.
func TestColdPartsDisagree(t *testing.T) {
	text := strings.ReplaceAll(caller, "caller", "hot1.cold") + "func hot1\nblr\nendfunc hot1\nFUNC hot2\nblr\nendfunc hot2\n" + foreignKey + trampNull
	for _, c := range []struct {
		second string
		reason Reason
	}{{"func", KeyMayChange}, {"leaf", CallerUnknown}} {
		b := assemble(t, strings.ReplaceAll(text, "FUNC", c.second))
		f, err := elfrw.New(b)
		if err != nil {
			t.Fatal(err)
		}
		p := &patient{t, b, f}
		first, _ := p.symbol("hot1")
		second, _ := p.symbol("hot2")
		p.put32(second, binary.LittleEndian.Uint32(b[first:]))
		gp, err := plan(b, Options{Place: User})
		if err != nil {
			t.Fatal(err)
		}
		if d := &gp.Decisions[0]; d.Reason != c.reason {
			t.Errorf("%s: %v, %v", c.second, d.Form, d.Reason)
		}
	}
}

// TestKeyRelocations has one relocation too many at a key, or one at another place.
func TestKeyRelocations(t *testing.T) {
	for _, c := range []struct {
		at  string
		err bool
		why Reason
	}{
		{"0", true, NoReason},
		{"7", true, NoReason},
		{"8", false, NoReason},
	} {
		text := caller + foreignKey + ownTarget + ".pushsection .data\n.quad 0,0\n.popsection\n.reloc __SCK__op+" + c.at + ",R_PPC64_ADDR64,target\n" + trampNull
		p, err := plan(assemble(t, text), Options{Runtime: None})
		if (err != nil) != c.err || err != nil && !strings.Contains(err.Error(), "key op has two relocations") {
			t.Errorf("+%s: %v", c.at, err)
		}
		if err == nil && p.Object.Keys[0].Target.Why != c.why {
			t.Errorf("+%s: %v", c.at, p.Object.Keys[0].Target)
		}
	}
}
