// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/tocsave"
)

const (
	nop  ppc64.Word = 0x60000000
	bctr ppc64.Word = 0x4e800420
	own  ppc64.Word = 0x429f0005 // bcl 20,31,.+4
)

// filled is what fill finds out.
type filled struct {
	Entries, Pads, Patched, Labels []uint64
	Jumps                          map[uint64][]uint64
}

// TestFill collects the ways into and within the function [0x20, 0x40).
func TestFill(t *testing.T) {
	const start, end, next = 0x20, 0x40, 0x44
	type jumps = map[uint64][]uint64
	targets := func(sec int, begin, end uint64, offs ...uint64) (all []label) {
		for _, off := range offs {
			all = append(all, label{off, tabled, sec, begin, end})
		}
		return all
	}
	for _, tt := range []struct {
		name string
		in   text
		code map[uint64]ppc64.Word // the others are nop
		want filled
	}{
		{"nothing", text{}, nil, filled{}},
		{"entries", text{entries: []uint64{0x1c, start, 0x3c, end}}, nil, filled{Entries: []uint64{start, 0x3c}}},

		{"an edge", text{edges: []edge{{0x24, 0x2c}}}, nil, filled{Jumps: jumps{0x24: {0x2c}}}},
		{"an edge from the first instruction to the last", text{edges: []edge{{start, 0x3c}}}, nil, filled{Jumps: jumps{start: {0x3c}}}},
		{"an edge from the last instruction to the first", text{edges: []edge{{0x3c, start}}}, nil, filled{Jumps: jumps{0x3c: {start}}}},
		{"an edge from the function before", text{edges: []edge{{0x1c, 0x2c}}}, nil, filled{Entries: []uint64{0x2c}}},
		{"an edge from the function after", text{edges: []edge{{end, 0x2c}}}, nil, filled{Entries: []uint64{0x2c}}},
		{"edges to other functions", text{edges: []edge{{0x24, end}, {0x24, 0x1c}, {0x28, 0x2c}}}, nil, filled{Jumps: jumps{0x28: {0x2c}}}},
		{"an edge from an indirect branch", text{edges: []edge{{0x24, 0x2c}}}, map[uint64]ppc64.Word{0x24: bctr}, filled{Entries: []uint64{0x2c}}},
		{"an edge from half an instruction", text{edges: []edge{{0x3e, 0x2c}}}, nil, filled{Entries: []uint64{0x2c}}},

		{"a branch from another section", text{arrivals: []arrival{{0x28, place{2, 0x24}}}}, nil, filled{Entries: []uint64{0x28}}},
		{"a branch from the function before", text{arrivals: []arrival{{0x28, place{1, 0x1c}}}}, nil, filled{Entries: []uint64{0x28}}},
		{"a branch from the function after", text{arrivals: []arrival{{0x28, place{1, end}}}}, nil, filled{Entries: []uint64{0x28}}},
		{"branches from the function itself", text{arrivals: []arrival{{0x28, place{1, start}}, {0x2c, place{1, 0x3c}}}}, nil, filled{}},

		{"a landing pad", text{pads: []pad{{0x28, start, end}, {0x2c, 0x24, 0x3c}}}, nil, filled{Pads: []uint64{0x28, 0x2c}}},
		{"a landing pad of the function before too", text{pads: []pad{{0x28, 0x1c, end}}}, nil, filled{Entries: []uint64{0x28}}},
		{"a landing pad of the function after too", text{pads: []pad{{0x28, start, next}}}, nil, filled{Entries: []uint64{0x28}}},

		{"patched code", text{patched: []span{{0x10, 0x28}, {0x2c, 0x30}, {0x3c, next}}}, nil, filled{Patched: []uint64{start, 0x24, 0x2c, 0x3c}}},
		{"patched code beside it", text{patched: []span{{0x10, start}, {end, next}}}, nil, filled{}},

		{"a place whose address is in data", text{labels: []label{{off: 0x28, kind: pointer}}}, nil, filled{Labels: []uint64{0x28}}},
		{"and an indirect branch", text{labels: []label{{off: 0x28, kind: pointer}}}, map[uint64]ppc64.Word{0x38: bctr},
			filled{Labels: []uint64{0x28}, Jumps: jumps{0x38: {0x28}}}},
		{"and an indirect branch of the function after", text{labels: []label{{off: 0x28, kind: pointer}}}, map[uint64]ppc64.Word{end: bctr}, filled{Labels: []uint64{0x28}}},
		{"a place whose address code has", text{labels: []label{{off: 0x28, kind: computed}}}, map[uint64]ppc64.Word{0x38: bctr}, filled{Labels: []uint64{0x28}}},
		{"its own table", text{labels: targets(1, start, end, 0x24, 0x28)}, map[uint64]ppc64.Word{0x38: bctr}, filled{Jumps: jumps{0x38: {0x24, 0x28}}}},
		{"its own table, without a branch", text{labels: targets(1, start, end, 0x24)}, nil, filled{Labels: []uint64{0x24}}},
		{"its own table, and an instruction that has its own address", text{labels: targets(1, start, end, 0x24)}, map[uint64]ppc64.Word{0x2c: own, 0x38: bctr},
			filled{Labels: []uint64{0x24}}},
		{"its own table, two indirect branches", text{labels: targets(1, start, end, 0x24)}, map[uint64]ppc64.Word{0x2c: bctr, 0x38: bctr},
			filled{Jumps: jumps{0x2c: {0x24}, 0x38: {0x24}}}},
		{"a table that nobody owns", text{labels: targets(0, 1, 0, 0x24)}, map[uint64]ppc64.Word{0x38: bctr}, filled{Labels: []uint64{0x24}, Jumps: jumps{0x38: {0x24}}}},
		{"a table of another section", text{labels: targets(2, start, end, 0x24)}, map[uint64]ppc64.Word{0x38: bctr}, filled{Labels: []uint64{0x24}, Jumps: jumps{0x38: {0x24}}}},
		{"a table without a range of owners", text{labels: targets(1, start, start, 0x24)}, map[uint64]ppc64.Word{0x38: bctr}, filled{Labels: []uint64{0x24}, Jumps: jumps{0x38: {0x24}}}},
		{"a table of the function before too", text{labels: targets(1, 0x1c, end, 0x24)}, map[uint64]ppc64.Word{0x38: bctr}, filled{Labels: []uint64{0x24}, Jumps: jumps{0x38: {0x24}}}},
		{"a table of the function after too", text{labels: targets(1, start, next, 0x24)}, map[uint64]ppc64.Word{0x38: bctr}, filled{Labels: []uint64{0x24}, Jumps: jumps{0x38: {0x24}}}},

		{"a table after its branch, and another place", text{labels: []label{{off: 0x28}, {off: 0x3c, kind: pointer}}}, map[uint64]ppc64.Word{0x24: bctr, 0x28: 0xc, 0x2c: 0x10},
			filled{Jumps: jumps{0x24: {0x34, 0x38}}, Labels: []uint64{0x3c}}},
		{"a table before its branch", text{labels: []label{{off: 0x28}}}, map[uint64]ppc64.Word{0x28: 0xc, 0x2c: 8, 0x38: bctr},
			filled{Jumps: jumps{0x38: {0x30, 0x34}}, Labels: []uint64{0x34, 0x30, 0x28}}},
	} {
		x := tt.in
		x.sec, x.open = 1, true
		all := slices.Repeat([]ppc64.Word{nop}, next/ppc64.WordSize)
		for off, w := range tt.code {
			all[off/ppc64.WordSize] = w
		}
		x.code = words(all...)
		if tt.name == "an edge from half an instruction" {
			x.code = x.code[:end]
		}
		x.settle()
		f := &tocsave.Func{Code: x.code, Start: start, End: end}
		if why := x.fill(f); why != "" {
			t.Errorf("%s: %s", tt.name, why)
		}
		got := filled{f.Entries, f.LandingPads, f.Patched, f.Labels, f.Jumps}
		if !slices.Equal(got.Entries, tt.want.Entries) || !slices.Equal(got.Pads, tt.want.Pads) || !slices.Equal(got.Patched, tt.want.Patched) ||
			!slices.Equal(got.Labels, tt.want.Labels) || len(got.Jumps)+len(tt.want.Jumps) > 0 && !reflect.DeepEqual(got.Jumps, tt.want.Jumps) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestScanIndirect looks for indirect branches, and for instructions that compute
// their own address, in the function [4, 16).
func TestScanIndirect(t *testing.T) {
	const (
		addpcis = 0x4c600004 // addpcis r3,0
		prefix  = 0x06100000 // of pla
		based   = 0x06000000 // of paddi from a register
		load    = 0x04100000 // of pld from its own address
		suffix  = 0x38600000
		bl      = 0x48000005 // bl .+4
		b       = 0x48000004 // b .+4
		blAfter = 0x48000009 // bl .+8
	)
	for _, tt := range []struct {
		name     string
		code     [5]ppc64.Word
		relocs   []reloc.Rela
		branches []uint64
		own      bool
	}{
		{"nothing", [5]ppc64.Word{bctr, nop, nop, nop, bctr}, nil, nil, false},
		{"branches", [5]ppc64.Word{own, bctr, 0x4c800460, bctr, own}, nil, []uint64{4, 8, 12}, false}, // bctar is the second
		{"calls and returns", [5]ppc64.Word{nop, 0x4e800421, 0x4e800020, 0x4c000461, nop}, nil, nil, false},
		{"bcl", [5]ppc64.Word{nop, nop, own, nop, nop}, nil, nil, true},
		{"bl to the next instruction", [5]ppc64.Word{nop, bl, nop, nop, nop}, nil, nil, true},
		{"bl to another", [5]ppc64.Word{nop, blAfter, nop, nop, nop}, nil, nil, false},
		{"b to the next instruction", [5]ppc64.Word{nop, b, nop, nop, nop}, nil, nil, false},
		{"addpcis", [5]ppc64.Word{nop, nop, nop, addpcis, nop}, nil, nil, true},
		{"pla", [5]ppc64.Word{nop, prefix, suffix, nop, nop}, nil, nil, true},
		{"pla of a symbol", [5]ppc64.Word{nop, prefix, suffix, nop, nop}, []reloc.Rela{{Off: 4}}, nil, false},
		{"pla, and a symbol after it", [5]ppc64.Word{nop, prefix, suffix, nop, nop}, []reloc.Rela{{Off: 12}}, nil, true},
		{"pla, and a symbol before it", [5]ppc64.Word{nop, nop, prefix, suffix, nop}, []reloc.Rela{{Off: 4}}, nil, true},
		{"paddi", [5]ppc64.Word{nop, based, suffix, nop, nop}, nil, nil, false},
		{"pld", [5]ppc64.Word{nop, load, 0xe4600000, nop, nop}, nil, nil, false},
	} {
		f := &tocsave.Func{Code: words(tt.code[:]...), Start: 4, End: 16, Relocs: tt.relocs}
		got := scanIndirect(f)
		if !slices.Equal(got.branches, tt.branches) || got.ownPlace != tt.own {
			t.Errorf("%s: %+v, want %v, %v", tt.name, got, tt.branches, tt.own)
		}
	}
}

// TestTextTable reads what may be a table at offset 8 of the function [8, 40).
func TestTextTable(t *testing.T) {
	const back = ^ppc64.Word(0) // -1
	for _, tt := range []struct {
		name    string
		kind    labelKind
		off     uint64
		code    [10]ppc64.Word
		want    []uint64
		follows bool
		work    uint64
	}{
		{"one distance", computed, 16, [10]ppc64.Word{4: 8, 5: nop}, []uint64{24}, false, 4},
		{"two", pointer, 16, [10]ppc64.Word{4: 8, 5: 12, 6: nop}, []uint64{24, 28}, false, 5},
		{"after a branch", computed, 16, [10]ppc64.Word{3: bctr, 4: 8, 5: nop}, []uint64{24}, true, 4},
		{"after a branch of the function before", computed, 8, [10]ppc64.Word{1: bctr, 2: 8, 3: nop}, []uint64{16}, false, 4},
		{"the target of a table", tabled, 16, [10]ppc64.Word{4: 8, 5: nop}, nil, false, 0},
		{"an instruction", computed, 16, [10]ppc64.Word{3: bctr, 4: nop}, nil, false, 0},
		{"two distances back", computed, 16, [10]ppc64.Word{4: back - 7, 5: back - 3, 6: nop}, []uint64{8, 12}, false, 5},
		{"one, or an instruction", computed, 16, [10]ppc64.Word{3: bctr, 4: back - 7, 5: nop}, nil, false, 4},
		{"a distance to elsewhere", computed, 16, [10]ppc64.Word{4: 0x100}, nil, false, 3},
	} {
		x := text{code: words(tt.code[:]...)}
		f := &tocsave.Func{Code: x.code, Start: 8, End: 40, Relocs: make([]reloc.Rela, 2)}
		work := uint64(0)
		got, follows := x.textTable(f, label{off: tt.off, kind: tt.kind}, &work)
		if !slices.Equal(got, tt.want) || follows != tt.follows || work != tt.work {
			t.Errorf("%s: %v, %v, %d; want %v, %v, %d", tt.name, got, follows, work, tt.want, tt.follows, tt.work)
		}
	}
	x := text{code: words(8, nop, nop, bctr)}
	if got, follows := x.textTable(&tocsave.Func{Code: x.code, End: 16}, label{}, new(uint64)); !slices.Equal(got, []uint64{8}) || follows {
		t.Errorf("at the start of the section: %v, %v", got, follows)
	}
}

// TestManyJumps checks the limits of one function.
func TestManyJumps(t *testing.T) {
	const n = 1 << 10
	for _, tt := range []struct {
		targets, branches int
		want              string
	}{{n, n, ""}, {n + 1, n, "too many jumps"}} {
		code := slices.Repeat([]ppc64.Word{nop}, tt.targets+tt.branches)
		x := &text{sec: 1, open: true, funcs: []function{{end: uint64(len(code)) * ppc64.WordSize, entry: 1}}}
		for i := range tt.targets {
			x.labels = append(x.labels, label{off: uint64(i) * ppc64.WordSize, kind: pointer})
		}
		for i := range tt.branches {
			code[tt.targets+i] = bctr
		}
		x.code = words(code...)
		x.nest()
		m := &Map{secs: map[int]*text{1: x}}
		v := m.Prove(1, []uint64{0})[0]
		if (v.Reason == "too many jumps") != (tt.want != "") || v.Proven {
			t.Errorf("%d targets of %d branches: %+v", tt.targets, tt.branches, v)
		}
	}

	// Each label in the text is a table that takes the relocations of the function.
	for _, more := range []int{0, 1} {
		x := &text{sec: 1, code: words(0x100)}
		for i := range maxTables>>12 + more {
			x.labels = append(x.labels, label{kind: computed, begin: uint64(i)})
		}
		f := &tocsave.Func{Code: x.code, End: 4, Relocs: make([]reloc.Rela, 1<<12-1)}
		for i := range f.Relocs {
			f.Relocs[i].Off = 0x1000
		}
		if why := x.indirect(f); (why == "too many jump tables") != (more > 0) {
			t.Errorf("%s: %q", fmt.Sprint(more, " more"), why)
		}
	}
}
