// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

// IR returns the first section of an object with a compiler's intermediate
// code, from which a link with -flto regenerates all code. It is an error if
// the object has no other code.
func IR(f *elfrw.File) (ir elfrw.Section, found bool, err error) {
	if elf.Type(f.Header().Type) != elf.ET_REL {
		return ir, false, nil
	}
	for i := 1; i < f.NumSections(); i++ {
		switch f.SectionType(i) {
		case elf.SHT_NULL, elf.SHT_RELA, elf.SHT_GROUP:
			continue
		}
		s := f.Section(i)
		switch {
		case s.Size == 0:
			continue
		case s.NameHasPrefix(".gnu.lto_"):
			// struct lto_section of GCC's lto-streamer.h: two int16, then slim_object.
			if d := s.Data(); s.NameHasPrefix(".gnu.lto_.lto.") && len(d) > 4 && !s.Has(elf.SHF_COMPRESSED) && d[4] != 0 {
				return s, true, errkind.LTOObject.Errorf("section %v: a slim LTO object has no code; patch the output of -flinker-output=nolto-rel, or compile without -flto", s)
			}
		case !s.Is(elfrw.SHTLLVMLTO) && !s.Named(".llvm.lto"):
			continue
		}
		if !found {
			ir, found = s, true
		}
	}
	return ir, found, nil
}

// FatLTO returns the error for an object whose sites are, or would be, patched
// in only one of two copies of the code. ir is the section that IR found.
func FatLTO(ir elfrw.Section) error {
	remove := "objcopy -R '.gnu.lto_*' -R '.gnu.debuglto_*'"
	if !ir.NameHasPrefix(".gnu.lto_") {
		remove = "llvm-objcopy -R .llvm.lto"
	}
	return errkind.LTOObject.Errorf("section %v: a second copy of the code, from which a link with -flto would regenerate the calls; compile without -flto, or remove it: %s", ir, remove)
}
