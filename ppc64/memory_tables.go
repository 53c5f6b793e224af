// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// opcodeX is the primary opcode of the X-form loads and stores.
const opcodeX = 31

// kind says what an instruction does with memory.
type kind uint8

const (
	load  kind = 1
	store kind = 2
)

// access is a line of the tables below. A size of 0 means that the instruction
// alone does not tell.
type access struct {
	kind   kind
	size   uint8 // bytes
	update bool
}

// dForm holds the D-form instructions by primary opcode (Power ISA v3.1, Book I
// §3.3.2, §3.3.3 and chapter 4).
var dForm = [64]access{
	32: {load, 4, false},  // lwz
	33: {load, 4, true},   // lwzu
	34: {load, 1, false},  // lbz
	35: {load, 1, true},   // lbzu
	36: {store, 4, false}, // stw
	37: {store, 4, true},  // stwu
	38: {store, 1, false}, // stb
	39: {store, 1, true},  // stbu
	40: {load, 2, false},  // lhz
	41: {load, 2, true},   // lhzu
	42: {load, 2, false},  // lha
	43: {load, 2, true},   // lhau
	44: {store, 2, false}, // sth
	45: {store, 2, true},  // sthu
	46: {load, 0, false},  // lmw
	47: {store, 0, false}, // stmw
	48: {load, 4, false},  // lfs
	49: {load, 4, true},   // lfsu
	50: {load, 8, false},  // lfd
	51: {load, 8, true},   // lfdu
	52: {store, 4, false}, // stfs
	53: {store, 4, true},  // stfsu
	54: {store, 8, false}, // stfd
	55: {store, 8, true},  // stfdu
}

// The DS-form instructions by bits 30:31.
var (
	opcode57 = [4]access{
		0: {load, 16, false}, // lfdp
		2: {load, 8, false},  // lxsd
		3: {load, 4, false},  // lxssp
	}
	opcode58 = [4]access{
		0: {load, 8, false}, // ld
		1: {load, 8, true},  // ldu
		2: {load, 4, false}, // lwa
	}
	opcode61 = [4]access{
		0: {store, 16, false}, // stfdp
		2: {store, 8, false},  // stxsd
		3: {store, 4, false},  // stxssp
	}
	opcode62 = [4]access{
		0: {store, 8, false},  // std
		1: {store, 8, true},   // stdu
		2: {store, 16, false}, // stq
	}
)

// prefixed8LS holds the 8LS:D-form instructions by the primary opcode of the
// suffix (Power ISA v3.1, Book I, the chapters on their word forms).
var prefixed8LS = [64]access{
	41: {load, 4, false},   // plwa
	42: {load, 8, false},   // plxsd
	43: {load, 4, false},   // plxssp
	46: {store, 8, false},  // pstxsd
	47: {store, 4, false},  // pstxssp
	50: {load, 16, false},  // plxv
	51: {load, 16, false},  // plxv, vs32 to vs63
	54: {store, 16, false}, // pstxv
	55: {store, 16, false}, // pstxv, vs32 to vs63
	56: {load, 16, false},  // plq
	57: {load, 8, false},   // pld
	58: {load, 32, false},  // plxvp
	60: {store, 16, false}, // pstq
	61: {store, 8, false},  // pstd
	62: {store, 32, false}, // pstxvp
}
