// SPDX-License-Identifier: BSD-3-Clause

package reloc

import "debug/elf"

// rowsAbsolute are the types whose value is S + A, and those that a dynamic
// linker applies to whole doublewords (ELFv2 §3.5.3).
var rowsAbsolute = []row{
	{elf.R_PPC64_ADDR64, "ADDR64", Doubleword64, Whole, Unchecked, abs, "S + A"},
	{elf.R_PPC64_ADDR64_LOCAL, "ADDR64_LOCAL", Doubleword64, Whole, Unchecked, abs, "S + A (local entry)"},
	{elf.R_PPC64_UADDR64, "UADDR64", Doubleword64, Whole, Unchecked, abs, "S + A"},
	{elf.R_PPC64_ADDR32, "ADDR32", Word32, Whole, Bitfield, abs, "S + A"},
	{elf.R_PPC64_UADDR32, "UADDR32", Word32, Whole, Bitfield, abs, "S + A"},
	{elf.R_PPC64_ADDR24, "ADDR24", Low24, Whole, Bitfield, abs, "(S + A) >> 2"},
	{elf.R_PPC64_ADDR14, "ADDR14", Low14, Whole, Signed, abs, "(S + A) >> 2"},
	{elf.R_PPC64_ADDR14_BRTAKEN, "ADDR14_BRTAKEN", Low14, Whole, Signed, abs, "(S + A) >> 2"},
	{elf.R_PPC64_ADDR14_BRNTAKEN, "ADDR14_BRNTAKEN", Low14, Whole, Signed, abs, "(S + A) >> 2"},

	{elf.R_PPC64_ADDR16, "ADDR16", Half16, Whole, Bitfield, abs, "S + A"},
	{elf.R_PPC64_UADDR16, "UADDR16", Half16, Whole, Bitfield, abs, "S + A"},
	{elf.R_PPC64_ADDR16_LO, "ADDR16_LO", Half16, Lo, Unchecked, abs, "#lo(S + A)"},
	{elf.R_PPC64_ADDR16_HI, "ADDR16_HI", Half16, Hi, Signed, abs, "#hi(S + A)"},
	{elf.R_PPC64_ADDR16_HA, "ADDR16_HA", Half16, Ha, Signed, abs, "#ha(S + A)"},
	{elf.R_PPC64_ADDR16_HIGH, "ADDR16_HIGH", Half16, Hi, Unchecked, abs, "#high(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHA, "ADDR16_HIGHA", Half16, Ha, Unchecked, abs, "#higha(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHER, "ADDR16_HIGHER", Half16, Higher, Unchecked, abs, "#higher(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHERA, "ADDR16_HIGHERA", Half16, Highera, Unchecked, abs, "#highera(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHEST, "ADDR16_HIGHEST", Half16, Highest, Unchecked, abs, "#highest(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHESTA, "ADDR16_HIGHESTA", Half16, Highesta, Unchecked, abs, "#highesta(S + A)"},
	{elf.R_PPC64_ADDR16_DS, "ADDR16_DS", Half16DS, Whole, Signed, abs, "(S + A) >> 2"},
	{elf.R_PPC64_ADDR16_LO_DS, "ADDR16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(S + A) >> 2"},

	{elf.R_PPC64_SECTOFF, "SECTOFF", Half16, Whole, Signed, abs, "R + A"},
	{elf.R_PPC64_SECTOFF_LO, "SECTOFF_LO", Half16, Lo, Unchecked, abs, "#lo(R + A)"},
	{elf.R_PPC64_SECTOFF_HI, "SECTOFF_HI", Half16, Hi, Signed, abs, "#hi(R + A)"},
	{elf.R_PPC64_SECTOFF_HA, "SECTOFF_HA", Half16, Ha, Signed, abs, "#ha(R + A)"},
	{elf.R_PPC64_SECTOFF_DS, "SECTOFF_DS", Half16DS, Whole, Signed, abs, "(R + A) >> 2"},
	{elf.R_PPC64_SECTOFF_LO_DS, "SECTOFF_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(R + A) >> 2"},

	{elf.R_PPC64_GLOB_DAT, "GLOB_DAT", Doubleword64, Whole, Unchecked, abs, "S + A"},
	{elf.R_PPC64_JMP_SLOT, "JMP_SLOT", Doubleword64, Whole, Unchecked, abs, "S + A"},
	{elf.R_PPC64_RELATIVE, "RELATIVE", Doubleword64, Whole, Unchecked, abs, "B + A"},
	{elf.R_PPC64_IRELATIVE, "IRELATIVE", Doubleword64, Whole, Unchecked, abs, "call(B + A)"},
	{elf.R_PPC64_JMP_IREL, "JMP_IREL", Doubleword64, Whole, Unchecked, abs, "call(B + A)"},
}
