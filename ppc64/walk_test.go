// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWalkTruncation(t *testing.T) {
	nop, prefix := []byte{0, 0, 0, 0x60}, []byte{0, 0, 0, 0x04}
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	tests := []struct {
		name string
		code []byte
		offs []uint64 // of the instructions seen
		bad  uint64   // of the one that is cut short
		err  error
	}{
		{"empty", nil, nil, 0, nil},
		{"words", join(nop, nop), []uint64{0, 4}, 0, nil},
		{"prefix and suffix", join(nop, prefix, nop, nop), []uint64{0, 4, 12}, 0, nil},
		{"a suffix that looks like a prefix", join(prefix, prefix, nop), []uint64{0, 8}, 0, nil},
		{"one byte", []byte{0}, nil, 0, ErrTruncated},
		{"odd tail", join(nop, nop[:3]), []uint64{0}, 4, ErrTruncated},
		{"prefix at the end", join(nop, prefix), []uint64{0}, 4, ErrTruncated},
		{"suffix cut short", join(nop, prefix, nop[:2]), []uint64{0}, 4, ErrTruncated},
	}
	for _, tt := range tests {
		var offs []uint64
		err := Walk(tt.code, func(off uint64, _, _ Word) bool {
			offs = append(offs, off)
			return true
		})
		var oe *OffsetError
		if !errors.Is(err, tt.err) || errors.As(err, &oe) && oe.Off != tt.bad {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.offs, offs); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestWalkStops(t *testing.T) {
	code, n := make([]byte, 13), 0
	if err := Walk(code, func(uint64, Word, Word) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("%d instructions, %v", n, err)
	}
}

func BenchmarkWalk(b *testing.B) {
	code := make([]byte, 4<<20)
	for off := 0; off < len(code); off += WordSize {
		Nop.Put(code[off:])
	}
	b.SetBytes(int64(len(code)))
	b.ReportAllocs()
	for b.Loop() {
		calls := 0
		Walk(code, func(_ uint64, w, _ Word) bool {
			if w.IsBranch() {
				calls++
			}
			return true
		})
	}
}
