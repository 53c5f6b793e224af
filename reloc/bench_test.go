// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"debug/elf"
	"testing"
)

// BenchmarkTableScan looks for the calls among a million relocations, as
// the search for call sites does: the type first, the entry only on a hit.
func BenchmarkTableScan(b *testing.B) {
	const entries = 1_000_000
	types := []elf.R_PPC64{elf.R_PPC64_TOC16_HA, elf.R_PPC64_TOC16_LO_DS, elf.R_PPC64_ADDR64, elf.R_PPC64_REL24,
		elf.R_PPC64_REL14, elf.R_PPC64_TOC16_LO, elf.R_PPC64_REL24_NOTOC, elf.R_PPC64_ADDR32}
	table := Table(make([]byte, entries*RelaSize))
	for i := range entries {
		table.Put(i, MakeRela(uint64(4*i), uint32(i), uint32(types[i%len(types)]), 0))
	}
	b.SetBytes(int64(len(table)))
	b.ReportAllocs()
	for b.Loop() {
		calls := 0
		for i := range table.Len() {
			if (Rela{Info: table.Info(i)}).IsCall() && table.At(i).Addend == 0 {
				calls++
			}
		}
		if calls != entries/4 {
			b.Fatal(calls)
		}
	}
}

func BenchmarkInsert(b *testing.B) {
	code := text(0x48000001)
	b.ReportAllocs()
	for b.Loop() {
		if err := Insert(code, 0, uint32(elf.R_PPC64_REL24), 0x100); err != nil {
			b.Fatal(err)
		}
	}
}
