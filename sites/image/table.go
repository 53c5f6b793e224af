// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"encoding/binary"

	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// An entry is an entry of the table: addresses, and the flags of the key.
type entry struct {
	at, key uint64
	flags   uint64
	out     uint64 // the stub, 0 for none
	entry   uint64 // its own address
}

// entries reads the table. size is the size of an entry, 0 if unknown. Then it
// is the size with which all entries lead to keys.
func (im *image) entries(size int) ([]entry, int, error) {
	from, to := im.table[0], im.table[1]
	raw := im.memory.Bytes(from, to-from)
	if to < from || raw == nil {
		return nil, 0, errkind.BadTable.Errorf("the table of static-call sites at 0x%x is in no section", from)
	}
	sizes := []int{16, 8}
	if size != 0 {
		sizes = []int{size}
	}
	var firstErr error
	for _, n := range sizes {
		list, err := im.decode(raw, from, n)
		if err == nil {
			return list, n, nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return nil, 0, firstErr
}

// decode reads the table in entries of a size; see package layout.
func (im *image) decode(raw []byte, from uint64, size int) ([]entry, error) {
	if len(raw)%size != 0 {
		return nil, errkind.BadTable.Errorf("0x%x bytes of table are not a multiple of %d", len(raw), size)
	}
	field := layout.KeyField(size)
	list := make([]entry, 0, len(raw)/size)
	for i := 0; i < len(raw); i += size {
		at := from + uint64(i)
		e := entry{at: at + relative32(raw[i:]), entry: at}
		key := at + field
		if size == 8 {
			key += relative32(raw[uint64(i)+field:])
		} else {
			key += binary.LittleEndian.Uint64(raw[uint64(i)+field:])
			if stub := relative32(raw[uint64(i)+layout.StubField:]); stub != 0 {
				e.out = at + layout.StubField + stub
			}
		}
		e.key, e.flags = key&^layout.FlagMask, key&layout.FlagMask
		if _, ok := im.keys[e.key]; !ok {
			return nil, errkind.BadTable.Errorf("entry %d of the table: there is no key at 0x%x", i/size, e.key)
		}
		list = append(list, e)
	}
	return list, nil
}

func relative32(b []byte) uint64 {
	return uint64(int64(int32(binary.LittleEndian.Uint32(b))))
}
