// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"encoding/binary"

	"github.com/scpatch/scpatch/ppc64"
)

// TextTable reads a jump table in the text of the function, which GCC puts
// after the bctr that uses it: signed words of 32 bits, each the distance of a
// target from the table. The assembler knows the distances, so no relocation
// names the targets. The address of the table itself is in an R_PPC64_ADDR64 of
// .toc.
//
// It reads from offset table of the section up to the first word that is not a
// distance to an instruction of f. It returns at least the targets of the
// table; words that it reads past the table's end only weaken the proof. If it
// returns no target for a bctr that is not a tail call, this is not such a
// table.
func (f *Func) TextTable(table uint64) (targets []uint64) {
	end := min(f.End, uint64(len(f.Code)))
	relocated := map[uint64]bool{}
	for _, r := range f.Relocs {
		relocated[r.Off] = true
	}
	for off := table; off >= f.Start && off < end && end-off >= ppc64.WordSize; off += ppc64.WordSize {
		if relocated[off] {
			continue // a target in another section, which leaves the function
		}
		target := table + uint64(int64(int32(binary.LittleEndian.Uint32(f.Code[off:]))))
		if target < f.Start || target >= f.End || target%ppc64.WordSize != 0 {
			break
		}
		targets = append(targets, target)
	}
	return targets
}
