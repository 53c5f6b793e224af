// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"cmp"
	"debug/elf"
	"math/rand/v2"
	"slices"
	"testing"
)

// tableOf makes a table; the addend of an entry is its number.
func tableOf(offs ...uint64) Table {
	t := make(Table, len(offs)*RelaSize)
	for i, off := range offs {
		t.Put(i, Rela{Off: off, Addend: int64(i)})
	}
	return t
}

func TestInOrder(t *testing.T) {
	for _, c := range []struct {
		offs []uint64
		want bool
	}{
		{nil, true},
		{[]uint64{7}, true},
		{[]uint64{0, 0, 4}, true},
		{[]uint64{4, 0}, false},
		{[]uint64{0, 8, 4, 12}, false},
		{[]uint64{1 << 63, 1<<63 - 1}, false},
	} {
		if got := tableOf(c.offs...).InOrder(); got != c.want {
			t.Errorf("%#x in order: %v", c.offs, got)
		}
	}
}

// TestSort compares Sorted with a stable sort of the decoded entries, and each
// search and extent with a linear scan.
func TestSort(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		n := rnd.IntN(40)
		offs := make([]uint64, n)
		for i := range offs {
			offs[i] = rnd.Uint64N(30)
		}
		if round%2 == 0 {
			slices.Sort(offs)
		}
		table := tableOf(offs...)
		want := make([]Rela, n)
		for i := range want {
			want[i] = table.At(i)
		}
		slices.SortStableFunc(want, func(a, b Rela) int { return cmp.Compare(a.Off, b.Off) })
		s := Sort(table)
		if round%2 == 0 && s.order != nil {
			t.Fatalf("%#x: sorted again", offs)
		}
		for k, r := range want {
			if s.Nth(k) != r || s.NthOff(k) != r.Off || s.At(s.Index(k)) != r {
				t.Fatalf("%#x: relocation %d is %v, want %v", offs, k, s.Nth(k), r)
			}
		}
		for off := range uint64(32) {
			first := 0
			for first < n && want[first].Off < off {
				first++
			}
			for guess := -1; guess <= n+1; guess++ {
				if got := s.Search(off, guess); got != first {
					t.Fatalf("%#x: Search(%d, %d) = %d, want %d", offs, off, guess, got, first)
				}
			}
			for end := range uint64(34) {
				var in []Rela
				for _, r := range want {
					if r.Off >= off && r.Off < end {
						in = append(in, r)
					}
				}
				if got := slices.Collect(s.Within(off, end)); !slices.Equal(got, in) {
					t.Fatalf("%#x: Within(%d, %d) = %v, want %v", offs, off, end, got, in)
				}
				if got := s.Slice(off, end); !slices.Equal(got, in) || len(got) < cap(got) {
					t.Fatalf("%#x: Slice(%d, %d) = %v, want %v", offs, off, end, got, in)
				}
			}
		}
	}
}

// TestChanging compares the relocations that change a range with those whose fields
// overlap it.
func TestChanging(t *testing.T) {
	sizes := map[uint32]uint64{
		uint32(elf.R_PPC64_ADDR64): 8, uint32(elf.R_PPC64_REL32): 4, uint32(elf.R_PPC64_ADDR16): 2,
		uint32(elf.R_PPC64_NONE): 0, 0xffff: 8,
	}
	for typ, size := range sizes {
		for off := range uint64(20) {
			table := make(Table, RelaSize)
			table.Put(0, MakeRela(off, 1, typ, 0))
			s := Sort(table)
			for start := range uint64(20) {
				for end := start + 1; end <= 20; end++ {
					want := 0
					for b := off; b < off+size; b++ {
						if start <= b && b < end {
							want = 1
						}
					}
					if got := slices.Collect(s.Changing(start, end, s.Len()/2)); len(got) != want {
						t.Fatalf("%s at %d: Changing(%d, %d) = %v", Name(typ), off, start, end, got)
					}
				}
			}
		}
	}
}
