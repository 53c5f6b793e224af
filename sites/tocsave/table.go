// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"encoding/binary"

	"github.com/scpatch/scpatch/ppc64"
)

// TextTable reads a jump table that lies in the text of the function, as GCC
// puts it behind the bctr that uses it: signed words of 32 bits, each a target's
// distance from the table. The assembler knows the distances, so that no
// relocation names the targets; the table's own address is in the object, in an
// R_PPC64_ADDR64 of .toc.
//
// It reads from offset table of the section up to the first word that is no
// distance to an instruction of f, and returns at least the targets of the table;
// what it reads beyond its end only weakens the proof. No target, for a bctr that
// is no tail call, means that this is no such table.
func (f *Func) TextTable(table uint64) (targets []uint64) {
	end := min(f.End, uint64(len(f.Code)))
	relocated := map[uint64]bool{}
	for _, r := range f.Relocs {
		relocated[r.Off] = true
	}
	for off := table; off >= f.Start && off < end && end-off >= ppc64.WordSize; off += ppc64.WordSize {
		if relocated[off] {
			continue // a target in another section: the function is left there
		}
		target := table + uint64(int64(int32(binary.LittleEndian.Uint32(f.Code[off:]))))
		if target < f.Start || target >= f.End || target%ppc64.WordSize != 0 {
			break
		}
		targets = append(targets, target)
	}
	return targets
}
