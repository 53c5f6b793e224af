// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
	"github.com/scpatch/scpatch/sites/errkind"
)

// buildRecord assembles record.S and links it with both linkers.
func buildRecord(t *testing.T) (object []byte, linked map[string][]byte) {
	t.Helper()
	tooltest.Need(t, gcc)
	src, err := filepath.Abs("testdata/record.S")
	if err != nil {
		t.Fatal(err)
	}
	dir := build(t, "verify-record", func(dir string) {
		execute(t, dir, gcc, "-c", src, "-o", "record.o")
		for name, link := range linkers {
			execute(t, dir, slices.Concat(link, recordLink.words, []string{"record.o", "-o", name})...)
		}
	})
	linked = map[string][]byte{}
	for name := range linkers {
		linked[name] = readFile(t, filepath.Join(dir, name))
	}
	return readFile(t, filepath.Join(dir, "record.o")), linked
}

var recordLink = linking{words: strings.Fields("-nostdlib -static -Wl,-e,v_direct,--gc-sections,-z,nostart-stop-gc,--section-start=.far=0x20000000")}

// TestRecord verifies sites that only a record names.
func TestRecord(t *testing.T) {
	object, linked := buildRecord(t)
	linked["object"] = object
	for name, b := range linked {
		r, err := check(b, Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			t.Errorf("%s: %v", name, &r.Faults[i])
		}
		if r.Unknown {
			t.Errorf("%s: nothing is known", name)
		}
		want := 12
		if name == "object" {
			want++ // gone is still there
		}
		if r.Sites != want {
			t.Errorf("%s: %d sites, want %d", name, r.Sites, want)
		}
	}
}

