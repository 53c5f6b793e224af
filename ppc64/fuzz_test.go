// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"bytes"
	"testing"
)

func FuzzBranch(f *testing.F) {
	for _, disp := range []int64{0, 4, -4, 0x1fffffc, -0x2000000, 0x2000000, 3, -1 << 63} {
		f.Add(disp, false)
		f.Add(disp, true)
	}
	f.Fuzz(func(t *testing.T, disp int64, lk bool) {
		w, err := Branch(disp, lk)
		encodable := disp%4 == 0 && disp >= -1<<25 && disp < 1<<25
		if (err == nil) != encodable {
			t.Fatalf("Branch(%#x): %v", disp, err)
		}
		if err != nil {
			return
		}
		if !w.IsBranch() || w.AA() || w.LK() != lk || w.Displacement() != disp {
			t.Errorf("Branch(%#x, %v): %v", disp, lk, w)
		}
	})
}

// FuzzWord decodes any two words in every way. Nothing may panic, a
// displacement that was read can be set again, and ppc64asm sees the same
// instruction.
func FuzzWord(f *testing.F) {
	for _, g := range readGolden(f) {
		f.Add(uint32(g.w), uint32(g.suffix))
	}
	f.Fuzz(func(t *testing.T, word, next uint32) {
		w, suffix := Word(word), Word(next)
		if w.String() == "" {
			t.Error("no text")
		}
		sameAsAsm(t, w, suffix)
		a, ok := Memory(w, suffix)
		if !ok && a != (Access{}) || a.Base > 31 || a.Index > 31 || a.Size > 128 {
			t.Errorf("Memory of %#08x %#08x: %+v", word, next, a)
		}
		if w.IsBranch() || w.IsCondBranch() {
			if got, err := w.WithDisplacement(w.Displacement()); got != w || err != nil {
				t.Errorf("%v: %v, %v", w, got, err)
			}
		}
		if d := D34(w, suffix); d < -1<<33 || d >= 1<<33 || uint16(d) != uint16(suffix) || Word(d>>16)&maskPrefixD34 != w&maskPrefixD34 {
			t.Errorf("D34 of %#08x %#08x: %#x", word, next, d)
		}
	})
}

// FuzzWalk walks any bytes. The instructions that Walk reports, put together,
// must be the code up to the error.
func FuzzWalk(f *testing.F) {
	f.Add(code(readGolden(f)))
	f.Add([]byte{0, 0, 0, 4})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, text []byte) {
		var seen []golden
		err := Walk(text, func(off uint64, w, suffix Word) bool {
			if len(seen) < 64 && off != uint64(len(code(seen))) {
				t.Errorf("instruction %d at %#x", len(seen), off)
			}
			seen = append(seen, golden{w: w, suffix: suffix})
			return true
		})
		got := code(seen)
		if !bytes.HasPrefix(text, got) || (err == nil) != (len(got) == len(text)) {
			t.Errorf("%d of %d bytes, %v", len(got), len(text), err)
		}
	})
}
