// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/reloc"
)

// throughTable is code that jumps through a table of distances at .Ltab.
const throughTable = "addis 9,2,.Ltab@toc@ha; addi 9,9,.Ltab@toc@l; lwax 10,9,3; add 9,9,10; mtctr 9; bctr\n"

// TestReferences reads what relocations say about the function f. Its calls c1,
// c2 and so on are proven, but for those that have a reason.
func TestReferences(t *testing.T) {
	const entered, base, patched = "it is not known what 24(r1) holds where the function is entered", "a table with an unknown base", "the code at"
	const jump = "indirect branch"
	const ownTable = "begin f\n save\n" + throughTable + ".La: call c1\n.Lb: call c2\n finish f\n"
	const rodata = "\n .section .rodata\n.Ltab: .long .La-.Ltab, .Lb-.Ltab\n .text\n"
	const label = "begin f\n save\n call c1\n.L: call c2\n finish f\n"
	const pair = "begin f\n.La: ld 3,0(3)\n save\n call c1\n.Lb: call c2\n finish f\n"
	const extable = ".section __ex_table,\"a\"\n"
	const jumptable = ".section __jump_table,\"aw\"\n"
	all := map[string]string{"c1": entered, "c2": entered}
	three := map[string]string{"c1": entered, "c2": entered, "c3": entered}
	second := map[string]string{"c2": entered}
	// A feature section's entry with its four fields, each a distance from the entry.
	fixup := func(fields ...string) string {
		return ".section __ftr_fixup,\"a\"\n9: .quad 1, 1\n .quad " + strings.Join(fields, "-9b, ") + "-9b\n .section __ftr_alt_1,\"a\"\n3: nop\n4: nop\n"
	}
	const featured = "begin f\n save\n call c3\n1: nop\n2: nop\n call c1\n save\n call c2\n finish f\n"
	for _, tt := range []struct {
		name, source string
		want         map[string]string
	}{
		// Symbols.
		{"data within", "begin f\n save\n call c1\n .globl tab\n .type tab,@object\ntab: call c2\n finish f", nil},
		{"a local entry within", "begin f\n save\n b 1f\n blr\n blr\n .type g,@function\n .localentry g,8\ng: b 2f\n nop\n .size g,.-g\n1: call c1\n2: finish f",
			map[string]string{"c1": entered}},
		{"a branch to a symbol with a local entry", "begin f\n save\n call c1\n b 1f\n blr\n blr\n .localentry inner,8\ninner: b 2f\n nop\n1: call c2\n2: finish f\n .section .text.x,\"ax\"\n b inner",
			second},

		// Sections with addresses.
		{"relocations of a section that is not loaded", ".section .debug_x\n .quad callee\n .text\n" + label + ".section .mine,\"aw\"\n .quad .L", second},
		{"a name that begins like one of Linux's", label + ".section __x,\"a\"\n .quad .L-.+8", map[string]string{"c1": base, "c2": base}},
		{"a name that ends like one of Linux's", label + ".section .x_fixup,\"a\"\n .quad .L", second},
		{"an address in the text", label + ".L2: .quad .L", second},
		{"an address that pla computes", label + ".section .text.x,\"ax\"\n pla 9,.L@pcrel", second},
		{"an address of 64 bits", "begin f\n save\n call c1\n mtctr 9\n bctr\n.L: call c2\n finish f\n .data\n .quad .L", second},
		{"an address of 32 bits", "begin f\n save\n call c1\n mtctr 9\n bctr\n.L: call c2\n finish f\n .data\n .long .L", map[string]string{"c1": jump, "c2": jump}},
		{"a marker in data", label + ".data\n .reloc ., R_PPC64_NONE, .L\n .quad 0", nil},

		// Tables of distances.
		{"a table", ownTable + rodata, nil},
		{"a table in another section with code", ownTable + ".section .text.tab,\"ax\"\n.Ltab: .long .La-.Ltab, .Lb-.Ltab", nil},
		{"a table of 8 bytes there", ownTable + ".section .text.tab,\"ax\"\n.Ltab: .quad .La-.Ltab, .Lb-.Ltab", nil},
		{"a table in no section for tables", ownTable + ".section .mine,\"a\"\n.Ltab: .long .La-.Ltab, .Lb-.Ltab", map[string]string{"c1": base, "c2": base}},
		{"a table in a section of its own", ownTable + ".section .rodata.f,\"a\"\n.Ltab: .long .La-.Ltab, .Lb-.Ltab", nil},
		{"a table whose address is in data", ownTable + rodata + ".data\n .quad .Ltab", all},
		{"a table of two functions", ownTable + rodata + "begin g\n addis 9,2,.Ltab@toc@ha\n finish g", all},
		{"a table of two sections", ownTable + rodata + ".section .text.x,\"ax\"\n addis 9,2,.Ltab@toc@ha", all},
		{"a table of two sections, of which the second has the function", ".fill 3,4,0x60000000\n addis 9,2,.Ltab@toc@ha\n .section .text.x,\"ax\"\n" + ownTable + rodata, all},
		{"a table that something else names", ownTable + rodata + "begin g\n .reloc ., R_PPC64_NONE, .Ltab\n finish g", nil},
		{"a table that branches lead to", ownTable + rodata + "begin g\n .reloc ., R_PPC64_REL24, .Ltab\n b .\n .reloc ., R_PPC64_REL14, .Ltab\n beq .\n finish g", nil},
		{"a table through .toc, whose entry nobody reads", "begin f\n save\n mtctr 9\n bctr\n.La: call c1\n.Lb: call c2\n finish f\n" + rodata + ".section .toc,\"aw\"\n .quad .Ltab", all},
		{"two tables of one entry of .toc", "begin f\n save\n ld 9,.Lt@toc(2)\n mtctr 9\n bctr\n.La: call c1\n.Lb: call c2\n finish f\n .section .rodata\n.Ltab: .long .La-.Ltab\n.Lother: .long .Lb-.Lother\n" +
			".section .toc,\"aw\"\n.Lt: .quad .Ltab\n .reloc .Lt, R_PPC64_ADDR64, .Lother", second},

		// __ex_table and __jump_table.
		{"a pair", pair + extable + ".long .La-., .Lb-.", map[string]string{"c2": "path from"}},
		{"a pair of another function", label + "begin g\n finish g\n" + extable + ".long g-., .L-.", second},
		{"a pair of a branch", "begin f\n save\n.La: b .Lb\n call c1\n.Lb: call c2\n finish f\n" + extable + ".long .La-., .Lb-.", map[string]string{"c1": "not reached"}},
		{"a jump that may become a nop", "begin f\n save\n.La: b .Lb\n call c1\n.Lb: call c2\n finish f\n" + jumptable + ".long .La-., .Lb-.\n .quad callee-.", nil},
		{"a jump without a key", pair + jumptable + ".long .La-., .Lb-.\n .quad 0", map[string]string{"c2": "path from"}},
		{"a jump with a key elsewhere", pair + jumptable + ".long .La-., .Lb-., 0, callee-.", all},
		{"a jump with two keys", pair + jumptable + ".long .La-., .Lb-., callee-., callee-.", all},
		{"a pair with three relocations", pair + extable + ".long .La-., .Lb-.\n .reloc .-4, R_PPC64_REL32, .La", all},
		{"a pair with an end elsewhere", "begin f\n save\n call c1\n.La: call c2\n finish f\n" + extable + ".long .La-., callee-.", second},
		{"a pair with a begin elsewhere", label + extable + ".long callee-., .L-.", second},
		{"a pair elsewhere", label + extable + ".long callee-., callee-.", nil},
		{"pairs of 12 bytes", pair + extable + ".long .La-., .Lb-., 0, .La-., .Lb-., 1", map[string]string{"c2": "path from"}},
		{"pairs of 12 bytes, one without relocations", pair + extable + ".long 0, 0, 0, .La-., .Lb-., 0", all},

		// Code that Linux patches.
		{"a place in the second field", "begin f\n save\n1: lwsync\n call c1\n save\n call c2\n finish f\n .section __lwsync_fixup,\"a\"\n2: .quad 0, 1b-2b", map[string]string{"c1": patched}},
		{"features of an unknown form", "begin f\n save\n call c1\n call c2\n call c3\n call c4\n call c5\n call c6\n.L: call c7\n finish f\n .section __ftr_fixup,\"a\"\n .quad .L-.",
			map[string]string{"c2": entered, "c3": entered, "c4": entered, "c5": entered, "c6": entered, "c7": entered}},
		{"a feature", featured + fixup("1b", "2b", "3f", "3f"), map[string]string{"c1": patched}},
		{"two features", featured + fixup("1b", "2b", "3f", "3f") + fixup("1b", "2b", "3f", "3f"), map[string]string{"c1": patched}},
		{"an empty feature", featured + fixup("1b", "1b", "3f", "3f"), map[string]string{"c1": patched}},
		{"a feature of three fields", featured + fixup("1b", "2b", "3f") + ".section __ftr_fixup,\"a\"\n .quad 0", three},
		{"a feature and a part of one", featured + fixup("1b", "2b", "3f", "3f") + ".section __ftr_fixup,\"a\"\n .quad 0", three},
		{"a feature elsewhere", featured + fixup("callee", "callee", "1b", "2b"), three},
		{"a feature with a begin elsewhere", featured + fixup("callee", "2b", "3f", "3f"), three},
		{"a feature with an end elsewhere", featured + fixup("1b", "callee", "3f", "3f"), three},
		{"a feature with an alternative elsewhere", featured + fixup("1b", "2b", "callee", "3f"), three},
		{"a feature with the end of its alternative elsewhere", featured + fixup("1b", "2b", "3f", "callee"), three},
		{"a feature with an end in another section", featured + fixup("1b", "4f", "3f", "3f"), three},
		{"a negative feature", featured + fixup("2b", "1b", "3f", "3f"), map[string]string{"c1": "a feature section of negative size", "c2": "a feature section of negative size", "c3": "a feature section of negative size"}},
	} {
		checkReasons(t, tt.name, assembleSource(t, tt.source), tt.want)
	}
}