// recordFaults has faults that only a record shows.
var recordFaults = []struct {
	name string
	do   func(d *mutableFile)
	site string
	kind errkind.Kind
	what string
}{
	{"direct goes through another key", func(d *mutableFile) { d.branch("v_direct.site", "__SCJ__proven", 0) },
		"v_direct+0x14", errkind.WrongCall, "goes through __SCK__proven"},
	{"direct goes through the key", func(d *mutableFile) {
		copy(d.at("rec_direct", 4), d.at("rec_proven", 4)[:4])
		d.branch("v_direct.site", "__SCJ__proven", 0)
	},
		"v_direct+0x14", errkind.BadRecord, "the record says direct, found a call to .*, which goes through the key"},
	{"direct calls another function", func(d *mutableFile) { d.branch("v_direct.site", "v_save", 8) },
		"v_direct+0x14", errkind.WrongCall, "calls v_save (local entry), but the key holds f_hidden"},
	{"direct is back on a trampoline", func(d *mutableFile) { d.branch("v_direct.site", "__SCT__kept", 0) },
		"v_direct+0x14", errkind.WrongCall, "goes through __SCK__kept"},
	{"direct is a constant", func(d *mutableFile) { d.word("v_direct.site", 0, ppc64.Nop) },
		"v_direct+0x14", errkind.WrongCall, "found nop, but the key holds f_hidden"},
	{"direct is another constant", func(d *mutableFile) {
		copy(d.at("rec_direct", 4), d.at("rec_null", 4)[:4])
		d.word("v_direct.site", 0, ppc64.Nop)
	},
		"v_direct+0x14", errkind.BadRecord, "the record says direct, found nop"},
	{"constant is a call", func(d *mutableFile) { d.word("v_null.site", 0, 0x48000001); d.branch("v_null.site", "f_hidden", 8) },
		"v_null+0x14", errkind.WrongCall, "calls f_hidden (local entry), but the key holds NULL"},
	{"another constant", func(d *mutableFile) { d.word("v_null.site", 0, ppc64.Li3Zero) },
		"v_null+0x14", errkind.WrongCall, "found li r3,0, but the key holds NULL"},
	{"save stub is left", func(d *mutableFile) { d.branch("v_save.site", "f_hidden", 8) },
		"v_save+0x14", errkind.BadRecord, "the record says save-stub, found a call to f_hidden"},
	{"save stub's slot", func(d *mutableFile) { d.word("v_save.site", 4, ppc64.Nop) },
		"v_save+0x14", errkind.BadRecord, "the record says save-stub, found nop after the call"},
	{"stack's slot", func(d *mutableFile) { d.word("v_proven.site", 4, ppc64.Nop) },
		"v_proven+0x18", errkind.BadRecord, "the record says stack, found nop after the call"},
	{"stack's save", func(d *mutableFile) { d.word("v_proven.site", -4, ppc64.Nop) },
		"v_proven+0x18", errkind.R2NotSaved, "restores r2 without a save"},
	{"kept is direct", func(d *mutableFile) { d.branch("v_kept.site", "f_hidden", 8); d.word("v_kept.site", 4, ppc64.Nop) },
		"v_kept+0x14", errkind.BadRecord, "the record says keep, found a call to something other than the trampoline"},
	{"kept is absolute", func(d *mutableFile) { d.at("v_kept.site", 0)[0] |= 2 },
		"v_kept+0x14", errkind.WrongCall, "expected b or bl, found"},
	{"kept is conditional", func(d *mutableFile) { d.word("v_kept.site", 0, 0x41820009) },
		"v_kept+0x14", errkind.WrongCall, "found .long 0x41820009, but the key holds f_hidden"},
	{"linker is direct", func(d *mutableFile) { d.branch("v_again.site", "f_hidden", 8); d.word("v_again.site", 4, ppc64.Nop) },
		"v_again+0x14", errkind.BadRecord, "the record says linker, found a call to something other than the trampoline"},
	{"kept calls another trampoline", func(d *mutableFile) { copy(d.at("rec_kept", 4), d.at("rec_again", 4)[:4]) },
		"v_kept+0x14", errkind.WrongCall, "goes through __SCK__kept"},
	{"by name, another function", func(d *mutableFile) { d.branch("v_named.site", "v_save", 8) },
		"v_named+0x14", errkind.WrongCall, "calls v_save (local entry), but the key holds f_hidden"},
	{"gone key, no function", func(d *mutableFile) { d.branch("v_dropped.site", "f_hidden", 12) },
		"v_dropped+0x14", errkind.WrongCall, "calls f_hidden+"},
	{"gone key, another function", func(d *mutableFile) { d.branch("v_dropped.site", "v_save", 8) },
		"v_dropped+0x14", errkind.WrongCall, "calls v_save (local entry), but the key holds f_hidden"},
	{"gone key, another function as its target", func(d *mutableFile) { copy(d.at("rec_dropped_key", 8), d.at("rec_base", 0)[:8]) },
		"v_dropped+0x14", errkind.WrongCall, "but the key holds v_direct"},
	{"gone key, restore without a save", func(d *mutableFile) { d.word("v_dropped.site", 4, ppc64.RestoreTOC) },
		"v_dropped+0x14", errkind.R2NotSaved, "restores r2 without a save"},
	{"tail flag lost", func(d *mutableFile) { d.at("rec_tail", 9)[0] = 0 },
		"v_tail+0x8", errkind.BadRecord, "the record says tail call false, found b"},
	{"tail flag set", func(d *mutableFile) { d.at("rec_direct", 9)[0] = 1 },
		"v_direct+0x14", errkind.BadRecord, "the record says tail call true, found bl"},
	{"listed, but in no table", func(d *mutableFile) { d.at("rec_direct", 9)[0] = 4 },
		"v_direct+0x14", errkind.NotListed, "the record says that a table lists the site, and none does"},
	{"another key than the table says", func(d *mutableFile) { copy(d.at("rec_listed", 4), d.at("rec_save", 4)[:4]) },
		"v_listed+0x18", errkind.BadTable, "the entry's key is __SCK__listed, the record says save"},
	{"another form than the table says", func(d *mutableFile) { d.at("rec_listed", 8)[0] = 0 },
		"v_listed+0x18", errkind.BadRecord, "the record says constant, found"},
	{"two sites in one place", func(d *mutableFile) { copy(d.at("rec_direct", 0), d.at("rec_save", 0)[:4]) },
		"v_save+0x14", errkind.BadRecord, "one record says that the key is direct, another save"},
	{"the place of a stub", func(d *mutableFile) { d.add("rec_proven", 0, 4, d.distance("v_proven.site", "__SCJ__proven")) },
		"__SCJ__proven+0x0", errkind.BadRecord, "the record says that a stub's own entry is a site"},
	{"direct's slot is a constant", func(d *mutableFile) { d.word("v_direct.site", 4, ppc64.Li3Zero) },
		"v_direct+0x14", errkind.BadRecord, "the record says that a slot follows the call, found li r3,0"},
	{"direct's slot loads r2 from elsewhere", func(d *mutableFile) { d.word("v_direct.site", 4, 0xe8410028) },
		"v_direct+0x14", errkind.BadRecord, "the record says that a slot follows the call, found .long 0xe8410028"},
	{"the slot of a gone key", func(d *mutableFile) { d.word("v_dropped.site", 4, 0x38420100) },
		"v_dropped+0x14", errkind.BadRecord, "the record says that a slot follows the call, found .long 0x38420100"},
	{"the slot of a constant", func(d *mutableFile) { d.word("v_null.site", 4, ppc64.Blr) },
		"v_null+0x14", errkind.BadRecord, "the record says that a slot follows the call, found blr"},
	{"the slot of a constant, from the PACA", func(d *mutableFile) { d.word("v_null.site", 4, 0xe84d0010) },
		"v_null+0x14", errkind.BadRecord, "the record says that a slot follows the call, found .long 0xe84d0010"},
	{"the slot of a kept site", func(d *mutableFile) { d.word("v_kept.site", 4, ppc64.Li3Zero) },
		"v_kept+0x14", errkind.BadRecord, "the record says that a slot follows the call, found li r3,0"},
	{"the slot of a shadow stub's call", func(d *mutableFile) { d.word("v_shadow.site", 4, ppc64.Li3Zero) },
		"v_shadow+0x14", errkind.BadRecord, "the record says that a slot follows the call, found li r3,0"},
	{"a place beside the branch", func(d *mutableFile) { d.at("rec_direct", 0)[0] += 4 },
		"v_direct+0x18", errkind.WrongCall, "found nop, but the key holds f_hidden"},
}

