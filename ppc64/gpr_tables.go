// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// shape says which fields of an instruction name general registers, and what
// it does with them.
type shape uint16

const (
	writesRT   shape = 1 << iota // bits 6:10
	writesRA                     // bits 11:15
	writesNext                   // RT+1 as well
	writesMany                   // manyRegs
	readsRT                      // bits 6:10 as RS
	readsRA                      // bits 11:15
	readsRB                      // bits 16:20
	readsRC                      // bits 21:25
	defined                      // in the table of primary opcode 31

	undefined = writesRT | writesRA | readsRT | readsRA | readsRB

	arith   = writesRT | readsRA | readsRB // add
	arith1  = writesRT | readsRA           // addze, neg
	logical = writesRA | readsRT | readsRB // or
	logic1  = writesRA | readsRT           // extsw
)

const opcodeSC = 17

// primary holds the shapes of the primary opcodes that need no further decoding
// (Power ISA v3.1, Book I, Appendix F). An opcode that is not listed writes no
// general register.
var primary = [64]shape{
	0:  undefined,
	5:  undefined,
	7:  arith1, // mulli
	8:  arith1, // subfic
	9:  undefined,
	12: arith1,                       // addic
	13: arith1,                       // addic.
	14: arith1,                       // addi
	15: arith1,                       // addis
	17: writesMany,                   // sc, scv
	20: writesRA | readsRT | readsRA, // rlwimi
	21: logic1,                       // rlwinm
	22: undefined,
	23: logical,               // rlwnm
	24: logic1,                // ori
	25: logic1,                // oris
	26: logic1,                // xori
	27: logic1,                // xoris
	28: logic1,                // andi.
	29: logic1,                // andis.
	32: writesRT,              // lwz
	33: writesRT | writesRA,   // lwzu
	34: writesRT,              // lbz
	35: writesRT | writesRA,   // lbzu
	37: writesRA,              // stwu
	39: writesRA,              // stbu
	40: writesRT,              // lhz
	41: writesRT | writesRA,   // lhzu
	42: writesRT,              // lha
	43: writesRT | writesRA,   // lhau
	45: writesRA,              // sthu
	46: writesMany,            // lmw
	49: writesRA,              // lfsu
	51: writesRA,              // lfdu
	53: writesRA,              // stfsu
	55: writesRA,              // stfdu
	56: writesRT | writesNext, // lq
}

// xShapes holds the shapes of primary opcode 31 by XO, bits 21:30, and 0 where
// XO is undefined.
var xShapes = func() (t [1024]shape) {
	for _, row := range xRows {
		for _, xo := range row.xo {
			t[xo] |= row.shape | defined
		}
	}
	for _, xo := range xoForm { // bit 21 is OE
		t[xo] |= arith | defined
		t[xo|512] |= arith | defined
	}
	for _, xo := range xoForm1 {
		t[xo] |= arith1 | defined
		t[xo|512] |= arith1 | defined
	}
	for xo := uint32(170); xo < 1024; xo += 256 { // addex: bits 21:22 are CY
		t[xo] |= arith | defined
	}
	return t
}()

// xShape looks up an instruction of primary opcode 31.
func xShape(w Word) shape {
	if w.XO()&31 == 15 { // isel: bits 21:25 are BC
		return arith
	}
	if s := xShapes[w.XO()]; s != 0 {
		return s
	}
	return undefined
}

// The arithmetic of the XO-form (Power ISA v3.1, Book I §3.3.9).
var (
	xoForm = []uint32{
		8, 10, 40, 136, 138, 266, // subfc, addc, subf, subfe, adde, add
		9, 11, 73, 75, 233, 235, // mulhdu, mulhwu, mulhd, mulhw, mulld, mullw
		393, 395, 425, 427, 457, 459, 489, 491, // divdeu, divweu, divde, divwe, divdu, divwu, divd, divw
	}
	xoForm1 = []uint32{104, 200, 202, 232, 234} // neg, subfze, addze, subfme, addme
)

