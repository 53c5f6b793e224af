// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"cmp"
	"debug/elf"
	"strconv"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// TestEssence tests words that random changes make from those of a stub.
func TestEssence(t *testing.T) {
	for _, c := range []struct {
		name     string
		was, now ppc64.Word
		same     bool
	}{
		{"oris r0,r0,0", 0x60000000, 0x64000000, true},
		{"ori r0,r5,16", 0x60000000, 0x60a00010, true},
		{"ori r4,r0,0", 0x60000000, 0x60040000, false},
		{"andi. r0,r0,0", 0x60000000, 0x70000000, false}, // changes cr0
		{"subfic r0,r0,0", 0x60000000, 0x20000000, false},
		{"a reserved bit of cmpdi", 0x2c2c0000, 0x2c6c0000, true},
		{"cmpldi r12,0", 0x2c2c0000, 0x282c0000, true},
		{"cmpdi r12,1", 0x2c2c0000, 0x2c2c0001, false},
		{"cmpwi r12,0", 0x2c2c0000, 0x2c0c0000, false},
		{"cmpdi cr1,r12,0", 0x2c2c0000, 0x2cac0000, false},
		{"cmpdi r13,0", 0x2c2c0000, 0x2c2d0000, false},
		{"a hint of beqlr", 0x4d820020, 0x4de20020, true},
		{"a reserved bit of beqlr", 0x4d820020, 0x4d828020, true},
		{"beqctr", 0x4d820020, 0x4d820420, false},
		{"beqlrl", 0x4d820020, 0x4d820021, false},
		{"bnelr", 0x4d820020, 0x4c820020, false},
		{"bgtlr", 0x4d820020, 0x4d810020, false},
		{"the condition of bctr", 0x4e800420, 0x4e840420, true},
		{"bctrl", 0x4e800420, 0x4e800421, false},
		{"beqctr for bctr", 0x4e800420, 0x4d800420, false},
		{"a reserved bit of mtctr", 0x7d8903a6, 0x7d8903a7, true},
		{"mtlr", 0x7d8903a6, 0x7d8803a6, false},
		{"mtctr r13", 0x7d8903a6, 0x7da903a6, false},
		{"a reserved bit of a prefix", 0x06100002, 0x06500002, true},
		{"a displacement of a prefix", 0x06100002, 0x06100003, false},
		{"a prefix that counts from a register", 0x06100002, 0x06000002, false},
		{"a prefix of another type", 0x06100002, 0x04100002, false},
		{"another load", 0xe98c0000, 0xe98c0008, false},
		{"another save", 0xf8410018, 0xf8410038, false},
	} {
		if same := essence(c.was) == essence(c.now); same != c.same {
			t.Errorf("%s: the same as before: %t", c.name, same)
		}
	}
}

// assembled returns a file with code at 0x1000, all of it one function. "b N",
// "bl N" and "beq N" go to the N-th word; a number is a word.
func assembled(code string) *linkedFile {
	words := map[string]ppc64.Word{
		"b": 0x48000000, "bl": 0x48000001, "beq": 0x41820000, "blr": ppc64.Blr, "bctr": 0x4e800420,
		"nop": ppc64.Nop, "save": ppc64.SaveTOC, "restore": ppc64.RestoreTOC, "stdu": 0xf821ffd1,
		"load": 0xe98c0000, "load11": 0xe98b0000, "mtctr": 0x7d8903a6,
		"prefix": 0x04100000, "pld20": 0xe5800014, "pld4": 0xe5800004,
		"toc8": 0xe9820008, "back": 0x0413ffff, "pld8": 0xe580eff0, "pld16": 0xe580eff8, // of 8 and 16, from 0x1018
		"test": 0x2c2c0000, "beqlr": 0x4d820020,
	}
	x := &linkedFile{File: &elf.File{}}
	for i, text := range strings.Split(code, "; ") {
		name, n, branch := strings.Cut(text, " ")
		w, ok := words[name]
		number, _ := strconv.Atoi(cmp.Or(n, name))
		switch {
		case branch:
			w, _ = w.WithDisplacement(int64(number-i) * ppc64.WordSize)
		case !ok:
			w = ppc64.Word(number)
		}
		x.bytes = append(x.bytes, 0, 0, 0, 0)
		w.Put(x.bytes[4*i:])
	}
	size := uint64(len(x.bytes))
	x.Sections = []*elf.Section{{SectionHeader: elf.SectionHeader{Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, Addr: 0x1000, Size: size}}}
	x.funcs = []elf.Symbol{{Value: 0x1000, Size: size}}
	return x
}

