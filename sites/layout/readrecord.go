// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A RawRecord is a record in the bytes of its section, read in place.
type RawRecord struct {
	At      uint64 // byte offset in the section
	Keys    int    // how many
	Entries int    // how many

	b     []byte // the record
	names uint64 // where in it the names begin
}

// NextRecord returns the first record of a section at or after an offset, and false if
// there is none: a linker may leave zeros between two. An error gives the offset where
// something starts that is not a record.
func NextRecord(section []byte, at uint64) (r RawRecord, ok bool, err error) {
	b := section[at:]
	for {
		if len(b) == 0 {
			return r, false, nil
		}
		n := min(len(b), 8)
		if len(bytes.Trim(b[:n], "\x00")) > 0 {
			break
		}
		b = b[n:]
	}
	at = uint64(len(section) - len(b))
	le := binary.LittleEndian
	if len(b) < recordHeaderSize || le.Uint32(b) != RecordMagic {
		return r, false, fmt.Errorf("no record of static calls begins at offset 0x%x", at)
	}
	size, entries, keys := uint64(le.Uint32(b[4:])), uint64(le.Uint32(b[8:])), uint64(le.Uint32(b[12:]))
	names := recordHeaderSize + keys*recordKeySize + entries*recordEntrySize
	if size%8 != 0 || size > uint64(len(b)) || names > size {
		return r, false, fmt.Errorf("the record of static calls at offset 0x%x has 0x%x bytes for %d entries and %d keys, of 0x%x that are left", at, size, entries, keys, len(b))
	}
	return RawRecord{At: at, Keys: int(keys), Entries: int(entries), b: b[:size], names: names}, true, nil
}

// End returns the offset after the record.
func (r *RawRecord) End() uint64 { return r.At + uint64(len(r.b)) }

// Place is that of [Record].
func (r *RawRecord) Place() uint8 { return r.b[16] }

// Runtime is that of [Record].
func (r *RawRecord) Runtime() Runtime { return Runtime(r.b[17]) }

// Base is that of [Record].
func (r *RawRecord) Base() uint64 { return binary.LittleEndian.Uint64(r.b[RecordBase:]) }

// Key returns the addresses and the name of key i. An error says that the name is not in
// the record.
func (r *RawRecord) Key(i int) (addr, target uint64, name []byte, err error) {
	le, raw := binary.LittleEndian, r.b[RecordKeyAddr(i):]
	at := uint64(le.Uint32(raw[16:]))
	if at < r.names || at >= uint64(len(r.b)) {
		return 0, 0, nil, fmt.Errorf("the record of static calls at offset 0x%x has the name of key %d at 0x%x, of 0x%x bytes", r.At, i, at, len(r.b))
	}
	end := bytes.IndexByte(r.b[at:], 0)
	if end < 0 {
		return 0, 0, nil, fmt.Errorf("the record of static calls at offset 0x%x: the name of key %d does not end", r.At, i)
	}
	return le.Uint64(raw), le.Uint64(raw[8:]), r.b[at:][:end], nil
}

// Entry returns entry i. An error says that its key or its form does not exist.
func (r *RawRecord) Entry(i int) (RecordEntry, error) {
	le, raw := binary.LittleEndian, r.entry(i)
	e := RecordEntry{le.Uint32(raw), le.Uint32(raw[4:]), RecordForm(raw[8]), raw[9]}
	if uint64(e.Key) >= uint64(r.Keys) || e.Form > RecordKeep {
		return e, fmt.Errorf("the record of static calls at offset 0x%x: entry %d has key %d of %d and form %d", r.At, i, e.Key, r.Keys, e.Form)
	}
	return e, nil
}

func (r *RawRecord) entry(i int) []byte {
	return r.b[RecordKeyAddr(r.Keys):][i*recordEntrySize:][:recordEntrySize]
}

// Exact reports whether the record is as [Record.Append] writes one: the names in the
// order of the keys, nothing between them, and zeros wherever nothing has a meaning.
func (r *RawRecord) Exact() bool {
	le := binary.LittleEndian
	end := r.names
	for i := range r.Keys {
		raw := r.b[RecordKeyAddr(i):]
		_, _, name, err := r.Key(i)
		if err != nil || uint64(le.Uint32(raw[16:])) != end || le.Uint32(raw[20:]) != 0 {
			return false
		}
		end += uint64(len(name)) + 1
	}
	for i := range r.Entries {
		if le.Uint16(r.entry(i)[10:]) != 0 {
			return false
		}
	}
	unused := r.b[end:]
	return len(unused) < 8 && len(bytes.Trim(unused, "\x00")) == 0 && len(bytes.Trim(r.b[18:24], "\x00")) == 0
}

// ReadRecords reads the records in a section. It takes Base and the addresses
// of keys from the bytes, so for an object the relocations must be applied
// first. An error gives the offset in the section where something starts that
// is not a record.
func ReadRecords(data []byte) (all []Record, err error) {
	for at := uint64(0); ; {
		raw, ok, err := NextRecord(data, at)
		if err != nil {
			return nil, err
		}
		if !ok {
			return all, nil
		}
		r := Record{
			At: raw.At, Place: raw.Place(), Runtime: raw.Runtime(), Base: raw.Base(),
			Keys: make([]RecordKey, raw.Keys), Entries: make([]RecordEntry, raw.Entries),
		}
		for i := range r.Keys {
			addr, target, name, err := raw.Key(i)
			if err != nil {
				return nil, err
			}
			r.Keys[i] = RecordKey{addr, target, string(name)}
		}
		for i := range r.Entries {
			if r.Entries[i], err = raw.Entry(i); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
		at = raw.End()
	}
}
