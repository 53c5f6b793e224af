// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/scpatch/scpatch/reloc"
)

// landingPads reads .eh_frame for the exception tables, and these for their
// landing pads.
func (o *object) landingPads() error {
	for i, s := range o.file.Sections {
		if s.Name != ".eh_frame" {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return err
		}
		relocs := map[uint64]reloc.Rela{}
		for _, rs := range o.file.Sections {
			if rs.Type == elf.SHT_RELA && int(rs.Info) == i {
				b, err := rs.Data()
				if err != nil {
					return err
				}
				table, err := reloc.NewTable(b)
				if err != nil {
					return err
				}
				for j := range table.Len() {
					relocs[table.At(j).Off] = table.At(j)
				}
			}
		}
		if err := o.frames(data, relocs); err != nil {
			return fmt.Errorf("%s: .eh_frame: %w", o.name, err)
		}
	}
	return nil
}

// frames reads the entries of .eh_frame.
func (o *object) frames(data []byte, relocs map[uint64]reloc.Rela) error {
	hasLSDA := map[uint64]bool{} // by the offset of the CIE
	for off := uint64(0); off+8 <= uint64(len(data)); {
		size := uint64(binary.LittleEndian.Uint32(data[off:]))
		if size == 0 {
			break
		}
		if off+4+size > uint64(len(data)) {
			return io.ErrUnexpectedEOF
		}
		id := uint64(binary.LittleEndian.Uint32(data[off+4:]))
		body := data[off+8 : off+4+size]
		if id == 0 {
			aug, _, _ := bytes.Cut(body[1:], []byte{0})
			hasLSDA[off] = bytes.IndexByte(aug, 'L') >= 0
			if len(aug) > 0 && aug[0] != 'z' {
				return fmt.Errorf("augmentation %q", aug)
			}
		} else if hasLSDA[off+4-id] {
			// pc_begin and pc_range of 4 bytes each, the size of the rest, the
			// pointer to the LSDA.
			begin, ok := relocs[off+8]
			lsda, ok2 := relocs[off+17]
			from, ok3 := o.target(begin)
			table, ok4 := o.target(lsda)
			if ok && ok2 && ok3 && ok4 && body[8] >= 4 {
				if err := o.lsda(from, table); err != nil {
					return err
				}
			} else if ok2 || len(body) > 8 && body[8] > 4 {
				return fmt.Errorf("entry at %#x is not understood", off)
			}
		}
		off += 4 + size
	}
	return nil
}

// lsda reads an exception table of the function part that starts at from.
func (o *object) lsda(from, table place) error {
	data, err := o.file.Sections[table.sec].Data()
	if err != nil {
		return err
	}
	if table.off > uint64(len(data)) {
		return io.ErrUnexpectedEOF
	}
	r := bytes.NewReader(data[table.off:])
	lpStart, _ := r.ReadByte()
	if lpStart != 0xff {
		return errors.New("LPStart")
	}
	if ttype, _ := r.ReadByte(); ttype != 0xff {
		_, _ = binary.ReadUvarint(r)
	}
	enc, _ := r.ReadByte()
	length, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	read := func() (v uint64) {
		switch enc {
		case 1: // uleb128
			v, err = binary.ReadUvarint(r)
		case 3: // udata4
			var b [4]byte
			_, err = io.ReadFull(r, b[:])
			v = uint64(binary.LittleEndian.Uint32(b[:]))
		default:
			err = fmt.Errorf("call-site encoding %#x", enc)
		}
		return v
	}
	for end := r.Len() - int(length); r.Len() > end; {
		_, _ = read(), read()
		pad := read()
		if _, e := binary.ReadUvarint(r); err != nil || e != nil {
			return errors.Join(err, e)
		}
		if pad != 0 {
			o.at(place{from.sec, from.off + pad}, func(fn *function) { fn.Pads = append(fn.Pads, from.off+pad) })
		}
	}
	return nil
}
