// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"debug/elf"
	"fmt"
	"math"
)

// CheckReferences validates what New does not, in a relocatable file: every
// relocation must have an existing symbol and a place inside its section, and
// no section may be in two groups. Editing a file that fails this would be
// meaningless, so Layout calls it. It reads all relocations once. The error is
// a *FormatError.
func (f *File) CheckReferences() error {
	f.references.Do(func() { f.badReference = f.checkReferences() })
	return f.badReference
}

// RelasInOrder reports whether the entries of SHT_RELA section i are in order of
// r_offset, as assemblers and linkers write them. It calls CheckReferences, which finds
// that out, and returns false if that fails.
func (f *File) RelasInOrder(i int) bool { return f.CheckReferences() == nil && f.inOrder.has(i) }

func (f *File) checkReferences() error {
	if elf.Type(f.hdr.Type) != elf.ET_REL {
		return nil
	}
	f.inOrder.in = make([]bool, f.shnum)
	var grouped []bool
	for i := 1; i < f.shnum; i++ {
		var err error
		switch f.SectionType(i) {
		case elf.SHT_RELA:
			err = f.Section(i).checkEntries()
		case elf.SHT_GROUP:
			if grouped == nil {
				grouped = make([]bool, f.shnum)
			}
			err = f.Section(i).checkMembers(grouped)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkEntries checks that the entries of a SHT_RELA section name existing symbols
// and lie inside the relocated section, and notes whether they are in order.
// R_PPC64_NONE may be at its end.
func (s Section) checkEntries() error {
	of := s.f.Section(int(s.Info))
	size := of.Size
	symbols, symbolAt := uint32(s.f.NumSymbols()), s.f.symbolAt()
	d, last, ordered := s.Data(), uint64(0), true
	for b := d; len(b) >= relaSize; b = b[relaSize:] {
		off, sym := le.Uint64(b), le.Uint32(b[symbolAt:])
		ordered = ordered && off >= last
		last = off
		if off < size && sym < symbols {
			continue
		}
		if off >= size && of.Compressed() {
			size = math.MaxUint64 // r_offset refers to the uncompressed content
			if off < size && sym < symbols {
				continue
			}
		}
		at := s.Off + uint64(len(d)-len(b))
		entry := (at - s.Off) / relaSize
		switch {
		case sym >= symbols:
			return s.badAt(at+8, fmt.Sprintf("entry %d: r_info", entry), fmt.Sprintf("is of symbol %d of %d", sym, symbols))
		case off > size || s.f.decodeRela(b[:relaSize]).Type != 0:
			return s.badAt(at, fmt.Sprintf("entry %d: r_offset", entry), fmt.Sprintf("is 0x%x, the section %v has 0x%x bytes", off, of, size))
		}
	}
	if ordered {
		s.f.inOrder.add(s.Index)
	}
	return nil
}

// checkMembers checks that no member of a group is in another one.
func (s Section) checkMembers(grouped []bool) error {
	d := s.Data()
	for i := 4; i < len(d); i += 4 {
		m := le.Uint32(d[i:])
		if grouped[m] {
			return s.badAt(s.Off+uint64(i), "group member", fmt.Sprintf("section %d is in a group already", m))
		}
		grouped[m] = true
	}
	return nil
}
