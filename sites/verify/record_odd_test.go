// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"bytes"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/sites/layout"
)

// atData makes an entry of the record name v_data, or another symbol there.
func (d *mutableFile) atData(name, symbol string, form layout.RecordForm) {
	d.add("rec_"+name, 0, 4, d.distance("v_"+name+".site", symbol))
	d.at("rec_"+name, 8)[0] = byte(form)
}

// keptAs makes v_kept something that no run time patches.
func keptAs(word string) []string {
	return []string{`"bl __SCT__kept"`, word, "recsite kept, 7", "recsite kept, 7, 24"}
}

// otherTramp puts a function after the trampolines.
func otherTramp(code string) []string {
	return []string{"\townedtramp again\n", "\townedtramp again\n" + code}
}

// versioned gives v_save a stub and a key, both of two versions.
func versioned(stub string, edits ...string) []string {
	return append([]string{"hiddenkey save, f_hidden\n", "hiddenkey save_V1, f_hidden\nhiddenkey save_V2, f_hidden\n", "savestub save\n", "savestub save_V1\nsavestub save_V2\n",
		`"bl __SCS__save"`, `"bl ` + stub + `"`, "\treckey save, __SCK__save", "\treckey save, __SCK__save_V1"}, edits...)
}

// asVersions makes them versions of one name.
func asVersions(d *mutableFile) { copy(d.b, bytes.ReplaceAll(d.b, []byte("save_V"), []byte("save@V"))) }

const notCode = "error: section .*a site of key .* is at .*, which is not code"

// oddRecords are variants of record.S in a program.
var oddRecords = []sourceCase{
	{name: "kept in data, of the kernel", edits: inKernel(), opts: trampoline, do: func(d *mutableFile) { d.atData("direct", "v_data", layout.RecordKeep) }, sites: 11},
	{name: "direct in data, of the kernel", edits: inKernel(), opts: trampoline, do: func(d *mutableFile) { d.atData("direct", "v_data", layout.RecordDirect) }, want: []string{notCode}},
	{name: "kept between instructions, of the kernel", edits: inKernel(), opts: trampoline, do: func(d *mutableFile) { d.add("rec_kept", 0, 4, 2) }, want: []string{notCode}},
	{name: "direct between instructions, of the kernel", edits: inKernel(), opts: trampoline, do: func(d *mutableFile) { d.add("rec_direct", 0, 4, 2) }, want: []string{notCode}},
	{name: "kept in alternative code, of user space", edits: []string{"\t.data\n\t.balign 8\nv_data:", "\t.section __ftr_alt_x,\"aR\",@progbits\nv_alt:\t.long 0\n\t.data\n\t.balign 8\nv_data:"}, opts: inUser,
		do: func(d *mutableFile) { d.atData("direct", "v_alt", layout.RecordKeep) }, sites: 11},

	{name: "sites after one that no table lists", opts: inUser, do: func(d *mutableFile) {
		d.at("rec_direct", 9)[0] = layout.RecordListed
		d.branch("v_again.site", "f_hidden", 12)
	},
		want: []string{"v_direct+0x14: the record says that a table lists the site, and none does", "v_again+0x14: calls f_hidden+0xc"}},
	{name: "kept, conditional", edits: keptAs(`"beql f_hidden"`), opts: inUser},
	{name: "kept, absolute", edits: keptAs(`"bla 0x1000"`), opts: inUser},
	{name: "kept, a call through CTR", edits: keptAs("bctrl"), opts: inUser},
	{name: "kept, a jump through CTR", edits: keptAs("bctr"), opts: inUser},
	{name: "kept, a return", edits: keptAs("blr"), opts: inUser, want: []string{"v_kept+0x14: found blr, but the key holds f_hidden"}},
	{name: "kept, another function", edits: keptAs(`"bl __SCT__again"`), opts: inUser, want: []string{"v_kept+0x14: goes through __SCK__again"}},
	{name: "a slot from another place, where the PACA's offset is 0", edits: inKernel("caller null, 0, nop, nop", "caller null, 0, nop, ld 2,24(13)"), opts: Options{PACATOC: "0", AllowUnpatched: true, Runtime: Trampoline},
		want: []string{"v_null+0x14: the record says that a slot follows the call, found .long"}},
	{name: "gone key, no target", edits: []string{"\treckey dropped, 0, f_hidden", "\treckey dropped, 0"}, opts: inUser},
	{name: "gone key, a target of a kept site", edits: []string{"\treckey dropped, 0, f_hidden", "\treckey dropped, 0, v_direct", "recsite dropped, 1", "recsite dropped, 7"}, opts: inUser},
	{name: "a version", edits: versioned("__SCS__save_V1"), do: asVersions, opts: inUser},
	{name: "another version", edits: versioned("__SCS__save_V2"), do: asVersions, opts: inUser, want: []string{"v_save+0x14: goes through __SCK__save@V2"}},
}

func TestOddRecords(t *testing.T) { testSource(t, "record.S", oddRecords, &recordLink) }

// kernelTable is record.S with a table of the kernel's.
func kernelTable(edits ...string) []string {
	return inKernel(append([]string{"entry listed, __SCJ__listed\nstubentry proven\n", "kernelentry listed\n", "\t.quad __start_static_call_sites", "\t.quad entry_listed"}, edits...)...)
}

