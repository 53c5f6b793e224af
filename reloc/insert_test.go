// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"bytes"
	"debug/elf"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scpatch/scpatch/ppc64"
)

// text returns words as the bytes of a section.
func text(words ...ppc64.Word) []byte {
	b := make([]byte, ppc64.WordSize*len(words))
	for i, w := range words {
		w.Put(b[ppc64.WordSize*i:])
	}
	return b
}

func TestInsert(t *testing.T) {
	tests := []struct {
		name   string
		typ    elf.R_PPC64
		value  int64
		before []byte
		after  []byte
	}{
		{"bl", elf.R_PPC64_REL24, 0x100, text(0x48000001), text(0x48000101)},
		{"bl, a field that is full", elf.R_PPC64_REL24, -8, text(0x4bfffffd), text(0x4bfffff9)},
		{"b, farthest", elf.R_PPC64_REL24, 0x1fffffc, text(0x4bfffffc), text(0x49fffffc)},
		{"bl, farthest back", elf.R_PPC64_REL24_NOTOC, -0x2000000, text(0x48000001), text(0x4a000001)},
		{"ba", elf.R_PPC64_ADDR24, 0x3fffffc, text(0x48000002), text(0x4bfffffe)},
		{"beq", elf.R_PPC64_REL14, -0x8000, text(0x41827ffc), text(0x41828000)},
		{"bne+ keeps its hint", elf.R_PPC64_REL14_BRTAKEN, 0x10, text(0x40e20000), text(0x40e20010)},
		{"bne- keeps its hint", elf.R_PPC64_REL14_BRNTAKEN, 0x10, text(0x40c20000), text(0x40c20010)},
		{"ld", elf.R_PPC64_TOC16_LO_DS, 0x12348, text(0xe8620000), text(0xe8622348)},
		{"lwa keeps XO", elf.R_PPC64_ADDR16_LO_DS, 0x7ffc, text(0xe8648002), text(0xe8647ffe)},
		{"lxv keeps XO and TX", elf.R_PPC64_TOC16_LO_DS, 0x30, text(0xf5010ff9), text(0xf5010039)},
		{"addis", elf.R_PPC64_TOC16_HA, 0x18000, text(0x3c620000), text(0x3c620002)},
		{"addis, the highest", elf.R_PPC64_TOC16_HA, 0x7fff7fff, text(0x3c620000), text(0x3c627fff)},
		{"addis, the lowest", elf.R_PPC64_TOC16_HA, -0x80008000, text(0x3c620000), text(0x3c628000)},
		{"addpcis", elf.R_PPC64_REL16DX_HA, -0x80000000, text(0x4c7fffc5), text(0x4c608004)},
		{"paddi", elf.R_PPC64_PCREL34, -4, text(0x06100000, 0x38600000), text(0x0613ffff, 0x3860fffc)},
		{"pld", elf.R_PPC64_D34, 0x123456789, text(0x0403ffff, 0xe464ffff), text(0x04012345, 0xe4646789)},
		{"D28", elf.R_PPC64_D28, -0x8000000, text(0x04000000, 0xe4640000), text(0x04000800, 0xe4640000)},
		{"word30", elf.R_PPC64_REL30, -4, text(3), text(0xffffffff)},
		{"ADDR32, unsigned", elf.R_PPC64_ADDR32, 0xffffffff, text(7), text(0xffffffff)},
		{"ADDR32, signed", elf.R_PPC64_ADDR32, -0x80000000, text(7), text(0x80000000)},
		{"ADDR64", elf.R_PPC64_ADDR64, math.MinInt64, text(1, 1), text(0, 0x80000000)},
		{"ADDR16_HIGHESTA", elf.R_PPC64_ADDR16_HIGHESTA, 0x0000ffffffff8000, text(0x3c60ffff), text(0x3c600001)},
		{"ADDR16_HIGHERA", elf.R_PPC64_ADDR16_HIGHERA, 0x0000ffffffff8000, text(0x3c600000), text(0x3c600000)},
	}
	for _, tt := range tests {
		got := bytes.Clone(tt.before)
		if err := Insert(got, 0, uint32(tt.typ), tt.value); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.after, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestInsertErrors(t *testing.T) {
	branch, data := text(0x48000001, 0x41820000), make([]byte, 16)
	tests := []struct {
		name  string
		code  []byte
		off   uint64
		typ   elf.R_PPC64
		value int64
		want  error
	}{
		{"too far", branch, 0, elf.R_PPC64_REL24, 0x2000000, ErrRange},
		{"too far back", branch, 0, elf.R_PPC64_REL24_NOTOC, -0x2000004, ErrRange},
		{"far beyond", branch, 0, elf.R_PPC64_REL24, math.MinInt64, ErrRange},
		{"branch misaligned", branch, 0, elf.R_PPC64_REL24, 2, ErrAlign},
		{"beq too far", branch, 4, elf.R_PPC64_REL14, 0x8000, ErrRange},
		{"beq misaligned", branch, 4, elf.R_PPC64_REL14, 1, ErrAlign},
		{"REL24 on beq", branch, 4, elf.R_PPC64_REL24, 0, ErrForm},
		{"REL14 on bl", branch, 0, elf.R_PPC64_REL14, 0, ErrForm},
		{"REL24 on a nop", text(ppc64.Nop), 0, elf.R_PPC64_REL24, 0, ErrForm},
		{"REL24 between two words", branch, 2, elf.R_PPC64_REL24, 0, ppc64.ErrMisaligned},
		{"PCREL34 on a word", text(0x38600000, 0x38600000), 0, elf.R_PPC64_PCREL34, 0, ErrForm},
		{"PCREL34 without a suffix", text(0x06100000), 0, elf.R_PPC64_PCREL34, 0, ErrTruncated},
		{"PCREL34 too far", text(0x06100000, 0x38600000), 0, elf.R_PPC64_PCREL34, 1 << 33, ErrRange},
		{"REL16DX_HA on a bl", branch, 0, elf.R_PPC64_REL16DX_HA, 0, ErrForm},
		{"ADDR32", data, 0, elf.R_PPC64_ADDR32, 1 << 32, ErrRange},
		{"ADDR32, negative", data, 0, elf.R_PPC64_ADDR32, -0x80000001, ErrRange},
		{"REL32 is signed", data, 0, elf.R_PPC64_REL32, 0x80000000, ErrRange},
		{"TOC16_HA above", data, 0, elf.R_PPC64_TOC16_HA, 0x7fff8000, ErrRange},
		{"TOC16_HA below", data, 0, elf.R_PPC64_TOC16_HA, -0x80008001, ErrRange},
		{"TOC16_HA wraps", data, 0, elf.R_PPC64_TOC16_HA, math.MaxInt64, ErrRange},
		{"ADDR16_HI", data, 0, elf.R_PPC64_ADDR16_HI, 0x80000000, ErrRange},
		{"ld misaligned", text(0xe8620000), 0, elf.R_PPC64_TOC16_LO_DS, 2, ErrAlign},
		{"lxv misaligned", text(0xf4610001), 0, elf.R_PPC64_TOC16_LO_DS, 8, ErrAlign},
		{"past the end", data, 9, elf.R_PPC64_ADDR64, 0, ErrTruncated},
		{"far past the end", data, math.MaxUint64, elf.R_PPC64_ADDR16, 0, ErrTruncated},
		{"ld at an odd place", data, 2, elf.R_PPC64_TOC16_DS, 0, ppc64.ErrMisaligned},
		{"half of a ld", data[:2], 0, elf.R_PPC64_TOC16_DS, 0, ppc64.ErrTruncated},
		{"unknown", data, 0, 200, 0, ErrUnknownType},
		{"unknown and huge", data, 0, math.MaxInt32, 0, ErrUnknownType},
		{"a marker", data, 0, elf.R_PPC64_PLTCALL, 0, ErrNoField},
		{"nothing", data, 0, elf.R_PPC64_NONE, 0, ErrNoField},
	}
	for _, tt := range tests {
		before := bytes.Clone(tt.code)
		err := Insert(tt.code, tt.off, uint32(tt.typ), tt.value)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if !bytes.Equal(tt.code, before) {
			t.Errorf("%s: bytes changed", tt.name)
		}
		var re *RangeError
		if errors.As(err, &re) && (re.Value != tt.value || re.Type != uint32(tt.typ) || tt.value >= re.Min && tt.value <= re.Max) {
			t.Errorf("%s: %+v", tt.name, re)
		}
	}
	want := "offset 0x4: R_PPC64_REL24: value 0x2000000 out of range: allowed are -0x2000000 to 0x1fffffc"
	err := Insert(branch, 4, uint32(elf.R_PPC64_REL24), 0x2000000)
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// maskOf returns the bits that a type may change in the bytes at its offset.
func maskOf(h Howto, code []byte) []byte {
	switch h.Field {
	case Low24:
		return text(0x03fffffc)
	case Low14:
		return text(0x0000fffc)
	case Word30:
		return text(0xfffffffc)
	case Half16DX:
		return text(0x001fffc1)
	case Prefix34:
		return text(0x0003ffff, 0xffff)
	case Prefix28:
		return text(0x00000fff, 0xffff)
	case Half16DS:
		if w, err := ppc64.Load(code, 0); err == nil && w.IsDQ() {
			return []byte{0xf0, 0xff}
		}
		return []byte{0xfc, 0xff}
	}
	return bytes.Repeat([]byte{0xff}, h.Size)
}

// checkInsert inserts into random surroundings, and checks that nothing but the
// field changes, that what was in the field makes no difference, and that a
// failure changes nothing. It reports whether the value was accepted.
func checkInsert(t *testing.T, code []byte, off uint64, typ uint32, value int64) bool {
	t.Helper()
	before := bytes.Clone(code)
	err := Insert(code, off, typ, value)
	if err != nil {
		if !bytes.Equal(code, before) {
			t.Errorf("%s at %#x, value %#x: bytes changed in spite of %v", Name(typ), off, value, err)
		}
		return false
	}
	h, _ := Lookup(typ)
	mask := maskOf(h, before[off:])
	flipped := bytes.Clone(before)
	for i := range code {
		var m byte
		if j := i - int(off); j >= 0 && j < len(mask) {
			m = mask[j]
		}
		if (code[i]^before[i])&^m != 0 {
			t.Errorf("%s at %#x, value %#x: byte %#x from %02x to %02x", Name(typ), off, value, i, before[i], code[i])
		}
		flipped[i] ^= m
	}
	if err := Insert(flipped, off, typ, value); err != nil || !bytes.Equal(code, flipped) {
		t.Errorf("%s at %#x, value %#x: depends on the old field: %x, %x, %v", Name(typ), off, value, code, flipped, err)
	}
	return true
}

// TestInsertTouchesOnlyTheField tries every type on random instructions of
// every form that a field belongs to.
func TestInsertTouchesOnlyTheField(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	opcodes := []ppc64.Word{1, 6, 14, 16, 18, 19, 56, 58, 61, 62}
	accepted := map[uint32]bool{}
	for typ := range uint32(256) {
		for range 2000 {
			w := opcodes[rng.IntN(len(opcodes))]<<26 | ppc64.Word(rng.Uint32()>>6)
			if rng.IntN(4) == 0 {
				w = 0x4c000004 | ppc64.Word(rng.Uint32())&0x03ffffc1 // addpcis
			}
			code := text(ppc64.Word(rng.Uint32()), w, ppc64.Word(rng.Uint32()), ppc64.Word(rng.Uint32()))
			value := int64(rng.Uint64()) >> rng.IntN(64) &^ (1<<rng.IntN(6) - 1)
			if checkInsert(t, code, 4, typ, value) {
				accepted[typ] = true
			}
		}
		if h, ok := Lookup(typ); ok && h.Field != FieldNone && !accepted[typ] {
			t.Errorf("%s: no value was accepted", h.Name)
		}
	}
}

func TestInsertAllocatesNothing(t *testing.T) {
	code := text(0x48000001, 0x04000000, 0xe4640000)
	n := testing.AllocsPerRun(100, func() {
		err := errors.Join(
			Insert(code, 0, uint32(elf.R_PPC64_REL24), 0x100),
			Insert(code, 4, uint32(elf.R_PPC64_D34), 0x100))
		if err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzInsert(f *testing.F) {
	code := text(0x48000001, 0x41820008, 0x06100000, 0x38600000, 0xe8620000, 0xf4610001, 0x4c600004)
	for typ := range uint32(258) {
		for i, v := range []int64{0, -4, 0x7ffc, math.MinInt64, math.MaxInt64} {
			f.Add(code, uint64(4*i), typ, v)
		}
	}
	f.Add([]byte{1}, uint64(math.MaxUint64), uint32(38), int64(0))
	f.Fuzz(func(t *testing.T, code []byte, off uint64, typ uint32, value int64) {
		checkInsert(t, slices.Clone(code), off, typ, value)
	})
}

func FuzzTable(f *testing.F) {
	f.Add(make([]byte, 2*RelaSize))
	f.Add(make([]byte, RelaSize+1))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := NewTable(b)
		if (err == nil) != (len(b)%RelaSize == 0) {
			t.Fatal(err)
		}
		again := make(Table, len(table))
		for i := range table.Len() {
			r := table.At(i)
			if r.Info != table.Info(i) || r.Off != table.Off(i) || r != MakeRela(r.Off, r.Sym(), r.Type(), r.Addend) {
				t.Errorf("entry %d: %v", i, r)
			}
			again.Put(i, r)
		}
		if !bytes.Equal(table, again) {
			t.Error("entries do not round-trip")
		}
	})
}
