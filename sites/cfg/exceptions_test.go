// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/reloc"
)

// TestExceptionTable reads exception tables of a part of the function first, for its
// landing pads. What it finds elsewhere is an entry.
func TestExceptionTable(t *testing.T) {
	const begin, length = 0x10, 0x30
	const budget = 100
	const plain, uleb, types = "\xff\xff", "\x01", "\xff\x1b\x05" // no start of the pads, no types; LEB128; types at 5
	from := func(at uint64) string { return "\x00" + string(quads(at)) + "\xff" }
	for _, tt := range []struct {
		name, table string
		budget      uint64
		want        string
	}{
		{"a pad", plain + uleb + "\x04" + "\x00\x08\x10\x00", budget, "101020"},
		{"two pads", plain + uleb + "\x08" + "\x00\x08\x10\x00" + "\x08\x08\x14\x00", budget, "101020 101024"},
		{"after a range without one", plain + uleb + "\x08" + "\x00\x08\x00\x00" + "\x08\x08\x14\x00", budget, "101024"},
		{"no ranges", plain + uleb + "\x00", budget, ""},
		{"of types", types + uleb + "\x04" + "\x00\x08\x10\x00", budget, "101020"},
		{"words", plain + "\x03" + "\x0d" + "\x00\x00\x00\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00", budget, "101020"},
		{"distances", plain + "\x1b" + "\x0d" + "\x00\x00\x00\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00", budget, "not understood"},
		{"a range of all", plain + uleb + "\x04" + "\x00\x30\x10\x00", budget, "101020"},
		{"a range to the end", plain + uleb + "\x04" + "\x10\x20\x10\x00", budget, "101020"},
		{"a range past the end", plain + uleb + "\x04" + "\x10\x21\x10\x00", budget, "not understood"},
		{"an empty range at the end", plain + uleb + "\x04" + "\x30\x00\x10\x00", budget, "101020"},
		{"an empty range past the end", plain + uleb + "\x04" + "\x31\x00\x10\x00", budget, "not understood"},
		{"the last instruction", plain + uleb + "\x04" + "\x00\x08\x2c\x00", budget, "10103c"},
		{"a pad at the end", plain + uleb + "\x04" + "\x00\x08\x30\x00", budget, "not understood"},
		{"pads from a place", from(secondAt) + uleb + "\x04" + "\x00\x08\x30\x00", budget, "101070"},
		{"pads in another section", from(otherAt) + uleb + "\x04" + "\x00\x08\x08\x00", budget, "!2008"},
		{"pads from no place", from(0) + uleb + "\x04" + "\x00\x08\x08\x00", budget, "not understood"},
		{"pads elsewhere", from(0x900000) + uleb + "\x04" + "\x00\x08\x08\x00", budget, "not understood"},
		{"nothing", "", budget, "cut short"},
		{"no size", plain + uleb, budget, "cut short"},
		{"shorter than its size", plain + uleb + "\x05" + "\x00\x08\x10\x00", budget, "cut short"},
		{"part of a range", plain + uleb + "\x07" + "\x00\x08\x10\x00" + "\x08\x08\x14", budget, "101020 cut short"},
		{"the whole budget", plain + uleb + "\x04" + "\x00\x08\x10\x00", 4, "101020"},
		{"more than the budget", plain + uleb + "\x04" + "\x00\x08\x10\x00", 3, "overlapping exception tables"},
	} {
		im := newLinked().image(t)
		u := unwinding{m: im.Map, ptr: im, budget: tt.budget}
		err := u.lsda(&cursor{data: []byte(tt.table), end: uint64(len(tt.table))}, 3, place{1, begin}, &fdeRange{start: begin, end: begin + length})
		var got []string
		for _, p := range im.secs[1].pads {
			got = append(got, fmt.Sprintf("%x", textAt+p.off))
			if p.start != begin || p.end != begin+length {
				t.Errorf("%s: a pad of [%#x, %#x)", tt.name, p.start, p.end)
			}
		}
		if s := found(im.Map); s != "" {
			got = append(got, s)
		}
		if err != nil {
			got = append(got, err.Error())
		} else if left := tt.budget - u.budget; left >= uint64(len(tt.table)) {
			t.Errorf("%s: takes %d of the budget", tt.name, left)
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestExceptionTablePlace checks where an exception table may be.
func TestExceptionTablePlace(t *testing.T) {
	const table = "\xff\xff\x01\x00"
	for _, tt := range []struct {
		name  string
		flags elf.SectionFlag
		off   uint64
		sec   int
		want  error
	}{
		{"loaded", elf.SHF_ALLOC, 0, 4, nil},
		{"not loaded", 0, 0, 4, errUnknown},
		{"compressed", elf.SHF_ALLOC | elf.SHF_COMPRESSED, 0, 4, errUnknown},
		{"in the middle of a section", elf.SHF_ALLOC, 4, 4, nil},
		{"at the end of a section", elf.SHF_ALLOC, 8, 4, errCut},
		{"past the end of a section", elf.SHF_ALLOC, 9, 4, errUnknown},
		{"elsewhere", elf.SHF_ALLOC, 0, elsewhere, errUnknown},
	} {
		l := newLinked()
		l.add(".gcc_except_table", elf.SHT_PROGBITS, tt.flags, tableAt, []byte(table+table))
		im := l.image(t)
		u := unwinding{m: im.Map, ptr: im, budget: 100}
		if err := u.exceptions(place{tt.sec, tt.off}, place{1, 0}, &fdeRange{end: 0x40}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// objectReader returns a reader that knows the relocations of section 3.
func objectReader(t *testing.T, relas [][]byte) *reader {
	t.Helper()
	l := newLinked()
	l.syms = append(l.syms, linkedSymbol{name: "undefined", gone: true})
	im := l.image(t)
	r := &reader{Map: im.Map, relas: make([][]reloc.Table, im.f.NumSections()), sorted: map[int]*reloc.Sorted{}}
	for _, b := range relas {
		table, err := reloc.NewTable(b)
		if err != nil {
			t.Fatal(err)
		}
		r.relas[3] = append(r.relas[3], table)
	}
	return r
}

// TestReaderPoint resolves pointers of an object by the relocations at their fields.
func TestReaderPoint(t *testing.T) {
	const first, undefined = 1, 5 // symbols
	target := place{1, textAt + 0x10}
	rel := func(off uint64, typ elf.R_PPC64) []byte { return relocation(off, typ, first, 0x10) }
	unsupported := errors.New("")
	type relas [][]byte
	for _, tt := range []struct {
		name      string
		relas     relas
		size, raw uint64
		want      place
		err       error
	}{
		{"null", nil, 8, 0, place{}, nil},
		{"no relocation", nil, 8, 1, place{}, unsupported},
		{"a relocation at another field", relas{rel(16, elf.R_PPC64_ADDR64), rel(0, elf.R_PPC64_ADDR64)}, 8, 1, place{}, unsupported},
		{"a dropped relocation", relas{rel(8, elf.R_PPC64_NONE)}, 8, 1, place{}, nil},
		{"an address", relas{rel(8, elf.R_PPC64_ADDR64)}, 8, 0, target, nil},
		{"a distance", relas{rel(8, elf.R_PPC64_REL64)}, 8, 0, target, nil},
		{"an address of 4 bytes", relas{rel(8, elf.R_PPC64_ADDR32)}, 4, 0, target, nil},
		{"a distance of 4 bytes", relas{rel(8, elf.R_PPC64_REL32)}, 4, 0, target, nil},
		{"a dropped relocation, and another one", relas{rel(8, elf.R_PPC64_NONE), rel(8, elf.R_PPC64_REL32)}, 4, 0, target, nil},
		{"an address of 2 bytes", relas{rel(8, elf.R_PPC64_ADDR16)}, 2, 0, place{}, errUnknown},
		{"half of an address", relas{rel(8, elf.R_PPC64_ADDR16_HA)}, 2, 0, place{}, errUnknown},
		{"of another size", relas{rel(8, elf.R_PPC64_REL32)}, 8, 0, place{}, errUnknown},
		{"not at the start of the field", relas{rel(9, elf.R_PPC64_ADDR64)}, 8, 0, place{}, errUnknown},
		{"two relocations", relas{rel(8, elf.R_PPC64_REL32), rel(8, elf.R_PPC64_REL32)}, 4, 0, place{}, errUnknown},
		{"an unknown relocation", relas{rel(8, 239)}, 4, 0, place{}, errUnknown},
		{"of another object", relas{relocation(8, elf.R_PPC64_ADDR64, undefined, 0)}, 8, 0, place{sec: elsewhere}, nil},
	} {
		got, err := objectReader(t, tt.relas).point(3, 8, tt.size, tt.raw, 0)
		ok := errors.Is(err, tt.err)
		if tt.err == unsupported {
			ok = err != nil && !errors.Is(err, errUnknown)
		}
		if got != tt.want || !ok {
			t.Errorf("%s: %v, %v; want %v, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}

// TestReaderNames checks what the relocations of a range name.
func TestReaderNames(t *testing.T) {
	const first, undefined = 1, 5
	r := objectReader(t, [][]byte{slices.Concat(
		relocation(8, elf.R_PPC64_NONE, first, 1), relocation(8, elf.R_PPC64_REL32, first, 2), relocation(16, elf.R_PPC64_REL32, undefined, 3),
		relocation(24, elf.R_PPC64_ADDR16, first, 4), relocation(40, elf.R_PPC64_NONE, first, 5))})
	for _, tt := range []struct {
		start, end uint64
		n          int
		want       []place
	}{
		{0, 8, 0, nil}, {8, 12, 1, []place{{1, textAt + 2}}}, {12, 20, 1, nil},
		{0, 40, 3, []place{{1, textAt + 2}, {1, textAt + 4}}}, {40, 48, 0, nil},
	} {
		var got []place
		n := r.names(3, tt.start, tt.end, func(p place) { got = append(got, p) })
		if n != tt.n || !slices.Equal(got, tt.want) {
			t.Errorf("[%d, %d): %d, %v; want %d, %v", tt.start, tt.end, n, got, tt.n, tt.want)
		}
		if plain := r.plain(3, tt.start, tt.end); plain != (tt.n == 0) {
			t.Errorf("[%d, %d): plain: %v", tt.start, tt.end, plain)
		}
	}
}
