// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// The two halves of an address: high puts its high part into a register, and low and
// load add its low part to that. Each is for the TOC pointer of a program.
func high(rt ppc64.Word, to uint64) ppc64.Word {
	return addis(rt, 2, (int64(to)-tocAt+0x8000)>>16)
}
func low(ra ppc64.Word, to uint64) ppc64.Word  { return addi(3, ra, int64(to)-tocAt) }
func load(ra ppc64.Word, to uint64) ppc64.Word { return ld(3, ra, int64(to)-tocAt) }

// prefixed returns a prefixed instruction of type 0 (8LS) or 2 (MLS), relative to its own
// address (r is 1) or to a register.
func prefixed(typ, r, op, rt, ra ppc64.Word, d int64) []ppc64.Word {
	return []ppc64.Word{1<<26 | typ<<24 | r<<20 | ppc64.Word(d>>16)&0x3ffff, dForm(op, rt, ra, d)}
}

// described returns the labels of a kind, and for those in tables, by which code.
func described(m *Map, kind labelKind) string {
	var all []string
	for _, t := range m.sections() {
		for _, l := range t.labels {
			switch {
			case l.kind != kind:
			case kind == tabled:
				all = append(all, fmt.Sprintf("%x<%x", t.base+l.off, address(l.sec, l.begin)))
			default:
				all = append(all, fmt.Sprintf("%x", t.base+l.off))
			}
		}
	}
	return strings.Join(slices.Compact(all), " ")
}

