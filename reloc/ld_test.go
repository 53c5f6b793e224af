// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The comparison with GNU ld: one object holds a slot of 16 bytes for every
// type and value, .reloc puts the relocation on it, ld links it to a fixed
// address, and Insert does the same on the object's bytes.

const (
	slotSize = 16
	headSize = 0x8000 // bytes before the slots, for backward branches
	linkBase = 0x10000000
	slotBase = linkBase + headSize // the address of the slots
)

// slot is one relocation to compare.
type slot struct {
	howto Howto
	value int64 // the value of the formula
}

// seed returns the bytes of a slot before the relocation: an instruction of the
// right form, with all bits of the field set so that an OR would show.
func (s slot) seed() [slotSize]byte {
	var b [slotSize]byte
	for i := range b {
		b[i] = 0xa5
	}
	words := map[Field][]uint32{
		Low24:    {0x4bfffffd},             // bl
		Low14:    {0x4082fffd},             // bnel
		Half16:   {0xa5a5ffff},             // data
		Half16DS: {0xe861ffff},             // ld-like: DS and the XO bits set
		Half16DX: {0x4c7fffc5},             // addpcis r3
		Prefix34: {0x0603ffff, 0x3863ffff}, // paddi r3,r3
		Prefix28: {0x06000fff, 0x3863ffff}, // paddi r3,r3
	}[s.howto.Field]
	switch s.howto.Type { // ld sets the hint, as an assembler has done before it
	case elf.R_PPC64_REL14_BRTAKEN:
		words = []uint32{0x40e2fffd} // bnel+
	case elf.R_PPC64_REL14_BRNTAKEN:
		words = []uint32{0x40c2fffd} // bnel-
	}
	for i, w := range words {
		binary.LittleEndian.PutUint32(b[4*i:], w)
	}
	return b
}

// operand returns the S + A that makes the formula's value s.value at address
// p. S is 0, except for a relative branch, where it is the start of the
// section: ld 2.40 crashes if such a branch names an absolute symbol, and fails
// an assertion if the target lies before the symbol's section.
func (s slot) operand(p, toc uint64) string {
	switch {
	case s.howto.PCRel && (s.howto.Field == Low24 || s.howto.Field == Low14):
		return fmt.Sprintf("anchor%+d", s.value+int64(p)-linkBase)
	case s.howto.PCRel:
		return fmt.Sprintf("zero%+d", s.value+int64(p))
	case strings.Contains(s.howto.Formula, ".TOC."):
		return fmt.Sprintf("zero%+d", s.value+int64(toc))
	}
	return fmt.Sprintf("zero%+d", s.value)
}

// linkable reports whether ld computes the type from S, A, P and .TOC. alone.
func linkable(h Howto) bool {
	switch h.Type {
	case elf.R_PPC64_REL30, // bfd shifts it twice
		elf.R_PPC64_ADDR64_LOCAL,    // adds the local entry of S
		elf.R_PPC64_ADDR14_BRTAKEN,  // ld 2.40 fails an assertion for these two
		elf.R_PPC64_ADDR14_BRNTAKEN, // where the target is an absolute symbol
		elf.R_PPC64_GLOB_DAT,        // made by linkers, not for them
		elf.R_PPC64_JMP_SLOT:
		return false
	}
	return strings.Contains(h.Formula, "S + A")
}

// flagsOf returns the flags of the section for slots. In code, ld chooses the
// range of R_PPC64_ADDR16 by the instruction; in data, by the type.
func flagsOf(slots []slot) string {
	if len(slots) > 0 && slots[0].howto.Field == Half16 {
		return "aw"
	}
	return "ax"
}

