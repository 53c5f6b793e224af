// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// found describes what Linux's tables say about the code of a program: that an
// instruction may continue elsewhere, "from>to"; what may be patched, "[start,end)"; where
// code is entered with nothing known, "!place"; and why nothing is proven.
func found(m *Map) string {
	var all []string
	for _, t := range m.sections() {
		for _, e := range t.edges {
			all = append(all, fmt.Sprintf("%x>%x", t.base+e.from, t.base+e.to))
		}
		for _, a := range t.arrivals {
			all = append(all, fmt.Sprintf("%x>%x", address(a.from.sec, a.from.off), t.base+a.to))
		}
		for _, s := range t.patched {
			all = append(all, fmt.Sprintf("[%x,%x)", t.base+s.start, t.base+s.end))
		}
		for _, off := range t.entries {
			if !t.starts(off) {
				all = append(all, fmt.Sprintf("!%x", t.base+off))
			}
		}
	}
	if m.broken != "" {
		all = append(all, m.broken)
	}
	return strings.Join(all, " ")
}

// fixup returns an entry of a feature section: the code, and its alternative.
func fixup(at uint64, begin, end, alt, altEnd uint64) []byte {
	return quads(0, 0, begin-at, end-at, alt-at, altEnd-at)
}

// TestKernelTables reads a table in its own section.
func TestKernelTables(t *testing.T) {
	const a, b, c = textAt + 0x10, secondAt + 0x10, otherAt + 0x10
	const nowhere = 0x900000
	key := quads(0)
	pair := func(i int, from, to uint64) []byte { return distances(tableAt+uint64(i), from, to) }
	entry := func(i int, from, to uint64) []byte { return slices.Concat(pair(i, from, to), key) }
	place := func(i int, to uint64) []byte { return quads(to - tableAt - uint64(i)) }
	word := make([]byte, 4)
	for _, tt := range []struct {
		name, section string
		data          []byte
		want          string
	}{
		{"exceptions", "__ex_table", slices.Concat(pair(0, a, a+8), pair(8, b, b+4)), "101010>101018 101050>101054"},
		{"exception from another section", "__ex_table", pair(0, c, a), "2010>101010"},
		{"exceptions of 12 bytes", "__ex_table", slices.Concat(pair(0, a, a+8), word, pair(12, b, b+4), word), "101010>101018 101050>101054"},
		{"exceptions with a rest", "__ex_table", slices.Concat(pair(0, a, b), word, word, word), "__ex_table is not understood"},
		{"exception in data", "__ex_table", slices.Concat(pair(0, a, b), pair(8, dataAt, b)), "__ex_table is not understood"},
		{"exception to data", "__ex_table", slices.Concat(pair(0, a, b), pair(8, b, dataAt)), "__ex_table is not understood"},
		{"exception nowhere", "__ex_table", pair(0, nowhere, a), "__ex_table is not understood"},
		{"exception to nowhere", "__ex_table", pair(0, a, nowhere), "__ex_table is not understood"},
		{"jumps", "__jump_table", slices.Concat(entry(0, a, a+0x10), entry(16, b, b+0x10)), "101010>101014 101010>101020 101050>101054 101050>101060"},
		{"jumps of 12 bytes", "__jump_table", slices.Concat(pair(0, a, b), word, pair(12, b, a), word), "__jump_table is not understood"},
		{"jump to data", "__jump_table", slices.Concat(entry(0, a, b), entry(16, b, dataAt)), "__jump_table is not understood"},
		{"places", "__lwsync_fixup", slices.Concat(place(0, a), place(8, b)), "[101010,101014) [101050,101054)"},
		{"places with a rest", "__lwsync_fixup", slices.Concat(place(0, a), word), "__lwsync_fixup is not understood"},
		{"place in data", "__lwsync_fixup", slices.Concat(place(0, a), place(8, dataAt)), "[101010,101014) __lwsync_fixup is not understood"},
		{"place nowhere", "__lwsync_fixup", place(0, nowhere), "__lwsync_fixup is not understood"},
		{"feature", "__ftr_fixup", fixup(tableAt, a, a+8, dataAt, dataAt), "101010>101018 [101010,10101c)"},
		{"feature with an alternative", "__ftr_fixup", fixup(tableAt, a, a+8, dataAt, dataAt+8), "101010>101018 [101010,10101c) !101018"},
		{"two features", "__mmu_ftr_fixup", slices.Concat(fixup(tableAt, a, a+4, 0, 0), fixup(tableAt+48, b, b+4, 0, 0)),
			"101010>101014 101050>101054 [101010,101018) [101050,101058)"},
		{"features with a rest", "__ftr_fixup", slices.Concat(fixup(tableAt, a, a+8, 0, 0), key), "__ftr_fixup is not understood"},
		{"feature in data", "__ftr_fixup", fixup(tableAt, dataAt, dataAt+8, 0, 0), "__ftr_fixup is not understood"},
		{"feature from data", "__ftr_fixup", fixup(tableAt, dataAt, a, 0, 0), "__ftr_fixup is not understood"},
		{"feature in two sections", "__ftr_fixup", fixup(tableAt, a, c, 0, 0), "__ftr_fixup is not understood"},
		{"feature nowhere", "__ftr_fixup", fixup(tableAt, nowhere, nowhere, 0, 0), "__ftr_fixup is not understood"},
		{"a name without underscores", "lwsync_fixup", word, ""},
		{"a name with another end", "__lwsync", word, ""},
		{"the longest name", "__" + strings.Repeat("a", 60), word, ""},
	} {
		l := newLinked()
		l.add(tt.section, elf.SHT_PROGBITS, elf.SHF_ALLOC, tableAt, tt.data)
		if got := found(l.read(t)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestBoundedTables reads a table between two symbols, with words before and after
// it that would not be understood.
func TestBoundedTables(t *testing.T) {
	const a, b = textAt + 0x10, secondAt + 0x10
	const at = tableAt + 8
	const all, one = "101010>101018 101050>101054", "101010>101018"
	fixups := quads(0, a-at, b-at, 0)
	long := "__" + strings.Repeat("a", 56) + "_fixup"
	start := func(name string, at uint64) linkedSymbol { return linkedSymbol{name: "__start_" + name, at: at} }
	stop := func(name string, at uint64) linkedSymbol { return linkedSymbol{name: "__stop_" + name, at: at} }
	undefined := func(s linkedSymbol) linkedSymbol { s.gone = true; return s }
	type symbols []linkedSymbol
	for _, tt := range []struct {
		name, section string
		data          []byte
		syms          symbols
		want          string
	}{
		{"two entries", ".init", nil, symbols{start("__ex_table", at), stop("__ex_table", at+16)}, all},
		{"one entry", ".init", nil, symbols{start("__ex_table", at), stop("__ex_table", at+8)}, one},
		{"in the other order", ".init", nil, symbols{stop("__ex_table", at+8), start("__ex_table", at)}, one},
		{"in a section with the name", "__ex_table", nil, symbols{start("__ex_table", at), stop("__ex_table", at+8)}, one},
		{"nothing", ".init", nil, symbols{start("__ex_table", tableAt), stop("__ex_table", tableAt)}, ""},
		{"less than nothing", ".init", nil, symbols{start("__ex_table", at), stop("__ex_table", tableAt)}, ""},
		{"no end", ".init", nil, symbols{start("__ex_table", tableAt)}, ""},
		{"no start", ".init", nil, symbols{stop("__ex_table", at)}, "__ex_table is not in one section"},
		{"undefined end", ".init", nil, symbols{start("__ex_table", tableAt), undefined(stop("__ex_table", at))}, ""},
		{"after an undefined one", ".init", nil,
			symbols{undefined(start("__jump_table", 0)), start("__ex_table", at), stop("__ex_table", at+8)}, one},
		{"to the end of the section", ".init", nil, symbols{start("__ex_table", at), stop("__ex_table", at+24)}, "__ex_table is not understood"},
		{"past the end of the section", ".init", nil, symbols{start("__ex_table", at), stop("__ex_table", at+25)}, "__ex_table is not in one section"},
		{"no table", ".init", nil, symbols{start("__table", at), stop("__table", at+16)}, ""},
		{"64 letters", ".init", fixups, symbols{start(long, at), stop(long, at+8)}, "[101010,101014)"},
		{"65 letters", ".init", fixups, symbols{start("_"+long, at), stop("_"+long, at+8)}, ""},
	} {
		l := newLinked()
		data := tt.data
		if data == nil {
			data = slices.Concat(quads(0), distances(at, a, a+8, b, b+4), quads(0))
		}
		l.add(tt.section, elf.SHT_PROGBITS, elf.SHF_ALLOC, tableAt, data)
		l.syms = append(l.syms, tt.syms...)
		if got := found(l.read(t)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
