// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"encoding/binary"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/ppc64/ppc64asm"
)

// noTarget matches the mnemonics whose first operand, where it is a general
// register, is a source: stores, compares, traps, moves to other registers, and
// instructions for storage, caches, translation and messages.
var noTarget = regexp.MustCompile(`^p?(st|cmp|tw|td|mt|dcb|icb|cp?t|dst|sl?bie|slbmte|slbia|tlb|msg|copy|paste|` +
	`hash|tabort|treclaim|wait|dss|sync|eieio|trap)`)

// notNoTarget matches the mnemonics that noTarget matches by mistake.
var notNoTarget = regexp.MustCompile(`^cmpb$`)

var gprText = regexp.MustCompile(`\br(\d+)\b`)

// operands is an instruction as a disassembler sees it.
type operands struct {
	name  string
	first uint32 // the first operand, if it is a general register
	rest  uint32 // the general registers among the others
	base  uint32 // of a load or store with a displacement, or the second operand
}

// parseText reads a line of objdump.
func parseText(text string) operands {
	name, rest, _ := strings.Cut(text, " ")
	o := operands{name: name}
	for i, f := range strings.Split(rest, ",") {
		for _, m := range gprText.FindAllStringSubmatch(f, -1) {
			n, _ := strconv.ParseUint(m[1], 10, 32)
			switch {
			case i == 0 && f == m[0]:
				o.first = reg(uint32(n))
			default:
				o.rest |= reg(uint32(n))
			}
			if i == 1 {
				o.base = reg(uint32(n))
			}
		}
	}
	return o
}

// parseAsm reads an instruction of ppc64asm.
func parseAsm(inst ppc64asm.Inst) operands {
	o := operands{name: strings.ToLower(inst.Op.String())}
	n := 0
	for i, a := range inst.Args {
		r, ok := a.(ppc64asm.Reg)
		if !ok || r < ppc64asm.R0 || r > ppc64asm.R31 {
			continue
		}
		m := reg(uint32(r - ppc64asm.R0))
		if i == 0 {
			o.first = m
		} else {
			o.rest |= m
			if n == 0 {
				o.base = m
			}
			n++
		}
	}
	return o
}

// writes returns the registers written, judging by the operands and the
// mnemonic alone.
func (o operands) writes() uint32 {
	var m uint32
	if !noTarget.MatchString(o.name) || notNoTarget.MatchString(o.name) {
		m = o.first
	}
	if name := strings.TrimPrefix(o.name, "p"); strings.HasPrefix(name, "l") || strings.HasPrefix(name, "st") {
		if strings.HasSuffix(name, "u") && name != "lnia" || strings.HasSuffix(name, "ux") {
			m |= o.base
		}
	}
	return m
}

// checkGPR compares Writes and Sources with a disassembler's operands.
func checkGPR(t *testing.T, w, suffix Word, text string, o operands) {
	t.Helper()
	got, want := Writes(w, suffix), o.writes()
	switch o.name {
	case "sc", "scv":
		want = scWrites
	case "nop", "xnop": // r0 from r0
		want = reg(0)
	case "attn", "eciwx", "ecowx", "pbt.", "icswx", "icswx.": // not in Power ISA v3.1: whatever the word could name
		want = reg(w.RT()) | reg(w.RA())
	case "lq", "plq", "lqarx":
		want |= o.first << 1
	case "lmw", "lswi", "lswx":
		want = got | o.first
	}
	if got != want {
		t.Errorf("%08x %08x %s: writes %#x, want %#x", uint32(w), uint32(suffix), text, got, want)
	}
	sources := Sources(w, suffix)
	if _, memory := Memory(w, suffix); memory || got == 0 || want == scWrites {
		if sources != 0 {
			t.Errorf("%08x %08x %s: sources %#x, want none", uint32(w), uint32(suffix), text, sources)
		}
		return
	}
	others := o.rest &^ zero(w, suffix)
	if missing := others &^ sources; missing != 0 {
		t.Errorf("%08x %08x %s: sources %#x lack %#x", uint32(w), uint32(suffix), text, sources, missing)
	}
	switch o.name {
	case "attn", "eciwx", "ecowx", "pbt.", "icswx", "icswx.":
		others = sources
	case "rlwimi", "rlwimi.", "rldimi", "rldimi.", "inslwi", "insrwi", "insrdi":
		others |= o.first
	}
	if extra := sources &^ others &^ 1; extra != 0 {
		t.Errorf("%08x %08x %s: sources %#x, %#x too many", uint32(w), uint32(suffix), text, sources, extra)
	}
}

// zero is r0 where a disassembler may print r0 for the number zero.
func zero(w, suffix Word) uint32 {
	if w.PrefixR() && w.IsPrefix() && suffix.RA() == 0 {
		return reg(0)
	}
	return 0
}

// gprWords enumerates opcodes, with different registers in different fields.
func gprWords() (words []Word) {
	const regs Word = 4<<21 | 5<<16
	for op := range Word(64) {
		switch op {
		case opcodePrefix, opcodeB, opcodeBC, opcodeX, 4:
			continue
		}
		for low := range Word(2048) {
			words = append(words, op<<26|regs|6<<11|low)
		}
	}
	for low := range Word(2048) {
		words = append(words, opcodeX<<26|regs|6<<11|low)
		for ra := range Word(32) { // where RA chooses the operation
			words = append(words, 4<<26|4<<21|ra<<16|6<<11|low)
		}
	}
	for ra := range Word(32) {
		words = append(words, 60<<26|4<<21|ra<<16|6<<11|347<<2)
	}
	return words
}