var xRows = []struct {
	shape shape
	xo    []uint32
}{
	{arith, []uint32{
		74, 586, 265, 267, 777, 779, // addg6s (bit 21 is ignored), modud, moduw, modsd, modsw
	}},
	{logical, []uint32{
		28, 60, 124, 284, 316, 412, 444, 476, // and, andc, nor, eqv, xor, orc, or, nand
		24, 27, 536, 539, 792, 794, // slw, sld, srw, srd, sraw, srad
		156, 188, 220, 252, 508, // pdepd, pextd, cfuged, bpermd, cmpb
		59, 571, // cntlzdm, cnttzdm
	}},
	{logic1, []uint32{
		26, 58, 538, 570, // cntlzw, cntlzd, cnttzw, cnttzd
		122, 378, 506, 154, 186, // popcntb, popcntw, popcntd, prtyw, prtyd
		922, 954, 986, // extsh, extsb, extsw
		824, 826, 827, 890, 891, // srawi, sradi, extswsli
		155, 187, 219, 282, 314, // brw, brd, brh, cdtbcd, cbcdtd
	}},
	{writesRA, []uint32{
		51, 115, 307, // mfvsrd, mfvsrwz, mfvsrld
	}},
	{writesRT, []uint32{
		19, 339, 371, 83, 334, 302, 755, // mfcr and mfocrf, mfspr, mftb, mfmsr, mfpmr, mfbhrbe, darn
		128, 384, 416, 448, 480, // setb, setbc, setbcr, setnbc, setnbcr
		595,             // mfsr
		20, 52, 84, 116, // lwarx, lbarx, ldarx, lharx
		21, 23, 87, 279, 341, 343, 532, 534, 790, // ldx, lwzx, lbzx, lhzx, lwax, lhax, ldbrx, lwbrx, lhbrx
		789, 821, 853, 885, // lwzcix, lhzcix, lbzcix, ldcix
		582, 614, // lwat, ldat
	}},
	{writesRT | readsRB, []uint32{
		659, 851, 915, 979, // mfsrin, slbmfev, slbmfee, slbfee.
	}},
	{writesRT | writesRA, []uint32{
		53, 55, 119, 311, 373, 375, // ldux, lwzux, lbzux, lhzux, lwaux, lhaux
	}},
	{writesRT | writesNext, []uint32{276}}, // lqarx
	{writesMany, []uint32{533, 597}},       // lswx, lswi
	{writesRA, []uint32{
		181, 183, 247, 439, // stdux, stwux, stbux, sthux
		567, 631, 695, 759, // lfsux, lfdux, stfsux, stfdux
	}},
	{0, []uint32{
		149, 151, 215, 407, 660, 662, 918, // stdx, stwx, stbx, sthx, stdbrx, stwbrx, sthbrx
		150, 214, 694, 726, 182, // stwcx., stdcx., stbcx., sthcx., stqcx.
		917, 949, 981, 1013, // stwcix, sthcix, stbcix, stdcix
		661, 725, 710, 742, // stswx, stswi, stwat, stdat
		6, 7, 38, 39, 71, 103, 359, 135, 167, 199, 231, 487, // lvsl, lvsr, lvebx to lvxl, stvebx to stvxl
		535, 599, 663, 727, 855, 887, 983, 791, 919, // lfsx, lfdx, stfsx, stfdx, lfiwax, lfiwzx, stfiwx, lfdpx, stfdpx
		12, 76, 140, 268, 300, 269, 301, 332, 333, 364, 396, 397, 429, 461, // lxsiwzx to stxvpx
		13, 45, 77, 109, 141, 173, 205, 237, // lxvrbx to stxvrdx
		524, 588, 652, 716, 781, 813, 909, 941, // lxsspx, lxsdx, stxsspx, stxsdx, lxsibzx, lxsihzx, stxsibx, stxsihx
		780, 812, 844, 876, 908, 940, 972, 1004, // lxvw4x, lxvh8x, lxvd2x, lxvb16x and their stores
		0, 32, 192, 224, 4, 68, // cmp, cmpl, cmprb, cmpeqb, tw, td
		22, 54, 86, 246, 278, 470, 758, 982, 1014, 342, 374, 822, // icbt, dcbst to dcbz, dst, dstst, dss
		774, 902, 838, // copy, paste., cp_abort
		658, 690, 722, 754, // hashstp, hashchkp, hashst, hashchk
		242, 210, 306, 274, 370, 566, // mtsrin, mtsr, tlbie, tlbiel, tlbia, tlbsync
		402, 434, 466, 498, 850, 338, // slbmte, slbie, slbieg, slbia, slbiag, slbsync
		78, 110, 142, 174, 206, 238, 886, // msgsndu, msgclru, msgsndp, msgclrp, msgsnd, msgclr, msgsync
		144, 146, 178, 467, 462, 512, 576, // mtcrf, mtmsr, mtmsrd, mtspr, mtpmr, mcrxr, mcrxrx
		179, 211, 243, 403, 435, // mtvsrd, mtvsrwa, mtvsrwz, mtvsrws, mtvsrdd
		654, 686, 718, 750, 910, 942, 1006, // tbegin., tend., tcheck, tsr., tabort., treclaim., trechkpt.
		782, 814, 846, 878, // tabortwc., tabortdc., tabortwci., tabortdci.
		598, 854, 30, 430, 177, // sync, eieio, wait, clrbhrb, xxmfacc and xxmtacc and xxsetaccz
	}},
}