// TestImageAddresses checks which addresses in functions the code of an image computes.
func TestImageAddresses(t *testing.T) {
	const a, b, data, call = secondAt + 0x20, textAt + 0x20, dataAt + 0x10, insnBL
	const far = otherAt + 0x20 // near 0
	type code = map[uint64][]ppc64.Word
	ownHigh := []ppc64.Word{addis(2, 12, 1), addi(2, 2, 0), addis(30, 2, -1), addi(3, 30, 0x60)} // a, from the start of first
	for _, tt := range []struct {
		name string
		code code
		want string
		own  bool // first has a local entry
	}{
		{name: "in a straight run", code: code{textAt: {high(30, a), low(30, a)}}, want: "101060"},
		{name: "in no function", code: code{gapAt: {high(30, a), low(30, a)}}, want: "101060"},
		{name: "before the first function of a section, and after the last", code: code{partAt + 0x20: {high(30, a), low(30, a)}}, want: "101060"},
		{name: "the last words", code: code{textAt + textSize - 8: {high(30, a), low(30, a)}}, want: "101060"},
		{name: "overwritten", code: code{gapAt: {high(30, a), addi(30, 0, 0), low(30, a)}}},
		{name: "after a call", code: code{gapAt: {high(30, a), call, low(30, a)}}, want: "101060"},
		{name: "after a branch", code: code{gapAt: {addi(30, 0, 0), insnB | 8, low(30, a), high(30, a)}}, want: "101060"},
		{name: "after a call, in the first function", code: code{textAt: {high(30, b), call, low(30, b)}}, want: "101020"},
		{name: "made afterwards, in no function", code: code{gapAt: {call, low(30, a), high(30, a)}}, want: "101060"},
		{name: "made afterwards, in the first function", code: code{textAt: {call, low(30, b), high(30, b)}}},
		{name: "made in the next function", code: code{gapAt: {call, low(30, a)}, partAt: {high(30, a)}}},
		{name: "used in the next function", code: code{secondAt - 4: {high(30, a)}, secondAt: {low(30, a)}}},
		{name: "a register that nothing is known of", code: code{gapAt: {addi(3, 30, far)}}},
		{name: "a small number", code: code{gapAt: {addi(3, 0, far)}}},
		{name: "its own TOC pointer", code: code{textAt: ownHigh}, want: "101060", own: true},
		{name: "no TOC pointer of its own", code: code{textAt: ownHigh}},
		{name: "loaded", code: code{textAt: {high(30, data), load(30, data)}}, want: "101060"},
		{name: "not loaded", code: code{textAt: {high(30, data), low(30, data)}}},
		{name: "prefixed, from its own address", code: code{textAt: prefixed(2, 1, 14, 3, 0, a-textAt)}, want: "101060"},
		{name: "prefixed, from its own address, further on", code: code{textAt + 8: prefixed(2, 1, 14, 3, 0, a-textAt-8)}, want: "101060"},
		{name: "prefixed, from the TOC pointer", code: code{textAt: prefixed(2, 0, 14, 3, 2, a-tocAt)}, want: "101060"},
		{name: "prefixed, of data", code: code{textAt: prefixed(2, 0, 14, 3, 2, data-tocAt)}},
		{name: "prefixed, loaded from its own address", code: code{textAt: prefixed(0, 1, 57, 3, 0, data-textAt)}, want: "101060"},
		{name: "prefixed, loaded from the TOC pointer", code: code{textAt: prefixed(0, 0, 57, 3, 2, data-tocAt)}, want: "101060"},
		{name: "prefixed, loaded from a register", code: code{textAt: prefixed(0, 0, 57, 3, 9, data)}},
	} {
		l := newLinked()
		if tt.own {
			l.syms[0].other = twoWays
		}
		l.put(data, quads(a))
		for at, w := range tt.code {
			l.put(at, words(w...))
		}
		if got := described(l.read(t), computed); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestJumpTables checks where the jump tables of an image end, and where they lead.
func TestJumpTables(t *testing.T) {
	const (
		a, b, c = textAt + 0x10, textAt + 0x18, textAt + 0x20 // in first
		x, y    = secondAt + 0x10, partAt + 0x10
		start   = dataAt + 4
		nowhere = 0x900000
	)
	table := func(to ...uint64) (b []byte) { // distances from start
		for i := range to {
			b = append(b, distances(start, to[i])...)
		}
		return b
	}
	use := func(at ...uint64) (w []ppc64.Word) {
		for _, at := range at {
			w = append(w, high(9, at), low(9, at))
		}
		return w
	}
	for _, tt := range []struct {
		name   string
		user   uint64
		bases  []uint64
		data   []byte
		want   string
		dataAt uint64 // of data; start, if 0
	}{
		{name: "two entries", user: textAt, bases: []uint64{start}, data: table(a, b, nowhere, c), want: "101010<101000 101018<101000"},
		{name: "to the end of the section", user: textAt, bases: []uint64{dataAt + 0x38}, dataAt: dataAt + 0x38,
			data: slices.Concat(distances(dataAt+0x38, a), distances(dataAt+0x38, b)), want: "101010<101000 101018<101000"},
		{name: "an entry that is not of an instruction", user: textAt, bases: []uint64{start}, data: table(a, b+2, c), want: "101010<101000"},
		{name: "an entry of data", user: textAt, bases: []uint64{start}, data: table(a, dataAt, c), want: "101010<101000"},
		{name: "an entry of another function", user: textAt, bases: []uint64{start}, data: table(a, x, b, nowhere), want: "101010<101000 101018<101000"},
		{name: "an entry of the first function", user: secondAt, bases: []uint64{start}, data: table(a, x, nowhere), want: "101050<101040"},
		{name: "an entry of a cold part", user: textAt, bases: []uint64{start}, data: table(a, y, nowhere), want: "101010<101000 1010d0<101000"},
		{name: "of no function", user: gapAt, bases: []uint64{start}, data: table(a, x, nowhere), want: "101010<101080 101050<101080"},
		{name: "of a cold part", user: partAt, bases: []uint64{start}, data: table(a, x, nowhere), want: "101010<1010c0 101050<1010c0"},
		{name: "of no data", user: textAt, bases: []uint64{nowhere}, data: table(a)},
		// Relative to the first table, the entries of the second lead 8 bytes less far.
		{name: "two tables", user: textAt, bases: []uint64{start, start + 8},
			data: slices.Concat(table(a, b), distances(start+8, c), distances(start+8, c+4), table(nowhere)),
			want: "101010<101000 101018<101000 101020<101000 101024<101000"},
		{name: "two tables, the other way round", user: textAt, bases: []uint64{start + 8, start},
			data: slices.Concat(table(a, b), distances(start+8, c), distances(start+8, c+4), table(nowhere)),
			want: "101010<101000 101018<101000 101020<101000 101024<101000"},
		{name: "an address in a table, whose entry is of another function", user: textAt, bases: []uint64{start, start + 4},
			data: table(a, x+0x20, b, nowhere), want: "101010<101000 101018<101000 10101c<101000"},
		// Half of one entry and half of the next look like an entry, too.
		{name: "an address in the middle of an entry", user: textAt, dataAt: dataAt + 2, bases: []uint64{dataAt + 2, dataAt + 8},
			data: slices.Concat(distances(dataAt+2, a), distances(dataAt+2, b), []byte{0x10, 0, 0xff, 0x7f, 0xff, 0x7f}),
			want: "101010<101000 101018<101000"},
	} {
		l := newLinked()
		at := tt.dataAt
		if at == 0 {
			at = start
		}
		l.put(at, tt.data)
		l.put(tt.user, words(use(tt.bases...)...))
		if got := described(l.read(t), tabled); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