// link assembles and links the slots, and returns their bytes after the link
// and what ld said. The slots are the whole of section .slots.
func link(t *testing.T, slots []slot, toc uint64, flags ...string) ([]byte, string, error) {
	t.Helper()
	as, ld := cross(t, "as"), cross(t, "ld")
	dir := t.TempDir()
	src, obj, out := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o"), filepath.Join(dir, "a.out")

	var b strings.Builder
	b.WriteString(".abiversion 2\n.globl zero\n.set zero,0\n")
	fmt.Fprintf(&b, ".section .slots,%q\nanchor:\t.skip %#x\n", flagsOf(slots), headSize)
	for i, s := range slots {
		fmt.Fprintf(&b, ".reloc %#x,%s,%s\n", headSize+i*slotSize, s.howto.Name, s.operand(slotBase+uint64(i)*slotSize, toc))
		for _, c := range s.seed() {
			fmt.Fprintf(&b, "\t.byte %#02x\n", c)
		}
	}
	// The TOC pointer, and a .got for it to belong to.
	b.WriteString(".section .base,\"aw\"\n.reloc 0,R_PPC64_TOC,0\n.quad 0\n.section .toc,\"aw\"\n.quad 1\n")
	if err := os.WriteFile(src, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if msg, err := run(t, as, "-mpower10", "-o", obj, src); err != nil {
		t.Fatalf("as: %v\n%s", err, msg)
	}
	args := append([]string{"-o", out, "-e", "0", "--no-toc-optimize",
		fmt.Sprintf("--section-start=.slots=%#x", linkBase),
		"--section-start=.base=0x20000000", "--section-start=.toc=0x20100000",
		"--section-start=.got=0x20200000", obj}, flags...)
	msg, err := run(t, ld, args...)
	if err != nil {
		return nil, msg, err
	}
	f, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	base, err := f.Section(".base").Data()
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint64(base); toc == 0 {
		return base, msg, nil
	} else if got != toc {
		t.Fatalf("linked: .TOC. is %#x, computed with %#x", got, toc)
	}
	sec := f.Section(".slots")
	if sec == nil || sec.Addr != linkBase {
		t.Fatalf("linked: no .slots at %#x", linkBase)
	}
	data, err := sec.Data()
	if err != nil {
		t.Fatal(err)
	}
	return data[headSize:], msg, nil
}

// tocOf returns the .TOC. that ld chooses for the test's objects.
func tocOf(t *testing.T) uint64 {
	t.Helper()
	base, msg, err := link(t, nil, 0)
	if err != nil {
		t.Fatalf("ld: %v\n%s", err, msg)
	}
	return binary.LittleEndian.Uint64(base)
}

// typesLikeLd calls f as a subtest for every type that can be compared with ld
// and is not left out.
func typesLikeLd(t *testing.T, leaveOut func(Howto) bool, f func(t *testing.T, h Howto)) {
	for typ := range uint32(256) {
		if h, ok := Lookup(typ); ok && linkable(h) && !leaveOut(h) {
			t.Run(h.Name, func(t *testing.T) { f(t, h) })
		}
	}
}

func TestInsertLikeLd(t *testing.T) {
	toc := tocOf(t)
	typesLikeLd(t, func(Howto) bool { return false }, func(t *testing.T, h Howto) {
		var slots []slot
		for _, v := range []int64{0, 4, -4, 3, 0x1234, -0x1234, 0x7ffc, -0x8000, 0x9ffc, 0x12345678, -0x12345678,
			0x7fff7ffc, -0x7fff8000, 0x123456789abc, 0x123456789abcdef0, -0x123456789abcdef0} {
			if v%h.Align == 0 && h.checkRange(0, v) == nil {
				slots = append(slots, slot{h, v})
			}
		}
		linked, msg, err := link(t, slots, toc)
		if err != nil {
			t.Fatalf("ld: %v\n%s", err, msg)
		}
		for i, s := range slots {
			want := linked[i*slotSize : (i+1)*slotSize]
			got := s.seed()
			if err := Insert(got[:], 0, uint32(h.Type), s.value); err != nil {
				t.Errorf("%#x: %v", s.value, err)
			}
			if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(got[:])); diff != "" {
				t.Errorf("%#x: ld wrote -, Insert +\n%s", s.value, diff)
			}
		}
	})
}

// TestRangeLikeLd compares the range of each type with what ld calls a
// truncation. It leaves out an intended difference: for a bitfield ld accepts
// numbers down to -2^n, so that -2^16 and 0 become the same half word.
func TestRangeLikeLd(t *testing.T) {
	toc := tocOf(t)
	// ld inserts a stub where a branch does not reach.
	branches := func(h Howto) bool { return h.PCRel && (h.Field == Low24 || h.Field == Low14) }
	typesLikeLd(t, branches, func(t *testing.T, h Howto) {
		n := h.Field.bits()
		for _, bound := range []int64{-1 << (n - 1), 1 << (n - 1), 1 << n} {
			b, _ := h.Part.bounds(bound, bound)
			if n == 64 {
				b = bound
			}
			for _, v := range []int64{b - h.Align, b} {
				if h.Check == Bitfield && v < -1<<(n-1) {
					continue
				}
				_, msg, err := link(t, []slot{{h, v}}, toc)
				if err != nil && !strings.Contains(msg, "truncated to fit") {
					t.Fatalf("ld: %v\n%s", err, msg)
				}
				mine := h.checkRange(0, v)
				if (err == nil) != (mine == nil) {
					t.Errorf("%#x: ld says %q, Insert %v", v, msg, mine)
				}
			}
		}
	})
}
