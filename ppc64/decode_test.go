// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/arch/ppc64/ppc64asm"
)

// instsOf lists the instructions that Decode knows, by their mnemonics in the
// golden file, with their operands in the order of the text.
var instsOf = map[string]struct {
	op       Op
	operands string
}{
	"addi": {OpAddi, "RT RA Imm"}, "li": {OpAddi, "RT Imm"},
	"addis": {OpAddis, "RT RA Shifted"}, "lis": {OpAddis, "RT Shifted"},
	"addpcis": {OpAddpcis, "RT Next"},
	"paddi":   {OpPaddi, "RT RA Imm"}, "pli": {OpPaddi, "RT Imm"}, "pla": {OpPla, "RT Imm"},
	"add": {OpAdd, "RT RA RB"}, "add.": {OpAdd, "RT RA RB"},
	"mr": {OpMr, "RA RS"}, "mr.": {OpMr, "RA RS"},
	"nop": {OpOri, ""}, "ori": {OpOri, "RA RS Imm"}, "oris": {OpOris, "RA RS Shifted"},
	"xnop": {OpXori, ""}, "xori": {OpXori, "RA RS Imm"}, "xoris": {OpXoris, "RA RS Shifted"},
	"sldi": {OpSldi, "RA RS Imm"}, "sldi.": {OpSldi, "RA RS Imm"},
	"mtvsrd": {OpMtvsrd, "VSX RA"}, "mfvsrd": {OpMfvsrd, "RA VSX"},
	"mtvsrdd": {OpMtvsrdd, "VSX RA Imm"}, "mfvsrld": {OpMfvsrld, "RA VSX"},
	"cmpdi": {OpCmpdi, "BF RA Imm"}, "cmpldi": {OpCmpldi, "BF RA Imm"},
	"ld": {OpLd, "RT Imm RA"}, "pld": {OpPld, "RT Imm RA"}, "std": {OpStd, "RS Imm RA"},
	"mflr": {OpMfspr, "RT"}, "mfctr": {OpMfspr, "RT"}, "mfxer": {OpMfspr, "RT"},
	"mtlr": {OpMtspr, "RS"}, "mtctr": {OpMtspr, "RS"}, "pnop": {OpPnop, ""},
}

// want makes the Inst of a golden line from its text.
func (g golden) want(t *testing.T) Inst {
	t.Helper()
	name, rest, _ := strings.Cut(g.text, " ")
	x := instsOf[name]
	in := Inst{Op: x.op}
	ops := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(",()", r) })
	if len(ops) == 2 && (x.op == OpCmpdi || x.op == OpCmpldi) {
		ops = append([]string{"cr0"}, ops...)
	}
	spec := strings.Fields(x.operands)
	if len(ops) == 2 && x.op == OpPld { // without a base
		in.Op, spec = OpPldPC, []string{"RT", "Imm"}
	}
	for i, f := range spec {
		v, err := strconv.ParseInt(strings.TrimLeft(ops[i], "crvs"), 0, 64)
		if err != nil {
			t.Fatalf("%s: %v", g.text, err)
		}
		switch f {
		case "RT", "RS":
			in.RT = uint8(v)
		case "RA":
			in.RA = uint8(v)
		case "RB", "BF":
			if got := map[string]uint32{"RB": g.w.RB(), "BF": g.w.BF()}[f]; int64(got) != v {
				t.Errorf("%s: %s is %d", g.text, f, got)
			}
		case "Imm":
			in.Imm = v
		case "Shifted":
			in.Imm = v << 16
		case "Next":
			in.Imm = v<<16 + 4
		}
	}
	switch name {
	case "mfxer":
		in.Imm = 1
	case "mflr", "mtlr":
		in.Imm = SPRLR
	case "mfctr", "mtctr":
		in.Imm = SPRCTR
	}
	return in
}

// TestGoldenDecode decodes every line, with or without an Op, except the
// branches, which the test below checks against another source.
func TestGoldenDecode(t *testing.T) {
	seen := map[Op]bool{}
	for _, g := range readGolden(t) {
		got := Decode(g.w, g.suffix)
		seen[got.Op] = true
		if branch := g.w.IsBranch() || g.w.IsCondBranch() || g.w.IsRegBranch(); got.Op.IsBranch() != branch {
			t.Errorf("%s: Op %d", g.text, got.Op)
		} else if branch {
			continue
		}
		if diff := cmp.Diff(g.want(t), got); diff != "" {
			t.Errorf("%s: text -, Decode +\n%s", g.text, diff)
		}
	}
	for op := OpUnknown; op <= OpBctar; op++ {
		if !seen[op] {
			t.Errorf("the golden file has nothing with Op %d", op)
		}
	}
}

// A decoded is an instruction with all its operands.
type decoded struct {
	Inst
	target         uint8
	RB, BF, BO, BI uint32
	LK, AA, Rc     bool
}

