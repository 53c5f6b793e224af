// SPDX-License-Identifier: BSD-3-Clause

package reloc

import "debug/elf"

// rowsPrefixed are the types of the prefixed instructions of Power ISA v3.1, and
// the 16-bit parts above their 34 bits (ELFv2 §3.5.3).
var rowsPrefixed = []row{
	{elf.R_PPC64_D34, "D34", Prefix34, Whole, Signed, abs, "S + A"},
	{elf.R_PPC64_D34_LO, "D34_LO", Prefix34, Lo34, Unchecked, abs, "#lo34(S + A)"},
	{elf.R_PPC64_D34_HI30, "D34_HI30", Prefix34, Hi30, Unchecked, abs, "#hi30(S + A)"},
	{elf.R_PPC64_D34_HA30, "D34_HA30", Prefix34, Ha30, Unchecked, abs, "#ha30(S + A)"},
	{elf.R_PPC64_D28, "D28", Prefix28, Whole, Signed, abs, "S + A"},

	{elf.R_PPC64_PCREL34, "PCREL34", Prefix34, Whole, Signed, rel, "S + A - P"},
	{elf.R_PPC64_PCREL28, "PCREL28", Prefix28, Whole, Signed, rel, "S + A - P"},
	{elf.R_PPC64_GOT_PCREL34, "GOT_PCREL34", Prefix34, Whole, Signed, rel, "G + .TOC. - P"},
	{elf.R_PPC64_PLT_PCREL34, "PLT_PCREL34", Prefix34, Whole, Signed, rel, "L + A - P"},
	{elf.R_PPC64_PLT_PCREL34_NOTOC, "PLT_PCREL34_NOTOC", Prefix34, Whole, Signed, rel, "L + A - P"},

	{elf.R_PPC64_ADDR16_HIGHER34, "ADDR16_HIGHER34", Half16, Higher34, Unchecked, abs, "#higher34(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHERA34, "ADDR16_HIGHERA34", Half16, Highera34, Unchecked, abs, "#highera34(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHEST34, "ADDR16_HIGHEST34", Half16, Highest34, Unchecked, abs, "#highest34(S + A)"},
	{elf.R_PPC64_ADDR16_HIGHESTA34, "ADDR16_HIGHESTA34", Half16, Highesta34, Unchecked, abs, "#highesta34(S + A)"},
	{elf.R_PPC64_REL16_HIGHER34, "REL16_HIGHER34", Half16, Higher34, Unchecked, rel, "#higher34(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHERA34, "REL16_HIGHERA34", Half16, Highera34, Unchecked, rel, "#highera34(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHEST34, "REL16_HIGHEST34", Half16, Highest34, Unchecked, rel, "#highest34(S + A - P)"},
	{elf.R_PPC64_REL16_HIGHESTA34, "REL16_HIGHESTA34", Half16, Highesta34, Unchecked, rel, "#highesta34(S + A - P)"},

	{elf.R_PPC64_TPREL34, "TPREL34", Prefix34, Whole, Signed, abs, "@tprel"},
	{elf.R_PPC64_DTPREL34, "DTPREL34", Prefix34, Whole, Signed, abs, "@dtprel"},
	{elf.R_PPC64_GOT_TLSGD_PCREL34, "GOT_TLSGD_PCREL34", Prefix34, Whole, Signed, rel, "@got@tlsgd + .TOC. - P"},
	{elf.R_PPC64_GOT_TLSLD_PCREL34, "GOT_TLSLD_PCREL34", Prefix34, Whole, Signed, rel, "@got@tlsld + .TOC. - P"},
	{elf.R_PPC64_GOT_TPREL_PCREL34, "GOT_TPREL_PCREL34", Prefix34, Whole, Signed, rel, "@got@tprel + .TOC. - P"},
	{elf.R_PPC64_GOT_DTPREL_PCREL34, "GOT_DTPREL_PCREL34", Prefix34, Whole, Signed, rel, "@got@dtprel + .TOC. - P"},
}
