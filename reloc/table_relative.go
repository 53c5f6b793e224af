// SPDX-License-Identifier: BSD-3-Clause

package reloc

import "debug/elf"

// rowsRelative are the types whose value is S + A - P, without the prefixed
// forms (ELFv2 §3.5.3).
var rowsRelative = []row{
	{elf.R_PPC64_REL64, "REL64", Doubleword64, Whole, Unchecked, rel, "S + A - P"},
	{elf.R_PPC64_REL32, "REL32", Word32, Whole, Signed, rel, "S + A - P"},
	{elf.R_PPC64_REL30, "REL30", Word30, Whole, Unchecked, rel, "(S + A - P) >> 2"},

	{elf.R_PPC64_REL24, "REL24", Low24, Whole, Signed, rel, "(S + A - P) >> 2"},
	{elf.R_PPC64_REL24_NOTOC, "REL24_NOTOC", Low24, Whole, Signed, rel, "(S + A - P) >> 2"},
	{elf.R_PPC64_REL24_P9NOTOC, "REL24_P9NOTOC", Low24, Whole, Signed, rel, "(S + A - P) >> 2"},
	{elf.R_PPC64_REL14, "REL14", Low14, Whole, Signed, rel, "(S + A - P) >> 2"},
	{elf.R_PPC64_REL14_BRTAKEN, "REL14_BRTAKEN", Low14, Whole, Signed, rel, "(S + A - P) >> 2"},
	{elf.R_PPC64_REL14_BRNTAKEN, "REL14_BRNTAKEN", Low14, Whole, Signed, rel, "(S + A - P) >> 2"},

	{elf.R_PPC64_REL16, "REL16", Half16, Whole, Signed, rel, "S + A - P"},
	{elf.R_PPC64_REL16_LO, "REL16_LO", Half16, Lo, Unchecked, rel, "#lo(S + A - P)"},
	{elf.R_PPC64_REL16_HI, "REL16_HI", Half16, Hi, Signed, rel, "#hi(S + A - P)"},
	{elf.R_PPC64_REL16_HA, "REL16_HA", Half16, Ha, Signed, rel, "#ha(S + A - P)"},
	{elf.R_PPC64_REL16_HIGH, "REL16_HIGH", Half16, Hi, Unchecked, rel, "#high(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHA, "REL16_HIGHA", Half16, Ha, Unchecked, rel, "#higha(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHER, "REL16_HIGHER", Half16, Higher, Unchecked, rel, "#higher(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHERA, "REL16_HIGHERA", Half16, Highera, Unchecked, rel, "#highera(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHEST, "REL16_HIGHEST", Half16, Highest, Unchecked, rel, "#highest(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHESTA, "REL16_HIGHESTA", Half16, Highesta, Unchecked, rel, "#highesta(S + A - P)"},
	{elf.R_PPC64_REL16DX_HA, "REL16DX_HA", Half16DX, Ha, Signed, rel, "#ha(S + A - P)"},
}
