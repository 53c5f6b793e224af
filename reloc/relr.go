// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"encoding/binary"
	"iter"
)

// Relr returns the addresses that the contents of a section of packed relative
// relocations name (SHT_RELR; gABI, "Relative Relocations"), in its order. The doubleword
// at each is its own addend. An address is followed by bitmaps, each for the
// next 63 doublewords. Bytes after the last whole entry say nothing.
func Relr(d []byte) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		const bits = 63
		at := uint64(0)
		for ; len(d) >= 8; d = d[8:] {
			e := binary.LittleEndian.Uint64(d)
			if e&1 == 0 {
				if !yield(e) {
					return
				}
				at = e + 8
				continue
			}
			for i := range uint64(bits) {
				if e>>(i+1)&1 != 0 && !yield(at+8*i) {
					return
				}
			}
			at += 8 * bits
		}
	}
}