// TestHarmless tests calls whose target has changed. The site is the N-th word.
func TestHarmless(t *testing.T) {
	stub := "; save; nop; load; mtctr; bctr"
	for _, c := range []struct {
		name, code string
		site, now  int
		same       bool
	}{
		{"past a nop", "stdu; bl 3; blr; nop" + stub, 1, 4, true},
		{"to a nop before", "stdu; bl 4; blr; nop" + stub, 1, 3, true},
		{"to another instruction before", "stdu; bl 3; blr" + stub, 1, 2, false},
		{"past a load", "stdu; bl 5; blr" + stub, 1, 6, false},
		{"past a save that is needed", "stdu; bl 3; blr" + stub, 1, 4, false},
		{"past a save, and a nop", "stdu; save; bl 4; blr" + stub, 2, 6, true},
		{"past a second save", "stdu; save; bl 4; blr" + stub, 2, 5, true},
		{"past a second save in a loop", "stdu; save; bl 5; beq 2; blr" + stub, 2, 6, true},
		{"past a save after a call that restores", "stdu; bl 9; restore; bl 6; restore; blr" + stub, 3, 7, true},
		{"past a save that one way has made", "stdu; beq 3; save; bl 5; blr" + stub, 3, 6, false},
		{"past a save made in another frame", "save; stdu; bl 4; blr" + stub, 2, 5, false},
		{"past a save, led to by nothing", "stdu; save; bctr; bl 5; blr" + stub, 3, 6, false},
		{"past a save in a tail call", "save; b 2" + stub, 1, 3, false},
		{"to a save that nobody needs", "stdu; bl 4; blr" + stub, 1, 3, true},
		{"to a copy", "stdu; bl 3; blr" + stub + stub, 1, 8, true},
		{"to a copy but for a load", "stdu; bl 3; blr" + stub + strings.Replace(stub, "load", "load11", 1), 1, 8, false},
		{"to a copy with an address of its own", "stdu; bl 3; blr; prefix; pld20; mtctr; bctr; prefix; pld20; mtctr; bctr", 1, 7, false},
		{"to a copy that comes to the same address", "stdu; bl 3; blr; prefix; pld20; mtctr; bctr; prefix; pld4; mtctr; bctr", 1, 7, true},
		{"to what jumps through the same in another way", "stdu; bl 3; blr; toc8; mtctr; bctr; back; pld8; mtctr; bctr", 1, 6, true},
		{"to what jumps through another in that way", "stdu; bl 3; blr; toc8; mtctr; bctr; back; pld16; mtctr; bctr", 1, 6, false},
		{"to what saves besides", "bl 2; blr; toc8; mtctr; bctr; save; back; pld8; mtctr; bctr", 0, 5, false},
		{"to what does not save, where the caller has", "save; bl 2; save; toc8; mtctr; bctr; back; pld8; mtctr; bctr", 1, 6, true},
		{"to what does not save, where nobody has", "nop; bl 2; save; toc8; mtctr; bctr; back; pld8; mtctr; bctr", 1, 6, false},
		{"to what tests besides", "stdu; bl 3; blr; toc8; mtctr; bctr; toc8; test; beqlr; mtctr; bctr", 1, 6, true},
		{"to what does not test", "stdu; bl 3; blr; toc8; test; beqlr; mtctr; bctr; toc8; mtctr; bctr", 1, 8, false},
		{"to what does not test, as another call", "stdu; bl 4; bl 9; blr; toc8; test; beqlr; mtctr; bctr; toc8; mtctr; bctr", 1, 9, true},
		{"to what does not test, as a call through another", "stdu; bl 4; bl 9; blr; toc8; test; beqlr; mtctr; bctr; back; pld16; mtctr; bctr; toc8; mtctr; bctr", 1, 13, false},
		{"to what loads into another register", "stdu; bl 3; blr; toc8; mtctr; bctr; load11; mtctr; bctr", 1, 6, false},
		{"to a copy that branches elsewhere", "stdu; bl 3; blr; b 2; b 3", 1, 4, false},
	} {
		x := assembled(c.code)
		at := uint64(0x1000 + 4*c.site)
		now, err := x.word(at).WithDisplacement(int64(c.now-c.site) * 4)
		if err != nil {
			t.Fatal(err)
		}
		why := x.harmless(&spoilable{off: at - 0x1000, addr: at}, uint32(now))
		if (why != "") != c.same {
			t.Errorf("%s: %q", c.name, why)
		}
	}
}

