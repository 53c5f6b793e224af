// SPDX-License-Identifier: BSD-3-Clause

package stub

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/arch/ppc64/ppc64asm"
)

// text disassembles code with ppc64asm, which shares no code with this package,
// and adds the relocation of each word.
func text(t *testing.T, c *Code) string {
	t.Helper()
	var lines []string
	relas := c.Relas
	for off := 0; off < len(c.Bytes); {
		inst, err := ppc64asm.Decode(c.Bytes[off:], binary.LittleEndian)
		line, size := ".long", 4
		if err == nil {
			line, size = ppc64asm.GNUSyntax(inst, uint64(off)), inst.Len
		}
		for len(relas) > 0 && relas[0].Off < uint64(off+size) {
			line += fmt.Sprintf(" %v %d+%d", elf.R_PPC64(elf.R_TYPE64(relas[0].Info)), elf.R_SYM64(relas[0].Info), relas[0].Addend)
			relas = relas[1:]
		}
		lines = append(lines, line)
		off += size
	}
	if len(relas) > 0 {
		t.Errorf("%d relocations after the code", len(relas))
	}
	return strings.Join(lines, "\n")
}

func TestCode(t *testing.T) {
	save := func(k Key) func(*Code) { return func(c *Code) { c.Save(k) } }
	notoc := func(k Key) func(*Code) { return func(c *Code) { c.NoTOC(k) } }
	for _, c := range []struct {
		name  string
		make  func(*Code)
		steps int32
		want  string
	}{
		{"save", save(Key{Sym: 7}), Key{Sym: 7}.SaveSteps(), `
std r2,24(r1)
addis r12,r2,0 R_PPC64_TOC16_HA 7+0
ld r12,0(r12) R_PPC64_TOC16_LO_DS 7+0
mtctr r12
bctr`},
		{"save, patched, by the key's address, perhaps NULL", save(Key{Sym: 7, Pointer: 9, Off: 16, Patched: true, Indirect: true, Null: true}), Key{Patched: true, Indirect: true, Null: true}.SaveSteps(), `
std r2,24(r1)
nop
addis r12,r2,0 R_PPC64_TOC16_HA 9+16
ld r12,0(r12) R_PPC64_TOC16_LO_DS 9+16
ld r12,0(r12)
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"save, patched, through a cell first", save(Key{Sym: 7, Pointer: 9, Patched: true, Indirect: true, Null: true, Follows: true, CellSym: 11, CellOff: 24}), 0, `
std r2,24(r1)
nop
addis r12,r2,0 R_PPC64_TOC16_HA 11+24
ld r12,0(r12) R_PPC64_TOC16_LO_DS 11+24
mtctr r12
bctr
addis r12,r2,0 R_PPC64_TOC16_HA 9+0
ld r12,0(r12) R_PPC64_TOC16_LO_DS 9+0
ld r12,0(r12)
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"no TOC, through a cell first", notoc(Key{Sym: 7, Follows: true, CellSym: 11, CellOff: 24}), 0, `
pld r12,0 R_PPC64_PCREL34 11+24
mtctr r12
bctr
pld r12,0 R_PPC64_PCREL34 7+0
mtctr r12
bctr`},
		{"save, cell", save(Key{Sym: 7, Off: 40, Cell: true}), Key{Cell: true}.SaveSteps(), `
std r2,24(r1)
addis r12,r2,0 R_PPC64_TOC16_HA 7+40
ld r12,0(r12) R_PPC64_TOC16_LO_DS 7+40
mtctr r12
bctr`},
		{"save, cell nearby", save(Key{Sym: 7, Off: 40, Cell: true, Near: true}), Key{Cell: true, Near: true}.SaveSteps(), `
std r2,24(r1)
ld r12,0(r2) R_PPC64_TOC16_DS 7+40
mtctr r12
bctr`},
		{"no TOC", notoc(Key{Sym: 7}), Key{}.NoTOCSteps(), `
pld r12,0 R_PPC64_PCREL34 7+0
mtctr r12
bctr`},
		{"no TOC, by the GOT, perhaps NULL", notoc(Key{Sym: 7, Indirect: true, Null: true}), Key{Indirect: true, Null: true}.NoTOCSteps(), `
pld r12,0 R_PPC64_GOT_PCREL34 7+0
ld r12,0(r12)
cmpdi r12,0
beqlr
mtctr r12
bctr`},
		{"no TOC, cell", notoc(Key{Sym: 7, Off: 40, Cell: true}), Key{Cell: true}.NoTOCSteps(), `
pld r12,0 R_PPC64_PCREL34 7+40
mtctr r12
bctr`},
	} {
		var code Code
		c.make(&code)
		got, want := text(t, &code), strings.TrimPrefix(c.want, "\n")
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, want)
		}
		if n := int32(strings.Count(got, "\n") + 1); c.steps != 0 && n != c.steps {
			t.Errorf("%s: %d instructions, SaveSteps or NoTOCSteps says %d", c.name, n, c.steps)
		}
	}
	// The code after the jump through a cell runs only before the run time starts.
	if k := (Key{Indirect: true, Null: true, Patched: true, Follows: true}); k.SaveSteps() != 6 || k.NoTOCSteps() != 3 {
		t.Errorf("through a cell: %d and %d instructions", k.SaveSteps(), k.NoTOCSteps())
	}
	for _, k := range []Key{{Follows: true}, {Follows: true, Patched: true}} {
		var c, n Code
		if at := c.Save(k); text(t, &Code{Bytes: c.Bytes[at:]})[:5] != "addis" || c.Relas[2].Off != uint64(at) {
			t.Errorf("the code at %d does not go through the key", at)
		}
		if at := n.NoTOC(k); n.Relas[1].Off != uint64(at) {
			t.Errorf("the code at %d does not go through the key", at)
		}
	}
	if k := (Key{Indirect: true, Patched: true}); k.SaveSteps() != k.JumpSteps()+2 {
		t.Error("the jump entry is not after the save and the nop")
	}
}

