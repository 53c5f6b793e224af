// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"encoding/binary"
	"slices"
)

// RecordSection is the name of the sections in which scpatch records what it
// has decided for each site. They are not loaded. The name makes linkers treat
// them as debug information: ld.bfd's --gc-sections keeps them, and every
// linker writes 0 for a place in a section that it drops.
//
// An object has one such section for each section of code with sites, in the
// same group. A linker puts them one after the other; there may be zeros
// between two.
//
//	u32 magic    RecordMagic
//	u32 size     bytes of this record, a multiple of 8
//	u32 entries  how many
//	u32 keys     how many
//	u8  place    where the code runs: 0 kernel image, 1 module, 2 user space
//	u8  runtime  0 inline, 1 trampoline, 2 none
//	u8[6]        0
//	u64 base     R_PPC64_ADDR64: the section of code; 0 once that is dropped
//	keys, entries
//	names        of keys without __SCK__, each with a NUL; zeros up to size
//
// A key:
//
//	u64 addr     R_PPC64_ADDR64: the key; 0 if the object does not define it
//	u64 target   R_PPC64_ADDR64: the function that sites call directly; else 0
//	u32 name     byte offset of its name from the start of the record
//	u32          0
//
// An entry:
//
//	u32 off      byte offset of the branch from base
//	u32 key      which key, from 0
//	u8  form     RecordForm
//	u8  flags    RecordTail, RecordNoTOC, RecordListed, RecordOther, RecordSlot
//	u16          0
//
// If two entries have the same place, the later one counts: a second run adds
// records.
const (
	RecordSection = ".debug_static_calls"
	RecordMagic   = 0x32524353 // "SCR2"
	RecordBase    = 24         // byte offset of base in a record

	recordHeaderSize = 32
	recordKeySize    = 24
	recordEntrySize  = 12
)

// A RecordForm is the form of a site in a record. The numbers do not change.
type RecordForm uint8

// The forms; see docs/forms.md.
const (
	RecordConstant RecordForm = iota
	RecordDirect
	RecordStack
	RecordPACA
	RecordSaveStub
	RecordLinker
	RecordShadow
	RecordKeep
)

// Flags of an entry.
const (
	RecordTail   = 1  // a tail call: b, not bl
	RecordNoTOC  = 2  // the caller keeps no TOC pointer
	RecordListed = 4  // the table of sites has it too
	RecordOther  = 8  // the call has a form that is not rewritten: its word need not be b or bl
	RecordSlot   = 16 // the word after the call belongs to it: a nop, or a load of r2 (ELFv2 §3.4.1)
)

// A RecordKey is a key of a record.
type RecordKey struct {
	Addr   uint64 // 0 if the object does not define it
	Target uint64 // the function that sites with RecordDirect call; 0 if it is not known
	Name   string // without __SCK__
}

// A RecordEntry says what was decided for one site.
type RecordEntry struct {
	Off   uint32 // bytes from the record's base
	Key   uint32 // index in the record's keys
	Form  RecordForm
	Flags uint8
}

// A Record holds what one run has decided for one section of code.
type Record struct {
	At      uint64  // byte offset in its section; only ReadRecords sets it
	Place   uint8   // the number of a place: the kernel image, a module, user space
	Runtime Runtime // the one that the code was patched for
	Base    uint64  // start of the code, from which Entries count
	Keys    []RecordKey
	Entries []RecordEntry
}

// RecordKeyAddr returns the byte offset, in a record, of the address of key i.
func RecordKeyAddr(i int) uint64 { return recordHeaderSize + uint64(i)*recordKeySize }

// RecordTargetAddr returns the byte offset, in a record, of the target of key
// i.
func RecordTargetAddr(i int) uint64 { return RecordKeyAddr(i) + 8 }

// Append appends the bytes of the record to b, and zeros up to a multiple of 8.
func (r *Record) Append(b []byte) []byte {
	le := binary.LittleEndian
	names := recordHeaderSize + len(r.Keys)*recordKeySize + len(r.Entries)*recordEntrySize
	size := names
	for i := range r.Keys {
		size += len(r.Keys[i].Name) + 1
	}
	size = (size + 7) &^ 7
	end := len(b) + size
	if size > cap(b)-len(b) {
		b = slices.Grow(b, max(size, len(b))) // append's own growth copies more often
	}
	b = le.AppendUint32(b, RecordMagic)
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(len(r.Entries)))
	b = le.AppendUint32(b, uint32(len(r.Keys)))
	b = append(b, r.Place, uint8(r.Runtime), 0, 0, 0, 0, 0, 0)
	b = le.AppendUint64(b, r.Base)
	for i := range r.Keys {
		b = le.AppendUint64(b, r.Keys[i].Addr)
		b = le.AppendUint64(b, r.Keys[i].Target)
		b = le.AppendUint32(b, uint32(names))
		b = le.AppendUint32(b, 0)
		names += len(r.Keys[i].Name) + 1
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		b = le.AppendUint32(b, e.Off)
		b = le.AppendUint32(b, e.Key)
		b = append(b, byte(e.Form), e.Flags, 0, 0)
	}
	for i := range r.Keys {
		b = append(append(b, r.Keys[i].Name...), 0)
	}
	return append(b, make([]byte, end-len(b))...)
}
