// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"encoding/binary"
	"fmt"
)

// Table is the raw content of a SHT_RELA section. Entries are decoded on
// demand, so a scan of a large table allocates nothing and reads only the
// fields that it needs.
type Table []byte

// TableSizeError says that the size of a section is not a multiple of
// [RelaSize].
type TableSizeError struct {
	Size int // bytes
}

// Error implements error.
func (e *TableSizeError) Error() string {
	return fmt.Sprintf("relocation table of %#x bytes: not a multiple of %d", e.Size, RelaSize)
}

// NewTable returns b as a table, which shares its memory with b. It fails with
// a [*TableSizeError] if the length of b is not a multiple of [RelaSize].
func NewTable(b []byte) (Table, error) {
	if len(b)%RelaSize != 0 {
		return nil, &TableSizeError{Size: len(b)}
	}
	return Table(b), nil
}

// Len returns the number of entries.
func (t Table) Len() int { return len(t) / RelaSize }

// At returns entry i, 0 <= i < Len(). It panics for any other i.
func (t Table) At(i int) Rela {
	e := t.entry(i)
	return Rela{
		Off:    binary.LittleEndian.Uint64(e[relaOff:]),
		Info:   binary.LittleEndian.Uint64(e[relaInfo:]),
		Addend: int64(binary.LittleEndian.Uint64(e[relaAddend:])),
	}
}

// Info returns only the r_info of entry i. A scan can filter by it cheaply.
func (t Table) Info(i int) uint64 { return binary.LittleEndian.Uint64(t.entry(i)[relaInfo:]) }

// Off returns only the r_offset of entry i.
func (t Table) Off(i int) uint64 { return binary.LittleEndian.Uint64(t.entry(i)[relaOff:]) }

// Put replaces entry i by r.
func (t Table) Put(i int, r Rela) { r.Encode(t.entry(i)) }

func (t Table) entry(i int) []byte { return t[i*RelaSize : (i+1)*RelaSize : (i+1)*RelaSize] }
