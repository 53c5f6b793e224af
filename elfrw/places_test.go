// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"cmp"
	"debug/elf"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// A place is where something lies in the input and in the output.
type place struct {
	off, end uint64
	out      uint64
	outEnd   uint64
}

// checkPlaces checks what an edit must keep of the layout: the order of
// everything, offsets modulo the alignment, the bytes between sections and
// after the last one, and the ELF header.
func checkPlaces(t testing.TB, in, out *elfrw.File) {
	t.Helper()
	const table = 64
	hi, ho := in.Header(), out.Header()
	same := ho
	same.Shoff, same.Shnum = hi.Shoff, hi.Shnum
	if same != hi {
		t.Fatalf("ELF header is %+v, was %+v", ho, hi)
	}
	resized := in.NumSections() != out.NumSections()
	for i := 1; i < in.NumSections(); i++ {
		resized = resized || in.Section(i).Size != out.Section(i).Size
	}
	places := []place{{0, 64, 0, 64}}
	if in.NumSections() > 0 {
		places = append(places, place{hi.Shoff, hi.Shoff + table*uint64(in.NumSections()), ho.Shoff, ho.Shoff + table*uint64(out.NumSections())})
		if ho.Shoff%8 != hi.Shoff%8 {
			t.Errorf("e_shoff is 0x%x, was 0x%x", ho.Shoff, hi.Shoff)
		}
	}
	for i := 1; i < in.NumSections(); i++ {
		a, b := in.Section(i), out.Section(i)
		if a.Is(elf.SHT_NULL) {
			continue
		}
		if m := max(a.Addralign, 1); a.Off%m != b.Off%m {
			t.Fatalf("section %v: offset 0x%x, was 0x%x, alignment 0x%x", a, b.Off, a.Off, m)
		}
		if !resized && a.Off != b.Off {
			t.Fatalf("section %v: offset 0x%x, was 0x%x", a, b.Off, a.Off)
		}
		if a.Size+b.Size > 0 && !a.Is(elf.SHT_NOBITS) {
			places = append(places, place{a.Off, a.Off + a.Size, b.Off, b.Off + b.Size})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.end, b.end)) })
	type span struct{ off, end uint64 }
	var news []span
	for i := in.NumSections(); i < out.NumSections(); i++ {
		s := out.Section(i)
		if m := max(s.Addralign, 1); s.Off%m != 0 {
			t.Errorf("new section %v: offset 0x%x, alignment 0x%x", s, s.Off, m)
		}
		if s.Size > 0 {
			news = append(news, span{s.Off, s.Off + s.Size})
		}
	}
	between := func(from, to uint64) []byte {
		var b []byte
		for _, n := range news {
			if n.off >= from && n.end <= to {
				b = append(b, out.Bytes()[from:n.off]...)
				from = n.end
			}
		}
		return append(b, out.Bytes()[from:to]...)
	}
	for i := 1; i < len(places); i++ {
		a, b := places[i-1], places[i]
		if a.end > b.off {
			continue // they overlap, and neither may be edited
		}
		if a.outEnd > b.out {
			t.Fatalf("what lay at 0x%x comes before what lay at 0x%x by now", b.off, a.off)
		}
		was, is := in.Bytes()[a.end:b.off], between(a.outEnd, b.out)
		if !bytes.Equal(bytes.Trim(was, "\x00"), bytes.Trim(is, "\x00")) {
			t.Fatalf("the bytes between 0x%x and 0x%x were % x, are % x", a.end, b.off, was, is)
		}
	}
	last := func(f *elfrw.File) bool {
		return f.Header().Shoff+table*uint64(f.NumSections())+uint64(len(f.Trailer())) == uint64(len(f.Bytes()))
	}
	if last(in) != last(out) {
		t.Errorf("the section headers come last: %v, they did: %v", last(out), last(in))
	}
	if !bytes.HasSuffix(out.Bytes(), in.Trailer()) && !in.Signed() {
		t.Fatalf("the trailing bytes are % x, were % x", out.Trailer(), in.Trailer())
	}
}
