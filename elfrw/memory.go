// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// A Memory is the sections of a file by address.
type Memory struct {
	file      *File
	stretches []stretch // by start
}

// A stretch is a section in memory.
type stretch struct {
	start, end uint64 // end is not included
	sec        int
}

// Memory returns the sections of a linked file at the addresses that their headers
// give. An error names the sections that overlap, or the one that passes the end of
// the address space.
func (f *File) Memory() (*Memory, error) {
	addrs := make([]uint64, f.NumSections())
	for i := range addrs {
		addrs[i] = f.Section(i).Addr
	}
	return f.MemoryAt(addrs)
}

// MemoryAt is Memory with an address for each section. It is for objects, whose
// sections have no addresses. Its errors are those of Memory.
func (f *File) MemoryAt(addrs []uint64) (*Memory, error) {
	m := &Memory{file: f}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		if s.Size == 0 || !s.Loaded() {
			continue
		}
		if addrs[i]+s.Size < addrs[i] {
			return nil, fmt.Errorf("section %v passes the end of memory", s)
		}
		m.stretches = append(m.stretches, stretch{addrs[i], addrs[i] + s.Size, i})
	}
	slices.SortFunc(m.stretches, func(a, b stretch) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.sec, b.sec)) })
	for i := 1; i < len(m.stretches); i++ {
		if a, b := m.stretches[i-1], m.stretches[i]; b.start < a.end {
			return nil, fmt.Errorf("sections %v and %v overlap in memory", f.Section(a.sec), f.Section(b.sec))
		}
	}
	return m, nil
}

// End returns the address after the last section, 0 if none is in memory.
func (m *Memory) End() uint64 {
	if len(m.stretches) == 0 {
		return 0
	}
	return m.stretches[len(m.stretches)-1].end
}

// Sections visits the sections with their addresses, in ascending order of these.
func (m *Memory) Sections() iter.Seq2[uint64, Section] {
	return func(yield func(uint64, Section) bool) {
		for _, s := range m.stretches {
			if !yield(s.start, m.file.Section(s.sec)) {
				return
			}
		}
	}
}

// Locate returns the section at an address, and the offset in it in bytes.
func (m *Memory) Locate(addr uint64) (s Section, off uint64, ok bool) {
	i, found := slices.BinarySearchFunc(m.stretches, addr, func(s stretch, addr uint64) int { return cmp.Compare(s.start, addr) })
	if !found {
		i--
	}
	if i < 0 || addr >= m.stretches[i].end {
		return Section{}, 0, false
	}
	return m.file.Section(m.stretches[i].sec), addr - m.stretches[i].start, true
}

// Bytes returns the n bytes at an address, which share the file's memory. It
// returns nil if no section has all of them, or if the file does not hold them
// (SHT_NOBITS).
func (m *Memory) Bytes(addr, n uint64) []byte {
	s, off, ok := m.Locate(addr)
	if !ok || n > s.Size-off || s.Data() == nil {
		return nil
	}
	return s.Data()[off : off+n]
}
