// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// Instructions.
func dForm(op, rt, ra ppc64.Word, d int64) ppc64.Word {
	return op<<26 | rt<<21 | ra<<16 | ppc64.Word(uint16(d))
}
func addi(rt, ra ppc64.Word, d int64) ppc64.Word  { return dForm(14, rt, ra, d) }
func addis(rt, ra ppc64.Word, d int64) ppc64.Word { return dForm(15, rt, ra, d) }
func ld(rt, ra ppc64.Word, d int64) ppc64.Word    { return dForm(58, rt, ra, d) }
func std(rs, ra ppc64.Word, d int64) ppc64.Word   { return dForm(62, rs, ra, d) }
func mr(ra, rs ppc64.Word) ppc64.Word             { return 0x7c000378 | rs<<21 | ra<<16 | rs<<11 }

// A branch is put at an address: b, bl, beq or ba.
type branch struct {
	at, to uint64
	word   ppc64.Word
}

const (
	insnB   = ppc64.Word(0x48000000)
	insnBL  = ppc64.Word(0x48000001)
	insnBA  = ppc64.Word(0x48000002)
	insnBEQ = ppc64.Word(0x41820000)
)

func (b branch) encode() []byte {
	w := b.word | ppc64.Word(b.to-b.at)&0x3fffffc
	if b.word == insnBEQ {
		w = b.word | ppc64.Word(b.to-b.at)&0xfffc
	}
	return words(w)
}

// TestBranches checks which branches enter a function from outside, in an image and
// in an object.
func TestBranches(t *testing.T) {
	const first, second, other = textAt + 0x10, secondAt + 0x10, otherAt + 0x10
	inner := linkedSymbol{name: "inner", at: textAt + 0x10, size: 0x10, typ: elf.STT_FUNC}
	after := linkedSymbol{name: "after", at: otherAt + 0x40 - 8, size: 1 << 30, typ: elf.STT_FUNC}
	atEight := linkedSymbol{name: "eight", at: gapAt, size: 0x20, typ: elf.STT_FUNC, other: twoWays}
	for _, tt := range []struct {
		name     string
		branches []branch
		syms     []linkedSymbol
		want     string // see found
		images   bool   // only for images
	}{
		{name: "within", branches: []branch{{first, first + 8, insnB}, {first + 4, first, insnBEQ}, {first + 12, first + 16, insnBL}}},
		{name: "to the middle", branches: []branch{{first, second, insnB}}, want: "101010>101050 101010>101050"},
		{name: "conditional", branches: []branch{{first, second, insnBEQ}}, want: "101010>101050 101010>101050"},
		{name: "back", branches: []branch{{second, first, insnB}}, want: "101050>101010 101050>101010"},
		{name: "call to the middle", branches: []branch{{first, second, insnBL}}, want: "101010>101050 !101050"},
		{name: "to the start", branches: []branch{{first, secondAt, insnB}}, want: "101010>101040"},
		{name: "to the local entry", branches: []branch{{first, gapAt + 8, insnB}}, syms: []linkedSymbol{atEight}, want: "101010>101088 !101088"},
		{name: "to its own start", branches: []branch{{second, secondAt, insnB}}},
		{name: "the last word of a function", branches: []branch{{secondAt - 4, secondAt + 4, insnB}}, want: "10103c>101044 10103c>101044"},
		{name: "the first word of a function", branches: []branch{{first, first + 4, insnB}, {secondAt, secondAt + 4, insnB}}},
		{name: "the first word of a function, to another", branches: []branch{{first, first + 4, insnB}, {secondAt, first, insnB}},
			want: "101040>101010 101040>101010"},
		{name: "from no function", branches: []branch{{gapAt, first, insnB}}, want: "101080>101010 101080>101010"},
		{name: "to no function", branches: []branch{{first, gapAt, insnB}}},
		{name: "the last word", branches: []branch{{textAt + textSize - 4, first, insnB}}, want: "1010fc>101010 1010fc>101010"},
		{name: "absolute", branches: []branch{{first, second, insnBA}}},
		{name: "over an inner function", branches: []branch{{textAt + 4, textAt + 0x30, insnB}}, syms: []linkedSymbol{inner}},
		{name: "out of an inner function", branches: []branch{{textAt + 0x14, textAt + 0x30, insnB}}, syms: []linkedSymbol{inner},
			want: "101014>101030 101014>101030"},
		{name: "to another section", branches: []branch{{other, first, insnB}}, want: "2010>101010", images: true},
		{name: "to the start in another section", branches: []branch{{first, otherAt, insnB}}, want: "101010>2000", images: true},
		{name: "to data", branches: []branch{{first, dataAt, insnB}, {first + 4, 0x900000, insnB}}},
		{name: "from a function that passes the end of its section", branches: []branch{{otherAt + 0x40 - 4, first, insnB}}, syms: []linkedSymbol{after},
			want: "203c>101010", images: true},
	} {
		l := newLinked()
		l.syms = append(l.syms, tt.syms...)
		for _, b := range tt.branches {
			l.put(b.at, b.encode())
		}
		search := func(name string, read func(im *image, t *text)) {
			im := l.image(t)
			for _, x := range im.sections() {
				read(im, x)
			}
			for _, x := range im.sections() {
				x.settle()
			}
			if got := found(im.Map); got != tt.want {
				t.Errorf("%s: %s: %q, want %q", name, tt.name, got, tt.want)
			}
		}
		search("image", func(im *image, t *text) { im.imageBranches(t) })
		if !tt.images {
			search("object", func(im *image, t *text) { im.branches(t) })
		}
	}
}

