// SPDX-License-Identifier: BSD-3-Clause

package reloc

import "debug/elf"

// TOCBias is the distance in bytes from the start of .got to .TOC. (ELFv2
// §3.3). It puts 64 KiB within a signed 16-bit displacement.
const TOCBias = 0x8000

// rowsTOC are the types that go through the TOC pointer, the GOT or the PLT
// (ELFv2 §3.5.3): .TOC. is the value of r2, G the offset of the GOT entry from
// it, L the address of the PLT entry and M its offset from .TOC.
var rowsTOC = []row{
	{elf.R_PPC64_TOC, "TOC", Doubleword64, Whole, Unchecked, abs, ".TOC."},
	{elf.R_PPC64_TOC16, "TOC16", Half16, Whole, Signed, abs, "S + A - .TOC."},
	{elf.R_PPC64_TOC16_LO, "TOC16_LO", Half16, Lo, Unchecked, abs, "#lo(S + A - .TOC.)"},
	{elf.R_PPC64_TOC16_HI, "TOC16_HI", Half16, Hi, Signed, abs, "#hi(S + A - .TOC.)"},
	{elf.R_PPC64_TOC16_HA, "TOC16_HA", Half16, Ha, Signed, abs, "#ha(S + A - .TOC.)"},
	{elf.R_PPC64_TOC16_DS, "TOC16_DS", Half16DS, Whole, Signed, abs, "(S + A - .TOC.) >> 2"},
	{elf.R_PPC64_TOC16_LO_DS, "TOC16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(S + A - .TOC.) >> 2"},

	{elf.R_PPC64_GOT16, "GOT16", Half16, Whole, Signed, abs, "G"},
	{elf.R_PPC64_GOT16_LO, "GOT16_LO", Half16, Lo, Unchecked, abs, "#lo(G)"},
	{elf.R_PPC64_GOT16_HI, "GOT16_HI", Half16, Hi, Signed, abs, "#hi(G)"},
	{elf.R_PPC64_GOT16_HA, "GOT16_HA", Half16, Ha, Signed, abs, "#ha(G)"},
	{elf.R_PPC64_GOT16_DS, "GOT16_DS", Half16DS, Whole, Signed, abs, "G >> 2"},
	{elf.R_PPC64_GOT16_LO_DS, "GOT16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(G) >> 2"},

	{elf.R_PPC64_PLT64, "PLT64", Doubleword64, Whole, Unchecked, abs, "L + A"},
	{elf.R_PPC64_PLTREL64, "PLTREL64", Doubleword64, Whole, Unchecked, rel, "L + A - P"},
	{elf.R_PPC64_PLT32, "PLT32", Word32, Whole, Bitfield, abs, "L + A"},
	{elf.R_PPC64_PLTREL32, "PLTREL32", Word32, Whole, Signed, rel, "L + A - P"},
	{elf.R_PPC64_PLT16_LO, "PLT16_LO", Half16, Lo, Unchecked, abs, "#lo(M)"},
	{elf.R_PPC64_PLT16_HI, "PLT16_HI", Half16, Hi, Signed, abs, "#hi(M)"},
	{elf.R_PPC64_PLT16_HA, "PLT16_HA", Half16, Ha, Signed, abs, "#ha(M)"},
	{elf.R_PPC64_PLT16_LO_DS, "PLT16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(M) >> 2"},
	{elf.R_PPC64_PLTGOT16, "PLTGOT16", Half16, Whole, Signed, abs, "M"},
	{elf.R_PPC64_PLTGOT16_LO, "PLTGOT16_LO", Half16, Lo, Unchecked, abs, "#lo(M)"},
	{elf.R_PPC64_PLTGOT16_HI, "PLTGOT16_HI", Half16, Hi, Signed, abs, "#hi(M)"},
	{elf.R_PPC64_PLTGOT16_HA, "PLTGOT16_HA", Half16, Ha, Signed, abs, "#ha(M)"},
	{elf.R_PPC64_PLTGOT16_DS, "PLTGOT16_DS", Half16DS, Whole, Signed, abs, "M >> 2"},
	{R_PPC64_PLTGOT16_LO_DS, "PLTGOT16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(M) >> 2"},
}
