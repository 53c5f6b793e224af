// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoad(t *testing.T) {
	b := []byte{0x18, 0x00, 0x41, 0xe8, 0, 0, 0, 0x60, 0xff}
	tests := []struct {
		off  uint64
		want Word
		err  error
	}{
		{0, RestoreTOC, nil},
		{4, Nop, nil},
		{1, 0, ErrMisaligned},
		{6, 0, ErrMisaligned},
		{8, 0, ErrTruncated},
		{12, 0, ErrTruncated},
		{math.MaxUint64 &^ 3, 0, ErrTruncated},
	}
	for _, tt := range tests {
		w, err := Load(b, tt.off)
		if w != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Load at %#x: %v, %v", tt.off, w, err)
		}
		var oe *OffsetError
		if tt.err != nil && (!errors.As(err, &oe) || oe.Off != tt.off || oe.Len != len(b)) {
			t.Errorf("Load at %#x: error %#v", tt.off, err)
		}
	}
}

func TestPut(t *testing.T) {
	b := []byte{1, 2, 3, 4, 5}
	SaveTOC.Put(b)
	if want := []byte{0x18, 0, 0x41, 0xf8, 5}; !bytes.Equal(b, want) {
		t.Errorf("% x", b)
	}
}

func TestIsNop(t *testing.T) {
	for w, want := range map[Word]bool{
		Nop: true, Cror15: true, Cror31: true,
		0x60420000: false, // ori r2,r2,0: padding
		0x4cc63182: false, // crxor 6,6,6
		0x68000000: false, // xnop
		0x07000000: false, // pnop
		RestoreTOC: false,
	} {
		if w.IsNop() != want {
			t.Errorf("%v: %v", w, !want)
		}
	}
}

func TestBranchErrors(t *testing.T) {
	tests := []struct {
		disp int64
		want error
	}{
		{0x1fffffc, nil}, {-0x2000000, nil}, {0, nil},
		{0x2000000, ErrRange}, {-0x2000004, ErrRange}, {math.MinInt64, ErrRange}, {1 << 32, ErrRange},
		{2, ErrMisaligned}, {-1, ErrMisaligned}, {math.MaxInt64, ErrMisaligned},
	}
	for _, tt := range tests {
		w, err := Branch(tt.disp, true)
		if !errors.Is(err, tt.want) || tt.want != nil && w != 0 {
			t.Errorf("Branch(%#x): %v, %v", tt.disp, w, err)
		}
		if got := w.Displacement(); tt.want == nil && got != tt.disp {
			t.Errorf("Branch(%#x) goes to %#x", tt.disp, got)
		}
	}
	for _, tt := range tests {
		const from = 0x1000
		if got := Reaches(from, from+uint64(tt.disp)); got != (tt.want == nil) {
			t.Errorf("Reaches over %#x: %v", tt.disp, got)
		}
	}
	var nb *NotBranchError
	if _, err := Blr.WithDisplacement(4); !errors.As(err, &nb) || nb.Got != Blr {
		t.Errorf("WithDisplacement of blr: %v", err)
	}
	if _, err := Word(0x41820008).WithDisplacement(0x8000); !errors.Is(err, ErrRange) {
		t.Errorf("WithDisplacement of beq: %v", err)
	}
}

func TestBranchKinds(t *testing.T) {
	tests := []struct {
		text                  string
		w                     Word
		reg, always, lk, cond bool
	}{
		{"bl .+0x0", 0x48000001, false, true, true, false},
		{"ba 0x100", 0x48000102, false, true, false, false},
		{"beq .+0x8", 0x41820008, false, false, false, true},
		{"bc 20,lt,.+0x40", 0x42800040, false, true, false, true},
		{"bdnzl .+0x20", 0x42000021, false, false, true, true},
		{"blr", Blr, true, true, false, false},
		{"beqlr", 0x4d820020, true, false, false, false},
		{"bdnzlr", 0x4e000020, true, false, false, false},
		{"bctr", 0x4e800420, true, true, false, false},
		{"bctrl", 0x4e800421, true, true, true, false},
		{"btar", 0x4e800460, true, true, false, false},
		{"add.", 0x7c642a15, false, false, false, false},
		{"isync", 0x4c00012c, false, false, false, false},
		{"ld r3,1(r3)", 0xe8630001, false, false, false, false},
	}
	for _, tt := range tests {
		if tt.w.IsRegBranch() != tt.reg || tt.w.BranchesAlways() != tt.always || tt.w.LK() != tt.lk || tt.w.IsCondBranch() != tt.cond {
			t.Errorf("%s: register %v, always %v, LK %v, conditional %v", tt.text,
				tt.w.IsRegBranch(), tt.w.BranchesAlways(), tt.w.LK(), tt.w.IsCondBranch())
		}
	}
	if beq := Word(0x41820008); beq.BO() != 12 || beq.BI() != 2 {
		t.Errorf("beq: BO %d, BI %d", beq.BO(), beq.BI())
	}
	if mtctr := Word(0x7d8903a6); mtctr.SPR() != 9 || mtctr.XO() != 467 || mtctr.RS() != 12 {
		t.Errorf("mtctr: SPR %d, XO %d", mtctr.SPR(), mtctr.XO())
	}
	if mftb := Word(0x7c6c42a6); mftb.SPR() != 268 || mftb.XO() != 339 || mftb.Rc() { // mfspr r3,268
		t.Errorf("mftb: SPR %d, XO %d, Rc %v", mftb.SPR(), mftb.XO(), mftb.Rc())
	}
	if add := Word(0x7c632215); !add.Rc() { // add. r3,r3,r4
		t.Error("add.: no Rc")
	}
}

func TestReplace(t *testing.T) {
	code := make([]byte, 8)
	Word(0x48000001).Put(code)
	Nop.Put(code[4:])
	before := bytes.Clone(code)

	var unexpected *UnexpectedWordError
	err := Replace(code, 0, RestoreTOC, Nop, Cror15)
	if !errors.As(err, &unexpected) || unexpected.Off != 0 || unexpected.Got != 0x48000001 {
		t.Fatalf("Replace of a bl: %v", err)
	}
	if diff := cmp.Diff("offset 0x0: expected nop or cror 15,15,15, found bl .+0x0", err.Error()); diff != "" {
		t.Error(diff)
	}
	if err := Replace(code, 4, RestoreTOC); !errors.As(err, &unexpected) || err.Error() != "offset 0x4: expected no word at all, found nop" {
		t.Errorf("Replace that expects nothing: %v", err)
	}
	for _, off := range []uint64{2, 8, math.MaxUint64 &^ 3} {
		if err := Replace(code, off, Nop, Nop); err == nil {
			t.Errorf("Replace at %#x succeeds", off)
		}
	}
	if !bytes.Equal(code, before) {
		t.Fatalf("a failed Replace wrote: % x", code)
	}
	if err := Replace(code, 4, RestoreTOC, Nop, RestoreTOC); err != nil {
		t.Fatal(err)
	}
	if err := Replace(code, 4, RestoreTOC, Nop, RestoreTOC); err != nil {
		t.Errorf("again: %v", err)
	}
	if w, _ := Load(code, 4); w != RestoreTOC {
		t.Errorf("Replace stored %v", w)
	}
}

func TestReplaceAllocatesNothing(t *testing.T) {
	code := make([]byte, 4)
	Nop.Put(code)
	if n := testing.AllocsPerRun(100, func() { Replace(code, 0, Nop, Nop, RestoreTOC) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