func prefixedWords() (words []Word) {
	for typ := range Word(4) {
		for op := range Word(64) {
			words = append(words, opcodePrefix<<26|typ<<24, op<<26|4<<21|5<<16|0x40)
		}
	}
	return words
}

func TestGPRAsm(t *testing.T) {
	n := 0
	check := func(w, suffix Word) {
		b := make([]byte, 8)
		w.Put(b)
		suffix.Put(b[4:])
		inst, err := ppc64asm.Decode(b, binary.LittleEndian)
		if err != nil || inst.Op == 0 {
			return
		}
		n++
		checkGPR(t, w, suffix, ppc64asm.GNUSyntax(inst, 0), parseAsm(inst))
	}
	for _, g := range readGolden(t) {
		check(g.w, g.suffix)
	}
	for _, w := range gprWords() {
		check(w, 0)
	}
	p := prefixedWords()
	for i := 0; i < len(p); i += 2 {
		check(p[i], p[i+1])
	}
	if n < 10000 {
		t.Errorf("ppc64asm knows only %d of the instructions", n)
	}
}

func TestGPRObjdump(t *testing.T) {
	words := gprWords()
	n := 0
	for i, text := range objdump(t, words) {
		if strings.HasPrefix(text, ".long") {
			continue
		}
		n++
		checkGPR(t, words[i], 0, text, parseText(text))
	}
	if n < 10000 {
		t.Errorf("objdump knows only %d of the instructions", n)
	}
	var prefixed []Word
	for p := prefixedWords(); len(p) > 0; p = p[2:] { // objdump splits what it does not know
		b := make([]byte, 8)
		p[0].Put(b)
		p[1].Put(b[4:])
		if _, err := ppc64asm.Decode(b, binary.LittleEndian); err == nil {
			prefixed = append(prefixed, p[0], p[1])
		}
	}
	texts := objdump(t, prefixed)
	if len(texts)*2 != len(prefixed) {
		t.Fatalf("%d prefixed instructions, objdump sees %d", len(prefixed)/2, len(texts))
	}
	for i, text := range texts {
		checkGPR(t, prefixed[2*i], prefixed[2*i+1], text, parseText(text))
	}
}

func TestGPRTable(t *testing.T) {
	tests := []struct {
		name      string
		w, suffix Word
		writes    uint32
		sources   uint32
	}{
		{"lmw r29,0(r1)", 0xbba10000, 0, 0xe0000000, 0},
		{"lswi r30,r4,16", 0x7fc484aa, 0, 0xc0000003, 0},
		{"lswi r3,r4,32", 0x7c6404aa, 0, 0x7f8, 0},
		{"lswx r3,r4,r5", 0x7c642c2a, 0, 0xffffffff, 0},
		{"lq r4,16(r3)", 0xe0830010, 0, 0x30, 0},
		{"ldu r3,8(r4)", 0xe8640009, 0, 0x18, 0},
		{"std r2,24(r1)", SaveTOC, 0, 0, 0},
		{"stdu r1,-32(r1)", 0xf821ffe1, 0, 2, 0},
		{"stdux r1,r1,r9", 0x7c21496a, 0, 2, 0},
		{"mr r7,r2", 0x7c471378, 0, 1 << 7, 4},
		{"sldi r9,r9,1", 0x79290fa4, 0, 1 << 9, 1 << 9},
		{"rldimi r9,r8,32,0", 0x7909000e, 0, 1 << 9, 3 << 8},
		{"rlwimi r9,r8,0,0,7", 0x5109000e, 0, 1 << 9, 3 << 8},
		{"cmpd r2,r3", 0x7c221800, 0, 0, 0},
		{"vaddudm v1,v2,v3", 0x102218c0, 0, 0, 0},
		{"maddld r1,r2,r3,r4", 0x10221933, 0, 2, 0x1c},
		{"mflr r0", 0x7c0802a6, 0, 1, 0},
		{"mtlr r0", 0x7c0803a6, 0, 0, 0},
		{"bctrl", 0x4e800421, 0, 0, 0},
		{"sc", 0x44000002, 0, 0x1ff9, 0},
		{"paddi r1,r1,-32", 0x0603ffff, 0x3821ffe0, 2, 2},
		{"pla r3,-4", 0x0613ffff, 0x3860fffc, 8, 0},
		{"plxv vs34", 0x04000000, 0xcc410010, 0, 0},
		{"opcode 5", 0x14220000, 0, 6, 7},
		{"opcode 31, XO 1023", 0x7c2217fe, 0, 6, 6},
		{"opcode 58, XO 3", 0xe8220003, 0, 6, 7},
		{"MLS with suffix opcode 33", 0x06000000, 0x84220000, 6, 7},
	}
	for _, tt := range tests {
		if got := Writes(tt.w, tt.suffix); got != tt.writes {
			t.Errorf("%s: writes %#x, want %#x", tt.name, got, tt.writes)
		}
		if got := Sources(tt.w, tt.suffix); got != tt.sources {
			t.Errorf("%s: sources %#x, want %#x", tt.name, got, tt.sources)
		}
	}
}