// TestFeature records code that Linux may replace, in a section of 64 bytes.
func TestFeature(t *testing.T) {
	for _, tt := range []struct {
		begin, end  uint64
		alternative bool
		want        text
	}{
		{8, 16, false, text{patched: []span{{8, 20}}, edges: []edge{{8, 16}}}},
		{8, 16, true, text{patched: []span{{8, 20}}, edges: []edge{{8, 16}}, entries: []uint64{16}}},
		{8, 8, false, text{patched: []span{{8, 12}}, edges: []edge{{8, 8}}}},
		{0, 64, false, text{patched: []span{{0, 64}}, edges: []edge{{0, 64}}}},
		{0, 65, false, text{unknown: []unknownCode{{start: 0, end: 66}}}},
		{16, 8, false, text{unknown: []unknownCode{{start: 8, end: 17}}}},
	} {
		x := &text{sec: 1, code: make([]byte, 64)}
		m := &Map{secs: map[int]*text{1: x}}
		m.feature(place{1, tt.begin}, place{1, tt.end}, tt.alternative)
		for i := range x.unknown {
			x.unknown[i].why = ""
		}
		if !slices.Equal(x.patched, tt.want.patched) || !slices.Equal(x.edges, tt.want.edges) || !slices.Equal(x.entries, tt.want.entries) || !slices.Equal(x.unknown, tt.want.unknown) {
			t.Errorf("%d-%d: patched %v, edges %v, entries %v, unknown %v", tt.begin, tt.end, x.patched, x.edges, x.entries, x.unknown)
		}
	}
}

