// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// finalAccess returns how many bytes the instruction of a relocation may access if
// nothing can be added to the address that the relocation gives, and 0 otherwise. The
// address is final in a load or a store that does not keep it in a register (update
// forms do), and in the high half of an address, which is useless without the low
// half.
func finalAccess(sec elfrw.Section, rel reloc.Rela) uint64 {
	if !sec.IsCode() {
		return 0
	}
	switch elf.R_PPC64(rel.Type()) {
	case elf.R_PPC64_TOC16_HA:
		return 1
	case elf.R_PPC64_TOC16_LO, elf.R_PPC64_TOC16_LO_DS:
		w, err := ppc64.Load(sec.Data(), rel.Off&^3)
		if err != nil {
			return 0
		}
		return accessWidth(w)
	case elf.R_PPC64_PCREL34:
		prefix, _ := ppc64.Load(sec.Data(), rel.Off)
		w, err := ppc64.Load(sec.Data(), rel.Off+ppc64.WordSize)
		if err != nil {
			return 0
		}
		return prefixedWidth(prefix, w)
	}
	return 0
}

// prefixedWidth is accessWidth for a prefixed instruction. None of them keeps
// its address in a register.
func prefixedWidth(prefix, w ppc64.Word) uint64 {
	const typ, mls, eightLS = 0xff000000, 0x06000000, 0x04000000 // Power ISA v3.1, Book I §1.6.3
	switch {
	case prefix&typ == mls && w.Opcode() >= 32:
		return accessWidth(w)
	case prefix&typ == eightLS && (w.Opcode() == 57 || w.Opcode() == 61): // pld, pstd
		return 8
	case prefix&typ == eightLS && w.Opcode() == 41: // plwa
		return 4
	}
	return 0
}

// accessWidth returns how many bytes a load or store accesses. It returns 0 for
// one that keeps its address in a register, and for all other instructions.
func accessWidth(w ppc64.Word) uint64 {
	switch w.Opcode() {
	case 34, 38: // lbz, stb
		return 1
	case 40, 42, 44: // lhz, lha, sth
		return 2
	case 32, 36, 48, 52: // lwz, stw, lfs, stfs
		return 4
	case 50, 54: // lfd, stfd
		return 8
	case 58:
		return [...]uint64{8, 0, 4, 0}[w.XODS()] // ld, ldu, lwa
	case 62:
		return [...]uint64{8, 0, 16, 0}[w.XODS()] // std, stdu, stq
	}
	return 0
}