// inKernel makes the record one of the kernel image.
func inKernel(edits ...string) []string {
	return append([]string{".byte 2, 0, 0, 0, 0, 0, 0, 0", ".byte 0, 1, 0, 0, 0, 0, 0, 0"}, edits...)
}

// viaPACA makes v_direct go through its key, followed by the restore from the
// PACA.
func viaPACA(restore string) []string {
	return inKernel("savestub save\n", "savestub save\nsavestub direct\n", `"bl f_hidden", nop`+"\nnotoccaller", `"bl __SCJ__direct", `+restore+"\nnotoccaller",
		"recsite direct, 1", "recsite direct, 3")
}

const second = "\t.quad v_gone\n\t.quad __SCK__gone\n" // begins the second record

// keptTramp replaces the trampoline of the kept site.
func keptTramp(body string) []string {
	return []string{"\townedtramp kept\n", "\t.hidden __SCT__kept\n" + body}
}

var (
	framedTramp  = keptTramp("func __SCT__kept\n\tmflr 0\n\tstd 0,16(1)\n\tstdu 1,-32(1)\n\taddi 1,1,32\n\tblr\nendfunc __SCT__kept\n")
	aliasedTramp = keptTramp("\t.type __SCT__kept,@function\n\t.set __SCT__kept,__SCT__again\n\t.localentry __SCT__kept,1\n")
)

