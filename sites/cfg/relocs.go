// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// sortRelocs sorts the relocations of the tables of one section. An object that ld
// -r or a kernel build made may have several.
func sortRelocs(tables []reloc.Table) reloc.Sorted {
	switch len(tables) {
	case 0:
		return reloc.Sorted{}
	case 1:
		return reloc.Sort(tables[0])
	}
	return reloc.Sort(slices.Concat(tables...))
}

// fills reports whether a relocation changes the word at an offset. Calls must be in
// order of offset; each continues from *next.
func fills(s *reloc.Sorted, off uint64, next *int) bool {
	for ; *next < s.Len(); *next++ {
		switch rel := s.Nth(*next); {
		case rel.Off >= off+ppc64.WordSize:
			return false
		case rel.Off >= off && rel.Fills():
			return true
		}
	}
	return false
}
