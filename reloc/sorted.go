// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
)

// A Sorted is a [Table] that is read in order of r_offset. Assemblers and
// linkers nearly always write a table in that order, and then Sorted{Table: t}
// reads it in place; [Sort] checks this.
type Sorted struct {
	Table
	order []int32 // entry numbers by r_offset, nil where the table is in order
}

// InOrder reports whether the entries of a table are in order of r_offset.
func (t Table) InOrder() bool {
	for last := uint64(0); len(t) >= RelaSize; t = t[RelaSize:] {
		off := binary.LittleEndian.Uint64(t)
		if off < last {
			return false
		}
		last = off
	}
	return true
}

// Sort returns a table in order of r_offset. Entries with the same r_offset
// keep their order, which matters where several relocations combine (gABI,
// "Relocation").
func Sort(t Table) Sorted {
	if t.InOrder() {
		return Sorted{Table: t}
	}
	order := make([]int32, t.Len())
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(t.Off(int(a)), t.Off(int(b))) })
	return Sorted{t, order}
}

// Index returns the number, in the table, of the k-th relocation by r_offset,
// from 0.
func (s *Sorted) Index(k int) int {
	if s.order != nil {
		return int(s.order[k])
	}
	return k
}

// Nth returns the k-th relocation by r_offset, from 0.
func (s *Sorted) Nth(k int) Rela { return s.At(s.Index(k)) }

// NthOff returns the r_offset of the k-th relocation, in bytes.
func (s *Sorted) NthOff(k int) uint64 { return s.Off(s.Index(k)) }

// Search returns the number k of the first relocation at or after an offset, or
// Len() if there is none. It is a galloping search from guess: O(1) amortised
// if calls are in ascending order and each passes the last result.
func (s *Sorted) Search(off uint64, guess int) int {
	n := s.Len()
	before := func(k int) bool { return s.NthOff(k) < off }
	hi, step := min(max(guess, 0), n), 1
	var lo int // below the result, hi at or above it, when the loops are done
	if hi < n && before(hi) {
		lo = hi
		for ; lo+step < n && before(lo+step); step *= 2 {
			lo += step
		}
		hi = min(lo+step, n)
	} else {
		for ; hi-step >= 0 && !before(hi-step); step *= 2 {
			hi -= step
		}
		lo = max(hi-step, -1)
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; before(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// Within returns the relocations at offsets in [start, end), in order.
func (s *Sorted) Within(start, end uint64) iter.Seq[Rela] {
	return func(yield func(Rela) bool) {
		for k := s.Search(start, s.Len()/2); k < s.Len(); k++ {
			if r := s.Nth(k); r.Off >= end || !yield(r) {
				return
			}
		}
	}
}

// Changing returns the relocations that change a byte in [start, end), in order. Some may
// begin before start. It searches from guess, as Search does.
func (s *Sorted) Changing(start, end uint64, guess int) iter.Seq[Rela] {
	return func(yield func(Rela) bool) {
		for k := s.Search(start-min(start, LongestField-1), guess); k < s.Len(); k++ {
			r := s.Nth(k)
			if r.Off >= end || r.Fills() && r.End() > start && !yield(r) {
				return
			}
		}
	}
}

// Slice returns the same relocations as [Sorted.Within], decoded into memory of
// their own.
func (s *Sorted) Slice(start, end uint64) []Rela {
	lo := s.Search(start, s.Len()/2)
	all := make([]Rela, 0, max(s.Search(end, lo), lo)-lo)
	for k := lo; len(all) < cap(all); k++ {
		all = append(all, s.Nth(k))
	}
	return all
}
