// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/sites/tocsave"
)

// TestBoth combines the verdicts of an inner and an outer function.
func TestBoth(t *testing.T) {
	yes := tocsave.Verdict{Proven: true, At: 8, Frame: true}
	inner := tocsave.Verdict{Reason: "inner", At: 4}
	outer := tocsave.Verdict{Reason: "outer", At: 12, Frame: true, Entered: true, Again: true}
	for _, tt := range []struct{ a, b, want tocsave.Verdict }{
		{yes, yes, yes},
		{inner, yes, inner},
		{yes, inner, inner},
		{inner, outer, tocsave.Verdict{Reason: "inner", At: 4, Entered: true, Again: true}},
		{outer, inner, tocsave.Verdict{Reason: "outer", At: 12, Entered: true, Again: true}},
		{yes, outer, outer},
	} {
		if got := both(tt.a, tt.b); got != tt.want {
			t.Errorf("%+v and %+v: %+v, want %+v", tt.a, tt.b, got, tt.want)
		}
	}
}

// TestUsesTOC asks for functions by places in them.
func TestUsesTOC(t *testing.T) {
	x := &text{sec: 1, code: make([]byte, 64), funcs: []function{{start: 0, end: 16, entry: 3}, {start: 16, end: 32}, {start: 48, end: 64, entry: 3}}}
	x.nest()
	m := &Map{secs: map[int]*text{1: x}}
	for _, tt := range []struct {
		sec         int
		off         uint64
		uses, known bool
	}{{1, 0, true, true}, {1, 12, true, true}, {1, 16, false, true}, {1, 32, false, false}, {1, 48, true, true}, {2, 0, false, false}} {
		if uses, known := m.UsesTOC(tt.sec, tt.off); uses != tt.uses || known != tt.known {
			t.Errorf("%d+%#x: %v, %v", tt.sec, tt.off, uses, known)
		}
	}
}

// TestNotRead asks about code that was not read, and code of a file that is not
// understood.
func TestNotRead(t *testing.T) {
	m := &Map{secs: map[int]*text{1: {sec: 1, code: make([]byte, 64)}}}
	m.Saves(2, 0)
	m.Restores(2, 0)
	m.patch(place{2, 0}, 4)
	m.refuse(2, 0, 4, "")
	if v := m.Prove(2, []uint64{0})[0]; v.Proven || v.Reason != "a section that was not read" || !v.Entered {
		t.Errorf("not read: %+v", v)
	}
	m.fail("the first reason")
	m.fail("the second reason")
	for sec, want := range map[int]string{1: "the first reason", 2: "a section that was not read"} {
		if v := m.Prove(sec, []uint64{0})[0]; v.Proven || v.Reason != want || !v.Entered {
			t.Errorf("not understood: %+v", v)
		}
	}
	if !m.HasLSDA(1, 0) {
		t.Error("code that is not understood has no exception table")
	}
}

// TestRestores tells the map about a load of r2.
func TestRestores(t *testing.T) {
	o, err := readObject("", assembleSource(t, "begin f\n save\nr1: ld 2,16(13)\n call c2\n finish f"))
	if err != nil {
		t.Fatal(err)
	}
	p := o.places()
	sec := p["r1"].sec
	if v := o.m.Prove(sec, []uint64{p["c2"].off})[0]; v.Reason != "r2 is changed at +0x18" {
		t.Errorf("%+v", v)
	}
	o.m.Restores(sec, p["r1"].off)
	if v := o.m.Prove(sec, []uint64{p["c2"].off})[0]; !v.Proven {
		t.Errorf("%+v", v)
	}
}

// TestFDEs finds the FDE of a place, and says whether FDEs cover a range.
func TestFDEs(t *testing.T) {
	none, lsda := fdeRange{}, func(start, end uint64) fdeRange { return fdeRange{start, end, true} }
	x := &text{open: true, fdes: []fdeRange{
		{48, 64, false}, lsda(8, 16), {16, 24, false}, {24, 32, false}, lsda(40, 44), {40, 48, false}, {52, 56, false}, lsda(64, 72),
	}}
	x.settle()
	for _, tt := range []struct {
		off  uint64
		want fdeRange
	}{
		{0, none}, {4, none}, {8, lsda(8, 16)}, {12, lsda(8, 16)}, {16, fdeRange{16, 24, false}}, {20, fdeRange{16, 24, false}}, {32, none}, {36, none},
		{40, lsda(40, 44)}, {44, fdeRange{40, 48, false}}, {48, fdeRange{48, 64, false}}, {52, fdeRange{52, 56, false}}, {56, none}, {64, lsda(64, 72)}, {72, none},
	} {
		if got, ok := x.fdeAt(tt.off); got != tt.want || ok != (tt.want != none) {
			t.Errorf("at %d: %+v, %v, want %+v", tt.off, got, ok, tt.want)
		}
	}
	for _, tt := range []struct {
		start, end uint64
		want       bool
	}{
		{8, 16, true}, {8, 32, true}, {12, 20, true}, {12, 32, true}, {8, 33, false}, {0, 16, false}, {32, 40, false}, {28, 44, false},
		{40, 48, true}, {40, 72, true}, {60, 73, false}, {64, 72, true}, {80, 88, false}, {36, 36, true},
	} {
		if got := x.covered(tt.start, tt.end); got != tt.want {
			t.Errorf("%d-%d: %v", tt.start, tt.end, got)
		}
	}
}