// TestShadow checks the long stub: its instructions up to the target and after it,
// and where the call returns.
func TestShadow(t *testing.T) {
	for _, null := range []bool{false, true} {
		k := Key{Sym: 7, Null: null}
		var c Code
		c.Start(Key{}) // already aligned
		returns := c.Shadow(k, 8, 9)
		got := strings.Split(text(t, &c), "\n")
		call := 0
		for !strings.HasPrefix(got[call], "bctrl") {
			call++
		}
		if 4*(call+1) != returns {
			t.Errorf("the call returns at %d, and is instruction %d", returns, call)
		}
		if n := int32(len(got)); n != k.ShadowSteps() {
			t.Errorf("%d instructions, ShadowSteps says %d", n, k.ShadowSteps())
		}
		all := strings.Join(got, "\n")
		for _, want := range []string{
			"addis r11,r2,0 R_PPC64_GOT_TPREL16_HA 9+0\nld r11,0(r11) R_PPC64_GOT_TPREL16_LO_DS 9+0\nadd r11,r11,r13 R_PPC64_TLS 9+0\n",
			"ld r12,0(r11)\naddi r12,r12,8\nstd r12,0(r11)\nstd r0,-8(r12)\n",
			"addis r2,r11,0 R_PPC64_REL16_HA 8+4\naddi r2,r2,0 R_PPC64_REL16_LO 8+8\n",
			"ld r12,0(r11)\naddi r12,r12,-8\nld r0,0(r12)\nstd r12,0(r11)\nmtlr r0\nblr",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("lacks\n%s\nin\n%s", want, all)
			}
		}
		if null != strings.Contains(all, "cmpdi r12,0\nbeq ") {
			t.Errorf("NULL %v:\n%s", null, all)
		}
	}
}

// TestStart checks the alignment of stubs, and the distance to the cell before those
// that have one.
func TestStart(t *testing.T) {
	var c Code
	c.Save(Key{Sym: 7}) // 20 bytes
	c.Start(Key{Sym: 7})
	if len(c.Bytes) != 32 {
		t.Errorf("the second stub begins at %d", len(c.Bytes))
	}
	c.NoTOC(Key{Sym: 7})
	c.Start(Key{Sym: 8, Off: 24, Cell: true})
	last := c.Relas[len(c.Relas)-1]
	if len(c.Bytes) != 64 || last.Off != 60 || last.Addend != 24 || last.Info != 8<<32|uint64(elf.R_PPC64_REL32) {
		t.Errorf("the third stub begins at %d, with %+v", len(c.Bytes), last)
	}
}

// TestUnwind checks the fields of the entries.
func TestUnwind(t *testing.T) {
	data, relas := Unwind([]Frame{{0, 20, 0}, {32, 160, 88}}, 1000, 5)
	want := "14000000" + "00000000" + "017a5200" + "04784101" + "1b0c0100" + "00000000" + // the CIE
		"14000000" + "1c000000" + "00000000" + "14000000" + "00" + "00000000000000" + // 20 bytes of code from 0 on
		"14000000" + "34000000" + "00000000" + "80000000" + "00" + "040e000000" + "0741" // 56 bytes on, LR is undefined
	if got := fmt.Sprintf("%x", data); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	for i, want := range []elf.Rela64{
		{Off: 1032, Info: 5<<32 | uint64(elf.R_PPC64_REL32), Addend: 0},
		{Off: 1056, Info: 5<<32 | uint64(elf.R_PPC64_REL32), Addend: 32},
	} {
		if i >= len(relas) || relas[i] != want {
			t.Errorf("relocation %d of %+v, want %+v", i, relas, want)
		}
	}
}
