// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var memoryText = regexp.MustCompile(`(-?\d+)\((?:r)?(\d+)\)$`)

// memoryMnemonic classifies an instruction by its GNU mnemonic alone: store,
// load or 0.
func memoryMnemonic(name string) kind {
	name = strings.TrimPrefix(name, "p")
	switch {
	case name == "lwat", name == "ldat", name == "dcbz", strings.HasPrefix(name, "hashst"):
		return store
	case strings.HasPrefix(name, "hashchk"):
		return load
	case name == "li", name == "lis", name == "la", name == "lnia", name == "lwsync",
		strings.HasPrefix(name, "lvsl"), strings.HasPrefix(name, "lvsr"), strings.HasPrefix(name, "lxvkq"):
		return 0
	case strings.HasPrefix(name, "st"):
		return store
	case strings.HasPrefix(name, "l"):
		return load
	}
	return 0
}

// checkMemory compares Memory with an instruction's text.
func checkMemory(t *testing.T, w, suffix Word, text string) {
	t.Helper()
	name, rest, _ := strings.Cut(text, " ")
	a, ok := Memory(w, suffix)
	want := memoryMnemonic(name)
	if ok != (want != 0) || ok && a.Store != (want == store) {
		t.Errorf("%08x %s: Memory gives %+v, %v", uint32(w), text, a, ok)
		return
	}
	if !ok {
		return
	}
	if update := strings.HasSuffix(name, "u") || strings.HasSuffix(name, "ux"); a.Update != update {
		t.Errorf("%s: update %v", text, a.Update)
	}
	if m := memoryText.FindStringSubmatch(rest); m != nil {
		disp, _ := strconv.ParseInt(m[1], 10, 64)
		base, _ := strconv.ParseUint(m[2], 10, 32)
		if a.Disp != disp || a.Base != uint32(base) || a.Indexed || a.PCRel {
			t.Errorf("%s: Memory gives %+v", text, a)
		}
	}
}

func TestGoldenMemory(t *testing.T) {
	for _, g := range readGolden(t) {
		checkMemory(t, g.w, g.suffix, g.text)
	}
}

// TestMemoryObjdump compares the tables with objdump for every primary opcode
// with each of its low four bits, and every XO of opcode 31.
func TestMemoryObjdump(t *testing.T) {
	const regs Word = 4<<21 | 5<<16
	var words []Word
	for op := range Word(64) {
		for low := range Word(16) {
			if op != opcodePrefix && op != opcodeX && op != opcodeB && op != opcodeBC {
				words = append(words, op<<26|regs|0x40|low)
			}
		}
	}
	for low := range Word(2048) {
		words = append(words, opcodeX<<26|regs|6<<11|low)
	}
	stores := 0
	for i, text := range objdump(t, words) {
		if a, ok := Memory(words[i], 0); strings.HasPrefix(text, ".long") {
			// The tables ignore reserved bits and do not judge validity.
			// objdump's power10 no longer has lmw, lfdp and similar
			// instructions.
			continue
		} else if ok && a.Store {
			stores++
		}
		checkMemory(t, words[i], 0, text)
	}
	if stores < 100 {
		t.Errorf("only %d stores", stores)
	}
}

// TestMemorySlot checks whether stores may change the 8 bytes of 24(r1).
func TestMemorySlot(t *testing.T) {
	touches := func(a Access) bool {
		if a.Base == 0 && !a.Indexed {
			return false
		}
		return a.Indexed || a.Size == 0 || a.Disp < 32 && 24 < a.Disp+int64(a.Size)
	}
	tests := []struct {
		name string
		w    Word
		want bool
	}{
		{"std r2,24(r1)", SaveTOC, true},
		{"std r0,16(r1)", 0xf8010010, false},
		{"stw r3,20(r1)", 0x90610014, false},
		{"stb r3,31(r1)", 0x9861001f, true},
		{"stxv vs3,16(r1)", 0xf4610015, true},
		{"stxv vs40,32(r1)", 0xf501002d, false},
		{"stdx r3,r1,r5", 0x7c61292a, true},
		{"stbx r3,0,r5", 0x7c6029ae, true},
		{"stmw r26,0(r1)", 0xbf410000, false},
		{"stmw r25,0(r1)", 0xbf210000, true},
		{"stswi r3,r1,8", 0x7c6145aa, true},
		{"stw r3,24(0)", 0x90600018, false},
	}
	for _, tt := range tests {
		a, ok := Memory(tt.w, 0)
		if !ok || !a.Store || touches(a) != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, a, ok)
		}
	}
	if a, ok := Memory(0x06100000, 0x9061001c); !ok || !a.PCRel || touches(a) { // pstw with R
		t.Errorf("pstw: %+v, %v", a, ok)
	}
}

// TestNotPrefixed checks that opcodes without a prefixed form get none: loads and
// stores with update, lmw, stmw, and those of 32 to 55 that are not loads or stores.
func TestNotPrefixed(t *testing.T) {
	const mls = Word(0x06000000)
	for op := range uint32(64) {
		suffix := Word(op<<26 | 3<<21 | 4<<16)
		_, ok := Memory(mls, suffix)
		if want := op >= 32 && op <= 55 && op != 46 && op != 47 && !dForm[op].update; ok != want {
			t.Errorf("opcode %d: %v", op, ok)
		}
	}
}
