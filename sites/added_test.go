// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
)

// everyLinker lists the relocations that ld.bfd, lld, gold and mold all know.
var everyLinker = []elf.R_PPC64{
	elf.R_PPC64_NONE, elf.R_PPC64_ADDR64, elf.R_PPC64_REL32, elf.R_PPC64_TOC16_HA, elf.R_PPC64_TOC16_LO_DS,
	elf.R_PPC64_REL16_HA, elf.R_PPC64_REL16_LO, elf.R_PPC64_GOT_TPREL16_HA, elf.R_PPC64_GOT_TPREL16_LO_DS, elf.R_PPC64_TLS,
	elf.R_PPC64_PCREL34, elf.R_PPC64_GOT_PCREL34,
}

// TestAddedRelocations patches all objects for user space, where any linker may
// follow. The added sections must have no relocation that some linker does not know.
func TestAddedRelocations(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("..", "testdata", "obj", "*.o"))
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	seen := map[elf.R_PPC64]bool{}
	for _, name := range names {
		for _, opts := range []Options{{Place: User}, {Place: User, Runtime: Trampoline}, {Place: User, Linker: BFD, AllowShadow: true, ShadowStack: "S"}} {
			p, err := plan(memory(t, filepath.Base(name)), opts)
			if err != nil {
				continue
			}
			f, err := elfrw.New(apply(t, p))
			if err != nil {
				t.Fatal(err)
			}
			for i := p.Object.File.NumSections(); i < f.NumSections(); i++ {
				s := f.Section(i)
				if !s.Is(elf.SHT_RELA) {
					continue
				}
				rela, err := reloc.NewTable(s.Data())
				if err != nil {
					t.Fatal(err)
				}
				for j := range rela.Len() {
					typ := elf.R_PPC64(rela.At(j).Type())
					if seen[typ] = true; !slices.Contains(everyLinker, typ) {
						t.Errorf("%s, %v: %v in %v", filepath.Base(name), opts.Runtime, typ, s)
					}
				}
			}
		}
	}
	for _, typ := range everyLinker {
		if !seen[typ] {
			t.Errorf("%v in none of them", typ)
		}
	}
}