// ours decodes an instruction with this package.
func ours(w, suffix Word) decoded {
	in := Decode(w, suffix)
	d := decoded{Inst: in, target: in.Target()}
	switch in.Op {
	case OpAdd:
		d.RB, d.Rc = w.RB(), w.Rc()
	case OpMr, OpSldi:
		d.Rc = w.Rc()
	case OpCmpdi, OpCmpldi:
		d.BF = w.BF()
	case OpB:
		d.LK, d.AA = w.LK(), w.AA()
	case OpBc, OpBclr, OpBcctr, OpBctar:
		d.BO, d.BI, d.LK, d.AA = w.BO(), w.BI(), w.LK(), w.AA()
	}
	return d
}

// asmInst decodes it with ppc64asm, which has tables of its own.
func asmInst(w, suffix Word) (in decoded) {
	var b [8]byte
	w.Put(b[:])
	suffix.Put(b[4:])
	x, err := ppc64asm.Decode(b[:], binary.LittleEndian)
	if err != nil {
		return in
	}
	num := func(i int) int64 {
		switch a := x.Args[i].(type) {
		case ppc64asm.Imm:
			return int64(a)
		case ppc64asm.Offset:
			return int64(a)
		case ppc64asm.PCRel:
			return int64(a)
		case ppc64asm.Label:
			return int64(int32(a))
		case ppc64asm.SpReg:
			return int64(a)
		case ppc64asm.CondReg:
			if a >= ppc64asm.CR0 {
				return int64(a - ppc64asm.CR0)
			}
			return int64(a - ppc64asm.Cond0LT)
		case ppc64asm.Reg:
			return int64(a - ppc64asm.R0)
		}
		return 0
	}
	reg := func(i int) uint8 { return uint8(num(i)) }
	// A load or an addition with the base at an index.
	sum := func(op Op, imm int64, base uint8) {
		in.Op, in.RT, in.RA, in.Imm, in.target = op, reg(0), base, imm, reg(0)
	}
	// A copy or a logical instruction.
	logical := func(op Op, imm int64) {
		in.Op, in.RA, in.RT, in.Imm, in.target = op, reg(0), reg(1), imm, reg(0)
	}
	branch := func(op Op) {
		in.Op, in.LK = op, w&1 != 0
		if op == OpB {
			in.AA, in.Imm = w&2 != 0, num(0)
			return
		}
		in.BO, in.BI = uint32(num(0)), uint32(num(1))
		if op == OpBc {
			in.AA, in.Imm = w&2 != 0, num(2)
		}
	}
	switch x.Op {
	case ppc64asm.LI:
		sum(OpAddi, num(1), 0)
	case ppc64asm.ADDI:
		sum(OpAddi, num(2), reg(1))
	case ppc64asm.LIS:
		sum(OpAddis, num(1)<<16, 0)
	case ppc64asm.ADDIS:
		sum(OpAddis, num(2)<<16, reg(1))
	case ppc64asm.PADDI:
		sum([]Op{OpPaddi, OpPla}[num(3)], num(2), reg(1))
	case ppc64asm.ADDPCIS:
		sum(OpAddpcis, num(1)<<16+4, 0)
	case ppc64asm.ADD, ppc64asm.ADDCC:
		sum(OpAdd, 0, reg(1))
		in.RB, in.Rc = uint32(reg(2)), x.Op == ppc64asm.ADDCC
	case ppc64asm.OR, ppc64asm.ORCC:
		if reg(1) == reg(2) {
			logical(OpMr, 0)
			in.Rc = x.Op == ppc64asm.ORCC
		}
	case ppc64asm.NOP:
		in.Op = OpOri
	case ppc64asm.ORI:
		logical(OpOri, num(2))
	case ppc64asm.ORIS:
		logical(OpOris, num(2)<<16)
	case ppc64asm.XORI:
		logical(OpXori, num(2))
	case ppc64asm.XORIS:
		logical(OpXoris, num(2)<<16)
	case ppc64asm.RLDICR, ppc64asm.RLDICRCC:
		if num(2)+num(3) == 63 {
			logical(OpSldi, num(2))
			in.Rc = x.Op == ppc64asm.RLDICRCC
		}
	case ppc64asm.MTVSRD:
		in.Op, in.RA = OpMtvsrd, reg(1)
	case ppc64asm.MFVSRD:
		in.Op, in.RA, in.target = OpMfvsrd, reg(0), reg(0)
	case ppc64asm.MTVSRDD:
		in.Op, in.RA, in.Imm = OpMtvsrdd, reg(1), num(2)
	case ppc64asm.MFVSRLD:
		in.Op, in.RA, in.target = OpMfvsrld, reg(0), reg(0)
	case ppc64asm.CMPDI:
		in.Op, in.BF, in.RA, in.Imm = OpCmpdi, uint32(num(0)), reg(1), num(2)
	case ppc64asm.CMPLDI:
		in.Op, in.BF, in.RA, in.Imm = OpCmpldi, uint32(num(0)), reg(1), num(2)
	case ppc64asm.LD:
		sum(OpLd, num(1), reg(2))
	case ppc64asm.PLD:
		sum([]Op{OpPld, OpPldPC}[num(3)], num(1), reg(2))
	case ppc64asm.STD:
		sum(OpStd, num(1), reg(2))
	case ppc64asm.MFSPR:
		sum(OpMfspr, num(1), 0)
	case ppc64asm.MTSPR:
		in.Op, in.Imm, in.RT, in.target = OpMtspr, num(0), reg(1), reg(1)
	case ppc64asm.PNOP:
		if w == 0x07000000 { // assemblers leave the reserved bits 0
			in.Op = OpPnop
		}
	case ppc64asm.B, ppc64asm.BA, ppc64asm.BL, ppc64asm.BLA:
		branch(OpB)
	case ppc64asm.BC, ppc64asm.BCA, ppc64asm.BCL, ppc64asm.BCLA:
		branch(OpBc)
	case ppc64asm.BCLR, ppc64asm.BCLRL:
		branch(OpBclr)
	case ppc64asm.BCCTR, ppc64asm.BCCTRL:
		branch(OpBcctr)
	case ppc64asm.BCTAR, ppc64asm.BCTARL:
		branch(OpBctar)
	}
	return in
}

