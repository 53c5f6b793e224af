// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
)

func testRecords() []Record {
	return []Record{
		{Place: 2, Runtime: 1, Base: 0x10000, Keys: []RecordKey{{0x2000, 0x3000, "op"}, {0, 0, "elsewhere"}}, Entries: []RecordEntry{
			{0x40, 1, RecordKeep, 0}, {0x50, 0, RecordStack, RecordListed}, {0x60, 0, RecordDirect, RecordTail | RecordNoTOC},
		}},
		{Keys: []RecordKey{{0x2008, 0, ""}}, Entries: []RecordEntry{{0, 0, RecordConstant, 0}}},
		{Place: 1, Base: 0x20000, Keys: []RecordKey{}, Entries: []RecordEntry{}},
	}
}

// A linker puts records one after another, with zeros between them.
func TestRecordsRead(t *testing.T) {
	want := testRecords()
	for _, zeros := range []int{0, 8, 16} {
		var section []byte
		for i := range want {
			b := want[i].Append(nil)
			if len(b)%8 != 0 {
				t.Errorf("record %d has %d bytes, want a multiple of 8", i, len(b))
			}
			want[i].At = uint64(len(section))
			section = append(append(section, b...), make([]byte, zeros)...)
		}
		got, err := ReadRecords(section)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d zeros between: %+v, %v\nwant %+v", zeros, got, err, want)
		}
	}
}

// TestExact spoils each byte of a record. Some bytes may change their meaning; a record in
// which another byte changes is not exact.
func TestExact(t *testing.T) {
	exact, others := 0, 0
	for _, r := range testRecords() {
		whole := r.Append(nil)
		long := append(bytes.Clone(whole), make([]byte, 8)...)
		binary.LittleEndian.PutUint32(long[4:], uint32(len(long)))
		if raw, ok, err := NextRecord(long, 0); !ok || err != nil || raw.Exact() {
			t.Errorf("eight zeros at the end of % x: %v, %v, exact", whole, ok, err)
		}
		for i := range 8 * len(whole) {
			spoiled := bytes.Clone(whole)
			spoiled[i/8] ^= 1 << (i % 8)
			all, err := ReadRecords(spoiled)
			if err != nil || len(all) != 1 {
				continue
			}
			raw, ok, err := NextRecord(spoiled, 0)
			if !ok || err != nil {
				t.Fatalf("byte 0x%x: %v, %v", i/8, ok, err)
			}
			want := bytes.Equal(all[0].Append(nil), spoiled)
			if raw.Exact() != want {
				t.Errorf("bit %d of byte 0x%x of % x: exact %v, want %v", i%8, i/8, whole, raw.Exact(), want)
			}
			if want {
				exact++
			} else {
				others++
			}
		}
	}
	if exact < 100 || others < 100 {
		t.Errorf("%d and %d records", exact, others)
	}
}

// TestRecordOffsets compares the offsets of a key's addresses, where relocations
// go, with the bytes.
func TestRecordOffsets(t *testing.T) {
	r := Record{Keys: []RecordKey{{Addr: 0x2000, Target: 0x3000}, {Addr: 0x2008, Target: 0x3010}}}
	b := r.Append(nil)
	for i, k := range r.Keys {
		addr, target := binary.LittleEndian.Uint64(b[RecordKeyAddr(i):]), binary.LittleEndian.Uint64(b[RecordTargetAddr(i):])
		if addr != k.Addr || target != k.Target {
			t.Errorf("key %d: 0x%x and 0x%x at its offsets, want 0x%x and 0x%x", i, addr, target, k.Addr, k.Target)
		}
	}
}

func TestRecordsRefused(t *testing.T) {
	whole := testRecords()[0].Append(nil)
	for name, spoil := range map[string]func([]byte) []byte{
		"cut in the header":        func(b []byte) []byte { return b[:20] },
		"cut in the entries":       func(b []byte) []byte { return b[:80] },
		"another magic":            func(b []byte) []byte { b[0]++; return b },
		"an odd size":              func(b []byte) []byte { b[4]++; return b },
		"too many entries":         func(b []byte) []byte { binary.LittleEndian.PutUint32(b[8:], 1<<31); return b },
		"too many keys":            func(b []byte) []byte { binary.LittleEndian.PutUint32(b[12:], 1<<31); return b },
		"a name outside":           func(b []byte) []byte { b[RecordKeyAddr(0)+16] = 0xff; return b },
		"a name inside":            func(b []byte) []byte { b[RecordKeyAddr(0)+16] = 0; return b },
		"a name in the last entry": func(b []byte) []byte { b[RecordKeyAddr(0)+16] = byte(RecordKeyAddr(2)) + 3*12 - 1; return b },
		"an unknown key":           func(b []byte) []byte { b[RecordKeyAddr(2)+4] = 2; return b },
		"an unknown form":          func(b []byte) []byte { b[RecordKeyAddr(2)+8] = 8; return b },
		"no end of a name": func(b []byte) []byte {
			for i := len(b) - 1; b[i] == 0; i-- {
				b[i] = 'x'
			}
			return b
		},
	} {
		if r, err := ReadRecords(spoil(bytes.Clone(whole))); err == nil {
			t.Errorf("%s: accepted as %+v", name, r)
		}
	}
}
