// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

// Relocations are read from SHT_RELA sections only. Other kinds would be
// overlooked, and a missed call, or a key that only seems to hold NULL, makes a
// wrong program. So there must be none.

// otherFormats names the types of sections with relocations that are not SHT_RELA.
var otherFormats = map[elf.SectionType]string{
	elf.SHT_REL:          "SHT_REL",
	elfrw.SHTRelr:        "SHT_RELR",
	elfrw.SHTCrel:        "SHT_CREL",
	elfrw.SHTAndroidRel:  "SHT_ANDROID_REL",
	elfrw.SHTAndroidRela: "SHT_ANDROID_RELA",
}

// OtherRelocations reports whether a section has relocations in a format other than
// SHT_RELA, and which.
func OtherRelocations(s elfrw.Section) (format string, ok bool) {
	if s.Size == 0 {
		return "", false
	}
	format, ok = otherFormats[elf.SectionType(s.Type)]
	return format, ok
}

// CheckRelocations returns an error if relocations of loaded code or data are
// in a format that scpatch does not read. Relocations of debug information and
// the like say nothing about sites or keys.
func CheckRelocations(f *elfrw.File) error {
	object := elf.Type(f.Header().Type) == elf.ET_REL
	for i := 1; i < f.NumSections(); i++ {
		switch f.SectionType(i) {
		case elf.SHT_NULL, elf.SHT_PROGBITS, elf.SHT_NOBITS, elf.SHT_STRTAB, elf.SHT_RELA, elf.SHT_GROUP, elf.SHT_SYMTAB, elf.SHT_SYMTAB_SHNDX:
			continue
		}
		s := f.Section(i)
		if s.Size == 0 {
			continue
		}
		what, known := OtherRelocations(s)
		switch {
		case !object:
			// RELR leaves the addends in place, where they are read.
			if !known || s.Is(elfrw.SHTRelr) || !s.Has(elf.SHF_ALLOC) {
				continue
			}
			return errkind.UnreadRelocations.Errorf("section %v: dynamic relocations of type %s are not read: link without packed relocations", s, what)
		case !known && (!ofSymbols(f, s) || s.Is(elfrw.SHTLLVMAddrsig) || s.Is(elfrw.SHTLLVMCallGraph) || s.Is(elfrw.SHTLLVMCallGraph12)):
			continue
		case s.Info > 0 && int(s.Info) < f.NumSections() && !concerns(f.Section(int(s.Info))):
			continue
		case known:
			return errkind.UnreadRelocations.Errorf("section %v: relocations of type %s are not read: what they say about a call or a key would be overlooked; compile and link so that relocations are SHT_RELA", s, what)
		}
		return errkind.UnreadRelocations.Errorf("section %v: sections of the unknown type 0x%x are not read, and this one refers to symbols: it may be relocations", s, s.Type)
	}
	return nil
}

// ofSymbols reports whether a section is tied to the symbol table, or to
// another section by its sh_info.
func ofSymbols(f *elfrw.File, s elfrw.Section) bool {
	return s.Link != 0 && int(s.Link) == f.Symtab().Index || s.Has(elf.SHF_INFO_LINK)
}

// concerns reports whether a section is loaded, or is copied over loaded code.
func concerns(s elfrw.Section) bool { return s.Has(elf.SHF_ALLOC) || IsAlternative(s) }

// IsAlternative reports whether a section holds alternative code, which the
// kernel copies over other code when it boots (arch/powerpc/lib/feature-fixups.c).
// Such a section need not be executable.
func IsAlternative(s elfrw.Section) bool {
	return s.Is(elf.SHT_PROGBITS) && s.NameHasPrefix("__ftr_alt_")
}