// recordCases are variants of record.S.
var recordCases = []sourceCase{
	{name: "PACA", edits: viaPACA("ld 2,16(13)"), opts: trampoline},
	{name: "PACA, nop", edits: viaPACA("nop"), opts: trampoline, want: []string{"v_direct+0x14: the record says paca, found nop after the call"}},
	{name: "PACA, another base", edits: viaPACA("ld 2,16(12)"), opts: trampoline, want: []string{"v_direct+0x14: the record says paca, found .long"}},
	{name: "PACA, another register", edits: viaPACA("ld 3,16(13)"), opts: trampoline, want: []string{"v_direct+0x14: the record says paca, found .long"}},
	{name: "PACA, a store", edits: viaPACA("std 2,16(13)"), opts: trampoline, want: []string{"v_direct+0x14: the record says paca, found .long"}},
	{name: "PACA, another offset", edits: viaPACA("ld 2,24(13)"), opts: trampoline,
		want: []string{"v_direct+0x14: no slot follows the call, found .*, and r2 is not restored: the key may come to hold a function of another unit"}},
	{name: "kernel", edits: inKernel(), opts: trampoline},
	{name: "a constant's slot from the PACA", edits: inKernel("caller null, 0, nop, nop", "caller null, 0, nop, ld 2,16(13)"), opts: trampoline},
	{name: "a constant's slot from the PACA, at an offset that is not known", edits: inKernel("caller null, 0, nop, nop", "caller null, 0, nop, ld 2,16(13)"), opts: Options{Runtime: Trampoline}},
	{name: "a constant's slot from another place", edits: inKernel("caller null, 0, nop, nop", "caller null, 0, nop, ld 2,24(13)"), opts: trampoline,
		want: []string{"v_null+0x14: the record says that a slot follows the call, found .long"}},
	{name: "kernel, but user space was asked for", edits: inKernel(), opts: Options{User: true}},

	{name: "no TOC pointer by the record", edits: []string{"direct, f_hidden", "direct, f_single", "notoccaller pc", "x_stub: li 2,0\n\tb f_single\nnotoccaller pc", `caller direct, 0, "bl f_hidden"`, `caller direct, 0, "bl x_stub"`, "recsite direct, 1", "recsite direct, 1, 2"}},
	{name: "a TOC pointer by the record", edits: []string{"direct, f_hidden", "direct, f_single", "notoccaller pc", "x_stub: li 2,0\n\tb f_single\nnotoccaller pc", `caller direct, 0, "bl f_hidden"`, `caller direct, 0, "bl x_stub"`},
		want: []string{"v_direct+0x14: r2 is not restored: r2 is changed on the way"}},
	{name: "NoTOC save stub", edits: []string{"savestub save\n", "savestub save\nnotocstub pc\n", "bl f_single@notoc", "bl __SCN__pc@notoc", "recsite pc, 1", "recsite pc, 4"}},
	{name: "NoTOC stack", edits: []string{"savestub save\n", "savestub save\nnotocstub pc\n", "bl f_single@notoc", "bl __SCN__pc@notoc", "recsite pc, 1", "recsite pc, 2"}},
	{name: "a tail call through the key", edits: []string{"savestub save\n", "savestub save\nsavestub tail\n", "\tb f_hidden", "\tb __SCJ__tail", "recsite tail, 1", "recsite tail, 2"},
		want: []string{"v_tail+0x8: a tail call, and nothing restores r2: the key may come to hold a function of another unit"}},
	{name: "a tail call through the key that never changes", edits: []string{"savestub save\n", "savestub save\nsavestub tail\n", "\tb f_hidden", "\tb __SCJ__tail", "recsite tail, 1", "recsite tail, 2",
		".byte 2, 0, 0, 0, 0, 0, 0, 0", ".byte 2, 2, 0, 0, 0, 0, 0, 0"}},
	{name: "a runtime that there is not", edits: []string{"savestub save\n", "savestub save\nsavestub tail\n", "\tb f_hidden", "\tb __SCJ__tail", "recsite tail, 1", "recsite tail, 2",
		".byte 2, 0, 0, 0, 0, 0, 0, 0", ".byte 2, 3, 0, 0, 0, 0, 0, 0"},
		want: []string{"v_tail+0x8: a tail call, and nothing restores r2: the key may come to hold a function of another unit"}},
	{name: "another TOC of the table's caller", edits: []string{"recsite listed, 2, 20", "recsite listed, 2, 22"},
		want: []string{"v_listed+0x18: the entry and the record disagree on whether the caller keeps a TOC pointer"}},
	{name: "another tail flag than the table's", edits: []string{"recsite listed, 2, 20", "recsite listed, 2, 21"},
		want: []string{"v_listed+0x18: the entry says tail call false, the record says the opposite"}},
	{name: "another name than the table's", edits: []string{"\treckey listed, __SCK__listed", "\treckey listed, 0", "recname listed", ".Lname_listed: .asciz \"lost\""},
		want: []string{"v_listed+0x18: the entry's key is __SCK__listed, the record says lost"}},
	{name: "direct, listed", edits: []string{"recsite listed, 2, 20", "recsite listed, 1, 20"},
		want: []string{"v_listed+0x18: the record says direct, found a call to __SCJ__listed, which goes through the key"}},
	{name: "a constant, listed as the stack's", edits: []string{"hiddenkey listed, f_hidden", "hiddenkey listed, 0", `"bl __SCJ__listed"`, "nop", "savestub listed", "savestub listed, null=1"},
		want: []string{"v_listed+0x18: the record says stack, found nop"}},
	{name: "return 0, listed as the stack's", edits: []string{"hiddenkey listed, f_hidden", "hiddenkey listed, __static_call_return0", `"bl __SCJ__listed"`, `"li 3,0"`, "hiddenkey direct, f_hidden", "hiddenkey direct, f_hidden\n\t.hidden __static_call_return0\nleaf __static_call_return0\n\tli 3,0\n\tblr\nendfunc __static_call_return0"},
		want: []string{"v_listed+0x18: the record says stack, found li r3,0"}},
	{name: "a call to a function, listed as the stack's", edits: []string{`"bl __SCJ__listed"`, `"bl f_hidden"`},
		want: []string{"v_listed+0x18: the record says stack, found a call to f_hidden (local entry)"}},
	{name: "a constant that is the stack's", edits: []string{"hiddenkey proven, f_hidden", "hiddenkey proven, 0", `"bl __SCJ__proven"`, "nop"},
		want: []string{"v_proven+0x18: the record says stack, found nop", "__SCJ__proven+0x0: the entry's stub __SCJ__proven jumps to what the key holds without a test, and that is NULL"}},

	{name: "dropped, a nop", edits: []string{`caller dropped, 0, "bl f_hidden", nop`, "caller dropped, 0, nop, nop", "recsite dropped, 1", "recsite dropped, 0"}},
	{name: "dropped, li", edits: []string{`caller dropped, 0, "bl f_hidden", nop`, `caller dropped, 0, "li 3,0", nop`, "recsite dropped, 1", "recsite dropped, 0"}},
	{name: "dropped, blr", edits: []string{`caller dropped, 0, "bl f_hidden", nop`, "caller dropped, 0, blr, nop", "recsite dropped, 1", "recsite dropped, 0"},
		want: []string{"v_dropped+0x14: found blr, but the key holds something unknown here (the file has neither the key nor its trampoline)"}},
	{name: "dropped, a tail call's blr", edits: []string{"\treckey tail, __SCK__tail", "\treckey tail, 0", "recname tail", ".Lname_tail: .asciz \"tall\"", "\tb f_hidden", "\tblr", "recsite tail, 1, 1", "recsite tail, 0, 1"}},
	{name: "dropped, a tail call's nop", edits: []string{"\treckey tail, __SCK__tail", "\treckey tail, 0", "recname tail", ".Lname_tail: .asciz \"tall\"", "\tb f_hidden", "\tnop", "recsite tail, 1, 1", "recsite tail, 0, 1"},
		want: []string{"v_tail+0x8: found nop, but the key holds something unknown here"}},

	{name: "place of code that was dropped", edits: []string{second, "\t.quad -1\n\t.quad __SCK__gone\n"}},
	{name: "place of code that was folded", edits: []string{second, "\t.quad 1\n\t.quad __SCK__gone\n"}},
	{name: "place of no code", edits: []string{second, "\t.quad 2\n\t.quad __SCK__gone\n"}, want: []string{"error: section .*a site of key gone is at 0x16, which is not code"}},
	{name: "key that was dropped", edits: []string{"\treckey named, 0", "\treckey named, -1"}},
	{name: "key that was folded", edits: []string{"\treckey named, 0", "\treckey named, 1"}},
	{name: "a later record of a site", edits: []string{second, "\t.quad v_direct\n\t.quad __SCK__direct\n", "v_gone.site - v_gone", "v_direct.site - v_direct", `"gone"`, `"direct"`}},
	{name: "a later record of another form", edits: []string{second, "\t.quad v_direct\n\t.quad __SCK__direct\n", "v_gone.site - v_gone", "v_direct.site - v_direct", `"gone"`, `"direct"`,
		".byte 1, 0, 0, 0\n.Lname2", ".byte 2, 0, 0, 0\n.Lname2"}, want: []string{"v_direct+0x14: the record says stack, found nop after the call"}},
	{name: "a later record of another key", edits: []string{second, "\t.quad v_direct\n\t.quad __SCK__save\n", "v_gone.site - v_gone", "v_direct.site - v_direct", `"gone"`, `"save"`},
		want: []string{"v_direct+0x14: one record says that the key is direct, another save"}},
	{name: "kept in data", edits: []string{second, "\t.quad v_data\n\t.quad __SCK__save\n", "v_gone.site - v_gone", "0", `"gone"`, `"save"`, ".byte 1, 0, 0, 0\n.Lname2", ".byte 7, 0, 0, 0\n.Lname2"},
		want: []string{"error: .*a site of key save is at .*, which is not code"}},
	{name: "direct in data", edits: []string{second, "\t.quad v_data\n\t.quad __SCK__save\n", "v_gone.site - v_gone", "0", `"gone"`, `"save"`},
		want: []string{"error: a site of key save is at .*, which is not code"}},

	{name: "kept, a trampoline that a compiler has made", both: true, edits: framedTramp},
	{name: "kept, a trampoline with another name", both: true, edits: aliasedTramp},
	{name: "kept, past the entry of such a trampoline", both: true, edits: slices.Concat(framedTramp, []string{`"bl __SCT__kept"`, `"bl __SCT__kept+4"`}),
		want: []string{"v_kept+0x14: calls __SCT__kept+"}},
	{name: "another shadow stub", edits: []string{`"bl __SCX__shadow"`, `"bl __SCX__other"`}, want: []string{"v_shadow+0x14: calls __SCX__other, the record says shadow"}},
	{name: "no shadow stub", edits: []string{`"bl __SCX__shadow"`, `"bl f_hidden"`}, want: []string{"v_shadow+0x14: calls f_hidden (local entry), the record says shadow"}},
	{name: "a shadow stub that is far away", both: true, edits: []string{`.text.shadow,"ax"`, `.far,"awx"`}},
	{name: "another shadow stub that is far away", both: true, edits: []string{`.text.shadow,"ax"`, `.far,"awx"`, `"bl __SCX__shadow"`, `"bl __SCX__other"`},
		want: []string{"v_shadow+0x14: calls .*, the record says shadow"}},
	{name: "a shadow stub without a symbol", edits: []string{"\t.type __SCX__\\name,@function\n", "", "__SCX__", "anything_"}},
	{name: "a shadow stub without a name", edits: []string{"__SCX__", "anything_"}, want: []string{"v_shadow+0x14: calls anything_shadow, the record says shadow"}},
}