// TestRelocatedBranches checks that the displacement in a branch with a relocation does
// not count.
func TestRelocatedBranches(t *testing.T) {
	l := newLinked()
	for _, at := range []uint64{textAt, textAt + 8, textAt + 0x10} {
		l.put(at, branch{at, secondAt + 8, insnB}.encode())
	}
	im := l.image(t)
	table, err := reloc.NewTable(slices.Concat(relocation(8, elf.R_PPC64_REL24, 0, 0), relocation(0xc, elf.R_PPC64_ADDR16, 0, 0)))
	if err != nil {
		t.Fatal(err)
	}
	x := im.secs[1]
	x.relocs = reloc.Sort(table)
	im.branches(x)
	x.settle()
	if got, want := found(im.Map), "101000>101048 101010>101048 101000>101048 101010>101048"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestHeld checks what is known about r30 after a straight run of instructions. Without a
// name for a value, it may be any high part of the function.
func TestHeld(t *testing.T) {
	const high = tocAt + 0x10000
	const other, unsure = 1, 2
	var some highs
	for r := range some.regs {
		some.regs[r] = []uint64{0x1230000}
	}
	const pld = ppc64.Word(0x04000000) // a prefix
	for _, tt := range []struct {
		name string
		code []ppc64.Word
		want uint64
	}{
		{"nothing", nil, unsure},
		{"high part", []ppc64.Word{addis(30, 2, 1)}, high},
		{"high part of another register", []ppc64.Word{addis(29, 2, 1)}, unsure},
		{"high part from 0", []ppc64.Word{addis(30, 0, 2)}, 0x20000},
		{"high part from a register", []ppc64.Word{addis(30, 30, 1)}, other},
		{"address", []ppc64.Word{addi(30, 2, 8)}, other},
		{"overwritten", []ppc64.Word{addis(30, 2, 1), addi(30, 0, 0)}, other},
		{"another one overwritten", []ppc64.Word{addis(30, 2, 1), addi(29, 0, 0)}, high},
		{"high part over a number", []ppc64.Word{addi(30, 0, 0), addis(30, 2, 1)}, high},
		{"loaded", []ppc64.Word{ld(30, 1, 40)}, unsure},
		{"loaded over a number", []ppc64.Word{addi(30, 0, 0), ld(30, 1, 40)}, unsure},
		{"loaded over a high part", []ppc64.Word{addis(30, 2, 1), ld(30, 1, 40)}, unsure},
		{"stored", []ppc64.Word{addis(30, 2, 1), std(30, 1, 40)}, high},
		{"out of a vector register", []ppc64.Word{addi(30, 0, 0), 0x7c1e0066}, unsure},      // mfvsrd r30,vs0
		{"out of half a vector register", []ppc64.Word{addi(30, 0, 0), 0x7c1e0266}, unsure}, // mfvsrld r30,vs0
		{"copy of a high part", []ppc64.Word{addis(9, 2, 1), mr(30, 9)}, high},
		{"copy of a number", []ppc64.Word{addi(9, 0, 0), mr(30, 9)}, other},
		{"copy of what is not known", []ppc64.Word{mr(30, 9)}, unsure},
		{"copy of what is not known, over a high part", []ppc64.Word{addis(30, 2, 1), mr(30, 9)}, unsure},
		{"copy of what is not known, over a number", []ppc64.Word{addi(30, 0, 0), mr(30, 9)}, unsure},
		{"copied", []ppc64.Word{addis(30, 2, 1), mr(9, 30)}, high},
		{"suffix that looks like one", []ppc64.Word{addis(30, 2, 1), pld, addi(30, 0, 0)}, unsure},
		{"two prefixes", []ppc64.Word{addis(30, 2, 1), pld, pld, addi(30, 0, 0)}, other},
	} {
		now := held{toc: tocAt}
		suffixed := false
		for _, w := range tt.code {
			now.step(ppc64.Decode(w, 0), ppc64.Writes(w, 0), suffixed)
			suffixed = w == pld && !suffixed
		}
		got, known, maybe := now.base(30, &some)
		switch {
		case maybe && !known:
			got = unsure
		case !known:
			got = other
		}
		if got != tt.want {
			t.Errorf("%s: %#x, want %#x", tt.name, got, tt.want)
		}
	}
	var now held
	if _, known, unsure := now.base(30, &highs{}); known || unsure {
		t.Error("a high part in a function without one")
	}
}

// TestOwnTOC checks which TOC pointer a function has.
func TestOwnTOC(t *testing.T) {
	const start, base = 8, textAt
	const own = base + start + 0x20000 - 0x10
	for _, tt := range []struct {
		name  string
		entry ppc64.LocalEntry
		code  []ppc64.Word
		want  uint64
	}{
		{"from r12", 3, []ppc64.Word{addis(2, 12, 2), addi(2, 2, -0x10)}, own},
		{"from 0", 3, []ppc64.Word{addis(2, 0, 2), addi(2, 2, -0x10)}, 0x20000 - 0x10},
		{"one entry", 0, []ppc64.Word{addis(2, 12, 2), addi(2, 2, -0x10)}, tocAt},
		{"local entry after four instructions", 4, []ppc64.Word{addis(2, 12, 2), addi(2, 2, -0x10)}, tocAt},
		{"cut short", 3, []ppc64.Word{addis(2, 12, 2)}, tocAt},
		{"loaded", 3, []ppc64.Word{ld(2, 12, -8), 0x7c426214}, tocAt}, // add r2,r2,r12
		{"from another register", 3, []ppc64.Word{addis(2, 9, 2), addi(2, 2, -0x10)}, tocAt},
		{"another register", 3, []ppc64.Word{addis(3, 12, 2), addi(2, 2, -0x10)}, tocAt},
		{"addi first", 3, []ppc64.Word{addi(2, 12, 2), addi(2, 2, -0x10)}, tocAt},
		{"addis last", 3, []ppc64.Word{addis(2, 12, 2), addis(2, 2, -0x10)}, tocAt},
		{"sum in another register", 3, []ppc64.Word{addis(2, 12, 2), addi(3, 2, -0x10)}, tocAt},
		{"sum from another register", 3, []ppc64.Word{addis(2, 12, 2), addi(2, 3, -0x10)}, tocAt},
	} {
		x := text{base: base, code: words(append([]ppc64.Word{ppc64.Nop, ppc64.Nop}, tt.code...)...), funcs: []function{{start: start, end: 0x40, entry: tt.entry}}}
		if got := x.ownTOC(0, tocAt); got != tt.want {
			t.Errorf("%s: %#x, want %#x", tt.name, got, tt.want)
		}
	}
}

// TestRelated checks which places matter to the code of the function second: its own, and
// those of a cold part or of no function.
func TestRelated(t *testing.T) {
	l := newLinked()
	im := l.image(t)
	x := im.secs[1]
	second := user{im, x, secondAt - textAt, secondAt - textAt + 0x40, false, nil}
	part := second
	part.part = true
	for at, want := range map[uint64][2]bool{ // in second; related to it
		textAt: {}, secondAt - 4: {}, secondAt: {true, true}, secondAt + 0x3c: {true, true},
		gapAt: {false, true}, partAt: {false, true}, otherAt: {},
	} {
		p, _ := im.at(at)
		if has := second.has(p); has != want[0] {
			t.Errorf("%#x: in the function: %v", at, has)
		}
		if related := second.related(im.secs[p.sec], p.off); related != want[1] {
			t.Errorf("%#x: related: %v", at, related)
		}
		if !part.related(im.secs[p.sec], p.off) {
			t.Errorf("%#x: not related to a part of any function", at)
		}
	}
}

// TestLeads checks which addresses of an uncertain pair matter.
func TestLeads(t *testing.T) {
	l := newLinked()
	l.bound("mcount_loc", dataAt+0x20, dataAt+0x28)
	l.put(dataAt, distances(dataAt, textAt+0x10, textAt))           // the first looks like a table
	l.put(dataAt+0x20, distances(dataAt+0x20, textAt+0x10, textAt)) // so does this
	l.put(gapAt, distances(gapAt, textAt+0x10))
	im := l.image(t)
	im.kernelTables()
	second := user{im, im.secs[1], secondAt - textAt, secondAt - textAt + 0x40, false, nil}
	for at, want := range map[uint64][2]bool{ // data where a table may begin; leads
		dataAt: {true, true}, dataAt + 8: {true, false}, dataAt + 0x20: {}, 0x900000: {},
		gapAt: {}, textAt: {}, textAt + 0x10: {}, secondAt + 0x10: {false, true}, partAt + 8: {false, true},
	} {
		if got := im.isData(at); got != want[0] {
			t.Errorf("%#x: data: %v", at, got)
		}
		if got := second.leads(ppc64.Inst{Op: ppc64.OpAddi, Imm: 8}, at-8); got != want[1] {
			t.Errorf("%#x: leads: %v", at, got)
		}
	}
	if second.leads(ppc64.Inst{Op: ppc64.OpLd}, 0x900000) {
		t.Error("nothing is loaded from nowhere")
	}
}

// TestManyAddresses checks the limit of the search for addresses.
func TestManyAddresses(t *testing.T) {
	l := newLinked()
	l.put(dataAt, distances(dataAt, textAt+0x10, 0x900000))
	for name, work := range map[string]func(*image){
		"addresses":   func(im *image) { user{im: im}.address(textAt + 0x10) },
		"jump tables": func(im *image) { im.jumpTables() },
		"code":        func(im *image) { im.addresses(im.secs[1], 0, 0x40, 0) },
	} {
		for left := -1; left < 4; left++ {
			im := l.image(t)
			x := im.secs[1]
			im.bases = []tableBase{{dataAt, user{im, x, 0, 0x40, false, nil}}, {gapAt, user{im, x, 0, 0x40, false, nil}}}
			im.work = maxWork - left
			work(im)
			need := map[string]int{"addresses": 1, "jump tables": 3}[name] // the entries, and the one that ends the table
			if (im.broken != "") != (left < need) {
				t.Errorf("%s: %d steps left: %q", name, left, im.broken)
			}
		}
	}
}