// oddRecordObjects are variants of record.S as an object.
var oddRecordObjects = []sourceCase{
	{name: "kept in the kernel, elsewhere", edits: inKernel(), opts: Options{Module: true}, want: []string{"v_kept+0x14: r2 is not restored", "v_again+0x14: r2 is not restored"}},
	{name: "listed, a constant that was the stack's", edits: kernelTable("hiddenkey listed, f_hidden", "hiddenkey listed, 0", `"bl __SCJ__listed"`, "nop")},
	{name: "listed, a constant that was direct", edits: kernelTable("hiddenkey listed, f_hidden", "hiddenkey listed, 0", `"bl __SCJ__listed"`, "nop", "recsite listed, 2", "recsite listed, 1"),
		want: []string{"v_listed+0x18: the record says direct, found nop"}},
	{name: "listed, direct instead of kept", edits: kernelTable(`"bl __SCJ__listed"`, `"bl f_hidden"`, "recsite listed, 2", "recsite listed, 7", "\townedtramp again\n", "\townedtramp again\n\townedtramp listed\n")},
	{name: "listed, direct instead of the linker's", edits: kernelTable(`"bl __SCJ__listed"`, `"bl f_hidden"`, "recsite listed, 2", "recsite listed, 5", "\townedtramp again\n", "\townedtramp again\n\townedtramp listed\n"),
		want: []string{"v_listed+0x18: the record says linker, found a call to something other than the trampoline"}},

	{name: "a stub without a test, of a trampoline that returns", opts: inUser, edits: otherTramp("leaf __SCT__save\n\tblr\nendfunc __SCT__save\n")},
	{name: "a listed stub with a test, of a trampoline that has one", opts: inUser, edits: slices.Concat(testingTramp("listed"), []string{"savestub listed\n", "savestub listed, null=1\n"})},
	{name: "a trampoline without a name, and a function with that of the key", opts: inUser, edits: []string{`"bl __SCT__again"`, `"bl again"`,
		"\townedtramp again\n", "\t.hidden again\nleaf again\n\t.localentry again,1\n\tmflr 0\n\tbcl 20,31,1f\n1:\tmflr 12\n\tmtlr 0\n\taddis 2,12,(.TOC.-1b)@ha\n\taddi 2,2,(.TOC.-1b)@l\n" +
			"\taddis 12,2,__SCK__again@toc@ha\n\tld 12,__SCK__again@toc@l(12)\n\tmtctr 12\n\tbctr\nendfunc again\n"}},
	{name: "a call to another unit's stub", opts: inUser, edits: []string{"\nfunc v_tail\n", "\nfunc v_theirs\n\tframe\n\tbl __SCS__theirs\n\tnop\n\tunframe\nendfunc v_theirs\nfunc v_tail\n"}},
	{name: "a call to a stub that goes to another unit", opts: inUser, edits: append(otherTramp("leaf __SCS__theirs\n\tb ext\nendfunc __SCS__theirs\n"), "\nfunc v_tail\n", "\nfunc v_theirs\n\tframe\n\tbl __SCS__theirs\n\tnop\n\tunframe\nendfunc v_theirs\nfunc v_tail\n"),
		want: []string{"v_theirs+0x14: calls __SCS__theirs, which does not go through a key"}},
	{name: "a call to a stub that goes to another unit's trampoline", opts: Options{User: true, AllowUnpatched: true}, edits: append(otherTramp("leaf __SCS__theirs\n\tstd 2,24(1)\n\tb __SCT__theirs\nendfunc __SCS__theirs\n"), "\nfunc v_tail\n", "\nfunc v_theirs\n\tframe\n\tbl __SCS__theirs\n\tld 2,24(1)\n\tunframe\nendfunc v_theirs\nfunc v_tail\n")},
	{name: "a stub for another TOC pointer", opts: inUser, edits: append(otherTramp("leaf f_toc\n\taddis 2,12,(.TOC.-f_toc+16)@ha\n\taddi 2,2,(.TOC.-f_toc+16)@l\n\t.localentry f_toc,8\n\tblr\nendfunc f_toc\n"),
		"savestub proven, patched=1\n", "\t.text\n\t.type __SCJ__proven,@function\n__SCS__proven:\n\tstd 2,24(1)\n__SCJ__proven:\n\tnop\n\taddis 12,2,(__SCK__proven-16)@toc@ha\n\tld 12,(__SCK__proven-16)@toc@l(12)\n\tmtctr 12\n\tbctr\n"),
		want: []string{"__SCJ__proven+0x0: the entry's stub __SCJ__proven does not go through the key", "v_proven+0x18: goes through __SCK__save"}},
}

func TestOddRecordObjects(t *testing.T) { testSource(t, "record.S", oddRecordObjects, nil) }

// oddRecordImages are variants of record.S as the kernel image.
var oddRecordImages = []sourceCase{
	{name: "listed, retargeted after the link", edits: kernelTable("recsite listed, 2", "recsite listed, 1"), opts: image},
	{name: "not listed, and of another form", edits: kernelTable(), opts: image, do: func(d *mutableFile) { d.branch("v_save.site", "f_hidden", 8) },
		want: []string{"v_save+0x14: the record says save-stub, found a call to f_hidden"}},
}

func TestOddRecordImages(t *testing.T) { testSource(t, "record.S", oddRecordImages, &recordLink) }

// TestNamelessKeys has a table that names another key than the record, in a program
// without symbols.
func TestNamelessKeys(t *testing.T) {
	_, linked := buildRecord(t)
	for linker, b := range linked {
		d := newMutableFile(t, b)
		copy(d.at("rec_listed", 4), d.at("rec_save", 4)[:4])
		d.header(".symtab", shType)[0] = 1
		r, err := check(d.b, inUser)
		if err != nil {
			t.Fatalf("%s: %v", linker, err)
		}
		if !slices.ContainsFunc(r.Faults, func(f Fault) bool { return like(f.What, "the entry's key is .*, the record says save") }) {
			t.Errorf("%s: %v", linker, r.Faults)
		}
	}
}