func TestRecordCases(t *testing.T) { testSource(t, "record.S", recordCases, &recordLink) }

// testingTramp adds a trampoline that returns if its key holds NULL.
func testingTramp(key string) []string {
	return []string{"\townedtramp again\n", "\townedtramp again\nleaf __SCT__" + key + "\n\taddis 12,2,__SCK__" + key + "@toc@ha\n\tld 12,__SCK__" + key +
		"@toc@l(12)\n\tcmpdi 12,0\n\tbeqlr\n\tmtctr 12\n\tbctr\nendfunc __SCT__" + key + "\n"}
}

// handStub makes the stub of v_save from two halves of an address, not at the start of its
// section.
func handStub(high, low string) []string {
	return []string{"savestub save\n", "\t.text\n\tnop\n__SCS__save:\tstd 2,24(1)\n\taddis 12,2," + high + "\n\tld 12," + low + "(12)\n\tmtctr 12\n\tbctr\n"}
}

// recordObjects are variants of record.S as an object.
var recordObjects = []sourceCase{
	{name: "nothing"},
	{name: "kept, a trampoline that a compiler has made", edits: framedTramp},
	{name: "kept, a trampoline with another name", edits: aliasedTramp},
	{name: "kept, such a trampoline, elsewhere", edits: framedTramp, opts: Options{Module: true},
		want: []string{"v_kept+0x14: calls __SCT__kept (local entry), but the key holds f_hidden", "v_again+0x14: r2 is not restored"}},
	{name: "kept, of trampolines that say nothing of r2", edits: []string{"\t.localentry __SCT__\\name,1\n", ""}, opts: inUser, want: []string{"v_again+0x14: r2 is not restored"}},
	{name: "two keys of a name", edits: []string{"v_data:\n", "__SCK__other:\t.quad f_single\nv_data:\n"}, do: func(d *mutableFile) { d.rename("__SCK__other", "__SCK__named") }},
	{name: "kept, elsewhere", opts: Options{Module: true}, want: []string{"v_kept+0x14: r2 is not restored", "v_again+0x14: r2 is not restored"}},
	{name: "another TOC", edits: []string{"recsite direct, 1", "recsite direct, 1, 2"},
		want: []string{"v_direct+0x14: the relocation and the record disagree about whether the caller keeps a TOC pointer"}},
	{name: "another TOC of a caller without one", edits: []string{"recsite pc, 1, 2", "recsite pc, 1"},
		want: []string{"v_pc+0xc: the relocation and the record disagree about whether the caller keeps a TOC pointer"}},
	{name: "a stub written by hand", edits: handStub("__SCK__save@toc@ha", "__SCK__save@toc@l")},
	{name: "a stub with the high half of another key", edits: handStub("__SCK__direct@toc@ha", "__SCK__save@toc@l"),
		want: []string{"v_save+0x14: calls __SCS__save, but the key holds f_hidden (the two halves of an address are not of the same symbol)"}},
	{name: "a stub with the high half of another addend", edits: handStub("(__SCK__save+8)@toc@ha", "__SCK__save@toc@l"),
		want: []string{"v_save+0x14: calls __SCS__save, but the key holds f_hidden (the two halves of an address are not of the same symbol)"}},
	{name: "a stub without a test, of a trampoline that has one", edits: testingTramp("save"),
		want: []string{"v_save+0x14: __SCS__save jumps to what the key holds without a test, and the trampoline returns for NULL"}},
	{name: "a listed stub without a test, of a trampoline that has one", edits: testingTramp("listed"),
		want: []string{"v_listed+0x18: the entry's stub __SCJ__listed jumps to what the key holds without a test, and the trampoline returns for NULL"}},
	{name: "a stub with a test, of a trampoline that has one", edits: slices.Concat(testingTramp("save"), []string{"savestub save\n", "savestub save, null=1\n"})},
	{name: "such a stub, of a key that never changes", edits: slices.Concat(testingTramp("save"), []string{".byte 2, 0, 0, 0, 0, 0, 0, 0", ".byte 2, 2, 0, 0, 0, 0, 0, 0"})},
	{name: "dropped, of another unit", edits: []string{`caller dropped, 0, "bl f_hidden", nop`, `caller dropped, 0, "bl ext", nop`}},
	{name: "dropped, of a weak symbol", edits: []string{`caller dropped, 0, "bl f_hidden", nop`, ".weak ext\n" + `caller dropped, 0, "bl ext", nop`},
		want: []string{"v_dropped+0x14: calls ext, a weak undefined symbol: it may be NULL after the link"}},
	{name: "a relocation of the record", edits: []string{"\t.quad v_gone\n", "\t.reloc .,R_PPC64_TPREL64,v_gone\n\t.quad 0\n"},
		want: []string{"error: section .*: a relocation of a record cannot be applied"}},
	{name: "a gone site's function", edits: []string{`caller gone, 0, "bl f_hidden"`, `caller gone, 0, "bl v_direct"`}, want: []string{"v_gone+0x14: calls v_direct (local entry), but the key holds f_hidden"}},
}

