// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// A form says which operands an instruction has besides RT and RA (Power ISA
// v3.1, Book I §1.6).
type form uint8

const (
	formSum       form = iota // XO: none; the caller reads RB
	formSI                    // D: SI
	formSIShifted             // D: SI||0x0000
	formUI                    // D: UI
	formUIShifted             // D: UI||0x0000
	formDS                    // DS
	formDX                    // DX: d0||d1||d2, no RA
	formD34                   // MLS and 8LS: d0||d1; RT and RA are in the suffix
	formSPR                   // XFX: SPR, no RA
	formMove                  // X: RB, which is RS
	formShift                 // MD: sh, and me, which is 63-sh
	formRA                    // X: no RT
	formRARB                  // X: no RT, and RB in Imm
	formCompareSI             // D: SI, no RT
	formCompareUI             // D: UI, no RT
	formBranch                // I and B: LI or BD alone
	formNone                  // none at all
)

// An encoding tells an instruction from others of its primary opcode.
type encoding struct {
	op         Op
	form       form
	mask, word Word   // the extended opcode, or the type of a prefix and its R
	suffix     uint32 // the primary opcode after a prefix
}

// encodings lists the encodings by primary opcode (Power ISA v3.1, Book I, Appendix
// F), except those of opcode 31. The comparisons have L=1.
var encodings = [64][]encoding{
	opcodePrefix: {
		{OpPld, formD34, 0x03100000, 0x00000000, 57}, // 8LS
		{OpPldPC, formD34, 0x03100000, 0x00100000, 57},
		{OpPaddi, formD34, 0x03100000, 0x02000000, 14}, // MLS
		{OpPla, formD34, 0x03100000, 0x02100000, 14},
		{OpPnop, formNone, 0x03ffffff, 0x03000000, 0}, // MRR, as assemblers make it
	},
	10: {{OpCmpldi, formCompareUI, 0x200000, 0x200000, 0}},
	11: {{OpCmpdi, formCompareSI, 0x200000, 0x200000, 0}},
	14: {{OpAddi, formSI, 0, 0, 0}},
	15: {{OpAddis, formSIShifted, 0, 0, 0}},
	16: {{OpBc, formBranch, 0, 0, 0}},
	18: {{OpB, formBranch, 0, 0, 0}},
	19: {
		{OpBclr, formNone, 0x7fe, 16 << 1, 0},
		{OpBcctr, formNone, 0x7fe, 528 << 1, 0},
		{OpBctar, formNone, 0x7fe, 560 << 1, 0},
		{OpAddpcis, formDX, 0x3e, 2 << 1, 0},
	},
	24: {{OpOri, formUI, 0, 0, 0}},
	25: {{OpOris, formUIShifted, 0, 0, 0}},
	26: {{OpXori, formUI, 0, 0, 0}},
	27: {{OpXoris, formUIShifted, 0, 0, 0}},
	30: {{OpSldi, formShift, 0x1c, 1 << 2, 0}}, // rldicr
	58: {{OpLd, formDS, 3, 0, 0}},
	62: {{OpStd, formDS, 3, 0, 0}},
}

// extended holds the encodings of primary opcode 31 by XO; add has OE=0.
var extended = [1024]encoding{
	51:  {op: OpMfvsrd, form: formRA},
	179: {op: OpMtvsrd, form: formRA},
	266: {op: OpAdd, form: formSum},
	307: {op: OpMfvsrld, form: formRA},
	339: {op: OpMfspr, form: formSPR},
	435: {op: OpMtvsrdd, form: formRARB},
	444: {op: OpMr, form: formMove}, // or
	467: {op: OpMtspr, form: formSPR},
}
