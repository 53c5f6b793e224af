// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// FuzzAnalyse analyses any bytes as code, with lists made from other bytes. It
// must not panic, be slow or give different answers, and what it proves must
// have a save.
func FuzzAnalyse(f *testing.F) {
	for _, r := range rules {
		p := assemble(f, r.text)
		fn := r.fn(p)
		f.Add(fn.Code, uint8(fn.Entry), []byte{})
		f.Add(fn.Code, uint8(fn.Entry), []byte{1, 4, 2, 5, 3, 6, 0x41, 7, 8, 9})
	}
	f.Fuzz(func(t *testing.T, code []byte, entry uint8, lists []byte) {
		fn := &Func{Code: code, End: uint64(len(code)), Entry: ppc64.LocalEntry(entry & 7), Jumps: map[uint64][]uint64{}}
		if entry&8 != 0 && len(lists) >= 16 {
			fn.Start, fn.End = binary.LittleEndian.Uint64(lists), binary.LittleEndian.Uint64(lists[8:])
			lists = lists[16:]
		}
		for i := 0; i+1 < len(lists); i += 2 {
			off := uint64(lists[i]) * 4
			switch n := lists[i+1]; n & 7 {
			case 0:
				fn.LandingPads = append(fn.LandingPads, off)
			case 1, 2:
				fn.Entries = append(fn.Entries, off)
			case 3:
				fn.Saves = append(fn.Saves, off)
			case 4:
				fn.Patched = append(fn.Patched, off)
			case 5:
				fn.Relocs = append(fn.Relocs, reloc.MakeRela(off, 1, []uint32{10, 116, 119, 120, 64, 255}[n>>3%6], 0))
			default:
				fn.Jumps[off] = append(fn.Jumps[off], off+uint64(n)*4-512)
			}
		}
		var calls []uint64
		for off := range uint64(len(code)) + 8 {
			calls = append(calls, fn.Start+off)
		}
		start := time.Now()
		vs := Analyse(fn, calls)
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%d bytes take %v", len(code), d)
		}
		if len(vs) != len(calls) {
			t.Fatalf("%d verdicts for %d calls", len(vs), len(calls))
		}
		for i, v := range vs {
			if v.Proven != (v.Reason == "") {
				t.Errorf("%#x: %+v", calls[i], v)
			}
			if !v.Proven {
				continue
			}
			call, err := ppc64.Load(code, calls[i])
			save, err2 := ppc64.Load(code, v.At)
			if err != nil || err2 != nil || !isConstant(call) && (!call.IsBranch() || !call.LK()) || !fn.Entry.UsesTOC() ||
				save.Opcode() != 62 && !save.LK() {
				t.Errorf("%#x: %v proven by %v at %#x", calls[i], call, save, v.At)
			}
		}
		if again := Analyse(fn, calls); !reflect.DeepEqual(vs, again) {
			t.Error("another answer the second time")
		}
		fn.TextTable(fn.Start)
	})
}

// TestBounds analyses functions that would take long if work were repeated.
func TestBounds(t *testing.T) {
	word := func(code []byte, i int, w ppc64.Word) { w.Put(code[4*i:]) }
	const n = 1 << 19
	tests := []struct {
		name string
		fill func(code []byte, i int)
	}{
		{"branches back to the begin", func(code []byte, i int) {
			disp := -4 * int64(i%8000)
			w, _ := ppc64.Word(0x42000000).WithDisplacement(disp)
			word(code, i, w)
		}},
		{"a leader each, and r1 moving", func(code []byte, i int) {
			if i%2 == 0 {
				word(code, i, 0xf821ffe1)
			} else {
				w, _ := ppc64.Word(0x42000000).WithDisplacement(-4 * int64(i%8000))
				word(code, i, w)
			}
		}},
		{"indirect branches", func(code []byte, i int) { word(code, i, 0x4d820420) }},
		{"calls", func(code []byte, i int) { word(code, i, 0x48000001) }},
		{"zeros", func([]byte, int) {}},
	}
	for _, tt := range tests {
		for _, size := range []int{n / 16, n, 4 * n} {
			code := make([]byte, 4*size)
			for i := range size {
				tt.fill(code, i)
			}
			fn := &Func{Code: code, End: uint64(len(code)), Entry: 3}
			for i := range min(size, 1<<16) {
				fn.LandingPads = append(fn.LandingPads, uint64(8*i))
			}
			start := time.Now()
			v := Analyse(fn, []uint64{8})
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("%s: %d instructions take %v", tt.name, size, d)
			} else {
				t.Logf("%s: %d instructions: %v: %s", tt.name, size, d, v[0].Reason)
			}
		}
	}
}

// TestExtents analyses invalid extents.
func TestExtents(t *testing.T) {
	code := make([]byte, 64)
	for _, tt := range []struct{ start, end uint64 }{
		{0, 0}, {8, 8}, {8, 4}, {2, 64}, {0, 65}, {60, 64}, {63, 64}, {60, 63}, {48, 58}, {64, 64}, {1 << 63, 1<<63 + 8}, {^uint64(3), 64}, {^uint64(3), ^uint64(0)},
	} {
		fn := &Func{Code: code, Start: tt.start, End: tt.end, Entry: 3}
		for _, v := range Analyse(fn, []uint64{tt.start, 0, ^uint64(0), 3}) {
			if v.Proven || v.Reason != "the extent of the function is unknown" {
				t.Errorf("%#x to %#x: %+v", tt.start, tt.end, v)
			}
		}
		fn.TextTable(tt.start)
	}
}

func TestTextTable(t *testing.T) {
	p := assemble(t, saved+`
		bctr
t:		.long x-t
		.long t-t
		.long y-t
x:		nop
y:		blr`)
	fn := p.fn()
	got := fn.TextTable(p.at("t"))
	want := []uint64{p.at("x"), p.at("t"), p.at("y")}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%#x, want %#x", got, want)
	}
	if got := fn.TextTable(p.at("x")); got != nil {
		t.Errorf("code read as a table: %#x", got)
	}
	fn.Relocs = []reloc.Rela{reloc.MakeRela(p.at("t"), 1, 26, 0)}
	if got := fn.TextTable(p.at("t")); !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("with a target elsewhere: %#x, want %#x", got, want[1:])
	}
}
