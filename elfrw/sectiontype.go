// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import "debug/elf"

// Section types that debug/elf does not name. LLVM's are in LLVM Extensions,
// "ELF-Dependent".
const (
	SHTRelr        elf.SectionType = 19         // packed relative relocations (gABI, "Relative Relocations")
	SHTCrel        elf.SectionType = 0x40000014 // packed relocations (LLVM, --crel)
	SHTAndroidRel  elf.SectionType = 0x60000001 // packed dynamic relocations (Android)
	SHTAndroidRela elf.SectionType = 0x60000002 // the same, with addends

	SHTLLVMCallGraph12 elf.SectionType = 0x6fff4c02 // the call graph profile up to LLVM 12, with symbol indices
	SHTLLVMAddrsig     elf.SectionType = 0x6fff4c03 // symbols whose address matters, by index
	SHTLLVMCallGraph   elf.SectionType = 0x6fff4c09 // the call graph profile since LLVM 13, with relocations (SHT_REL)
	SHTLLVMLTO         elf.SectionType = 0x6fff4c0c // LLVM's intermediate code, in a fat LTO object
)