// TestHarmlessForeign tests calls through a key of another unit, whose address is the
// doubleword at 8.
func TestHarmlessForeign(t *testing.T) {
	for _, c := range []struct {
		name string
		key  elf.R_PPC64
		same bool
	}{
		{"an address", elf.R_PPC64_ADDR64, true},
		{"something else", elf.R_PPC64_DTPMOD64, false},
	} {
		x := assembled("bl 2; blr; toc8; load; mtctr; bctr; back; pld8; load; mtctr; bctr")
		x.dynamic = map[uint64]content{8: {2<<32 | uint64(c.key), 0}}
		if same := x.alike(0x1008, 0x1018, 0x1000); same != c.same {
			t.Errorf("%s: %v", c.name, same)
		}
	}
}

// TestHarmlessLoads tests loads of the doubleword at 0x1008 that were changed
// to load another one.
func TestHarmlessLoads(t *testing.T) {
	// ld r12,8(r2), then pld r12,-0x1c from its prefix, then addis r12,r2,0 and ld r12,8(r12).
	x := assembled("1; 0; 7; 0; 7; 0; 8; 0; 3917611016; 68419583; 3850436580; 1031929856; 3918266376")
	x.toc = 0x1000
	for _, c := range []struct {
		name     string
		at       uint64
		now      ppc64.Word
		harmless bool
	}{
		{"ld of the same", 0x1020, 0xe9820010, true},
		{"ld of something else", 0x1020, 0xe9820018, false},
		{"ld of nothing", 0x1020, 0xe9824008, false},
		{"ld into another register", 0x1020, 0xe9a20008, false},
		{"ld from another base", 0x1020, 0xe98a0008, false},
		{"ld after addis, of the same", 0x1030, 0xe98c0010, true},
		{"ld after addis, of something else", 0x1030, 0xe98c0018, false},
		{"ldu", 0x1020, 0xe9820009, false},
		{"pld of the same", 0x1028, 0xe580ffec, true},
		{"pld of something else", 0x1028, 0xe580fff4, false},
		{"pld into another register", 0x1028, 0xe5a0ffe4, false},
	} {
		why := x.harmless(&spoilable{off: c.at - 0x1000, addr: c.at}, uint32(c.now))
		if (why != "") != c.harmless {
			t.Errorf("%s: %q", c.name, why)
		}
	}
}

// TestHarmlessRecords tests records with a changed word. The first key is at
// 0x1000, and the function after the keys at 0x1018.
func TestHarmlessRecords(t *testing.T) {
	x := assembled("7; 0; 7; 0; 8; 0; nop; bl 12; nop; bl 12; nop; bl 12; blr")
	record := &layout.Record{
		Base:    0x1018,
		Keys:    []layout.RecordKey{{Addr: 0x1000}, {Addr: 0x1008}, {Addr: 0x1010}, {}},
		Entries: []layout.RecordEntry{{Off: 4, Key: 0}},
	}
	for _, c := range []struct {
		kind string
		now  uint32
		same bool
	}{
		{recordKey, 1, true},
		{recordKey, 2, false}, // holds something else
		{recordKey, 3, false}, // of another unit
		{recordKey, 4, false},
		{recordPlace, 12, true},
		{recordPlace, 20, false}, // no slot
		{recordPlace, 8, false},
		{recordPlace, 1 << 20, false},
		{recordBase, 0x1020, true},
		{recordBase, 0x1024, false},
	} {
		if fits := x.fits(&spoilable{kind: c.kind, record: record}, uint64(c.now)); fits != c.same {
			t.Errorf("%s %#x: %t", c.kind, c.now, fits)
		}
	}
}
