// SPDX-License-Identifier: BSD-3-Clause

package reloc

import "debug/elf"

// rowsMarkers are the types that change no bits by themselves: they tell the
// linker what an instruction is part of (ELFv2 §3.5.3 and §3.6). COPY, which
// copies an object's bytes, is the dynamic linker's.
var rowsMarkers = []row{
	{elf.R_PPC64_NONE, "NONE", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_COPY, "COPY", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_TLS, "TLS", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_TLSGD, "TLSGD", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_TLSLD, "TLSLD", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_TOCSAVE, "TOCSAVE", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_ENTRY, "ENTRY", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_PLTSEQ, "PLTSEQ", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_PLTCALL, "PLTCALL", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_PLTSEQ_NOTOC, "PLTSEQ_NOTOC", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_PLTCALL_NOTOC, "PLTCALL_NOTOC", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_PCREL_OPT, "PCREL_OPT", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_GNU_VTINHERIT, "GNU_VTINHERIT", FieldNone, Whole, Unchecked, abs, ""},
	{elf.R_PPC64_GNU_VTENTRY, "GNU_VTENTRY", FieldNone, Whole, Unchecked, abs, ""},
}
