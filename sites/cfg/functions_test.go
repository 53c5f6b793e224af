// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// describe returns the functions in order.
func (t *text) describe() (all []string) {
	for _, x := range t.funcs {
		s := fmt.Sprintf("%#x-%#x", x.start, x.end)
		if x.entry != 0 {
			s += fmt.Sprintf(" entry %d", x.entry)
		}
		for _, flag := range []struct {
			set  bool
			name string
		}{{x.deep, "deep"}, {x.cold, "cold"}, {x.guessed, "guessed"}} {
			if flag.set {
				s += " " + flag.name
			}
		}
		all = append(all, s)
	}
	return all
}

// TestFunctions lists the functions of sources.
func TestFunctions(t *testing.T) {
	const unnamed = "\n.cfi_startproc\n addis 2,12,0\n addi 2,2,0\n blr\n .cfi_endproc\n"
	for _, tt := range []struct {
		name, source string
		want         []string
	}{
		{"one", "begin f\n finish f", []string{"0x0-0x24 entry 3"}},
		{"at the end of the code", "begin f\n finish f\n .type g,@function\ng:", []string{"0x0-0x24 entry 3"}},
		{"data", "begin f\n finish f\n .type g,@object\ng: nop\n .size g,4", []string{"0x0-0x24 entry 3"}},
		{"cold", ".type f.cold,@function\nf.cold: nop\n .size f.cold,4", []string{"0x0-0x4 cold"}},
		{"no size", ".type f,@function\nf: nop\n nop\n .type g,@function\ng: nop", []string{"0x0-0x8 guessed", "0x8-0xc guessed"}},
		{"in .eh_frame only", "nop" + unnamed + "nop" + unnamed, []string{"0x4-0x10 entry 3", "0x14-0x20 entry 3"}},
		{"in .eh_frame too", ".cfi_startproc\n begin f\n finish f\n .cfi_endproc\n" + unnamed, []string{"0x0-0x24 entry 3", "0x24-0x30 entry 3"}},
	} {
		o, err := readObject(tt.name, assembleSource(t, tt.source))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := o.m.secs[o.secs[0]].describe(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// nested returns functions, each within the one before, that all end at end.
func nested(n int, end uint64) (all []function) {
	for i := range n {
		all = append(all, function{start: uint64(i) * 4, end: end})
	}
	return all
}

// TestNest arranges functions.
func TestNest(t *testing.T) {
	deep := append(nested(maxDepth+2, 0x80), function{start: 0x80, end: 0x90})
	var deepest []string
	for _, x := range deep[:maxDepth] {
		deepest = append(deepest, fmt.Sprintf("%#x-0x80 deep", x.start))
	}
	for _, tt := range []struct {
		name  string
		funcs []function
		want  []string
	}{
		{"guessed", []function{{start: 0x20, guessed: true}, {start: 0, guessed: true}}, []string{"0x0-0x20 guessed", "0x20-0x100 guessed"}},
		{"guessed, two at one place", []function{{start: 0, guessed: true}, {start: 0, guessed: true}, {start: 8, end: 16}},
			[]string{"0x0-0x8 guessed", "0x8-0x10"}},
		{"guessed, with a size at the same place", []function{{start: 0, guessed: true}, {start: 0, end: 8}}, []string{"0x0-0x8"}},
		{"guessed, within another", []function{{start: 0, end: 0x20}, {start: 8, guessed: true}, {start: 0x20, guessed: true}, {start: 0x40, end: 0x60}},
			[]string{"0x0-0x20", "0x20-0x40 guessed", "0x40-0x60"}},
		{"two names", []function{{start: 0, end: 8, entry: 3}, {start: 0, end: 8, entry: 3}, {start: 8, end: 16}}, []string{"0x0-0x8 entry 3", "0x8-0x10"}},
		{"two names that contradict each other", []function{{start: 0, end: 8, entry: 3}, {start: 0, end: 8, entry: 1}, {start: 8, end: 16, entry: 3}},
			[]string{"0x0-0x8", "0x8-0x10 entry 3"}},
		{"two of one start", []function{{start: 0, end: 8, entry: 3}, {start: 0, end: 16}}, []string{"0x0-0x10", "0x0-0x8 entry 3"}},
		{"two of one end", []function{{start: 0, end: 16, entry: 3}, {start: 8, end: 16}}, []string{"0x0-0x10 entry 3", "0x8-0x10"}},
		{"one within another", nested(maxDepth, 0x80)[maxDepth-2:], []string{"0x38-0x80", "0x3c-0x80"}},
		{"too deep", deep, append(deepest, "0x80-0x90")},
	} {
		x := text{code: make([]byte, 0x100), funcs: slices.Clone(tt.funcs)}
		x.unsized()
		x.nest()
		if got := x.describe(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}

	// An extent that is known replaces a guess.
	x := text{code: make([]byte, 0x100), funcs: []function{{start: 0, end: 8, guessed: true}, {start: 0, end: 8}}}
	if x.nest(); x.funcs[0].guessed {
		t.Errorf("guessed, although one of two names has a size")
	}
	x.funcs = []function{{start: 0, end: 8, guessed: true}, {start: 0, end: 8, guessed: true}}
	if x.nest(); !x.funcs[0].guessed {
		t.Errorf("not guessed, although no name has a size")
	}
	x.funcs = nested(maxDepth, 0x80)
	if x.nest(); x.funcs[0].deep || len(x.funcs) != maxDepth {
		t.Errorf("too deep: %q", x.describe())
	}
}

// TestAddUnnamed adds functions of .eh_frame.
func TestAddUnnamed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		funcs []function
		fdes  []fdeRange
		want  []string
	}{
		{"two", nil, []fdeRange{{start: 16, end: 24}, {start: 0, end: 8}}, []string{"0x0-0x8", "0x10-0x18"}},
		{"two at one place", nil, []fdeRange{{start: 8, end: 24}, {start: 8, end: 16}}, []string{"0x8-0x10"}},
		{"within the first function", []function{{start: 0, end: 16}}, []fdeRange{{start: 4, end: 8}, {start: 16, end: 24}}, []string{"0x0-0x10", "0x10-0x18"}},
		{"around a function", []function{{start: 8, end: 16}}, []fdeRange{{start: 0, end: 24}, {start: 24, end: 32}}, []string{"0x8-0x10", "0x18-0x20"}},
		{"in front of a function", []function{{start: 8, end: 16}}, []fdeRange{{start: 0, end: 8}}, []string{"0x0-0x8", "0x8-0x10"}},
	} {
		x := text{code: make([]byte, 0x100), funcs: slices.Clone(tt.funcs), fdes: tt.fdes}
		x.nest()
		x.addUnnamed()
		if got := x.describe(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if x.covering(tt.fdes[len(tt.fdes)-1].start) < 0 {
			t.Errorf("%s: the last one is not found", tt.name)
		}
	}
}

// TestEntryOf tells from code whether a function computes its TOC pointer.
func TestEntryOf(t *testing.T) {
	const (
		addis = 0x3c4c0001 // addis r2,r12,1
		lis   = 0x3c400001 // lis r2,1
		addi  = 0x38420008 // addi r2,r2,8
		load  = 0xe84cfff8 // ld r2,-8(r12)
		sum   = 0x7c426214 // add r2,r2,r12
	)
	for _, tt := range []struct {
		name string
		code []ppc64.Word
		want ppc64.LocalEntry
	}{
		{"from r12", []ppc64.Word{addis, addi}, 3},
		{"from 0", []ppc64.Word{lis, addi}, 3},
		{"loaded", []ppc64.Word{load, sum}, 3},
		{"cut short", []ppc64.Word{addis}, 0},
		{"nothing", nil, 0},
		{"addis and add", []ppc64.Word{addis, sum}, 0},
		{"a load and addi", []ppc64.Word{load, addi}, 0},
		{"another load", []ppc64.Word{0xe82cfff8, sum}, 0},                 // ld r1
		{"a load from elsewhere", []ppc64.Word{0xe841fff8, sum}, 0},        // from r1
		{"a store", []ppc64.Word{0xf84cfff8, sum}, 0},                      // std r2,-8(r12)
		{"a load and another sum", []ppc64.Word{load, 0x7c226214}, 0},      // add r1,r2,r12
		{"a sum with another", []ppc64.Word{load, 0x7c416214}, 0},          // add r2,r1,r12
		{"a sum of another", []ppc64.Word{load, 0x7c420a14}, 0},            // add r2,r2,r1
		{"a load and a difference", []ppc64.Word{load, 0x7c426050}, 0},     // subf r2,r2,r12
		{"addis of another register", []ppc64.Word{0x3c2c0001, addi}, 0},   // r1
		{"addis from another register", []ppc64.Word{0x3c410001, addi}, 0}, // r1
		{"addi of another register", []ppc64.Word{addis, 0x38220008}, 0},   // r1
		{"addi from another register", []ppc64.Word{addis, 0x38410008}, 0}, // r1
	} {
		x := text{code: words(tt.code...)}
		if got := x.entryOf(0); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