// TestSettle makes ranges disjoint.
func TestSettle(t *testing.T) {
	for _, tt := range []struct {
		name     string
		in, want []span
	}{
		{"apart", []span{{16, 24}, {0, 8}}, []span{{0, 8}, {16, 24}}},
		{"one after the other", []span{{0, 8}, {8, 16}}, []span{{0, 16}}},
		{"overlapping", []span{{0, 8}, {4, 16}}, []span{{0, 16}}},
		{"one in another", []span{{0, 16}, {4, 8}, {8, 12}, {12, 20}, {24, 28}}, []span{{0, 20}, {24, 28}}},
		{"the second and the third", []span{{0, 4}, {8, 16}, {12, 20}, {32, 36}}, []span{{0, 4}, {8, 20}, {32, 36}}},
	} {
		x := &text{open: true, patched: slices.Clone(tt.in)}
		for i, s := range tt.in {
			x.unknown = append(x.unknown, unknownCode{s.start, s.end, string(rune('a' + i))})
		}
		if x.settle(); !slices.Equal(x.patched, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, x.patched, tt.want)
		}
		var unknown []span
		for _, h := range x.unknown {
			unknown = append(unknown, span{h.start, h.end})
		}
		if !slices.Equal(unknown, tt.want) {
			t.Errorf("%s: unknown code: %v, want %v", tt.name, unknown, tt.want)
		}
	}
}

// TestUnknown asks for code that is not understood.
func TestUnknown(t *testing.T) {
	x := &text{sec: 1, code: make([]byte, 64)}
	m := &Map{secs: map[int]*text{1: x}}
	m.refuse(1, 8, 16, "the first")
	m.refuse(1, 24, 20, "one byte")
	for _, tt := range []struct {
		start, end uint64
		want       string
	}{{0, 8, ""}, {0, 9, "the first"}, {8, 9, "the first"}, {12, 64, "the first"}, {15, 16, "the first"}, {16, 24, ""}, {16, 25, "one byte"}, {24, 28, "one byte"}, {25, 64, ""}} {
		x.settle()
		got := ""
		if h := x.unknownIn(tt.start, tt.end); h != nil {
			got = h.why
		}
		if got != tt.want {
			t.Errorf("%d-%d: %q, want %q", tt.start, tt.end, got, tt.want)
		}
	}
	for off, want := range map[uint64]bool{7: false, 8: true, 15: true, 16: false, 24: true, 25: false} {
		if got := m.HasLSDA(1, off); got != want {
			t.Errorf("an exception table at %d: %v", off, got)
		}
	}
}

// TestPatch records code that may be replaced, as far as there is code.
func TestPatch(t *testing.T) {
	for _, tt := range []struct {
		off, size uint64
		want      []span
	}{{0, 4, []span{{0, 4}}}, {56, 8, []span{{56, 64}}}, {56, 12, []span{{56, 64}}}, {60, ^uint64(0), []span{{60, 64}}}, {64, 4, nil}, {68, 4, nil}} {
		m := &Map{secs: map[int]*text{1: {sec: 1, code: make([]byte, 64)}}}
		if m.patch(place{1, tt.off}, tt.size); !slices.Equal(m.secs[1].patched, tt.want) {
			t.Errorf("%d bytes at %d: %v, want %v", tt.size, tt.off, m.secs[1].patched, tt.want)
		}
	}
}

// TestSections reads sections with code only, whatever else is asked for.
func TestSections(t *testing.T) {
	b := assembleSource(t, "begin f\n finish f\n .section .text.a,\"ax\"\n nop\n .section .text.b,\"ax\"\n nop\n .data\n .quad 1")
	f := newFile(t, b)
	section := func(name string) int {
		s, ok := f.SectionByName(name)
		if !ok {
			t.Fatalf("no section %s", name)
		}
		return s.Index
	}
	text, a, c := section(".text"), section(".text.a"), section(".text.b")
	header := func(sec int) []byte { return b[f.Header().Shoff+64*uint64(sec):] }
	binary.LittleEndian.PutUint32(header(a)[4:], uint32(elf.SHT_NOBITS))
	flags := header(c)[8:]
	binary.LittleEndian.PutUint64(flags, binary.LittleEndian.Uint64(flags)|uint64(elf.SHF_COMPRESSED))
	binary.LittleEndian.PutUint32(header(0)[4:], uint32(elf.SHT_PROGBITS))
	f = newFile(t, b)
	for name, first := range map[string]int{"a negative number": -1, "the null section": 0, "the end": f.NumSections(), "the symbols": f.Symtab().Index, "no content": a, "compressed": c} {
		all := newMap(f, []int{first, text, text}).sections()
		if len(all) != 1 || all[0].sec != text {
			t.Errorf("%s: %d sections", name, len(all))
		}
	}
}
