// SPDX-License-Identifier: BSD-3-Clause

package reloc

import "debug/elf"

// rowsTLS are the types of thread-local storage, without the prefixed forms
// (ELFv2 §3.7): @tprel and @dtprel are offsets in the thread's block and in the
// module's, @dtpmod is the module, @got@… the offset of a GOT entry from .TOC.
var rowsTLS = []row{
	{elf.R_PPC64_DTPMOD64, "DTPMOD64", Doubleword64, Whole, Unchecked, abs, "@dtpmod"},

	{elf.R_PPC64_TPREL64, "TPREL64", Doubleword64, Whole, Unchecked, abs, "@tprel"},
	{elf.R_PPC64_TPREL16, "TPREL16", Half16, Whole, Signed, abs, "@tprel"},
	{elf.R_PPC64_TPREL16_LO, "TPREL16_LO", Half16, Lo, Unchecked, abs, "#lo(@tprel)"},
	{elf.R_PPC64_TPREL16_HI, "TPREL16_HI", Half16, Hi, Signed, abs, "#hi(@tprel)"},
	{elf.R_PPC64_TPREL16_HA, "TPREL16_HA", Half16, Ha, Signed, abs, "#ha(@tprel)"},
	{elf.R_PPC64_TPREL16_HIGH, "TPREL16_HIGH", Half16, Hi, Unchecked, abs, "#high(@tprel)"},
	{elf.R_PPC64_TPREL16_HIGHA, "TPREL16_HIGHA", Half16, Ha, Unchecked, abs, "#higha(@tprel)"},
	{elf.R_PPC64_TPREL16_HIGHER, "TPREL16_HIGHER", Half16, Higher, Unchecked, abs, "#higher(@tprel)"},
	{elf.R_PPC64_TPREL16_HIGHERA, "TPREL16_HIGHERA", Half16, Highera, Unchecked, abs, "#highera(@tprel)"},
	{elf.R_PPC64_TPREL16_HIGHEST, "TPREL16_HIGHEST", Half16, Highest, Unchecked, abs, "#highest(@tprel)"},
	{elf.R_PPC64_TPREL16_HIGHESTA, "TPREL16_HIGHESTA", Half16, Highesta, Unchecked, abs, "#highesta(@tprel)"},
	{elf.R_PPC64_TPREL16_DS, "TPREL16_DS", Half16DS, Whole, Signed, abs, "@tprel >> 2"},
	{elf.R_PPC64_TPREL16_LO_DS, "TPREL16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(@tprel) >> 2"},

	{elf.R_PPC64_DTPREL64, "DTPREL64", Doubleword64, Whole, Unchecked, abs, "@dtprel"},
	{elf.R_PPC64_DTPREL16, "DTPREL16", Half16, Whole, Signed, abs, "@dtprel"},
	{elf.R_PPC64_DTPREL16_LO, "DTPREL16_LO", Half16, Lo, Unchecked, abs, "#lo(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HI, "DTPREL16_HI", Half16, Hi, Signed, abs, "#hi(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HA, "DTPREL16_HA", Half16, Ha, Signed, abs, "#ha(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HIGH, "DTPREL16_HIGH", Half16, Hi, Unchecked, abs, "#high(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HIGHA, "DTPREL16_HIGHA", Half16, Ha, Unchecked, abs, "#higha(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HIGHER, "DTPREL16_HIGHER", Half16, Higher, Unchecked, abs, "#higher(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HIGHERA, "DTPREL16_HIGHERA", Half16, Highera, Unchecked, abs, "#highera(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HIGHEST, "DTPREL16_HIGHEST", Half16, Highest, Unchecked, abs, "#highest(@dtprel)"},
	{elf.R_PPC64_DTPREL16_HIGHESTA, "DTPREL16_HIGHESTA", Half16, Highesta, Unchecked, abs, "#highesta(@dtprel)"},
	{elf.R_PPC64_DTPREL16_DS, "DTPREL16_DS", Half16DS, Whole, Signed, abs, "@dtprel >> 2"},
	{elf.R_PPC64_DTPREL16_LO_DS, "DTPREL16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(@dtprel) >> 2"},

	{elf.R_PPC64_GOT_TLSGD16, "GOT_TLSGD16", Half16, Whole, Signed, abs, "@got@tlsgd"},
	{elf.R_PPC64_GOT_TLSGD16_LO, "GOT_TLSGD16_LO", Half16, Lo, Unchecked, abs, "#lo(@got@tlsgd)"},
	{elf.R_PPC64_GOT_TLSGD16_HI, "GOT_TLSGD16_HI", Half16, Hi, Signed, abs, "#hi(@got@tlsgd)"},
	{elf.R_PPC64_GOT_TLSGD16_HA, "GOT_TLSGD16_HA", Half16, Ha, Signed, abs, "#ha(@got@tlsgd)"},

	{elf.R_PPC64_GOT_TLSLD16, "GOT_TLSLD16", Half16, Whole, Signed, abs, "@got@tlsld"},
	{elf.R_PPC64_GOT_TLSLD16_LO, "GOT_TLSLD16_LO", Half16, Lo, Unchecked, abs, "#lo(@got@tlsld)"},
	{elf.R_PPC64_GOT_TLSLD16_HI, "GOT_TLSLD16_HI", Half16, Hi, Signed, abs, "#hi(@got@tlsld)"},
	{elf.R_PPC64_GOT_TLSLD16_HA, "GOT_TLSLD16_HA", Half16, Ha, Signed, abs, "#ha(@got@tlsld)"},

	{elf.R_PPC64_GOT_TPREL16_DS, "GOT_TPREL16_DS", Half16DS, Whole, Signed, abs, "@got@tprel >> 2"},
	{elf.R_PPC64_GOT_TPREL16_LO_DS, "GOT_TPREL16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(@got@tprel) >> 2"},
	{elf.R_PPC64_GOT_TPREL16_HI, "GOT_TPREL16_HI", Half16, Hi, Signed, abs, "#hi(@got@tprel)"},
	{elf.R_PPC64_GOT_TPREL16_HA, "GOT_TPREL16_HA", Half16, Ha, Signed, abs, "#ha(@got@tprel)"},

	{elf.R_PPC64_GOT_DTPREL16_DS, "GOT_DTPREL16_DS", Half16DS, Whole, Signed, abs, "@got@dtprel >> 2"},
	{elf.R_PPC64_GOT_DTPREL16_LO_DS, "GOT_DTPREL16_LO_DS", Half16DS, Lo, Unchecked, abs, "#lo(@got@dtprel) >> 2"},
	{elf.R_PPC64_GOT_DTPREL16_HI, "GOT_DTPREL16_HI", Half16, Hi, Signed, abs, "#hi(@got@dtprel)"},
	{elf.R_PPC64_GOT_DTPREL16_HA, "GOT_DTPREL16_HA", Half16, Ha, Signed, abs, "#ha(@got@dtprel)"},
}
