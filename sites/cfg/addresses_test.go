// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"slices"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

func TestFixed(t *testing.T) {
	const at, toc = 0x1000, 0x800000
	for _, tt := range []struct {
		name string
		in   ppc64.Inst
		want uint64
		ok   bool
	}{
		{"pla from its own address", ppc64.Inst{Op: ppc64.OpPla, Imm: 0x234}, at + 0x234, true},
		{"pld from its own address", ppc64.Inst{Op: ppc64.OpPldPC, Imm: -0x10}, at - 0x10, true},
		{"addi from the TOC pointer", ppc64.Inst{Op: ppc64.OpAddi, RA: ppc64.RegTOC, Imm: -8}, toc - 8, true},
		{"addis from the TOC pointer", ppc64.Inst{Op: ppc64.OpAddis, RA: ppc64.RegTOC, Imm: 0x10000}, toc + 0x10000, true},
		{"addis from 0", ppc64.Inst{Op: ppc64.OpAddis, Imm: 0x20000}, 0x20000, true},
		{"addi from 0", ppc64.Inst{Op: ppc64.OpAddi, Imm: 0x20}, 0x20, false},
		{"addis from a register", ppc64.Inst{Op: ppc64.OpAddis, RA: 9, Imm: 0x20000}, 0x20000, false},
	} {
		if got, ok := fixed(tt.in, at, toc); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %#x, %v; want %#x, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// TestHighs checks which registers may hold high parts anywhere in a function.
func TestHighs(t *testing.T) {
	const toc = 0x800000
	const (
		high   = 0x3d220001 // addis r9,r2,1
		high10 = 0x3d420002 // addis r10,r2,2
		none   = 0x3d290001 // addis r9,r9,1: no fixed base
		copy   = 0x7d3e4b78 // mr r30,r9
		again  = 0x7fdff378 // mr r31,r30
		store  = 0xf9210028 // std r9,40(r1)
		load   = 0xe8810028 // ld r4,40(r1)
		other  = 0xe8a10030 // ld r5,48(r1)
		vector = 0x7c090166 // mtvsrd vs0,r9
		pairA  = 0x7c095366 // mtvsrdd vs0,r9,r10
		pairB  = 0x7c0a4b66 // mtvsrdd vs0,r10,r9
		pairC  = 0x7c0a5b66 // mtvsrdd vs0,r10,r11
		nop    = 0x60000000
	)
	const h1, h2 = toc + 0x10000, toc + 0x20000
	type regs map[int][]uint64
	for _, tt := range []struct {
		name   string
		code   []ppc64.Word
		want   regs
		spread bool
	}{
		{"nothing", []ppc64.Word{nop, none, copy}, regs{}, false},
		{"one", []ppc64.Word{high}, regs{9: {h1}}, false},
		{"copied", []ppc64.Word{high, copy}, regs{9: {h1}, 30: {h1}}, false},
		{"copied before", []ppc64.Word{copy, high}, regs{9: {h1}, 30: {h1}}, false},
		{"copied twice, before", []ppc64.Word{again, copy, high}, regs{9: {h1}, 30: {h1}, 31: {h1}}, false},
		{"stored", []ppc64.Word{high, store, load, other}, regs{9: {h1}, 4: {h1}}, false},
		{"stored before", []ppc64.Word{load, store, high}, regs{9: {h1}, 4: {h1}}, false},
		{"to a vector register", []ppc64.Word{high, vector}, regs{9: {h1}}, true},
		{"nothing to a vector register", []ppc64.Word{high10, vector}, regs{10: {h2}}, false},
		{"as the first of two", []ppc64.Word{high, pairA}, regs{9: {h1}}, true},
		{"as the second of two", []ppc64.Word{high, pairB}, regs{9: {h1}}, true},
		{"as none of two", []ppc64.Word{high, pairC}, regs{9: {h1}}, false},
		{"to a vector register before", []ppc64.Word{vector, high}, regs{9: {h1}}, true},
	} {
		h, ok := highsOf(tt.code, toc)
		if !ok || h.spread != tt.spread {
			t.Errorf("%s: %v, in any register: %v", tt.name, ok, h.spread)
		}
		for r, got := range h.regs {
			slices.Sort(got)
			if !slices.Equal(got, tt.want[r]) {
				t.Errorf("%s: r%d: %#x, want %#x", tt.name, r, got, tt.want[r])
			}
			if all := h.of(uint8(r)); tt.spread && len(all) == 0 {
				t.Errorf("%s: r%d: nothing, although they may be in any register", tt.name, r)
			}
		}
	}
}

// highsOf returns the high parts in code.
func highsOf(all []ppc64.Word, toc uint64) (highs, bool) {
	code := words(all...)
	var im image
	return im.findHighs([]stretch{{&text{code: code}, 0, uint64(len(code)), toc}})
}

// TestManyHighs checks that a register may hold maxHighs high parts and no
// more. A chain of copies against the order of the instructions takes one round
// per copy, and there are maxRounds.
func TestManyHighs(t *testing.T) {
	for _, n := range []int{maxHighs, maxHighs + 1} {
		words := make([]ppc64.Word, n)
		for i := range words {
			words[i] = 0x3d220000 | ppc64.Word(i) // addis r9,r2,i
		}
		if h, ok := highsOf(words, 0); ok != (n <= maxHighs) || len(h.regs[9]) != n {
			t.Errorf("%d high parts: %v, %d", n, ok, len(h.regs[9]))
		}
	}
	for _, n := range []int{maxRounds - 2, maxRounds - 1} {
		var words []ppc64.Word
		for from := ppc64.Word(10 + n - 1); from >= 10; from-- {
			words = append(words, 0x7c000378|from<<21|(from+1)<<16|from<<11) // mr r(from+1),from
		}
		words = append(words, 0x3d420001) // addis r10,r2,1
		if h, ok := highsOf(words, 0); !ok || h.spread != (n == maxRounds-1) {
			t.Errorf("%d copies: %v, in any register: %v", n, ok, h.spread)
		}
	}
}