// sameAsAsm compares the decoders. It clears ST, because ppc64asm checks it.
func sameAsAsm(t *testing.T, w, suffix Word) {
	t.Helper()
	if typ := w.PrefixType(); w.IsPrefix() && (typ == Prefix8LS || typ == PrefixMLS) {
		w &^= 0x00800000 // ST
	}
	if want, got := asmInst(w, suffix), ours(w, suffix); got != want {
		t.Errorf("%08x %08x: ppc64asm -, Decode +\n%s", uint32(w), uint32(suffix), cmp.Diff(want, got))
	}
}

// TestDecodeLikeAsm gives both decoders each primary opcode with each extended one,
// each type of prefix with each opcode of a suffix, and every line of the table
// with random operands.
func TestDecodeLikeAsm(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func() Word { return Word(rnd.Uint32()) }
	for op := range Word(64) {
		for xo := range Word(2048) {
			sameAsAsm(t, op<<26|word()&0x03fff800|xo, word())
		}
		for typ := range Word(4) {
			for range 8 {
				sameAsAsm(t, opcodePrefix<<26|typ<<24|word()&0x00ffffff, op<<26|word()&0x03ffffff)
			}
		}
	}
	for op, list := range encodings {
		for _, e := range list {
			for range 512 {
				sameAsAsm(t, Word(op)<<26|e.word|word()&0x03ffffff&^e.mask, Word(e.suffix)<<26|word()&0x03ffffff)
			}
		}
	}
	for xo, e := range extended {
		for range 512 * min(1, int(e.op)) {
			sameAsAsm(t, opcodeX<<26|Word(xo)<<1|word()&0x03fff801, 0)
		}
	}
	for reg := range Word(32) { // mr and li, which random operands seldom give
		sameAsAsm(t, 0x7c000378|word()&0x001f0001|reg<<21|reg<<11, 0)
		sameAsAsm(t, 0x38000000|reg<<21|word()&0xffff, 0)
		for sh := range Word(64) {
			sameAsAsm(t, 0x78000004|reg<<21|word()&0x001f0001|sh&31<<11|sh>>5<<1|(63-sh)&31<<6|(63-sh)>>5<<5, 0)
		}
	}
}

func TestFetch(t *testing.T) {
	b := make([]byte, 13)
	Nop.Put(b)
	Word(0x04100000).Put(b[4:])
	Word(0x04000000).Put(b[8:])
	tests := []struct {
		off       uint64
		w, suffix Word
		err       error
	}{
		{0, Nop, 0, nil},
		{4, 0x04100000, 0x04000000, nil},
		{8, 0x04000000, 0, ErrTruncated},
		{12, 0, 0, ErrTruncated},
		{2, 0, 0, ErrMisaligned},
	}
	for _, tt := range tests {
		w, suffix, err := Fetch(b, tt.off)
		var oe *OffsetError
		if w != tt.w || suffix != tt.suffix || !errors.Is(err, tt.err) || tt.err != nil && (!errors.As(err, &oe) || oe.Off != tt.off || oe.Len != len(b)) {
			t.Errorf("Fetch at %#x: %v, %v, %v", tt.off, w, suffix, err)
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	gs := readGolden(t)
	if n := testing.AllocsPerRun(10, func() {
		for _, g := range gs {
			Decode(g.w, g.suffix)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	text := code(readGolden(b))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for off := uint64(0); off < uint64(len(text)); {
			w, suffix, _ := Fetch(text, off)
			Decode(w, suffix)
			off += uint64(w.Len())
		}
	}
}