func TestRecordObjects(t *testing.T) { testSource(t, "record.S", recordObjects, nil) }

func TestRecordFaults(t *testing.T) {
	_, linked := buildRecord(t)
	for _, linker := range []string{"bfd", "lld"} {
		for _, f := range recordFaults {
			t.Run(linker+"/"+f.name, func(t *testing.T) {
				d := newMutableFile(t, linked[linker])
				f.do(d)
				r, err := check(d.b, Options{User: true})
				if err != nil {
					t.Fatal(err)
				}
				wantFault(t, r, f.site, f.what)
				if r.Faults[0].Kind != f.kind {
					t.Errorf("%v, want %v: %v", r.Faults[0].Kind, f.kind, &r.Faults[0])
				}
			})
		}
	}
}

// TestBadRecords wants malformed records refused.
func TestBadRecords(t *testing.T) {
	object, linked := buildRecord(t)
	put := func(name string, off int64, n uint32) func(*mutableFile) {
		return func(d *mutableFile) { binary.LittleEndian.PutUint32(d.at(name, off), n) }
	}
	for name, c := range map[string]struct {
		do   func(*mutableFile)
		kind errkind.Kind
		what string
	}{
		"magic":          {put("rec_head", 0, 1), errkind.BadRecord, "no record of static calls begins at offset 0x0"},
		"size":           {put("rec_head", 4, 1<<20), errkind.BadRecord, "bytes for 12 entries"},
		"key":            {put("rec_direct", 4, 99), errkind.BadRecord, "entry 0 has key 99 of 12"},
		"form":           {put("rec_direct", 8, 99), errkind.BadRecord, "form 99"},
		"place":          {put("rec_head", 16, 9), errkind.BadRecord, "place 9, which does not exist"},
		"another place":  {put("rec_head", 16, 1), errkind.BadRecord, "the records are for code that runs in different places, 1 and 2"},
		"after the code": {put("rec_direct", 0, 1<<20), errkind.BadRecord, "a site of key direct is at .*, which is not code"},
		"odd":            {put("rec_direct", 0, 2), errkind.BadRecord, "a site of key direct is at .*, which is not code"},
		"odd, kept":      {func(d *mutableFile) { d.add("rec_kept", 0, 4, 2) }, errkind.BadRecord, "a site of key kept is at .*, which is not code"},
		"data, kept":     {func(d *mutableFile) { d.add("rec_kept", 0, 4, d.distance("v_kept.site", "v_data")) }, errkind.BadRecord, "a site of key kept is at .*, which is not code"},
	} {
		for linker, b := range map[string][]byte{"object": object, "bfd": linked["bfd"], "lld": linked["lld"]} {
			if name == "another place" && linker != "object" || name == "data, kept" && linker == "object" {
				continue // the second record is gone, or the distance is not known
			}
			d := newMutableFile(t, b)
			c.do(d)
			_, err := check(d.b, Options{User: true})
			if errkind.Of(err) != c.kind || err == nil || !like(err.Error(), c.what) {
				t.Errorf("%s: %s: %v, want %v: %s", linker, name, err, c.kind, c.what)
			}
		}
	}
}

