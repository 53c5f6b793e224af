// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// The call that the linker handled is in no plan.
var (
	image      = Options{PACATOC: "16", AllowUnpatched: true}
	trampoline = Options{PACATOC: "16", AllowUnpatched: true, Runtime: Trampoline}
	none       = Options{PACATOC: "16", AllowUnpatched: true, Runtime: None}
)

// unlist removes entries from the table of kernel.S.
func unlist(entries ...string) (edits []string) {
	for _, e := range entries {
		edits = append(edits, "\tlisted "+e+"\n", "")
	}
	return edits
}

// noTOCCall has v_one, which keeps no TOC pointer, call its trampoline, without an entry.
var noTOCCall = append(unlist("one"), "leaf v_one\n", "leaf v_one\n\t.localentry v_one,1\n", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl __SCT__one")

// tailWithTOC has v_tail keep a TOC pointer.
func tailWithTOC(edits ...string) []string {
	return append([]string{"leaf v_tail\n\t.localentry v_tail,1\n", "func v_tail\n"}, edits...)
}

// tailToTarget has it call a function of the same TOC pointer.
var tailToTarget = tailWithTOC("\tb f_single", "\tb f_target", "tail, f_single", "tail, f_target")

const (
	tailLost = "v_tail+0xc: a tail call, and nothing restores r2: the key may come to hold a function of another unit"
	noPlace  = "a run time has no place for a restore"
	unlisted = ", but no entry of the table names the call"
	farEntry = "\tlisted far, 0, __SCJ__far\n"
)

// kernelFaults are faults of the linked image of kernel.S.
var kernelFaults = []sourceCase{
	{name: "nothing", both: true, sites: 11, opts: image},
	{name: "PACATOC of a symbol", opts: Options{PACATOC: "paca_offset", AllowUnpatched: true}},
	{name: "PACATOC of no symbol", opts: Options{PACATOC: "nobody"}, want: []string{`error: symbol "nobody"`}},
	{name: "no PACATOC", opts: Options{AllowUnpatched: true}, want: []string{"v_paca+0x14: " + noPlace}},
	{name: "another PACATOC", opts: Options{PACATOC: "24", AllowUnpatched: true}, want: []string{"v_paca+0x14: " + noPlace}},
	{name: "another base", edits: []string{"ld 2,16(13)\n", "ld 2,16(12)\n"}, opts: image, want: []string{"v_paca+0x14: " + noPlace}},
	{name: "another register", edits: []string{"ld 2,16(13)\n", "ld 3,16(13)\n"}, opts: image, want: []string{"v_paca+0x14: " + noPlace}},
	{name: "another load", edits: []string{"ld 2,16(13)\n", "lwa 2,16(13)\n"}, opts: image, want: []string{"v_paca+0x14: " + noPlace}},
	{name: "a store", edits: []string{"ld 2,16(13)\n", "std 2,16(13)\n"}, opts: image, want: []string{"v_paca+0x14: " + noPlace}},
	{name: "no slot", edits: []string{`"bl f_target", ld 2,16(13)` + "\n", `"bl f_target", addi 3,3,0` + "\n"}, opts: image, want: []string{"v_paca+0x14: " + noPlace}},
	{name: "no slot, and no run time", edits: append(unlist("far, 0, __SCJ__far"), `"bl f_target", ld 2,16(13)`+"\n", `"bl f_target", addi 3,3,0`+"\n"), opts: none},
	{name: "no slot, and trampolines", edits: append(unlist("far, 0, __SCJ__far", "through, 2"), `"bl f_target", ld 2,16(13)`+"\n", `"bl f_target", addi 3,3,0`+"\n"), opts: trampoline},

	{name: "a save after the PACA's restore", edits: afterPACA("std 2,24(1)"), opts: image},
	{name: "no save after the PACA's restore", edits: afterPACA("nop"), opts: image,
		want: []string{"v_paca+0x20: restores r2 without a save"}},
	{name: "a trampoline that there is not", edits: []string{"tramp paca\n", "\t.weak __SCT__paca\n", "v_data:\n", "\t.quad __SCT__paca\nv_data:\n"}, opts: image},
	{name: "another function", edits: []string{`caller direct, 0, "bl f_target"`, `caller direct, 0, "bl f_other"`}, opts: image,
		want: []string{"v_direct+0x14: calls f_other (local entry), but the key holds f_target"}},
	{name: "another function in a tail call", edits: []string{"\tb f_single", "\tb f_other"}, opts: image,
		want: []string{"v_tail+0x4: calls f_other (local entry), but the key holds f_single"}},
	{name: "a callee that changes r2", both: true, edits: []string{"direct, f_target", "direct, f_clobber", `caller direct, 0, "bl f_target"`, `caller direct, 0, "bl f_clobber"`}, opts: image},
	{name: "a nop after it", both: true, edits: []string{"direct, f_target", "direct, f_clobber", `caller direct, 0, "bl f_target"`, `caller direct, 0, "bl f_clobber"`}, opts: image,
		do:   func(d *mutableFile) { d.word("v_direct.site", 4, ppc64.Nop) },
		want: []string{"v_direct+0x14: r2 is not restored: f_clobber may change r2 (local entry 1)"}},
	{name: "a local entry for a caller with one", edits: []string{"one, f_single", "one, f_target", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl f_target"}, opts: image,
		want: []string{"v_one+0xc: enters f_target at its local entry, but the caller has one entry: r2 may be its caller's"}},
	{name: "a caller with one entry, and a stub that goes by r2", edits: []string{"one, f_single", "one, f_target", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl x_stub",
		"leaf v_one\n", "x_stub: addis 12,2,f_target@toc@ha\n\taddi 12,12,f_target@toc@l\n\tmtctr 12\n\tbctr\nleaf v_one\n"}, opts: image},
	{name: "a caller with one entry, and a stub that goes by r2 to another", edits: []string{"v_one.site:\n\tbl f_single", "v_one.site:\n\tbl x_stub",
		"leaf v_one\n", "x_stub: addis 12,2,f_single@toc@ha\n\taddi 12,12,f_single@toc@l\n\tmtctr 12\n\tbctr\nleaf v_one\n"}, opts: image},
	{name: "a caller with one entry, and a function of another TOC pointer", edits: append(otherTOC(`"bl f_target"`, "")[:2], "one, f_single", "one, f_other", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl f_other"), opts: image,
		want: []string{"v_one+0xc: enters f_other (local entry) without its TOC pointer in r2"}},
	{name: "a caller with one entry and a trampoline", edits: []string{"v_one.site:\n\tbl f_single", "v_one.site:\n\tbl __SCT__one"}, opts: image,
		want: nil},
	{name: "nop for blr", edits: []string{"v_tailnull.site:\n\tblr", "v_tailnull.site:\n\tnop"}, opts: image, want: []string{"v_tailnull+0x4: found nop, but the key holds NULL"}},
	{name: "blr for nop", edits: []string{"caller null, 0, nop", "caller null, 0, blr"}, opts: image, want: []string{"v_null+0x14: found blr, but the key holds NULL"}},
	{name: "blr for li", edits: []string{"\"li 3,0\", nop", "blr, nop"}, opts: image, want: []string{"v_zero+0x14: found blr, but the key holds __static_call_return0"}},
	{name: "blr for a function", edits: []string{"\tb f_single", "\tblr"}, opts: image, want: []string{"v_tail+0x4: found blr, but the key holds f_single"}},
	{name: "no slot after a constant", edits: []string{"caller null, 0, nop, nop", "caller null, 0, nop, addi 3,3,0"}, opts: image, want: []string{"v_null+0x14: " + noPlace}},
	{name: "a restore after a constant", edits: []string{"caller null, 0, nop, nop", "caller null, 0, nop, ld 2,24(1)"}, opts: image, want: []string{"v_null+0x14: restores r2 without a save"}},

	{name: "a cold part", edits: cold("v_direct"), opts: image},
	{name: "a cold part of nobody", edits: cold("nobody"), opts: image, want: []string{`nobody.cold+0xc: enters f_target at its local entry, but the caller has one entry`}},
	{name: "a cold part of a function without a TOC pointer", edits: []string{"leaf v_one\n", "x_stub: li 2,0\n\tb f_single\nleaf f_clobber.cold\n", "endfunc v_one\n", "endfunc f_clobber.cold\n", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl x_stub"}, opts: image},
	{name: "a caller with one entry that loses r2", edits: []string{"leaf v_one\n", "x_stub: li 2,0\n\tb f_single\nleaf v_one\n", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl x_stub"}, opts: image,
		want: []string{"v_one+0xc: r2 is not restored: r2 is changed on the way"}},
	{name: "a cold part of a function with one entry", edits: cold("f_single"), opts: image, want: []string{`f_single.cold+0xc: enters f_target at its local entry, but the caller has one entry`}},
	{name: "a cold part of two functions that differ", edits: cold("v_two", "v_data:", "\t.text\nfunc v_two local\n\tblr\nendfunc v_two\n\t.data\nv_data:"), opts: image,
		do:   func(d *mutableFile) { *d.other("v_single") = 0; d.rename("v_single", "v_two") },
		want: []string{`v_two.cold+0xc: enters f_target at its local entry, but the caller has one entry`}},
	{name: "a cold part of two functions that agree", edits: cold("v_two", "v_data:", "\t.text\nfunc v_two local\n\tblr\nendfunc v_two\n\t.data\nv_data:"), opts: image,
		do: func(d *mutableFile) { d.rename("v_single", "v_two") }},

	{name: "a site in no function", edits: []string{"\nleaf v_tail\n\t.localentry v_tail,1\n", "\nv_tail:\n", "endfunc v_tail\n", ""}, opts: image},
	{name: "a tail call with a TOC pointer", both: true, edits: append(betweenSymbols("0"), tailToTarget...), opts: image, want: []string{tailLost}},
	{name: "a tail call with a TOC pointer, and no run time", edits: append(betweenSymbols("0"), append(tailToTarget, farEntry, "")...), opts: none},
	{name: "a tail call with a TOC pointer, and no kernel", edits: tailToTarget, opts: image},
	{name: "a tail call of a function with one entry", edits: append(betweenSymbols("0"), "\t.localentry v_tail,1\n", ""), opts: image, want: []string{strings.Replace(tailLost, "0xc", "0x4", 1)}},
	{name: "blr for a tail call with a TOC pointer", edits: append(betweenSymbols("0"), "leaf v_tailnull\n\t.localentry v_tailnull,1\n", "func v_tailnull\n"), opts: image, want: []string{strings.Replace(tailLost, "v_tail", "v_tailnull", 1)}},
	{name: "a call to a save stub in no table", edits: []string{farEntry, "", "__SCJ__far:\n", "__SCS__far:\n\tstd 2,24(1)\n__SCJ__far:\n", `caller far, 0, "bl f_target", nop`, `caller far, 0, "bl __SCS__far", ld 2,24(1)`}, opts: image},
	{name: "a stray store and no restore", edits: stubFor("direct", `"bl f_target"`, "std 3,24(1); LOAD(12,__SCK__direct); cmpdi 12,0; beqlr; mtctr 12; bctr"), opts: image},
	{name: "a tail call that returns 0", edits: []string{"tail, f_single", "tail, __static_call_return0", "\tb f_single", "\tli 3,0"}, opts: image,
		want: []string{"v_tail+0x4: found li r3,0, but the key holds __static_call_return0"}},
	{name: "a constant of a caller with one entry", edits: []string{"one, f_single", "one, 0", "v_one.site:\n\tbl f_single\n\tnop", "v_one.site:\n\tnop\n\taddi 3,3,0"}, opts: image},
	{name: "functions without a size", edits: []string{"endfunc v_tail\n", "", "endfunc v_tailnull\n", "", "\tb f_single", "\tnop", "v_tailnull.site:\n\tblr", "v_tailnull.site:\n\tnop"}, opts: image,
		want: []string{"v_tail+0x4: found nop, but the key holds f_single", "v_tailnull+0x4: found nop, but the key holds NULL"}},

	{name: "a target without a symbol", edits: unnamed("direct, f_target", "direct, n_target", `caller direct, 0, "bl f_target"`, `caller direct, 0, "bl n_8"`), opts: image},
	{name: "a target without a symbol, at its global entry", edits: unnamed("direct, f_target", "direct, n_target", `caller direct, 0, "bl f_target"`, `caller direct, 0, "bl n_0"`), opts: image,
		want: []string{"v_direct+0x14: enters .* at its global entry without its address in r12"}},
	{name: "a target without a symbol, past its entry", edits: unnamed("direct, f_target", "direct, n_target", `caller direct, 0, "bl f_target"`, `caller direct, 0, "bl n_12"`), opts: image,
		want: []string{"v_direct+0x14: calls .*, but the key holds"}},
	{name: "a target without a symbol that makes r2 slowly", edits: unnamed("direct, f_target", "direct, m_target", `caller direct, 0, "bl f_target"`, `caller direct, 0, "bl m_16"`), opts: image},
	{name: "a target without a symbol that makes none", edits: unnamed("direct, f_target", "direct, n_one", `caller direct, 0, "bl f_target"`, `caller direct, 0, "bl n_1"`), opts: image,
		want: []string{"v_direct+0x14: r2 is not restored: no symbol says whether .* preserves r2"}},
	{name: "a return of 0 without a symbol", edits: unnamed("zero, __static_call_return0", "zero, n_zero"), opts: image},
	{name: "a return of 0 without a symbol, with two entries", edits: unnamed("zero, __static_call_return0", "zero, n_zero2"), opts: image},
	{name: "no return of 0", edits: unnamed("zero, __static_call_return0", "zero, n_none"), opts: image, want: []string{"v_zero+0x14: found li r3,0, but the key holds"}},
	{name: "no return of 0 at all", edits: unnamed("zero, __static_call_return0", "zero, n_one"), opts: image, want: []string{"v_zero+0x14: found li r3,0, but the key holds"}},

	{name: "through a stub to NULL", edits: stubFor("null", "nop", "LOAD(12,__SCK__null); cmpdi 12,0; beqlr; mtctr 12; bctr"), opts: image},
	{name: "through a stub to NULL, without a test", edits: stubFor("null", "nop", "LOAD(12,__SCK__null); mtctr 12; bctr"), opts: image,
		want: []string{"v_null+0x14: x_stub jumps to what the key holds without a test, and that is NULL"}},
	{name: "through a stub to NULL that changes r2", edits: stubFor("null", "nop", "LOAD(12,__SCK__null); cmpdi 12,0; beqlr; li 2,0; mtctr 12; bctr"), opts: image,
		want: []string{"v_null+0x14: r2 is not restored: r2 is changed on the way"}},
	{name: "through a stub without r12", edits: stubFor("direct", `"bl f_target"`, "LOAD(11,__SCK__direct); mtctr 11; bctr"), opts: image,
		want: []string{"v_direct+0x14: jumps through the key without the target's address in r12"}},
	{name: "through a stub that changes r2", edits: stubFor("single", `"bl f_single"`, "li 2,0; b f_single"), opts: image,
		want: []string{"v_single+0x14: r2 is not restored: r2 is changed on the way"}},
	{name: "a stub with r12", edits: stubFor("direct", `"bl f_target"`, "addis 12,2,f_target@toc@ha; addi 12,12,f_target@toc@l; mtctr 12; bctr"), opts: image},
	{name: "a stub with another r12", edits: stubFor("direct", `"bl f_target"`, "addis 11,2,f_target@toc@ha; addi 11,11,f_target@toc@l; mtctr 11; bctr"), opts: image,
		want: []string{"v_direct+0x14: enters f_target at its global entry without its address in r12"}},
	{name: "a function of another TOC pointer", edits: otherTOC(`"bl f_target"`, "nop"), opts: image,
		want: []string{"v_direct+0x14: enters f_other (local entry) without its TOC pointer in r2"}},
	{name: "a function of another TOC pointer, with r12", edits: otherTOC("", "addis 12,2,f_other@toc@ha; addi 12,12,f_other@toc@l; mtctr 12; bctr"), opts: image,
		want: []string{"v_direct+0x14: r2 is not restored: f_other has another TOC pointer"}},
	{name: "a function of another TOC pointer, through the key", edits: otherTOC("", "LOAD(12,__SCK__direct); mtctr 12; bctr"), opts: image,
		want: []string{"v_direct+0x14: r2 is not restored: f_other has another TOC pointer"}},
	{name: "a caller of another TOC pointer", edits: []string{`caller direct, 0, "bl f_target", nop` + "\n", "leaf v_direct\naddis 2,12,(.TOC.-v_direct)@ha\naddi 2,2,(.TOC.-v_direct+16)@l\n.localentry v_direct,8\nframe\n" +
		"v_direct.site: bl x_stub\nnop\nunframe\nendfunc v_direct\nx_stub: addis 12,2,(__SCK__direct-16)@toc@ha\nld 12,(__SCK__direct-16)@toc@l(12)\nmtctr 12\nbctr\n"}, opts: image,
		want: []string{"v_direct+0x14: r2 is not restored: f_target has another TOC pointer"}},
	{name: "a trampoline's bad branch", edits: stubFor("direct", `"bl f_target"`, "b .+8; blr; nop; b f_target+8"), opts: image, want: []string{"v_direct+0x14: calls"}},

	{name: "an init site", edits: []string{"listed direct\n", "listed direct, 2\n"}, opts: image},
	{name: "a key between two", edits: []string{"listed direct\n", "listed direct, 4\n"}, opts: image, want: []string{"v_direct+0x14: the entry's key is at 0x.*, which is not a multiple of 8"}},
	{name: "a key after its start", edits: []string{"listed direct\n", "listed direct, 8\n"}, opts: image, want: []string{"v_direct+0x14: which is not a key"}},
	{name: "a key in code", edits: []string{"hiddenkey direct, f_target\n", ".balign 8\n__SCK__direct: .quad f_target\n"}, opts: image, want: []string{"v_direct+0x14: the entry's key is __SCK__direct, which is not data"}},
	{name: "half a key", edits: []string{"hiddenkey direct, f_target\n", ".pushsection .half,\"aw\"\n.quad 0\n__SCK__direct: .long 0\n.popsection\n"}, opts: image, want: []string{"v_direct+0x14: the entry's key is __SCK__direct, which is not data"}},
	{name: "a key of 8 bytes", edits: []string{"hiddenkey direct, f_target\n", ".pushsection .half,\"aw\"\n.balign 8\n__SCK__direct: .quad f_target\n.popsection\n"}, opts: image},

	{name: "far through the stub", edits: []string{`caller far, 0, "bl f_target"`, `caller far, 0, "bl __SCJ__far"`}, opts: image},
	{name: "far through a stub that does not test", edits: []string{`caller far, 0, "bl f_target"`, `caller far, 0, "bl __SCJ__far"`, "\tcmpdi 12,0\n\tbeqlr\n", "\tcmpdi 12,0\n\tnop\n"}, opts: image,
		want: []string{"v_far+0x14: __SCJ__far jumps to what the key holds without a test, and the trampoline returns for NULL"}},
	{name: "no way out", edits: []string{farEntry, "listed far\n"}, opts: image,
		want: []string{"v_far+0x14: the trampoline __SCT__far (local entry) is out of reach, and the entry has no stub that leads there"}},
	{name: "no way out, and trampolines", edits: append(unlist("through, 2"), farEntry, "listed far\n"), opts: trampoline},
	{name: "way out of another key", edits: []string{"addis 12,2,__SCK__far@toc@ha\n\tld 12,__SCK__far@toc@l(12)\n\tcmpdi 12,0\n\tbeqlr\n\tmtctr 12\n\tbctr\n\t.size", "addis 12,2,__SCK__direct@toc@ha\n\tld 12,__SCK__direct@toc@l(12)\n\tmtctr 12\n\tbctr\n\t.size"}, opts: image,
		want: []string{"v_far+0x14: the entry's stub __SCJ__far does not go through the key"}},
	{name: "way out without r12", edits: []string{"ld 12,__SCK__far@toc@l(12)\n\tcmpdi 12,0\n\tbeqlr\n\tmtctr 12\n", "ld 11,__SCK__far@toc@l(12)\n\tmtctr 11\n"}, opts: image,
		want: []string{"v_far+0x14: the entry's stub __SCJ__far does not go through the key"}},
	{name: "way out that is out of reach", edits: []string{farEntry, "listed far, 0, __SCT__far + 8\n"}, opts: image,
		want: []string{"v_far+0x14: the entry's stub __SCT__far.* is out of reach"}},
	{name: "way out in data", edits: []string{farEntry, "listed far, 0, v_data\n"}, opts: image,
		want: []string{"v_far+0x14: the entry's stub .* does not go through the key: there is no code that can be read"}},
	{name: "way out, and trampolines", edits: unlist("through, 2"), opts: trampoline,
		want: []string{"v_far+0x14: the entry has a stub, __SCJ__far: only those of modules and of the kernel image do"}},

	{name: "through the key, and trampolines", edits: unlist("far, 0, __SCJ__far"), opts: trampoline,
		want: []string{"v_through+0x14: r2 is not restored: the key may come to hold a function of another unit"}},
	{name: "through the key, and no run time", edits: unlist("far, 0, __SCJ__far"), opts: none},
	{name: "through the key to what changes r2", edits: []string{"through, f_target", "through, f_clobber"}, opts: image,
		want: []string{"v_through+0x14: r2 is not restored: f_clobber may change r2 (local entry 1)"}},

	{name: "an unlisted call", edits: unlist("through, 2"), opts: image, want: []string{"v_through+0x14: calls __SCT__through" + unlisted}},
	{name: "an unlisted call with a restore and no save", edits: append(unlist("through, 2"), `"bl __SCT__through", nop`, `"bl __SCT__through", ld 2,24(1)`), opts: image,
		want: []string{"v_through+0x14: calls __SCT__through" + unlisted}},
	{name: "an unlisted tail call", edits: tailWithTOC("\tlisted tail, 1\n", "", "\tb f_single", "\tb __SCT__tail"), opts: image, want: []string{"v_tail+0xc: calls __SCT__tail" + unlisted}},
	{name: "an unlisted call of a caller without a TOC pointer", edits: noTOCCall, opts: image},
	{name: "an unlisted call of a caller without a TOC pointer, that nobody allows", edits: noTOCCall, opts: Options{PACATOC: "16"},
		want: []string{"v_linker+0x14: calls __SCT__linker: nothing says that it was patched", "v_one+0xc: calls __SCT__one: nothing says that it was patched"}},
	{name: "an unlisted call of a caller with one entry", edits: append(unlist("one"), "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl __SCT__one"), opts: image,
		want: []string{"v_one+0xc: calls __SCT__one" + unlisted}},
	{name: "an unlisted call, and no run time", edits: unlist("far, 0, __SCJ__far", "through, 2"), opts: none},
	{name: "an unlisted call that nobody allows", edits: unlist("far, 0, __SCJ__far", "through, 2"), opts: Options{PACATOC: "16", Runtime: None},
		want: []string{"v_through+0x14: calls __SCT__through: nothing says that it was patched, or was meant to stay", "v_linker+0x14: calls __SCT__linker: nothing says"}},
	{name: "a save by the linker that nobody allows", opts: Options{PACATOC: "16"}, want: []string{"v_linker+0x14: calls __SCT__linker: nothing says"}},
	{name: "a save by the linker without a restore", both: true, opts: image, do: func(d *mutableFile) { d.word("v_linker.site", 4, ppc64.Nop) },
		want: []string{"v_linker+0x14: calls __SCT__linker" + unlisted}},
	{name: "a linker's stub without a save", both: true, opts: image, do: func(d *mutableFile) {
		w, _ := ppc64.Load(d.at("v_linker.site", 0), 0)
		d.word("v_linker.site", w.Displacement(), ppc64.Nop)
	}, want: []string{"v_linker+0x14: calls __SCT__linker" + unlisted}},
	{name: "a tail call to the linker's stub", both: true, opts: image, do: func(d *mutableFile) {
		w, _ := ppc64.Load(d.at("v_linker.site", 0), 0)
		d.word("v_linker.site", 0, w&^1)
	}, want: []string{"v_linker+0x14: calls __SCT__linker" + unlisted}},

	{name: "an unlisted call that is far", edits: []string{farEntry, "", `caller far, 0, "bl f_target"`, `caller far, 0, "bl __SCT__far"`}, both: true, opts: image,
		want: []string{"v_far+0x14: calls __SCT__far" + unlisted}},
	{name: "no table", edits: append(unlist("direct", "paca", "tail, 1", "tailnull, 1", "null", "zero", "through, 2", "single", "one"), farEntry, ""), opts: image,
		want: []string{"error: no entry of a site table, but 11 trampolines (first __SCT__direct)"}},
	{name: "part of an entry", edits: []string{"table_end:", ".long 0"}, opts: image, want: []string{"+0x0: 0xa4 bytes are not a multiple of 16, the size of an entry"}},
	{name: "entries of 16 bytes", opts: Options{PACATOC: "16", AllowUnpatched: true, EntrySize: 16}},
	{name: "entries of 8 bytes", edits: append(unlist("far, 0, __SCJ__far"), "#include", "#define SMALL\n#include"), opts: image},
	{name: "entries of 8 bytes, an odd number", edits: append(unlist("far, 0, __SCJ__far", "null"), "#include", "#define SMALL\n#include"), opts: image},
	{name: "entries of 8 bytes, as asked", edits: append(unlist("far, 0, __SCJ__far"), "#include", "#define SMALL\n#include"), opts: Options{PACATOC: "16", AllowUnpatched: true, EntrySize: 8}},
	{name: "two equal entries", sites: 11, edits: []string{"table_end:", ".long v_direct.site-.,0\n.quad __SCK__direct-."}, opts: image},
	{name: "two entries with other flags", edits: []string{"table_end:", ".long v_direct.site-.,0\n.quad __SCK__direct+2-."}, opts: image, want: []string{"v_direct+0x14: two entries name the site"}},
	{name: "two entries with other keys", edits: []string{"table_end:", ".long v_direct.site-.,0\n.quad __SCK__through-."}, opts: image, want: []string{"v_direct+0x14: two entries name the site"}},
	{name: "two entries with other stubs", edits: []string{"table_end:", ".long v_direct.site-.,__SCJ__far-.\n.quad __SCK__direct-."}, opts: image, want: []string{"v_direct+0x14: two entries name the site"}},

	{name: "a table between symbols", both: true, edits: betweenSymbols("0"), opts: image},
	{name: "a table between symbols, cut", edits: betweenSymbols("-16"), opts: image},
	{name: "a table between symbols that end outside", edits: betweenSymbols("0x100000"), opts: image,
		want: []string{"error: the table between __start_static_call_sites and __stop_static_call_sites is in no section"}},
	{name: "symbols in the wrong order", edits: betweenSymbols("-1000"), opts: image, want: []string{"error: no entry of a site table, but 11 trampolines"}},
	{name: "symbols with nothing between", edits: betweenSymbols("-160"), opts: image, want: []string{"error: no entry of a site table, but 11 trampolines"}},
}

// afterPACA puts the site of v_direct after that of v_paca, with a word
// between.
func afterPACA(word string) []string {
	return []string{"caller direct, 0, \"bl f_target\", nop\n", "", `caller paca, 0, "bl f_target", ld 2,16(13)` + "\n",
		"func v_paca\nframe\nv_paca.site: bl f_target\nld 2,16(13)\n" + word + "\nv_direct.site: bl f_target\nld 2,24(1)\nunframe\nendfunc v_paca\n"}
}

// unnamed adds functions whose symbols have no type.
func unnamed(edits ...string) []string {
	const makesR2 = "\taddis 2,12,(.TOC.-0b)@ha\n"
	const rest = "\taddi 2,2,(.TOC.-0b)@l\n"
	return append(edits, "leaf v_one\n", "\t.balign 16\nn_target:\nn_0:\n0:"+makesR2+rest+"n_8:\taddi 3,3,1\nn_12:\tblr\n"+
		"m_target:\n0:"+makesR2+"\tnop\n\tori 0,0,0\n"+rest+"m_16:\tblr\n"+
		"n_zero:\tli 3,0\n\tblr\nn_none:\tli 3,0\nn_one:\nn_1:\tnop\n\tblr\n"+
		"n_zero2:\n0:"+makesR2+rest+"\tli 3,0\n\tblr\nleaf v_one\n")
}

// unpatched has no table, and no call to a trampoline.
func unpatched(more ...string) []string {
	edits := append(unlist("direct", "paca", "tail, 1", "tailnull, 1", "null", "zero", "through, 2", "single", "one"), farEntry, "",
		`"bl __SCT__through"`, `"bl f_target"`, `"bl __SCT__linker"`, `"bl f_target"`)
	return append(edits, more...)
}

var noWayOut = []string{"__SCJ__far", "way_out"}

// nothingKnown has files with neither a table nor a record.
var nothingKnown = []sourceCase{
	{name: "trampolines for others", edits: unpatched(noWayOut...), opts: inUser, unknown: true},
	{name: "a stub", edits: unpatched(), opts: inUser,
		want: []string{"error: there are keys or trampolines, but neither a table of sites nor a record of them: nothing is known about the sites"}},
	{name: "a trampoline for nobody", edits: unpatched(noWayOut[0], noWayOut[1], "v_data:\n", "\t.text\n\t.type __SCT__mine,@function\n__SCT__mine: blr\n\t.size __SCT__mine,4\n\t.data\nv_data:\n"), opts: inUser,
		want: []string{"error: there are keys or trampolines, but neither"}},
	{name: "a trampoline for nobody that is allowed", edits: unpatched(noWayOut[0], noWayOut[1], "v_data:\n", "\t.text\n\t.type __SCT__mine,@function\n__SCT__mine: blr\n\t.size __SCT__mine,4\n\t.data\nv_data:\n"), opts: Options{User: true, AllowUnpatched: true}, unknown: true},
}

func TestNothingKnownObjects(t *testing.T) { testSource(t, "kernel.S", nothingKnown, nil) }

// cold makes v_one the cold part of a function, and its callee a function with two
// entries.
func cold(name string, more ...string) []string {
	return append([]string{"leaf v_one\n", "leaf " + name + ".cold\n", "endfunc v_one\n", "endfunc " + name + ".cold\n",
		"v_one.site:\n\tbl f_single", "v_one.site:\n\tbl f_target", "one, f_single", "one, f_target"}, more...)
}

// stubFor makes a caller call x_stub, which gets this code.
func stubFor(caller, word, code string) []string {
	return []string{"caller " + caller + ", 0, " + word, "caller " + caller + `, 0, "bl x_stub"`,
		"leaf v_one\n", "#define LOAD(r, what) addis r,2,what@toc@ha; ld r,what@toc@l(r)\n\t.type x_stub,@function\nx_stub: " + code + "\n\t.size x_stub,.-x_stub\nleaf v_one\n"}
}

// otherTOC gives f_other another TOC pointer and makes it the target of
// v_direct, which calls it or the code given.
func otherTOC(call, code string) []string {
	edits := []string{"\nfunc f_other\n", "\nleaf f_other\n\taddis 2,12,(.TOC.-f_other)@ha\n\taddi 2,2,(.TOC.-f_other+8)@l\n\t.localentry f_other,.-f_other\n", "direct, f_target", "direct, f_other"}
	if call != "" {
		return append(edits, "caller direct, 0, "+call, `caller direct, 0, "bl f_other"`)
	}
	return append(edits, stubFor("direct", `"bl f_target"`, code)...)
}

// betweenSymbols puts the table of kernel.S into another section, with the end
// symbol at an offset from the table's end.
func betweenSymbols(off string) []string {
	return []string{
		`.section .static_call_sites,"aw",@progbits`, `.section .rodata,"a",@progbits`,
		"\tlisted direct\n", "__start_static_call_sites:\n\tlisted direct\n",
		"table_end:", ".set __stop_static_call_sites,.+" + off + "\n.globl __start_static_call_sites, __stop_static_call_sites\n",
	}
}

// kernelLibraries are variants of kernel.S as a user-space library.
var kernelLibraries = []sourceCase{
	{name: "a call to a trampoline of another unit", edits: append(unlist("through, 2", "far, 0, __SCJ__far"), `"bl __SCT__through"`, `"bl __SCT__theirs"`), opts: Options{User: true, Runtime: None},
		want: []string{"v_through+0x14: calls __SCT__theirs: nothing says that it was patched, or was meant to stay", "v_linker+0x14: calls __SCT__linker: nothing says"}},
	{name: "a call into another unit", edits: append(unlist("through, 2", "far, 0, __SCJ__far"), `"bl __SCT__through"`, `"bl ext"`), opts: Options{User: true, Runtime: None},
		want: []string{"v_linker+0x14: calls __SCT__linker: nothing says"}},
	{name: "a weak symbol of the kernel's", edits: []string{"hiddenkey null, 0", ".weak ext\nhiddenkey null, ext"}, opts: image},
	{name: "a symbol that the kernel does not have", edits: []string{"hiddenkey null, 0", "hiddenkey null, ext"}, opts: image,
		want: []string{"v_null+0x14: found nop, but the key holds ext"}},
	{name: "a key that another unit may define", edits: []string{"through, f_target", "through, ext"}, opts: image,
		want: []string{"v_through+0x14: r2 is not restored: the key holds a function that may be in another unit"}},
	{name: "another unit's, of a caller with one entry", edits: []string{"one, f_single", "one, ext", "v_one.site:\n\tbl f_single", "v_one.site:\n\tbl ext"}, opts: image},
	{name: "trampolines that are exported", edits: unpatched(noWayOut...), opts: inUser, unknown: true},
	{name: "trampolines for nobody", edits: unpatched(noWayOut[0], noWayOut[1], "tramp single\n", "\t.hidden __SCT__single\ntramp single\n"), opts: inUser,
		want: []string{"error: there are keys or trampolines, but neither"}},
}

func TestKernelLibraries(t *testing.T) {
	testSource(t, "kernel.S", kernelLibraries, &libraryLink)
}

func TestKernelFaults(t *testing.T) { testSource(t, "kernel.S", kernelFaults, &kernelLink) }

var libraryLink = linking{words: strings.Fields("-nostdlib -shared -Wl,-Bsymbolic -Wl,-Ttext=0x10000,--section-start=.far=0x20000000")}

var kernelLink = linking{words: strings.Fields("-nostdlib -static -Wl,-e,v_direct,-Ttext=0x10010000,--section-start=.far=0x20000000")}