// TestUnknownBase reads distances that may be relative to the field, to the first of
// them, or to the begin of a structure up to 64 bytes before it.
func TestUnknownBase(t *testing.T) {
	f := newFile(t, assembleSource(t, "begin f\n .fill 100,4,0x60000000\n finish f"))
	s, _ := f.SectionByName(".text")
	r := &reader{Map: newMap(f, []int{s.Index})}
	at := func(off uint64) place { return place{s.Index, off} }
	r.run([]distance{{8, 4, at(200)}, {12, 4, at(220)}, {16, 4, at(40)}}, nil)
	var got []span
	for _, h := range r.secs[s.Index].unknown {
		got = append(got, span{h.start, h.end})
	}
	if want := []span{{136, 201}, {152, 221}, {0, 41}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestFills asks for the words that relocations change.
func TestFills(t *testing.T) {
	var table []byte
	for _, rel := range []struct{ off, typ uint64 }{{0, 10}, {6, 4}, {8, 0}, {16, 10}} { // REL24, ADDR16_LO, NONE
		table = binary.LittleEndian.AppendUint64(table, rel.off)
		table = binary.LittleEndian.AppendUint64(table, rel.typ)
		table = binary.LittleEndian.AppendUint64(table, 0)
	}
	all, err := reloc.NewTable(table)
	if err != nil {
		t.Fatal(err)
	}
	s, next, got := sortRelocs([]reloc.Table{all}), 0, ""
	for off := uint64(0); off < 24; off += 4 {
		got += fmt.Sprint(fills(&s, off, &next), " ")
	}
	if want := "true true false false true false "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	next = 0
	if fills(&s, 4, &next); !fills(&s, 16, &next) {
		t.Error("the last relocation is not found")
	}
}