// TestNothingKnown removes the record, and then the symbols: Verify must report
// that nothing is known.
func TestNothingKnown(t *testing.T) {
	object, _ := buildRecord(t)
	for _, c := range []struct {
		args []string
		kind errkind.Kind
		text string
	}{
		{[]string{"-R", "static_call_sites"}, errkind.NotListed, ""},
		{[]string{"-R", "static_call_sites", "-R", ".debug_static_calls"}, errkind.NotPatched, "calls __SCT__"},
		{[]string{"-R", "static_call_sites", "-S"}, errkind.NothingKnown, "neither symbols of the program's own"},
	} {
		dir := build(t, "verify-nothing"+strings.Join(c.args, ""), func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, "record.o"), object, 0o644); err != nil {
				t.Fatal(err)
			}
			execute(t, dir, gcc, "-nostdlib", "-static", "-Wl,-e,v_direct", "record.o", "-o", "exe")
			execute(t, dir, slices.Concat([]string{"powerpc64le-linux-gnu-objcopy"}, c.args, []string{"exe", "out"})...)
		})
		r, err := check(readFile(t, filepath.Join(dir, "out")), Options{User: true})
		got, text := errkind.Of(err), ""
		switch {
		case err != nil:
			text = err.Error()
		case len(r.Faults) > 0:
			got, text = r.Faults[0].Kind, r.Faults[0].What
		}
		if got != c.kind || !strings.Contains(text, c.text) {
			t.Errorf("%v: %v: %s", c.args, got, text)
		}
	}
}
