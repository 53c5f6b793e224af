// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"errors"
	"testing"
)

func TestLocalEntry(t *testing.T) {
	tests := []struct {
		offset         uint64
		preserves, toc bool
	}{
		0: {0, true, false},
		1: {0, false, false},
		2: {4, true, true},
		3: {8, true, true},
		4: {16, true, true},
		5: {32, true, true},
		6: {64, true, true},
	}
	for v, want := range tests {
		for low := range uint8(32) {
			other := uint8(v)<<5 | low
			l, err := LocalEntryOf(other)
			if err != nil || l != LocalEntry(v) {
				t.Fatalf("%#02x: %v, %v", other, l, err)
			}
			if l.Offset() != want.offset || l.PreservesR2() != want.preserves || l.UsesTOC() != want.toc {
				t.Errorf("%#02x: offset %d, preserves %v, TOC %v", other, l.Offset(), l.PreservesR2(), l.UsesTOC())
			}
			for old := range uint8(8) {
				if got := l.SetOther(old<<5 | low); got != other {
					t.Errorf("SetOther(%#02x) of %d: %#02x", old<<5|low, l, got)
				}
			}
		}
	}
}

func TestLocalEntryReserved(t *testing.T) {
	l, err := LocalEntryOf(0xe2)
	var le *LocalEntryError
	if !errors.As(err, &le) || le.Other != 0xe2 || !errors.Is(err, ErrReserved) || l != 0 {
		t.Errorf("%v, %v", l, err)
	}
	if o := LocalEntry(7).Offset(); o != 0 {
		t.Errorf("offset of the reserved value: %d", o)
	}
}
